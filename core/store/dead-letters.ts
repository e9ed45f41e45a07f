import { hash } from 'node:crypto';
import type { SqlSession } from '../sdk/index.ts';

/** What is wrong with a record, in one place of it. */
export interface DeadLetterProblem { code: string; field?: string; path?: string; message: string; value?: string; suggestion?: string }

/** A record that could not be applied. */
export interface DeadLetterWrite { key: string | null; problems: readonly DeadLetterProblem[]; raw: string | null }

export interface DeadLetter {
  id: string; entity: string; key: string | null; runId: string | null; via: string; code: string; message: string; field: string | null;
  problems: DeadLetterProblem[]; fingerprint: string; status: 'open' | 'resolved' | 'discarded'; attempts: number; firstAt: Date; lastAt: Date;
}

/** The same fault has the same fingerprint: the entity with the codes and the fields, not the values. */
export function fingerprintOf(entity: string, problems: readonly DeadLetterProblem[]): string {
  const parts = problems.map((problem) => `${problem.code}:${problem.field ?? ''}`).sort();
  return hash('sha256', [entity, ...new Set(parts)].join('\n')).slice(0, 16);
}

/** Sets records aside, or counts one more attempt of those that are. In the transaction that stores their raw records. */
export async function setAside(session: SqlSession, entity: string, runId: string | null, via: string, letters: readonly DeadLetterWrite[]): Promise<void> {
  if (letters.length === 0) return;
  const keyed = letters.filter((letter) => letter.key !== null);
  const others = letters.filter((letter) => letter.key === null);
  const insert = `INSERT INTO dead_letters (entity, key, run_id, via, code, message, field, problems, fingerprint, raw)
     SELECT $1, l.key, $2, $3, l.problems->0->>'code', l.problems->0->>'message', l.problems->0->>'field', l.problems, l.fingerprint, l.raw
       FROM unnest($4::text[], $5::jsonb[], $6::text[], $7::json[]) AS l (key, problems, fingerprint, raw)`;
  const values = (list: readonly DeadLetterWrite[]): unknown[] => [entity, runId, via, list.map((l) => l.key), list.map((l) => JSON.stringify(withoutNul(l.problems))),
    list.map((l) => fingerprintOf(entity, l.problems)), list.map((l) => l.raw)];
  if (others.length > 0) await session.query(insert, values(others));
  if (keyed.length > 0) {
    await session.query(`${insert}
     ON CONFLICT (entity, key) WHERE status = 'open' DO UPDATE SET attempts = dead_letters.attempts + 1, last_at = now(), run_id = excluded.run_id, via = excluded.via,
        code = excluded.code, message = excluded.message, field = excluded.field, problems = excluded.problems, fingerprint = excluded.fingerprint, raw = excluded.raw`, values(keyed));
  }
}

/** jsonb refuses NUL characters, which a hostile record may bring into a message. */
function withoutNul(problems: readonly DeadLetterProblem[]): unknown {
  return JSON.parse(JSON.stringify(problems).replaceAll('\\u0000', '\\ufffd'));
}

/** Closes the open dead letters of these keys because they have been applied or are gone. */
export async function resolveDeadLetters(session: SqlSession, entity: string, keys: readonly string[], reason: string): Promise<void> {
  if (keys.length === 0) return;
  await session.query(
    `UPDATE dead_letters SET status = 'resolved', closed_at = now(), closed_reason = $3 WHERE entity = $1 AND key = ANY($2::text[]) AND status = 'open'`,
    [entity, keys, reason]);
}

/** Open dead letters per entity. */
export async function countDeadLetters(session: SqlSession): Promise<Map<string, number>> {
  const result = await session.query(`SELECT entity, count(*)::int AS open FROM dead_letters WHERE status = 'open' GROUP BY entity`);
  return new Map(result.rows.map((row) => [row['entity'] as string, row['open'] as number]));
}

/** Dead letters, newest first. `before` is the id of the last one of the page before. */
export async function listDeadLetters(session: SqlSession, filter: { entity?: string; status?: string; before?: string; limit: number }): Promise<DeadLetter[]> {
  const result = await session.query(
    `SELECT id::text AS id, entity, key, run_id::text AS "runId", via, code, message, field, problems, fingerprint, status, attempts, first_at AS "firstAt", last_at AS "lastAt"
       FROM dead_letters WHERE ($1::text IS NULL OR entity = $1) AND ($2::text IS NULL OR status = $2) AND ($3::bigint IS NULL OR id < $3)
      ORDER BY id DESC LIMIT $4`, [filter.entity ?? null, filter.status ?? null, filter.before ?? null, filter.limit]);
  return result.rows as unknown as DeadLetter[];
}
