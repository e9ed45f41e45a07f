/** Faults that group open dead letters, and how their healing stands. */
import type { SqlSession } from '../sdk/index.ts';

/**
 * Open dead letters with one fingerprint; `entity` is '' for jobs that belong to none. A record that kills its process is a fault of its own,
 * with its `letter`: nothing is known of it by what becomes of another one.
 */
export interface OpenFault { kind: 'record' | 'job'; entity: string; fingerprint: string; letters: number; code: string; message: string; lastAt: Date; letter: string | null }

/** `waiting` for its time; a `canary` under way, or `passed`; the `rest` under way. */
export interface FaultState {
  kind: 'record' | 'job'; entity: string; fingerprint: string; cause: string; since: Date; tries: number; stage: 'waiting' | 'canary' | 'passed' | 'rest'; nextAt: Date; runId: string | null; actId: string | null;
  /** Of a fault of jobs: what is tried just now. */
  jobs: TriedJob[] | null;
}

/** A failed job that is tried again: its letter, the new job, and the run that this one does. */
export interface TriedJob { letter: string; jobId: string; runId: string | null }

/** All faults with open letters. Deletions that are held back wait for a person alone. */
export async function openFaults(session: SqlSession): Promise<OpenFault[]> {
  const result = await session.query(
    `SELECT kind, coalesce(entity, '') AS entity, fingerprint || coalesce(':' || alone, '') AS fingerprint, count(*)::int AS letters, min(code) AS code, min(message) AS message, max(last_at) AS "lastAt", alone AS letter
       FROM (SELECT *, CASE WHEN code = 'record.poison' THEN id::text END AS alone FROM dead_letters WHERE status = 'open' AND code <> 'webhook.deletes_held') open
      GROUP BY kind, coalesce(entity, ''), fingerprint, alone ORDER BY 1, 2, min(id)`);
  return result.rows as unknown as OpenFault[];
}

export async function faultStates(session: SqlSession): Promise<FaultState[]> {
  const result = await session.query(
    `SELECT kind, jobs, entity, fingerprint, cause, since, tries, stage, next_at AS "nextAt", run_id::text AS "runId", act_id::text AS "actId" FROM healing_faults`);
  return result.rows as unknown as FaultState[];
}

/** Writes how a fault stands. */
export async function saveFault(session: SqlSession, state: FaultState): Promise<void> {
  await session.query(
    `INSERT INTO healing_faults (entity, fingerprint, cause, since, tries, stage, next_at, run_id, act_id, kind, jobs) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
     ON CONFLICT (entity, fingerprint) DO UPDATE SET kind = excluded.kind, jobs = excluded.jobs, cause = excluded.cause, since = excluded.since, tries = excluded.tries, stage = excluded.stage,
        next_at = excluded.next_at, run_id = excluded.run_id, act_id = excluded.act_id`,
    [state.entity, state.fingerprint, state.cause, state.since, state.tries, state.stage, state.nextAt, state.runId, state.actId, state.kind, state.jobs === null ? null : JSON.stringify(state.jobs)]);
}

/** Which of these letters are closed. */
export async function closedLetters(session: SqlSession, ids: readonly string[]): Promise<Set<string>> {
  const result = await session.query(`SELECT id::text AS id FROM dead_letters WHERE id = ANY($1::bigint[]) AND status <> 'open'`, [ids]);
  return new Set(result.rows.map((row) => row['id'] as string));
}

/** The fault is over. */
export async function removeFault(session: SqlSession, fault: { entity: string; fingerprint: string }): Promise<void> {
  await session.query('DELETE FROM healing_faults WHERE entity = $1 AND fingerprint = $2', [fault.entity, fault.fingerprint]);
}
