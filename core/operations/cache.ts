/** Records that were asked for by their keys and are kept for a while: how the caches do, and emptying them. */
import type { Database } from '../store/session.ts';
import { askCacheClear, listCacheClears, listCacheFigures, type CacheFigures, type NodeCacheFigures } from '../store/caches.ts';
import type { ConnectionAtWork } from './check.ts';
import { OperationError } from './errors.ts';

/** The cache of one connection, on all nodes together; each says how it does once in five seconds. */
export interface CacheStatus extends CacheFigures {
  /** When a person emptied it last. */
  clearedAt: Date | null;
  nodes: Omit<NodeCacheFigures, 'connection'>[];
}

export interface CacheOperations {
  /** Of each connection that calls a remote. */
  list(): Promise<CacheStatus[]>;
  /** Empties the cache of a connection, or of each, on every node; within two seconds. Answers of which. @throws OperationError `operation.unknown_connection` */
  clear(connection: string | undefined): Promise<string[]>;
}

export function cacheOperations({ connections, database }: { connections: ReadonlyMap<string, ConnectionAtWork>; database: Database }): CacheOperations {
  const ids = [...connections.values()].filter(({ clearCache }) => clearCache !== undefined).map(({ id }) => id);
  return {
    async list() {
      const [figures, clears] = await Promise.all([listCacheFigures(database.reads), listCacheClears(database.reads)]);
      return ids.map((connection) => statusOf(connection, figures.filter((one) => one.connection === connection), clears.get(connection) ?? null));
    },
    async clear(connection) {
      if (connection !== undefined && !connections.has(connection)) throw new OperationError('operation.unknown_connection', `there is no connection "${connection}"`, { suggestion: `The config has: ${[...connections.keys()].join(', ') || 'none'}.` });
      const chosen = ids.filter((id) => connection === undefined || id === connection);
      await database.transaction((session) => askCacheClear(session, chosen));
      await Promise.all(chosen.map((id) => connections.get(id)?.clearCache?.()));
      return chosen;
    },
  };
}

function statusOf(connection: string, figures: readonly NodeCacheFigures[], clearedAt: Date | null): CacheStatus {
  const sum = (name: 'hits' | 'misses'): number => figures.reduce((all, one) => all + one[name], 0);
  const held = (name: 'entries' | 'bytes'): number | null => (figures.some((one) => one[name] === null) ? null : figures.reduce((all, one) => all + (one[name] ?? 0), 0));
  return { connection, hits: sum('hits'), misses: sum('misses'), entries: held('entries'), bytes: held('bytes'), clearedAt, nodes: figures.map(({ connection: _connection, ...one }) => one) };
}
