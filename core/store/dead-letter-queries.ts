/** Looking at dead letters: lists, one with its attempts, groups of the same fault, and what a retry takes. */
import type { SqlSession } from '../sdk/index.ts';
import { pageOfList, type Page } from './cursor.ts';
import type { DeadJob } from './dead-letter-jobs.ts';
import type { DeadLetterProblem } from './dead-letters.ts';
import type { Reading } from './session.ts';

export type DeadLetterStatus = 'open' | 'resolved' | 'discarded';

/** A record or a job that failed for good. */
export interface DeadLetter {
  id: string; kind: 'record' | 'job'; entity: string | null; key: string | null; runId: string | null; via: string; code: string; message: string; field: string | null;
  problems: DeadLetterProblem[]; fingerprint: string; status: DeadLetterStatus; attempts: number; firstAt: Date; lastAt: Date;
  closedAt: Date | null; closedBy: string | null; closedReason: string | null;
}

/** One time that it failed. */
export interface DeadLetterAttempt { at: Date; runId: string | null; via: string; jobId: string | null; code: string; message: string }

/** A letter with all that is kept of it. */
export interface DeadLetterDetail extends DeadLetter { raw: string | null; job: DeadJob | null; history: DeadLetterAttempt[] }

/** Which letters; without a member, all. Plain JSON but for `since`, which may be its text. */
export interface LetterFilter {
  ids?: readonly string[]; kind?: 'record' | 'job'; entity?: string; key?: string; status?: DeadLetterStatus; code?: string; field?: string; fingerprint?: string;
  /** Those that failed last at this time or after. */
  since?: Date | string;
}

/** The same fault, counted. `example` is the newest letter of it. */
export interface DeadLetterGroup {
  fingerprint: string; kind: 'record' | 'job'; entity: string | null; code: string; field: string | null; count: number; firstAt: Date; lastAt: Date;
  example: { id: string; key: string | null; message: string };
}

const columns = `id::text AS id, kind, entity, key, run_id::text AS "runId", via, code, message, field, problems, fingerprint, status, attempts, first_at AS "firstAt", last_at AS "lastAt",
  closed_at AS "closedAt", closed_by AS "closedBy", closed_reason AS "closedReason"`;

/** The filter as a condition on `$1` to `$9`. */
const where = `($1::bigint[] IS NULL OR id = ANY($1)) AND ($2::text IS NULL OR kind = $2) AND ($3::text IS NULL OR entity = $3) AND ($4::text IS NULL OR key = $4)
  AND ($5::text IS NULL OR status = $5) AND ($6::text IS NULL OR code = $6) AND ($7::text IS NULL OR field = $7) AND ($8::text IS NULL OR fingerprint = $8)
  AND ($9::timestamptz IS NULL OR last_at >= $9)`;

function values(filter: LetterFilter): unknown[] {
  const { ids, kind, entity, key, status, code, field, fingerprint, since } = filter;
  return [ids ?? null, kind, entity, key, status, code, field, fingerprint, since].map((value) => value ?? null);
}

/** Open letters per entity. */
export async function countDeadLetters(session: Reading): Promise<Map<string, number>> {
  const result = await session.query(`SELECT entity, count(*)::int AS open FROM dead_letters WHERE status = 'open' AND kind = 'record' GROUP BY entity`);
  return new Map(result.rows.map((row) => [row['entity'] as string, row['open'] as number]));
}

/** Letters, the newest first unless it is asked otherwise. */
export async function listDeadLetters(session: Reading, filter: LetterFilter & Page): Promise<DeadLetter[]> {
  const page = pageOfList('dead_letters.id', filter, 10);
  const result = await session.query(`SELECT ${columns} FROM dead_letters WHERE ${where} ${page.text}`, [...values(filter), ...page.values]);
  return result.rows as unknown as DeadLetter[];
}

/** One letter with its raw record or job, and every attempt. */
export async function readDeadLetter(session: Reading, id: string): Promise<DeadLetterDetail | undefined> {
  if (!/^\d{1,18}$/.test(id)) return undefined;
  const result = await session.query(`SELECT ${columns}, raw::text AS raw, job FROM dead_letters WHERE id = $1`, [id]);
  if (result.rowCount === 0) return undefined;
  const attempts = await session.query(
    `SELECT at, run_id::text AS "runId", via, job_id AS "jobId", code, message FROM dead_letter_attempts WHERE letter_id = $1 ORDER BY at`, [id]);
  return { ...(result.rows[0] as unknown as Omit<DeadLetterDetail, 'history'>), history: attempts.rows as unknown as DeadLetterAttempt[] };
}

/** Letters grouped by their fingerprint, the most frequent first. */
export async function groupDeadLetters(session: Reading, filter: LetterFilter, limit: number): Promise<DeadLetterGroup[]> {
  const result = await session.query(
    `SELECT g.fingerprint, e.kind, e.entity, e.code, e.field, g.count, g."firstAt", g."lastAt", json_build_object('id', e.id::text, 'key', e.key, 'message', e.message) AS example
       FROM (SELECT fingerprint, count(*)::int AS count, min(first_at) AS "firstAt", max(last_at) AS "lastAt", max(id) AS newest FROM dead_letters WHERE ${where} GROUP BY fingerprint) g
       JOIN dead_letters e ON e.id = g.newest ORDER BY g.count DESC, g.newest DESC LIMIT $10`, [...values(filter), limit]);
  return result.rows as unknown as DeadLetterGroup[];
}

/** How many letters there are per entity and kind, and the newest of them. */
export async function spanLetters(session: SqlSession, filter: LetterFilter): Promise<{ kind: 'record' | 'job'; entity: string | null; count: number; newest: string }[]> {
  const result = await session.query(`SELECT kind, entity, count(*)::int AS count, max(id)::text AS newest FROM dead_letters WHERE ${where} GROUP BY kind, entity ORDER BY entity`, values(filter));
  return result.rows as unknown as { kind: 'record' | 'job'; entity: string | null; count: number; newest: string }[];
}

/** A letter as a retry takes it. */
export interface LetterToRetry { id: string; key: string | null; raw: string | null; at: Date; fingerprint: string; code: string; /** The message that it is about; null where it is of a record. */ message: string | null }

/**
 * Open letters of records in the order of their ids, after `after` up to `upTo`. A record that kills its process is taken
 * only where it is asked for by name: it would take the others down with it. So is a deletion that is held back.
 */
export async function lettersToRetry(session: SqlSession, filter: LetterFilter, range: { after: string; upTo: string; limit: number }): Promise<LetterToRetry[]> {
  const result = await session.query(
    `SELECT id::text AS id, key, raw::text AS raw, last_at AS at, fingerprint, code, message_id::text AS message FROM dead_letters WHERE ${where} AND id > $10 AND id <= $11
        AND (code <> 'record.poison' OR coalesce($1::text, $4, $6, $8) IS NOT NULL) AND (code <> 'webhook.deletes_held' OR coalesce($1::text, $4, $6) IS NOT NULL) ORDER BY dead_letters.id LIMIT $12`,
    [...values({ ...filter, kind: 'record', status: 'open' }), range.after, range.upTo, range.limit]);
  return result.rows as unknown as LetterToRetry[];
}

/** The ids of open letters, the oldest first. */
export async function openLetterIds(session: SqlSession, filter: LetterFilter): Promise<string[]> {
  const result = await session.query(`SELECT id::text AS id FROM dead_letters WHERE ${where} ORDER BY dead_letters.id`, values({ ...filter, status: 'open' }));
  return result.rows.map((row) => row['id'] as string);
}
