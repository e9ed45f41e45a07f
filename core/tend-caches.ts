/** What a node does about its caches: it empties those that a person wants emptied, and says how they do. */
import { isDeepStrictEqual } from 'node:util';
import type { Connection } from './connection/index.ts';
import type { Clock, Logger } from './sdk/index.ts';
import { dropCacheFigures, listCacheClears, saveCacheFigures, type CacheFigures } from './store/caches.ts';
import type { Database } from './store/session.ts';

const lookMs = 1000;
/** Figures are said in each so-manieth look, where they have changed. */
const sayEach = 5;

/** Begins at once. Answers what ends it. */
export function tendCaches({ database, clock, log, nodeId, connections }: { database: Database; clock: Clock; log: Logger; nodeId: () => string; connections: readonly Connection[] }): () => Promise<void> {
  const stop = new AbortController();
  let cleared: Map<string, Date> | undefined;
  let said: CacheFigures[] = [];
  const heed = async (): Promise<void> => {
    const wanted = await listCacheClears(database.reads);
    // what was emptied before this process began is not in its caches
    if (cleared) for (const connection of connections) if (wanted.get(connection.id)?.getTime() !== cleared.get(connection.id)?.getTime()) await connection.clearCache();
    cleared = wanted;
  };
  const say = async (): Promise<void> => {
    const figures = connections.map((connection): CacheFigures => {
      const { hits, misses, entries = null, bytes = null } = connection.status().cache;
      return { connection: connection.id, hits, misses, entries, bytes };
    });
    if (isDeepStrictEqual(figures, said)) return;
    await database.transaction((session) => saveCacheFigures(session, nodeId(), figures));
    said = figures;
  };
  const loop = async (): Promise<void> => {
    for (let turn = 0; !stop.signal.aborted; turn += 1) {
      await heed().then(() => (turn % sayEach === 0 ? say() : undefined)).catch((error: unknown) => log.debug('it could not be seen whether a cache is to be emptied', { error }));
      await clock.sleep(lookMs, stop.signal).catch(() => undefined);
    }
  };
  const looping = loop();
  return async () => {
    stop.abort();
    await looping;
    await database.transaction((session) => dropCacheFigures(session, nodeId())).catch(() => undefined);
  };
}
