/** Answers to requests that carry a key, so that a repeat of the request is no second one. */
import type { SqlSession } from '../sdk/index.ts';

/** What was kept under a key; `status` is null while the first request is being answered. */
export interface KeptAnswer { request: Buffer; status: number | null; headers: Record<string, string> | null; body: string | null }

/** An answer that is still to come after so long belongs to a process that has died: the request may be taken again. */
const abandoned = '2 minutes';

/** Takes a key for a request and clears away what is older than a day. Answers what stands under it already, else undefined. */
export async function takeKey(session: SqlSession, caller: string, key: string, request: Buffer): Promise<KeptAnswer | undefined> {
  await session.query(`DELETE FROM api_answers WHERE at < now() - interval '24 hours' OR (caller = $1 AND key = $2 AND status IS NULL AND at < now() - interval '${abandoned}')`, [caller, key]);
  const taken = await session.query('INSERT INTO api_answers (caller, key, request) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING', [caller, key, request]);
  if (taken.rowCount > 0) return undefined;
  const { rows } = await session.query('SELECT request, status, headers, body FROM api_answers WHERE caller = $1 AND key = $2', [caller, key]);
  return (rows[0] as unknown as KeptAnswer | undefined) ?? { request, status: null, headers: null, body: null };
}

export async function keepAnswer(session: SqlSession, caller: string, key: string, answer: { status: number; headers: Readonly<Record<string, string>>; body: string }): Promise<void> {
  await session.query('UPDATE api_answers SET status = $3, headers = $4::jsonb, body = $5 WHERE caller = $1 AND key = $2', [caller, key, answer.status, JSON.stringify(answer.headers), answer.body]);
}

/** Frees a key whose request came to nothing. */
export async function freeKey(session: SqlSession, caller: string, key: string): Promise<void> {
  await session.query('DELETE FROM api_answers WHERE caller = $1 AND key = $2 AND status IS NULL', [caller, key]);
}
