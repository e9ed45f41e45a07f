/** Attempts of jobs that have ended, from the history that the queue writes. */
import { pageOfTimes, timeCursorOf, type Page } from './cursor.ts';
import type { Reading } from './session.ts';

/** How an attempt ended. */
export const attemptOutcomes = ['done', 'retried', 'postponed', 'handed_back', 'failed', 'lost', 'cancelled', 'superseded'] as const;
export type AttemptOutcome = (typeof attemptOutcomes)[number];

/** One attempt. `startedAt` is null where the job never ran: it was cancelled while it waited. */
export interface JobAttempt {
  jobId: string;
  task: string;
  queue: string | null;
  runId: string | null;
  attempt: number;
  outcome: AttemptOutcome;
  startedAt: Date | null;
  endedAt: Date;
  /** The process; null where it was taken from one that had died. */
  node: string | null;
  code: string | null;
  message: string | null;
}

/** Which attempts a list shows. */
export interface AttemptFilter extends Page { job?: string; run?: string; task?: string; outcome?: AttemptOutcome; since?: Date; until?: Date }

/** An attempt in a list; `id` names it there. */
export type ListedAttempt = JobAttempt & { id: string };

const columns = ['ended_at', 'attempt', 'job_id'];

/** Attempts, the newest first. */
export async function listAttempts(session: Reading, { job, run, task, outcome, since, until, ...page }: AttemptFilter): Promise<ListedAttempt[]> {
  const end = pageOfTimes(columns, page, 7);
  const { rows } = await session.query(
    `SELECT ${timeCursorOf(columns)} AS id, job_id::text AS "jobId", task, queue, run_id AS "runId", attempt, outcome, started_at AS "startedAt", ended_at AS "endedAt", node_id AS node, error_code AS code, error_message AS message
       FROM job_history
      WHERE ($1::bigint IS NULL OR job_id = $1) AND ($2::text IS NULL OR run_id = $2) AND ($3::text IS NULL OR task = $3) AND ($4::text IS NULL OR outcome = $4)
        AND ($5::timestamptz IS NULL OR ended_at >= $5) AND ($6::timestamptz IS NULL OR ended_at < $6) ${end.text}`,
    [job ?? null, run ?? null, task ?? null, outcome ?? null, since ?? null, until ?? null, ...end.values]);
  return rows as unknown as ListedAttempt[];
}
