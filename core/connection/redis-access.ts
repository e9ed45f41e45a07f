/** What the limits need of Redis, on the client that the process has anyway. */
import type { Redis } from 'ioredis';
import type { SharedRedis } from './redis.ts';
import type { RedisAccess } from './redis-shares.ts';

const swapScript = `local value = redis.call('GET', KEYS[1])
if (value == false and ARGV[1] == '-') or value == ARGV[2] then redis.call('SET', KEYS[1], ARGV[3]) return 1 end
return 0`;

export function redisAccess(shared: SharedRedis): RedisAccess {
  return {
    async read(key) {
      const client: Redis = shared.client();
      const [[seconds, micros], value] = await Promise.all([client.time(), client.get(key)]) as [[number | string, number | string], string | null];
      return { value, now: Number(seconds) * 1000 + Math.floor(Number(micros) / 1000) };
    },
    async swap(key, value, next) {
      return (await shared.client().eval(swapScript, 1, key, value === null ? '-' : '+', value ?? '', next)) === 1;
    },
  };
}
