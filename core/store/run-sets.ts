/** Runs in sets: what the schedules ask for and cancel at one moment, in statements that do not grow in number with it. */
import type { SqlSession } from '../sdk/index.ts';
import { cancelParts } from './runs.ts';

export interface AskedRun { id: string; entity: string; mode: 'full' | 'incremental'; /** False: one of the same was queued, running or waiting already. */ created: boolean }

/** Asks for runs, each of another entity or mode; where one of the same is at work already, that one is answered. In any order. */
export async function createRuns(session: SqlSession, runs: readonly { entity: string; mode: 'full' | 'incremental'; trigger: string }[]): Promise<AskedRun[]> {
  const result = await session.query(
    `WITH wanted AS (SELECT * FROM jsonb_to_recordset($1::jsonb) AS w(entity text, mode text, trigger text)),
          made AS (INSERT INTO runs (entity, mode, trigger) SELECT entity, mode, trigger FROM wanted ORDER BY entity, mode
                   ON CONFLICT (entity, mode) WHERE status IN ('queued', 'running', 'waiting') AND mode <> 'retry' DO NOTHING RETURNING id, entity, mode)
     SELECT id::text AS id, entity, mode, true AS created FROM made
      UNION ALL
     SELECT runs.id::text, entity, mode, false FROM wanted JOIN runs USING (entity, mode) WHERE runs.status IN ('queued', 'running', 'waiting')`, [JSON.stringify(runs)]);
  const found = result.rows as unknown as AskedRun[];
  const missing = runs.filter(({ entity, mode }) => !found.some((run) => run.entity === entity && run.mode === mode));
  // one that began or ended while the statement looked
  return missing.length === 0 ? found : [...found, ...await createRuns(session, missing)];
}

/** Notes which jobs do these runs. */
export async function noteRunJobs(session: SqlSession, runs: readonly { id: string; jobId: string }[]): Promise<void> {
  if (runs.length === 0) return;
  await session.query('UPDATE runs SET job_id = j.job FROM unnest($1::bigint[], $2::text[]) AS j(id, job) WHERE runs.id = j.id', [runs.map(({ id }) => id), runs.map(({ jobId }) => jobId)]);
}

/** Cancels those of these runs that have not ended. Answers the jobs that do them. */
export async function cancelRuns(session: SqlSession, runs: readonly { id: string; reason: string }[]): Promise<string[]> {
  if (runs.length === 0) return [];
  const result = await session.query(
    `WITH given AS (SELECT DISTINCT ON (id) id, reason FROM unnest($1::bigint[], $2::text[]) AS g(id, reason) ORDER BY id),
          held AS (SELECT runs.id FROM runs JOIN given USING (id) WHERE status IN ('queued', 'running', 'waiting') ORDER BY runs.id FOR UPDATE OF runs),
          seen AS (DELETE FROM run_seen WHERE run_id IN (SELECT id FROM held))
     UPDATE runs SET status = 'cancelled', code = 'run.cancelled', reason = given.reason, waits_on = NULL, resumes_at = NULL, updated_at = now(), ended_at = now()
       FROM held JOIN given USING (id) WHERE runs.id = held.id RETURNING job_id AS "jobId"`, [runs.map(({ id }) => id), runs.map(({ reason }) => reason)]);
  await cancelParts(session, runs.map(({ id }) => id));
  return result.rows.flatMap((row) => (row['jobId'] === null ? [] : [row['jobId'] as string]));
}
