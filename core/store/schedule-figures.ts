/** How schedules keep their times, for metrics. */
import type { Reading } from './session.ts';

/** Of one schedule; null where nothing is known yet. */
export interface ScheduleFigure {
  schedule: string;
  /** From its time (with its jitter) to the queue, of the latest one that came by the clock or was made up. */
  lateSeconds: number | null;
  /** From the queue to the end, of the latest one that ended. */
  lastSeconds: number | null;
  /** That, or what the one at work has taken until now where that is more, as a share of the time to the next one. */
  periodRatio: number | null;
  /** Since a time that no node has ticked, 0 where there is none such. */
  overdueSeconds: number;
  failures: number;
  /** Its failures have paused it, until a person resumes it. */
  rests: boolean;
}

/** Of a row of `schedules`. */
export const restsByFailures = `paused_at IS NOT NULL AND paused_until IS NULL AND failures > 0 AND paused_by = 'TDS'`;

/** Those of the config. Looks each up by itself: a long history costs no more than a short one. */
export async function readScheduleFigures(session: Reading, now: Date): Promise<ScheduleFigure[]> {
  const result = await session.query(
    `SELECT s.schedule, s.failures, coalesce(${restsByFailures}, false) AS rests, late.seconds AS "lateSeconds", last.seconds AS "lastSeconds", greatest(last.ratio, open.ratio) AS "periodRatio",
            CASE WHEN s.paused_at IS NULL OR s.paused_until <= $1 THEN greatest(0, coalesce(extract(epoch FROM $1::timestamptz - coalesce(s.due_at, s.next_at)), 0)) ELSE 0 END::float8 AS "overdueSeconds"
       FROM schedules s
       LEFT JOIN LATERAL (SELECT greatest(0, extract(epoch FROM enqueued_at - due_at))::float8 AS seconds FROM ticks t
                           WHERE t.schedule = s.schedule AND trigger IN ('time', 'catch-up') AND enqueued_at IS NOT NULL ORDER BY planned DESC LIMIT 1) late ON true
       LEFT JOIN LATERAL (SELECT extract(epoch FROM ended_at - enqueued_at)::float8 AS seconds, (extract(epoch FROM ended_at - enqueued_at) / extract(epoch FROM until_at - planned))::float8 AS ratio FROM ticks t
                           WHERE t.schedule = s.schedule AND trigger IN ('time', 'catch-up') AND status IN ('succeeded', 'failed') ORDER BY planned DESC LIMIT 1) last ON true
       LEFT JOIN LATERAL (SELECT max(extract(epoch FROM $1 - enqueued_at) / extract(epoch FROM until_at - planned))::float8 AS ratio FROM ticks t
                           WHERE t.schedule = s.schedule AND trigger IN ('time', 'catch-up') AND status IN ('waiting', 'queued', 'running')) open ON true
      WHERE s.removed_at IS NULL ORDER BY s.schedule`, [now]);
  return result.rows as unknown as ScheduleFigure[];
}
