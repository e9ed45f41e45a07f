/** The rows of ticks: planned times that came. */
import type { SqlSession } from '../sdk/index.ts';
import { pageOfList, type Page } from './cursor.ts';
import type { Reading } from './session.ts';

export type TickStatus = 'waiting' | 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled' | 'skipped';
export type TickTrigger = 'time' | 'catch-up' | 'shortened' | 'backfill' | 'person' | 'api' | 'healing';

export interface Tick {
  id: string; schedule: string; planned: Date; times: number; trigger: TickTrigger; work: string; entities: string[]; status: TickStatus; reason: string | null;
  runs: string[]; jobId: string | null; node: string | null; dueAt: Date; enqueuedAt: Date | null; startedAt: Date | null; endedAt: Date | null; slow: boolean;
}

/** An open tick with how its runs are. */
export interface OpenTick extends Tick { runsActive: number; runsFailed: string[]; runsCancelled: number; runsStartedAt: Date | null; runsEndedAt: Date | null }

const columns = `t.id::text AS id, t.schedule, t.planned, t.times, t.trigger, t.work, t.entities, t.status, t.reason, t.runs::text[] AS runs, t.job_id AS "jobId", t.node,
  t.due_at AS "dueAt", t.enqueued_at AS "enqueuedAt", t.started_at AS "startedAt", t.ended_at AS "endedAt", t.slow`;

export type NewTick = Pick<Tick, 'schedule' | 'planned' | 'times' | 'trigger' | 'work' | 'entities' | 'status' | 'reason' | 'dueAt' | 'node'>;

/** Writes a tick, ended already where it is `skipped`; undefined when there is one of that schedule and time. */
export async function insertTick(session: SqlSession, tick: NewTick, now: Date): Promise<Tick | undefined> {
  const result = await session.query(
    `INSERT INTO ticks AS t (schedule, planned, times, trigger, work, entities, status, reason, due_at, node, ended_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, CASE WHEN $7 = 'skipped' THEN $11::timestamptz END) ON CONFLICT (schedule, planned) DO NOTHING RETURNING ${columns}`,
    [tick.schedule, tick.planned, tick.times, tick.trigger, tick.work, tick.entities, tick.status, tick.reason, tick.dueAt, tick.node, now]);
  return result.rows[0] as unknown as Tick | undefined;
}

/** Notes that the work of a tick is on the queue, in the transaction that put it there. */
export async function noteEnqueued(session: SqlSession, id: string, work: { runs: readonly string[]; jobId: string | null; node: string; at: Date }): Promise<void> {
  await session.query(`UPDATE ticks SET status = 'queued', reason = NULL, runs = $2::bigint[], job_id = $3, node = $4, enqueued_at = $5, started_at = NULL, ended_at = NULL WHERE id = $1`, [id, work.runs, work.jobId, work.node, work.at]);
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

/** Ends an open tick; false when it has ended already. */
export async function endTick(session: SqlSession, id: string, end: { status: TickStatus; reason: string | null; startedAt: Date | null; /** Null: the database's now. */ at: Date | null }): Promise<boolean> {
  const result = await session.query(
    `UPDATE ticks SET status = $2, reason = $3, started_at = coalesce(started_at, $4), ended_at = greatest(coalesce($5::timestamptz, clock_timestamp()), enqueued_at, started_at) WHERE id = $1 AND status IN ('waiting', 'queued', 'running')`,
    [id, end.status, end.reason, end.startedAt, end.at]);
  return result.rowCount > 0;
}

/** Says once that a tick takes too long; false when that was said before. */
export async function noteSlowTick(session: SqlSession, id: string): Promise<boolean> {
  return (await session.query('UPDATE ticks SET slow = true WHERE id = $1 AND NOT slow', [id])).rowCount > 0;
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

/** Lets a tick that was skipped or has failed wait for its turn again. */
export async function reviveTick(session: SqlSession, id: string, trigger: TickTrigger): Promise<void> {
  await session.query(`UPDATE ticks SET status = 'waiting', trigger = $2, times = 1, reason = 'its turn comes after the others', ended_at = NULL, slow = false WHERE id = $1 AND status IN ('skipped', 'failed', 'cancelled')`, [id, trigger]);
}

/** Removes ticks that are over, and reports, older than this. Answers how many. */
export async function trimTicks(session: SqlSession, olderThan: Date): Promise<number> {
  const ticks = await session.query(`DELETE FROM ticks WHERE ended_at < $1 AND planned < $1`, [olderThan]);
  const reports = await session.query('DELETE FROM reports WHERE made_at < $1', [olderThan]);
  return ticks.rowCount + reports.rowCount;
}
