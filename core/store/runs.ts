import type { JsonValue, SqlSession } from '../sdk/index.ts';
import { pageOfList, type Page } from './cursor.ts';
import type { LetterFilter } from './dead-letter-queries.ts';
import type { Reading } from './session.ts';

/** `part`: a part of a full read that was divided; see `run-parts.ts`. */
export type RunMode = 'full' | 'incremental' | 'details' | 'replay' | 'retry' | 'part';
export type RunStatus = 'queued' | 'running' | 'waiting' | 'succeeded' | 'failed' | 'cancelled';

/** What a run has counted. */
export interface RunCounts {
  pages: number; read: number; new: number; changed: number; unchanged: number; stale: number; deleted: number;
  refused: number; dropped: number; warnings: number; calls: number; bytes: number;
}

/** One execution of a sync. */
export interface Run extends RunCounts {
  id: string;
  entity: string;
  mode: RunMode;
  /** The full read that this one is a part of. */
  partOf: string | null;
  trigger: string;
  options: RunOptions;
  status: RunStatus;
  code: string | null;
  reason: string | null;
  waitsOn: string | null;
  resumesAt: Date | null;
  position: JsonValue | null;
  suspect: RunSuspect | null;
  attempts: number;
  node: string | null;
  jobId: string | null;
  queuedAt: Date;
  startedAt: Date | null;
  endedAt: Date | null;
}

export interface RunOptions {
  /** A person allows this run to delete more rows than the guard does. */
  allowDeletes?: boolean;
  /** Of a retry: which dead letters. `upTo` is the newest one when it was asked for, so that those which come meanwhile can't keep it from ending; `most` ends it sooner. */
  letters?: LetterFilter & { upTo: string; most?: number };
  /** Of a part: what the source called it, which one it is of how many, and whether nothing was stored of the entity when the read was divided. */
  part?: { range: JsonValue; number: number; of: number; isFirst: boolean };
  /** Of a full read: a part of it could not be read, so it is not divided again. */
  undivided?: boolean;
}

/** Which records of a run may be what kills its workers. There is none before the run has lost one. */
export interface RunSuspect {
  /** The records that are being worked on together; none where that is not noted. */
  at: string[];
  /** Those among which a worker was lost. */
  among: string[];
  /** How often a worker was lost while it worked on this record alone. */
  named: Record<string, number>;
  /** Found out: these go aside without being mapped. */
  guilty: string[];
  /** The run's pages when it began to be careful. */
  pages: number;
  /** How many of its job's losses are reckoned with here. */
  job?: { id: string; losses: number };
}

const countNames = ['pages', 'read', 'new', 'changed', 'unchanged', 'stale', 'deleted', 'refused', 'dropped', 'warnings', 'calls', 'bytes'] as const;

/** A run that has counted nothing yet. */
export function noCounts(): RunCounts {
  return { pages: 0, read: 0, new: 0, changed: 0, unchanged: 0, stale: 0, deleted: 0, refused: 0, dropped: 0, warnings: 0, calls: 0, bytes: 0 };
}

/** Adds `more` to `counts`. */
export function addCounts(counts: RunCounts, more: Partial<RunCounts>): void {
  for (const name of countNames) counts[name] += more[name] ?? 0;
}

/** The columns of a run, as {@link Run} names them. */
export const runColumns = `id::text AS id, entity, split_part(mode, ':', 1) AS mode, part_of::text AS "partOf", trigger, options, status, code, reason, waits_on AS "waitsOn", resumes_at AS "resumesAt", position, suspect, attempts, node, job_id AS "jobId",
  pages::float8 AS pages, read::float8 AS read, new::float8 AS new, changed::float8 AS changed, unchanged::float8 AS unchanged, stale::float8 AS stale,
  deleted::float8 AS deleted, refused::float8 AS refused, dropped::float8 AS dropped, warnings::float8 AS warnings, calls::float8 AS calls, bytes::float8 AS bytes,
  queued_at AS "queuedAt", started_at AS "startedAt", ended_at AS "endedAt"`;

/**
 * Asks for a run. When one of the same entity and mode is queued, running or waiting, that one is answered instead, and may delete from now
 * on what a person allows by this one; of retries, when one for the same letters is queued.
 */
export async function createRun(session: SqlSession, run: { entity: string; mode: RunMode; trigger: string; options?: RunOptions }): Promise<{ run: Run; created: boolean }> {
  const options = JSON.stringify(run.options ?? {});
  if (run.mode === 'retry') {
    const same = await session.query(`SELECT ${runColumns} FROM runs WHERE entity = $1 AND mode = 'retry' AND status = 'queued' AND options = $2::jsonb LIMIT 1`, [run.entity, options]);
    if (same.rowCount > 0) return { run: same.rows[0] as unknown as Run, created: false };
  }
  const inserted = await session.query(
    `INSERT INTO runs (entity, mode, trigger, options) VALUES ($1, $2, $3, $4)
     ON CONFLICT (entity, mode) WHERE status IN ('queued', 'running', 'waiting') AND mode <> 'retry' DO NOTHING RETURNING ${runColumns}`,
    [run.entity, run.mode, run.trigger, options]);
  if (inserted.rowCount > 0) return { run: inserted.rows[0] as unknown as Run, created: true };
  const active = run.options?.allowDeletes
    ? await session.query(`UPDATE runs SET options = options || '{"allowDeletes": true}' WHERE entity = $1 AND mode = $2 AND status IN ('queued', 'running', 'waiting') RETURNING ${runColumns}`, [run.entity, run.mode])
    : await session.query(`SELECT ${runColumns} FROM runs WHERE entity = $1 AND mode = $2 AND status IN ('queued', 'running', 'waiting')`, [run.entity, run.mode]);
  if (active.rowCount > 0) return { run: active.rows[0] as unknown as Run, created: false };
  return createRun(session, run); // it ended between the two statements
}

export async function readRun(session: Reading, id: string): Promise<Run | undefined> {
  if (!/^\d{1,18}$/.test(id)) return undefined;
  const result = await session.query(`SELECT ${runColumns} FROM runs WHERE id = $1`, [id]);
  return result.rows[0] as unknown as Run | undefined;
}

/** Which runs a list shows. `since` and `until`: queued at this time or later; before this time. `partOf`: the parts of this run; left out, no parts. */
export interface RunFilter extends Page { entity?: string; partOf?: string; status?: RunStatus; mode?: RunMode; trigger?: string; since?: Date; until?: Date }

/** Runs are queued in the order of their ids, but for those whose transactions overlapped: by so many at most a time is missed when it is looked up. */
const overlap = 2000;

/** Runs, newest first unless it is asked otherwise. */
export async function listRuns(session: Reading, filter: RunFilter): Promise<Run[]> {
  const page = pageOfList('runs.id', filter, 8);
  // The ids between which a span lies: else a list of old runs would be read from its other end, row by row.
  const since = filter.since ? `AND runs.id >= coalesce((SELECT id FROM runs WHERE queued_at >= $5 ORDER BY queued_at LIMIT 1), 9223372036854775807) - ${overlap}` : '';
  const until = filter.until ? `AND runs.id <= coalesce((SELECT id FROM runs WHERE queued_at < $6 ORDER BY queued_at DESC LIMIT 1), 0) + ${overlap}` : '';
  const result = await session.query(
    `SELECT ${runColumns} FROM runs
      WHERE ($1::text IS NULL OR entity = $1) AND ($2::text IS NULL OR status = $2) AND ($3::text IS NULL OR mode = $3) AND ($4::text IS NULL OR trigger = $4)
        AND ($5::timestamptz IS NULL OR queued_at >= $5) AND ($6::timestamptz IS NULL OR queued_at < $6) AND ${filter.partOf === undefined ? '$7::bigint IS NULL AND part_of IS NULL' : 'part_of = $7'} ${since} ${until} ${page.text}`,
    [filter.entity ?? null, filter.status ?? null, filter.mode ?? null, filter.trigger ?? null, filter.since ?? null, filter.until ?? null, filter.partOf ?? null, ...page.values]);
  return result.rows as unknown as Run[];
}

/** The newest run of each of these entities that reads the source. Looks each up by itself: a history of a million runs costs no more than a short one. */
export async function latestRuns(session: Reading, entities: readonly string[]): Promise<Map<string, Run>> {
  const result = await session.query(
    `SELECT latest.* FROM unnest($1::text[]) AS wanted(name)
      CROSS JOIN LATERAL (SELECT ${runColumns} FROM runs WHERE entity = wanted.name AND mode IN ('full', 'incremental') ORDER BY runs.id DESC LIMIT 1) latest`, [entities]);
  return new Map((result.rows as unknown as Run[]).map((run) => [run.entity, run]));
}

/** Marks a run as running on a node; answers undefined when it has ended meanwhile (cancelled, for one). A look after its parts is no attempt. */
export async function startRun(session: SqlSession, id: string, node: string): Promise<Run | undefined> {
  const result = await session.query(
    `UPDATE runs SET status = 'running', attempts = attempts + CASE WHEN position ? 'divided' AND NOT position -> 'divided' ? 'at' THEN 0 ELSE 1 END, node = $2, started_at = coalesce(started_at, now()), updated_at = now(),
            code = NULL, reason = NULL, waits_on = NULL, resumes_at = NULL
      WHERE id = $1 AND status IN ('queued', 'running', 'waiting') RETURNING ${runColumns}`, [id, node]);
  return result.rows[0] as unknown as Run | undefined;
}

/**
 * Saves a run's position with what its rows counted; in the transaction that writes the rows (promise 3). What a part counted counts for the
 * whole, too. False when the run is no longer running, or the whole has ended.
 */
export async function advanceRun(session: SqlSession, run: { id: string; partOf: string | null }, position: JsonValue | undefined, counts: Partial<RunCounts>): Promise<boolean> {
  const counted = countNames.map((name) => counts[name] ?? 0);
  const adding = (first: number): string => countNames.map((name, index) => `${name} = ${name} + $${first + index}`).join(', ');
  if (run.partOf !== null) {
    // first the whole, then the part, as whoever ends the whole does: in another order the two would wait for one another
    const whole = await session.query(`UPDATE runs SET ${adding(2)}, updated_at = now() WHERE id = $1 AND status IN ('running', 'waiting')`, [run.partOf, ...counted]);
    if (whole.rowCount === 0) return false;
  }
  const result = await session.query(
    `UPDATE runs SET position = coalesce($2::jsonb, position), ${adding(3)}, updated_at = now() WHERE id = $1 AND status = 'running'`,
    [run.id, position === undefined ? null : JSON.stringify(position), ...counted]);
  return result.rowCount > 0;
}

/** Reads of an entity that have not ended begin anew: where they stood, and what they saw, was of another source. Parts end: what they are parts of is no more. */
export async function forgetPositions(session: SqlSession, entity: string): Promise<void> {
  const result = await session.query(
    `UPDATE runs SET position = NULL, updated_at = now() WHERE entity = $1 AND mode IN ('full', 'incremental', 'details') AND status IN ('queued', 'running', 'waiting') RETURNING id::text AS id`, [entity]);
  const ids = result.rows.map((row) => row['id'] as string);
  await session.query('DELETE FROM run_seen WHERE run_id = ANY($1::bigint[])', [ids]);
  await cancelParts(session, ids);
}

/** Ends the parts of these runs that have not ended, since what they are parts of has, or begins anew. Their jobs find that out by themselves. */
export async function cancelParts(session: SqlSession, wholes: readonly string[]): Promise<void> {
  await session.query(
    `UPDATE runs SET status = 'cancelled', code = 'run.cancelled', reason = 'the read that it was a part of goes on without it, or has ended', waits_on = NULL, resumes_at = NULL, updated_at = now(), ended_at = now()
      WHERE part_of = ANY($1::bigint[]) AND status IN ('queued', 'running', 'waiting')`, [wholes]);
}

/** Notes what may be killing the run's workers. In a transaction of its own: it must outlive this process. */
export async function noteSuspect(session: SqlSession, id: string, suspect: RunSuspect): Promise<void> {
  await session.query(`UPDATE runs SET suspect = $2 WHERE id = $1`, [id, JSON.stringify(suspect)]);
}

/** How often a job lost its worker, in all. */
export async function lossesOf(session: SqlSession, jobId: string): Promise<number> {
  const result = await session.query('SELECT total FROM job_losses WHERE job_id = $1::bigint', [jobId]);
  return (result.rows[0]?.['total'] as number | undefined) ?? 0;
}

/** Notes which job does a run. */
export async function noteRunJob(session: SqlSession, id: string, jobId: string): Promise<void> {
  await session.query('UPDATE runs SET job_id = $2 WHERE id = $1', [id, jobId]);
}

/** Says what a run that runs on this node waits for just now (a limit, an open breaker); null when it does not wait. */
export async function noteWaiting(session: SqlSession, id: string, node: string, waitsOn: string | null): Promise<void> {
  await session.query(`UPDATE runs SET waits_on = $3 WHERE id = $1 AND node = $2 AND status = 'running' AND waits_on IS DISTINCT FROM $3`, [id, node, waitsOn]);
}

/** How a run ended, or what it waits for. */
export interface RunEnd { status: RunStatus; code?: string | undefined; reason?: string | undefined; waitsOn?: string; resumesAt?: Date }

/** Ends a run or lets it wait. A run that has ended already stays as it is. */
export async function endRun(session: SqlSession, id: string, end: RunEnd, counts: Partial<RunCounts> = {}): Promise<void> {
  await session.query(
    `UPDATE runs SET status = $2, code = $3, reason = $4, waits_on = $5, resumes_at = $6, calls = calls + $7, bytes = bytes + $8, updated_at = now(),
            ended_at = CASE WHEN $2 IN ('succeeded', 'failed', 'cancelled') THEN now() END
      WHERE id = $1 AND status IN ('queued', 'running', 'waiting')`,
    [id, end.status, end.code ?? null, end.reason ?? null, end.waitsOn ?? null, end.resumesAt ?? null, counts.calls ?? 0, counts.bytes ?? 0]);
  if (end.status !== 'succeeded' && end.status !== 'failed' && end.status !== 'cancelled') return;
  await session.query('DELETE FROM run_seen WHERE run_id = $1', [id]);
  await cancelParts(session, [id]);
}

/** Notes the keys that a full read has seen; in the transaction that writes their rows. */
export async function noteSeen(session: SqlSession, id: string, keys: readonly string[]): Promise<void> {
  if (keys.length > 0) await session.query('INSERT INTO run_seen (run_id, keys) VALUES ($1, $2)', [id, keys]);
}

/**
 * Stored records that this run did not see and that were last written before it began, both by the database's clock: that of the node which
 * looked may be another. In the order of keys, after `after`.
 */
export async function unseenRecords(session: SqlSession, run: { id: string; entity: string; startedAt: Date | null }, after: string, limit: number): Promise<{ key: string; version: number }[]> {
  const result = await session.query(
    `SELECT r.key, r.version FROM records r
      WHERE r.entity = $1 AND r.key > $4 AND r.deleted_at IS NULL AND r.written_at < $3
        AND NOT EXISTS (SELECT 1 FROM (SELECT unnest(keys) AS key FROM run_seen WHERE run_id = $2) s WHERE s.key = r.key)
      ORDER BY r.key LIMIT $5`, [run.entity, run.id, run.startedAt, after, limit]);
  return result.rows as unknown as { key: string; version: number }[];
}

/** How many keys {@link unseenRecords} would name in all, beside how many live records there are. */
export async function countUnseen(session: SqlSession, run: { id: string; entity: string; startedAt: Date | null }): Promise<{ unseen: number; live: number }> {
  const result = await session.query(
    `SELECT count(*)::float8 AS live, count(*) FILTER (WHERE r.written_at < $3 AND s.key IS NULL)::float8 AS unseen
       FROM records r LEFT JOIN (SELECT DISTINCT unnest(keys) AS key FROM run_seen WHERE run_id = $2) s ON s.key = r.key
      WHERE r.entity = $1 AND r.deleted_at IS NULL`, [run.entity, run.id, run.startedAt]);
  return result.rows[0] as unknown as { unseen: number; live: number };
}

/** Removes runs that ended longer than `days` ago. Answers how many. */
export async function trimRuns(session: SqlSession, olderThan: Date): Promise<number> {
  return (await session.query(`DELETE FROM runs WHERE ended_at < $1`, [olderThan])).rowCount;
}
