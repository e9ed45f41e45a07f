import type { JsonValue, SqlSession } from '../sdk/index.ts';
import { lockTransactionAll } from '../store/advisory-lock.ts';
import { createRuns, noteRunJobs } from '../store/run-sets.ts';
import { createParts } from '../store/run-parts.ts';
import { createRun, noteRunJob, type Run, type RunMode, type RunOptions } from '../store/runs.ts';

/** Adds a job in the caller's transaction; the queue's `enqueue`. */
export type Enqueue = (session: SqlSession, job: { task: string; payload: Record<string, unknown>; queueName: string | null; priority: number; maxAttempts: number }) => Promise<string>;

/** The same for many in one statement; answers their numbers in the order of the jobs. */
export type EnqueueMany = (session: SqlSession, jobs: readonly Parameters<Enqueue>[1][]) => Promise<string[]>;

/** The task that does runs. */
export const runTaskName = 'run';
/** The same for parts of runs: a name of its own, so that a node of a version that knows no parts leaves them to others. */
export const partTaskName = 'part';

/** Lower runs first: what people and incremental reads need before bulk, bulk before details. */
const priorities: Record<RunMode, number> = { incremental: 0, retry: 3, replay: 5, full: 10, part: 10, details: 20 };

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

export interface RunRequest { entity: string; mode: 'full' | 'incremental'; trigger: string; priority: number }

/**
 * The same for many at once, by as many statements as for one. Answers their runs in the order in which they were asked for; of two that
 * ask for the same, the first says who asked and how urgent it is.
 */
export async function requestRuns(session: SqlSession, enqueue: EnqueueMany, requests: readonly RunRequest[]): Promise<string[]> {
  const nameOf = ({ entity, mode }: Pick<RunRequest, 'entity' | 'mode'>): string => `${mode} ${entity}`;
  const first = new Map<string, RunRequest>();
  for (const request of requests) if (!first.has(nameOf(request))) first.set(nameOf(request), request);
  if (first.size === 0) return [];
  const runs = await createRuns(session, [...first.values()]);
  const created = runs.filter((run) => run.created);
  const jobs = await enqueue(session, created.map((run) => runJob(run, first.get(nameOf(run))?.priority)));
  await noteRunJobs(session, created.map(({ id }, at) => ({ id, jobId: jobs[at] as string })));
  const found = new Map(runs.map((run) => [nameOf(run), run.id]));
  return requests.map((request) => found.get(nameOf(request)) as string);
}

/** Asks for the parts of a run; answers their ids. To be called in the transaction that notes them in the run's position. */
export async function requestParts(session: SqlSession, enqueue: EnqueueMany, whole: Run, ranges: readonly JsonValue[], isFirst: boolean): Promise<string[]> {
  const parts = await createParts(session, whole, ranges, isFirst);
  const jobs = await enqueue(session, parts.map((part) => runJob(part)));
  await noteRunJobs(session, parts.map(({ id }, at) => ({ id, jobId: jobs[at] as string })));
  return parts.map(({ id }) => id);
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
  // parts of one read go side by side
  const queueName = mode === 'part' ? null : mode === 'details' ? `details:${entity}` : `entity:${entity}`;
  return { task: mode === 'part' ? partTaskName : runTaskName, payload: { runId: id }, queueName, priority: priorities[mode] + shift, maxAttempts };
}
