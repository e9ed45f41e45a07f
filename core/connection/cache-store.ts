/** Where cached records lie: in the memory of the process, or in a Redis that all nodes share. */
import { LRUCache } from 'lru-cache';
import type { SharedRedis } from './redis.ts';

export interface CacheStore {
  /** The texts under these names; undefined where there is none. */
  get(names: readonly string[]): Promise<(string | undefined)[]>;
  /** `ms`: how long at most. */
  set(entries: readonly (readonly [name: string, text: string])[], ms: number): Promise<void>;
  drop(name: string): Promise<void>;
  /** Drops all. */
  clear(): Promise<void>;
  /** What this process holds; undefined where another one does. */
  size(): { entries: number; bytes: number } | undefined;
}

/** Characters are two bytes at most; an entry's name and bookkeeping come to some hundred. */
const sizeOf = (text: string, name: string): number => (text.length + name.length) * 2 + 200;

/** In memory, `maxSize` bytes at most; what was not used for longest goes first. Ages are the cache's business. */
export function memoryCacheStore(maxSize: number): CacheStore {
  const kept = new LRUCache<string, string>({ maxSize, sizeCalculation: sizeOf });
  return {
    get: async (names) => names.map((name) => kept.get(name)),
    async set(entries) {
      for (const [name, text] of entries) kept.set(name, text);
    },
    drop: async (name) => void kept.delete(name),
    clear: async () => kept.clear(),
    size: () => ({ entries: kept.size, bytes: kept.calculatedSize }),
  };
}

/** In Redis; `namespace` keeps installations apart that share one. Throws what the client throws. */
export function redisCacheStore(redis: SharedRedis, namespace: string): CacheStore {
  const place = (name: string): string => `tds:cache:${namespace}:${name}`;
  return {
    get: async (names) => (names.length === 0 ? [] : (await redis.client().mget(names.map(place))).map((text) => text ?? undefined)),
    async set(entries, ms) {
      const batch = redis.client().pipeline();
      for (const [name, text] of entries) batch.set(place(name), text, 'PX', ms);
      await batch.exec();
    },
    drop: async (name) => void await redis.client().del(place(name)),
    async clear() {
      // In steps: the Redis may hold much, and others wait for it.
      let cursor = '0';
      do {
        const [next, names] = await redis.client().scan(cursor, 'MATCH', `${place('').replaceAll(/[\\*?[\]]/g, String.raw`\$&`)}*`, 'COUNT', 1000);
        if (names.length > 0) await redis.client().unlink(...names);
        cursor = next;
      } while (cursor !== '0');
    },
    size: () => undefined,
  };
}
