/** A Redis that several nodes share. It may go away and come back at any time; a command that gets no answer within a second throws. */
import { createClient } from '@redis/client';
import type { Logger } from '../sdk/index.ts';

export interface Redis {
  /** The value, and Redis's time in ms from before it was read. */
  read(key: string): Promise<{ value: string | null; now: number }>;
  /** Writes `next` if `value` still stands there (null: nothing does). */
  swap(key: string, value: string | null, next: string): Promise<boolean>;
  close(): Promise<void>;
}

const answerMs = 1_000;
const swapScript = `local value = redis.call('GET', KEYS[1])
if (value == false and ARGV[1] == '-') or value == ARGV[2] then redis.call('SET', KEYS[1], ARGV[3]) return 1 end
return 0`;

/** Connects in the background. `url`: redis:// or rediss://, with its password. */
export function openRedis(url: string, log: Logger): Redis {
  const client = createClient({ url, disableOfflineQueue: true, socket: { connectTimeout: answerMs, reconnectStrategy: (tries) => Math.min(100 * 2 ** tries, 2_000) } });
  let away = false;
  client.on('error', (error: unknown) => {
    if (!away) log.warn('Redis can\'t be reached', { error });
    away = true;
  });
  client.on('ready', () => {
    if (away) log.info('Redis is back');
    away = false;
  });
  const first = client.connect().catch(() => {});

  /** The first commands wait for the connection; from then on one that is away fails at once. */
  async function within<T>(work: () => Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`Redis gave no answer within ${answerMs} ms`)), answerMs);
    });
    try {
      return await Promise.race([(client.isReady ? Promise.resolve() : first).then(work), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    read: (key) => within(async () => {
      const [[seconds, micros], value] = await Promise.all([client.sendCommand<[string, string]>(['TIME']), client.get(key)]);
      return { value, now: Number(seconds) * 1000 + Math.floor(Number(micros) / 1000) };
    }),
    swap: (key, value, next) => within(async () => (await client.eval(swapScript, { keys: [key], arguments: [value === null ? '-' : '+', value ?? '', next] })) === 1),
    async close() {
      client.destroy();
      await first;
    },
  };
}
