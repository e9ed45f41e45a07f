/** The Redis that the nodes may share (`REDIS_URL`). One client per process, made when it is first needed. */
import type { Redis } from 'ioredis';
import type { Logger } from '../sdk/index.ts';

/** A Redis that may be away at any time: whoever uses it must be able to do without. */
export interface SharedRedis {
  client(): Redis;
  close(): Promise<void>;
}

/** `url` as `redis://user:password@host:6379/0`; never printed. No I/O before `client` is used; and only who has one loads what speaks to it. */
export async function sharedRedis(url: string, log: Logger): Promise<SharedRedis> {
  const { Redis: Client } = await import('ioredis');
  let client: Redis | undefined;
  let isAway = false;
  return {
    client() {
      if (client) return client;
      client = new Client(url, { lazyConnect: false, maxRetriesPerRequest: 1, connectTimeout: 2_000, commandTimeout: 1_000 });
      client.on('ready', () => {
        if (isAway) log.info('Redis is back');
        isAway = false;
      });
      client.on('error', (error: Error) => {
        if (!isAway) log.warn('Redis can\'t be reached; each node goes on by itself', { error });
        isAway = true;
      });
      return client;
    },
    async close() {
      client?.disconnect();
    },
  };
}
