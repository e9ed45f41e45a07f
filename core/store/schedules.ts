/** How each schedule stands. Times come from the caller, so that one clock decides. */
import type { SqlSession } from '../sdk/index.ts';
import type { Reading } from './session.ts';

export interface ScheduleRow {
  schedule: string; definition: string; timing: string; cursor: Date; nextAt: Date | null; dueAt: Date | null;
  pausedAt: Date | null; pausedUntil: Date | null; pausedBy: string | null; pauseReason: string | null; failures: number; slow: string | null; removedAt: Date | null;
}

const columns = `schedule, definition, timing, cursor, next_at AS "nextAt", due_at AS "dueAt", paused_at AS "pausedAt", paused_until AS "pausedUntil", paused_by AS "pausedBy",
  pause_reason AS "pauseReason", failures, slow, removed_at AS "removedAt"`;

export async function listSchedules(session: Reading): Promise<ScheduleRow[]> {
  const result = await session.query(`SELECT ${columns} FROM schedules ORDER BY schedule`);
  return result.rows as unknown as ScheduleRow[];
}

/**
 * Notes the schedules of the config that was loaded just now. A new one, one that was away, and one whose times are others now begin at
 * `now`: nothing of before counts as missed. Others go on from their cursor.
 */
export async function enrollSchedules(session: SqlSession, schedules: readonly { id: string; definition: string; timing: string }[], now: Date): Promise<void> {
  const list = JSON.stringify(schedules);
  await session.query(
    `INSERT INTO schedules AS s (schedule, definition, timing, cursor)
     SELECT id, definition, timing, $2 FROM jsonb_to_recordset($1::jsonb) AS given(id text, definition text, timing text) ORDER BY id
     ON CONFLICT (schedule) DO UPDATE SET definition = excluded.definition, timing = excluded.timing, removed_at = NULL,
        cursor = CASE WHEN s.timing = excluded.timing AND s.removed_at IS NULL THEN s.cursor ELSE greatest(s.cursor, excluded.cursor) END,
        slow = CASE WHEN s.timing = excluded.timing THEN s.slow END
      WHERE s.definition <> excluded.definition OR s.removed_at IS NOT NULL`, [list, now]);
  await session.query(
    `WITH gone AS (UPDATE schedules SET removed_at = $2, next_at = NULL, due_at = NULL WHERE removed_at IS NULL AND schedule <> ALL (SELECT id FROM jsonb_to_recordset($1::jsonb) AS given(id text)) RETURNING schedule)
     UPDATE ticks t SET status = 'cancelled', reason = 'its schedule is no longer in the config', ended_at = $2 FROM gone WHERE t.schedule = gone.schedule AND t.status = 'waiting'`, [list, now]);
}

/** Holds the rows of these for the transaction, those of removed ones too; without `wait` leaves out what another node holds just now. */
export async function holdSchedules(session: SqlSession, ids: readonly string[], { wait }: { wait: boolean }): Promise<ScheduleRow[]> {
  const result = await session.query(`SELECT ${columns} FROM schedules WHERE schedule = ANY($1::text[]) ORDER BY schedule FOR UPDATE ${wait ? '' : 'SKIP LOCKED'}`, [ids]);
  return result.rows as unknown as ScheduleRow[];
}

/** Moves the cursors on, in the transaction that writes the ticks. A pause that is over ends. */
export async function moveCursors(session: SqlSession, moved: readonly { id: string; cursor: Date; next: Date | undefined; due: Date | undefined }[], now: Date): Promise<void> {
  await session.query(
    `UPDATE schedules s SET cursor = greatest(s.cursor, m.cursor), next_at = m.next, due_at = m.due,
            paused_at = CASE WHEN paused_until <= $2 THEN NULL ELSE paused_at END, paused_by = CASE WHEN paused_until <= $2 THEN NULL ELSE paused_by END,
            pause_reason = CASE WHEN paused_until <= $2 THEN NULL ELSE pause_reason END, paused_until = CASE WHEN paused_until <= $2 THEN NULL ELSE paused_until END
       FROM jsonb_to_recordset($1::jsonb) AS m(id text, cursor timestamptz, next timestamptz, due timestamptz) WHERE s.schedule = m.id`,
    [JSON.stringify(moved.map(({ id, cursor, next, due }) => ({ id, cursor, next: next ?? null, due: due ?? null }))), now]);
}

/** Pauses a schedule; one that is paused already is paused anew. False: there is none. */
export async function pauseSchedule(session: SqlSession, id: string, pause: { at: Date; until: Date | null; by: string; reason: string | null }): Promise<boolean> {
  const result = await session.query(
    `UPDATE schedules SET paused_at = coalesce(paused_at, $2), paused_until = $3, paused_by = $4, pause_reason = $5 WHERE schedule = $1 AND removed_at IS NULL`,
    [id, pause.at, pause.until, pause.by, pause.reason]);
  return result.rowCount > 0;
}

/** Lets a schedule go on from now; what was planned meanwhile is not made up. False: there is none. */
export async function resumeSchedule(session: SqlSession, id: string, now: Date): Promise<boolean> {
  const result = await session.query(
    `UPDATE schedules SET cursor = CASE WHEN paused_at IS NULL THEN cursor ELSE greatest(cursor, $2) END, paused_at = NULL, paused_until = NULL, paused_by = NULL, pause_reason = NULL, failures = 0
      WHERE schedule = $1 AND removed_at IS NULL`, [id, now]);
  return result.rowCount > 0;
}

/** Notes how ticks ended: the failures since the last success where there was one (`reset`), else as many more. Answers the failures in a row by schedule. */
export async function noteOutcomes(session: SqlSession, outcomes: readonly { schedule: string; failures: number; reset: boolean }[]): Promise<Map<string, number>> {
  if (outcomes.length === 0) return new Map();
  const result = await session.query(
    `UPDATE schedules s SET failures = o.failures + CASE WHEN o.reset THEN 0 ELSE s.failures END FROM jsonb_to_recordset($1::jsonb) AS o(schedule text, failures integer, reset boolean)
      WHERE s.schedule = o.schedule RETURNING s.schedule, s.failures`, [JSON.stringify(outcomes)]);
  return new Map(result.rows.map((row) => [row['schedule'] as string, row['failures'] as number]));
}

/** Notes which schedules outgrow their period, in words; null: not any more. */
export async function noteSlow(session: SqlSession, found: readonly { schedule: string; slow: string | null }[]): Promise<void> {
  if (found.length === 0) return;
  await session.query(
    `UPDATE schedules s SET slow = f.slow FROM jsonb_to_recordset($1::jsonb) AS f(schedule text, slow text) WHERE s.schedule = f.schedule AND s.slow IS DISTINCT FROM f.slow`, [JSON.stringify(found)]);
}

/** Schedules that were due before this moment and were not ticked. */
export async function overdueSchedules(session: SqlSession, before: Date, now: Date): Promise<{ schedule: string; nextAt: Date }[]> {
  const result = await session.query(
    `SELECT schedule, next_at AS "nextAt" FROM schedules WHERE removed_at IS NULL AND coalesce(due_at, next_at) < $1 AND (paused_at IS NULL OR paused_until <= $2) ORDER BY schedule`, [before, now]);
  return result.rows as unknown as { schedule: string; nextAt: Date }[];
}
