import type { SqlSession } from '../sdk/index.ts';
import type { RunMode, RunStatus } from './runs.ts';

/** A run that has not ended, as the healing looks at it. */
export interface ActiveRun { id: string; entity: string; mode: RunMode; status: RunStatus; jobId: string | null; waitsOn: string | null; queuedAt: Date; updatedAt: Date }

/** All runs that have not ended. There are few: one per entity and mode, the parts of divided reads, and the retries. */
export async function activeRuns(session: SqlSession): Promise<ActiveRun[]> {
  const result = await session.query(
    `SELECT id::text AS id, entity, split_part(mode, ':', 1) AS mode, status, job_id AS "jobId", waits_on AS "waitsOn", queued_at AS "queuedAt", updated_at AS "updatedAt"
       FROM runs WHERE status IN ('queued', 'running', 'waiting') ORDER BY runs.id`);
  return result.rows as unknown as ActiveRun[];
}

/** Entities that were at work since then. */
export async function entitiesAtWork(session: SqlSession, since: Date): Promise<Set<string>> {
  const result = await session.query(`SELECT DISTINCT entity FROM runs WHERE updated_at > $1`, [since]);
  return new Set(result.rows.map((row) => row['entity'] as string));
}
