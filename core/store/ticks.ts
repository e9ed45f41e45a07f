/** The rows of ticks: planned times that came. */
import type { SqlSession } from '../sdk/index.ts';
import { pageOfList, type Page } from './cursor.ts';
import type { Reading } from './session.ts';

export type TickStatus = 'waiting' | 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled' | 'skipped';
export type TickTrigger = 'time' | 'catch-up' | 'shortened' | 'backfill' | 'person' | 'api' | 'healing';

export interface Tick {
  id: string; schedule: string; planned: Date; times: number; trigger: TickTrigger; work: string; entities: string[]; status: TickStatus; reason: string | null;
  runs: string[]; jobId: string | null; node: string | null; dueAt: Date; /** The planned time after it; null for what did not come by the clock. */ untilAt: Date | null; enqueuedAt: Date | null; startedAt: Date | null; endedAt: Date | null; slow: boolean;
}

/** An open tick with how its runs are. */
export interface OpenTick extends Tick { runsActive: number; runsFailed: string[]; runsCancelled: number; runsStartedAt: Date | null; runsEndedAt: Date | null }

const columns = `t.id::text AS id, t.schedule, t.planned, t.times, t.trigger, t.work, t.entities, t.status, t.reason, t.runs::text[] AS runs, t.job_id AS "jobId", t.node,
  t.due_at AS "dueAt", t.until_at AS "untilAt", t.enqueued_at AS "enqueuedAt", t.started_at AS "startedAt", t.ended_at AS "endedAt", t.slow`;

export type NewTick = Pick<Tick, 'schedule' | 'planned' | 'times' | 'trigger' | 'work' | 'entities' | 'status' | 'reason' | 'dueAt' | 'untilAt' | 'node'>;

/** Writes ticks, those that are over (`skipped`, `cancelled`) as ended; leaves out those of a schedule and time that there are. Answers what was written, in any order. */
export async function insertTicks(session: SqlSession, ticks: readonly NewTick[], now: Date): Promise<Tick[]> {
  if (ticks.length === 0) return [];
  const result = await session.query(
    `INSERT INTO ticks AS t (schedule, planned, times, trigger, work, entities, status, reason, due_at, until_at, node, ended_at)
     SELECT schedule, planned, times, trigger, work, entities, status, reason, "dueAt", "untilAt", node, CASE WHEN status IN ('skipped', 'cancelled') THEN $2::timestamptz END
       FROM jsonb_to_recordset($1::jsonb) AS given(schedule text, planned timestamptz, times integer, trigger text, work text, entities text[], status text, reason text, "dueAt" timestamptz, "untilAt" timestamptz, node text)
     ON CONFLICT (schedule, planned) DO NOTHING RETURNING ${columns}`, [JSON.stringify(ticks), now]);
  return result.rows as unknown as Tick[];
}

/** Of these planned times those that have a tick already, as {@link tickName} has them. */
export async function knownTicks(session: SqlSession, times: readonly Pick<Tick, 'schedule' | 'planned'>[]): Promise<Set<string>> {
  const result = await session.query(
    'SELECT schedule, planned FROM ticks WHERE (schedule, planned) IN (SELECT * FROM unnest($1::text[], $2::timestamptz[]))', [times.map(({ schedule }) => schedule), times.map(({ planned }) => planned)]);
  return new Set(result.rows.map((row) => tickName(row as unknown as Pick<Tick, 'schedule' | 'planned'>)));
}

export function tickName({ schedule, planned }: Pick<Tick, 'schedule' | 'planned'>): string {
  return `${planned.getTime()} ${schedule}`;
}

/** Notes that the work of ticks is on the queue, in the transaction that put it there. */
export async function noteEnqueued(session: SqlSession, works: readonly { id: string; runs: readonly string[]; jobId: string | null }[], { node, at }: { node: string; at: Date }): Promise<void> {
  if (works.length === 0) return;
  await session.query(
    `UPDATE ticks SET status = 'queued', reason = NULL, runs = w.runs, job_id = w."jobId", node = $2, enqueued_at = $3, started_at = NULL, ended_at = NULL
       FROM jsonb_to_recordset($1::jsonb) AS w(id bigint, runs bigint[], "jobId" text) WHERE ticks.id = w.id`, [JSON.stringify(works), node, at]);
}

export async function readTick(session: Reading, id: string): Promise<Tick | undefined> {
  if (!/^\d{1,18}$/.test(id)) return undefined;
  const result = await session.query(`SELECT ${columns} FROM ticks t WHERE id = $1`, [id]);
  return result.rows[0] as unknown as Tick | undefined;
}

/** Marks a tick as at work; false when it has ended meanwhile. */
export async function startTick(session: SqlSession, id: string, node: string, at: Date): Promise<boolean> {
  const result = await session.query(`UPDATE ticks SET status = 'running', node = $2, started_at = coalesce(started_at, $3) WHERE id = $1 AND status IN ('queued', 'running')`, [id, node, at]);
  return result.rowCount > 0;
}

export interface TickEnd { status: TickStatus; reason: string | null; startedAt: Date | null; /** Null: the database's now. */ at: Date | null }

/** Ends those of these ticks that are open. Answers which they were. */
export async function endTicks(session: SqlSession, ends: readonly (TickEnd & { id: string })[]): Promise<Set<string>> {
  if (ends.length === 0) return new Set();
  const result = await session.query(
    `WITH given AS (SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[]) AS e(id, status, reason, started_at, at)),
          held AS (SELECT id FROM ticks WHERE id IN (SELECT id FROM given) AND status IN ('waiting', 'queued', 'running') ORDER BY id FOR UPDATE)
     UPDATE ticks t SET status = given.status, reason = given.reason, started_at = coalesce(t.started_at, given.started_at), ended_at = greatest(coalesce(given.at, clock_timestamp()), t.enqueued_at, t.started_at)
       FROM given JOIN held USING (id) WHERE t.id = given.id RETURNING t.id::text AS id`,
    [ends.map(({ id }) => id), ends.map(({ status }) => status), ends.map(({ reason }) => reason), ends.map(({ startedAt }) => startedAt), ends.map(({ at }) => at)]);
  return new Set(result.rows.map((row) => row['id'] as string));
}

/** Ends an open tick; false when it has ended already. */
export async function endTick(session: SqlSession, id: string, end: TickEnd): Promise<boolean> {
  return (await endTicks(session, [{ id, ...end }])).size > 0;
}

/** Says once that ticks take too long. Answers those of which it was not said before. */
export async function noteSlowTicks(session: SqlSession, ids: readonly string[]): Promise<Set<string>> {
  const result = await session.query(
    'WITH held AS (SELECT id FROM ticks WHERE id = ANY ($1::bigint[]) AND NOT slow ORDER BY id FOR UPDATE) UPDATE ticks t SET slow = true FROM held WHERE t.id = held.id RETURNING t.id::text AS id', [ids]);
  return new Set(result.rows.map((row) => row['id'] as string));
}

/** Open ticks in the order of their times, with the state of their runs; of some schedules, or of all. */
export async function openTicks(session: Reading, schedules?: readonly string[]): Promise<OpenTick[]> {
  const result = await session.query(
    `SELECT ${columns}, r.*
       FROM ticks t CROSS JOIN LATERAL (
         SELECT (count(*) FILTER (WHERE status IN ('queued', 'running', 'waiting')))::int AS "runsActive", coalesce(array_agg(entity) FILTER (WHERE status = 'failed'), '{}') AS "runsFailed",
                (count(*) FILTER (WHERE status = 'cancelled'))::int AS "runsCancelled", min(started_at) AS "runsStartedAt", max(ended_at) AS "runsEndedAt"
           FROM runs WHERE runs.id = ANY (t.runs)) r
      WHERE t.status IN ('waiting', 'queued', 'running') AND ($1::text[] IS NULL OR t.schedule = ANY ($1)) ORDER BY t.schedule, t.planned`, [schedules ?? null]);
  return result.rows as unknown as OpenTick[];
}

export interface TickFilter extends Page { schedule?: string; status?: TickStatus }

/** Ticks, the newest first unless it is asked otherwise. */
export async function listTicks(session: Reading, filter: TickFilter): Promise<Tick[]> {
  const page = pageOfList('t.id', filter, 3);
  const result = await session.query(`SELECT ${columns} FROM ticks t WHERE ($1::text IS NULL OR schedule = $1) AND ($2::text IS NULL OR status = $2) ${page.text}`, [filter.schedule ?? null, filter.status ?? null, ...page.values]);
  return result.rows as unknown as Tick[];
}

/** Of each schedule the latest tick that was not left out, else the latest of all. */
export async function latestTicks(session: Reading): Promise<Map<string, Tick>> {
  const result = await session.query(
    `SELECT t.* FROM schedules s CROSS JOIN LATERAL (SELECT ${columns} FROM ticks t WHERE t.schedule = s.schedule ORDER BY t.planned DESC LIMIT 1) t`);
  return new Map((result.rows as unknown as Tick[]).map((tick) => [tick.schedule, tick]));
}

/** The ticks of a schedule that are planned within a span, the end not included. */
export async function ticksBetween(session: SqlSession, schedule: string, from: Date, until: Date): Promise<Tick[]> {
  const result = await session.query(`SELECT ${columns} FROM ticks t WHERE schedule = $1 AND planned >= $2 AND planned < $3 ORDER BY planned`, [schedule, from, until]);
  return result.rows as unknown as Tick[];
}

/** Lets ticks that were skipped or have failed wait for their turn again. */
export async function reviveTicks(session: SqlSession, ids: readonly string[], trigger: TickTrigger): Promise<void> {
  await session.query(`UPDATE ticks SET status = 'waiting', trigger = $2, times = 1, reason = 'its turn comes after the others', ended_at = NULL, slow = false WHERE id = ANY ($1::bigint[]) AND status IN ('skipped', 'failed', 'cancelled')`, [ids, trigger]);
}

/** Removes ticks that are over, and reports, older than this. Answers how many. */
export async function trimTicks(session: SqlSession, olderThan: Date): Promise<number> {
  const ticks = await session.query(`DELETE FROM ticks WHERE ended_at < $1 AND planned < $1`, [olderThan]);
  const reports = await session.query('DELETE FROM reports WHERE made_at < $1', [olderThan]);
  return ticks.rowCount + reports.rowCount;
}
