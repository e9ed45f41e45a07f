/** What processes say of their caches, and when each cache was emptied by hand. */
import type { SqlSession } from '../sdk/index.ts';
import type { Reading } from './session.ts';

/** Of one connection in one process since its start. */
export interface CacheFigures {
  connection: string;
  /** Records that were served without a call, and those that were asked for. */
  hits: number;
  misses: number;
  /** Held by the process; null where a Redis holds them for all. */
  entries: number | null;
  bytes: number | null;
}

/** The same with the process, and when it said so. */
export interface NodeCacheFigures extends CacheFigures { node: string; at: Date }

/** Says how the caches of a node do. */
export async function saveCacheFigures(session: SqlSession, node: string, figures: readonly CacheFigures[]): Promise<void> {
  await session.query(
    `INSERT INTO cache_figures AS f (node, connection, hits, misses, entries, bytes) SELECT $1, connection, hits, misses, entries, bytes
       FROM jsonb_to_recordset($2::jsonb) AS r (connection text, hits bigint, misses bigint, entries bigint, bytes bigint)
     ON CONFLICT (node, connection) DO UPDATE SET hits = excluded.hits, misses = excluded.misses, entries = excluded.entries, bytes = excluded.bytes, at = excluded.at`, [node, JSON.stringify(figures)]);
}

/** Takes away what a node said that stops, and what nodes said that died. */
export async function dropCacheFigures(session: SqlSession, node: string): Promise<void> {
  await session.query('DELETE FROM cache_figures f WHERE node = $1 OR NOT EXISTS (SELECT FROM nodes n WHERE n.node_id = f.node)', [node]);
}

/** What the living nodes said last, in the order of connections. */
export async function listCacheFigures(session: Reading): Promise<NodeCacheFigures[]> {
  const { rows } = await session.query(
    `SELECT f.node, f.connection, f.hits::float8 AS hits, f.misses::float8 AS misses, f.entries::float8 AS entries, f.bytes::float8 AS bytes, f.at
       FROM cache_figures f WHERE EXISTS (SELECT FROM nodes n WHERE n.node_id = f.node) ORDER BY f.connection, f.node`);
  return rows as unknown as NodeCacheFigures[];
}

/** Has every node empty its caches of these connections. */
export async function askCacheClear(session: SqlSession, connections: readonly string[]): Promise<void> {
  await session.query('INSERT INTO cache_clears (connection) SELECT unnest($1::text[]) ON CONFLICT (connection) DO UPDATE SET at = excluded.at', [connections]);
}

/** When the cache of each connection was emptied last. */
export async function listCacheClears(session: Reading): Promise<Map<string, Date>> {
  const { rows } = await session.query('SELECT connection, at FROM cache_clears');
  return new Map(rows.map((row) => [row['connection'] as string, row['at'] as Date]));
}
