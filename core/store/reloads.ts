/** Rows by which nodes are asked to read their config again, and their answers. */
import type { JsonObject, SqlSession } from '../sdk/index.ts';

/** Asks every node. Removes what was asked a day ago. Answers its number. */
export async function askReload(session: SqlSession): Promise<string> {
  await session.query(`DELETE FROM reloads WHERE asked_at < clock_timestamp() - interval '1 day'`);
  return (await session.query('INSERT INTO reloads DEFAULT VALUES RETURNING id::text AS id')).rows[0]?.['id'] as string;
}

/** The number of the last one that was asked for, `0` before the first; and whether this node has answered it, or it was asked so long ago that nobody waits. */
export async function lastReload(session: SqlSession, node: string): Promise<{ id: string; answered: boolean }> {
  const result = await session.query(`SELECT r.id::text AS id, a.node IS NOT NULL OR r.asked_at < clock_timestamp() - interval '1 minute' AS answered FROM reloads r LEFT JOIN reload_answers a ON a.reload = r.id AND a.node = $1 ORDER BY r.id DESC LIMIT 1`, [node]);
  return (result.rows[0] as unknown as { id: string; answered: boolean } | undefined) ?? { id: '0', answered: true };
}

/** A node's answer to this one, and to those of the minute before, as one reload answers them all; a failure stands in `report` as `error`. */
export async function answerReload(session: SqlSession, id: string, node: string, report: JsonObject): Promise<void> {
  await session.query('INSERT INTO reload_answers (reload, node, report) SELECT id, $2, $3 FROM reloads WHERE id <= $1 AND asked_at > clock_timestamp() - interval \'1 minute\' ON CONFLICT DO NOTHING', [id, node, JSON.stringify(report)]);
}

/** What the nodes have answered so far. */
export async function reloadAnswers(session: SqlSession, id: string): Promise<Map<string, JsonObject>> {
  const result = await session.query('SELECT node, report FROM reload_answers WHERE reload = $1', [id]);
  return new Map(result.rows.map((row) => [row['node'] as string, row['report'] as JsonObject]));
}
