/** Jobs that failed for good. */
import { hash } from 'node:crypto';
import type { JsonObject, SqlSession } from '../sdk/index.ts';
import type { DeadLetterProblem } from './dead-letters.ts';
import type { RunMode, RunOptions } from './runs.ts';

/** A job as its dead letter keeps it: enough to add it once more. */
export interface DeadJob {
  id: string; task: string; payload: JsonObject; queueName: string | null; jobKey: string | null; maxAttempts: number; attempts: number;
  /** What its run was for; the run's own row is trimmed by age. */
  run?: { mode: RunMode; options: RunOptions };
}

export interface DeadJobWrite {
  job: DeadJob;
  entity: string | null;
  runId: string | null;
  /** What the job was to do: a later failure of the same is an attempt of the same letter. */
  identity: string;
  problem: DeadLetterProblem;
}

/** The identity of the job that does a run: it stands for all runs of the entity in that mode. */
export function runIdentity(entity: string, mode: string): string {
  return `run:${entity}:${mode}`;
}

/** The identity of any other job. */
export function jobIdentity(job: Pick<DeadJob, 'task' | 'payload'>): string {
  return `job:${job.task}:${hash('sha256', JSON.stringify(job.payload)).slice(0, 22)}`;
}

/** Sets a job aside with the attempts that the queue's history has of it. In the transaction that removes the job. Answers the letter's id. */
export async function setJobAside(session: SqlSession, { job, entity, runId, identity, problem }: DeadJobWrite): Promise<string> {
  // a letter that was retried as this job is the same story, unless another one about it is open
  await session.query(
    `UPDATE dead_letters d SET status = 'open', closed_at = NULL, closed_by = NULL, closed_reason = NULL, retried_as = NULL
      WHERE d.retried_as = $1 AND d.status = 'resolved' AND d.identity = $2 AND NOT EXISTS (SELECT FROM dead_letters o WHERE o.identity = $2 AND o.status = 'open')`, [job.id, identity]);
  const result = await session.query(
    `INSERT INTO dead_letters (kind, entity, run_id, via, code, message, problems, fingerprint, identity, job, attempts)
     VALUES ('job', $1, $2, 'job', $3, $4, $5, $6, $7, $8, $9)
     ON CONFLICT (identity) WHERE status = 'open' AND identity IS NOT NULL DO UPDATE SET attempts = dead_letters.attempts + excluded.attempts, last_at = now(), run_id = excluded.run_id,
       code = excluded.code, message = excluded.message, problems = excluded.problems, fingerprint = excluded.fingerprint, job = excluded.job
     RETURNING id::text AS id`,
    [entity, runId, problem.code, problem.message, JSON.stringify([problem]), hash('sha256', `${job.task}\n${problem.code}`).slice(0, 16), identity, JSON.stringify(job), Math.max(1, job.attempts)]);
  const id = result.rows[0]?.['id'] as string;
  await session.query(
    `INSERT INTO dead_letter_attempts (letter_id, at, run_id, via, job_id, code, message)
     SELECT $1, ended_at, $3, 'job', job_id::text, coalesce(error_code, 'unknown'), coalesce(error_message, '') FROM job_history WHERE job_id = $2::bigint AND outcome IN ('retried', 'failed', 'lost')`,
    [id, job.id, runId]);
  return id;
}

/** Closes what an earlier job with the same aim left, because this one has succeeded. */
export async function resolveDeadJobs(session: SqlSession, identity: string, reason: string): Promise<void> {
  await session.query(`UPDATE dead_letters SET status = 'resolved', closed_at = now(), closed_by = 'tds', closed_reason = $2 WHERE identity = $1 AND status = 'open'`, [identity, reason]);
}
