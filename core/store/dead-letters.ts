/** Records that failed for good: setting them aside and closing them. Looking at them: `dead-letter-queries.ts`; of jobs: `dead-letter-jobs.ts`. */
import { hash } from 'node:crypto';
import type { SqlSession } from '../sdk/index.ts';
import type { ErrorCause } from './causes.ts';

/** What is wrong with a record, in one place of it; of a job, why it failed. */
export interface DeadLetterProblem { code: string; field?: string; path?: string; message: string; value?: string; suggestion?: string; causes?: readonly ErrorCause[] }

/** A record that could not be applied. */
export interface DeadLetterWrite { key: string | null; problems: readonly DeadLetterProblem[]; raw: string | null; /** The message that it is about, where it is none of a record; `raw` is its body then. */ message?: string }

/** The same fault has the same fingerprint: the entity with the codes and the fields, not the values. */
export function fingerprintOf(entity: string, problems: readonly DeadLetterProblem[]): string {
  const parts = problems.map((problem) => `${problem.code}:${problem.field ?? ''}`).sort();
  return hash('sha256', [entity, ...new Set(parts)].join('\n')).slice(0, 16);
}

const insert = `INSERT INTO dead_letters (entity, key, identity, run_id, via, code, message, field, problems, fingerprint, raw, message_id)
  SELECT $1, l.key, l.identity, $2, $3, l.problems->0->>'code', l.problems->0->>'message', l.problems->0->>'field', l.problems, l.fingerprint, l.raw, l.message_id
    FROM unnest($4::text[], $5::jsonb[], $6::text[], $7::json[], $8::text[], $9::bigint[]) AS l (key, problems, fingerprint, raw, identity, message_id)`;
const again = `DO UPDATE SET attempts = dead_letters.attempts + 1, last_at = now(), run_id = excluded.run_id, via = excluded.via, code = excluded.code,
  message = excluded.message, field = excluded.field, problems = excluded.problems, fingerprint = excluded.fingerprint, raw = excluded.raw, message_id = excluded.message_id`;

/** Sets records aside, or counts one more attempt of those that are. In the transaction that stores their raw records. */
export async function setAside(session: SqlSession, entity: string, runId: string | null, via: string, letters: readonly DeadLetterWrite[]): Promise<void> {
  if (letters.length === 0) return;
  // several messages about one record may fail together
  const keyed = [...new Map(letters.filter((letter) => letter.key !== null).map((letter) => [letter.key, letter])).values()];
  // without a key its content says which record it is; a page may bring the same one twice
  const others = [...new Map(letters.filter((letter) => letter.key === null).map((letter) => [identityOf(entity, letter), letter])).values()];
  const write = async (list: readonly DeadLetterWrite[], conflict: string): Promise<void> => {
    if (list.length === 0) return;
    await session.query(
      `WITH letters AS (${insert} ON CONFLICT ${conflict} WHERE status = 'open'${conflict === '(identity)' ? ' AND identity IS NOT NULL' : ''} ${again} RETURNING id, code, message)
       INSERT INTO dead_letter_attempts (letter_id, run_id, via, job_id, code, message)
       SELECT id, $2, $3, (SELECT job_id FROM runs WHERE id = $2), code, message FROM letters`,
      [entity, runId, via, list.map((l) => l.key), list.map((l) => JSON.stringify(withoutNul(l.problems))), list.map((l) => fingerprintOf(entity, l.problems)),
        list.map((l) => l.raw), list.map((l) => identityOf(entity, l)), list.map((l) => l.message ?? null)]);
  };
  await write(keyed, '(entity, key)');
  await write(others, '(identity)');
}

function identityOf(entity: string, { key, raw }: DeadLetterWrite): string | null {
  return key === null ? `record:${hash('sha256', `${entity}\n${raw ?? ''}`)}` : null;
}

/** jsonb refuses NUL characters and halves of characters, which a hostile record may bring into a message. */
function withoutNul(problems: readonly DeadLetterProblem[]): unknown {
  return JSON.parse(JSON.stringify(problems, (_, value: unknown) => (typeof value === 'string' ? value.replaceAll('\0', '\uFFFD').toWellFormed() : value)));
}

/** Closes the open dead letters of these keys because a newer look at the records has settled them. */
export async function resolveDeadLetters(session: SqlSession, entity: string, keys: readonly string[], reason: string): Promise<void> {
  if (keys.length === 0) return;
  await session.query(
    `UPDATE dead_letters SET status = 'resolved', closed_at = now(), closed_by = 'tds', closed_reason = $3 WHERE entity = $1 AND key = ANY($2::text[]) AND status = 'open'`,
    [entity, keys, reason]);
}

/** Closes the open dead letters of messages that have come to an end since, and those of messages about records that the source was asked for since. */
export async function resolveMessages(session: SqlSession, entity: string, { messages, keys }: { messages: readonly string[]; keys: readonly string[] }): Promise<void> {
  for (const [condition, list] of [['message_id = ANY($2::bigint[])', messages], ['entity = $1 AND key = ANY($2::text[]) AND message_id IS NOT NULL', keys]] as const) {
    if (list.length === 0) continue;
    await session.query(`UPDATE dead_letters SET status = 'resolved', closed_at = now(), closed_by = 'tds', closed_reason = 'its message was applied' WHERE status = 'open' AND entity = $1 AND ${condition}`, [entity, list]);
  }
}

/** Closes these open dead letters. Answers how many. */
export async function closeDeadLetters(session: SqlSession, ids: readonly string[], close: { status: 'resolved' | 'discarded'; by: string; reason: string; retriedAs?: string }): Promise<number> {
  if (ids.length === 0) return 0;
  const result = await session.query(
    `UPDATE dead_letters SET status = $2, closed_at = now(), closed_by = $3, closed_reason = $4, retried_as = coalesce($5, retried_as) WHERE id = ANY($1::bigint[]) AND status = 'open'`,
    [ids, close.status, close.by, close.reason, close.retriedAs ?? null]);
  return result.rowCount;
}

/** Removes letters with their attempts that were resolved before this time. Open and discarded ones stay. Answers how many. */
export async function trimResolved(session: SqlSession, before: Date): Promise<number> {
  return (await session.query(`DELETE FROM dead_letters WHERE status = 'resolved' AND closed_at < $1`, [before])).rowCount;
}

/** Opens a letter again that was closed. False when it is open already, or another letter about the same has been opened since. */
export async function reopenDeadLetter(session: SqlSession, id: string): Promise<boolean> {
  const result = await session.query(
    `UPDATE dead_letters d SET status = 'open', closed_at = NULL, closed_by = NULL, closed_reason = NULL
      WHERE id = $1 AND status <> 'open' AND NOT EXISTS (
        SELECT FROM dead_letters o WHERE o.status = 'open' AND o.id <> d.id AND ((o.entity = d.entity AND o.key = d.key) OR o.identity = d.identity))`, [id]);
  return result.rowCount > 0;
}
