import type { SqlSession } from '../sdk/index.ts';
import { lockTransactionAll } from '../store/advisory-lock.ts';
import { createRun, noteRunJob, type Run, type RunMode, type RunOptions } from '../store/runs.ts';

/** Adds a job in the caller's transaction; the queue's `enqueue`. */
export type Enqueue = (session: SqlSession, job: { task: string; payload: Record<string, unknown>; queueName: string | null; priority: number; maxAttempts: number }) => Promise<string>;

/** The task that does runs. */
export const runTaskName = 'run';

/** Lower runs first: what people and incremental reads need before bulk, bulk before details. */
const priorities: Record<RunMode, number> = { incremental: 0, retry: 3, replay: 5, full: 10, details: 20 };

/** With growing pauses this spans about a day, so that a source that is away for some hours fails no run. */
const maxAttempts = 25;

/**
 * Asks for a run: the row and its job land in one transaction, so that neither exists without the other. When the same
 * is queued or running already, that run is answered.
 *
 * Runs of one entity go one after the other on a queue of the entity; details have a queue of their own, since they may
 * take days while the heads are to stay fresh.
 */
export async function requestRun(session: SqlSession, enqueue: Enqueue, request: { entity: string; mode: RunMode; trigger: string; options?: RunOptions; /** Moves its job before (below 0) or behind others. */ priority?: number }): Promise<{ run: Run; created: boolean }> {
  const outcome = await createRun(session, request);
  if (!outcome.created) return outcome;
  const jobId = await enqueue(session, runJob(outcome.run, request.priority));
  await noteRunJob(session, outcome.run.id, jobId);
  return { ...outcome, run: { ...outcome.run, jobId } };
}

/**
 * To be called first in a transaction that asks for runs of several entities, with all of them. Each run that is asked for is a key that the
 * transaction holds to its end, so two that ask for the same runs in another order would wait for one another for ever.
 */
export function holdEntities(session: SqlSession, entities: Iterable<string>): Promise<void> {
  return lockTransactionAll(session, 'runs', entities);
}

/** The job that does a run. */
export function runJob({ id, entity, mode }: Pick<Run, 'id' | 'entity' | 'mode'>, shift = 0): Parameters<Enqueue>[1] {
  const queueName = mode === 'details' ? `details:${entity}` : `entity:${entity}`;
  return { task: runTaskName, payload: { runId: id }, queueName, priority: priorities[mode] + shift, maxAttempts };
}
