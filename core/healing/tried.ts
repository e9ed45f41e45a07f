/** What came of dead letters that healing has set going again. */
import type { SqlSession } from '../sdk/index.ts';
import { closedLetters, type FaultState, type TriedJob } from '../store/healing-faults.ts';
import { readRun, type Run } from '../store/runs.ts';

/** `passed`: most of them. A fault may group values of which a few are beyond help, and these are not to hold up the others. */
export interface Result { passed: boolean; words: string; /** The words tell how many. */ tells: boolean }

/** `pending` while something of it is under way. */
export async function resultOf(session: SqlSession, { kind, runId, jobs }: FaultState, onQueue: (jobIds: readonly string[]) => Promise<ReadonlySet<string>>): Promise<Result | 'pending'> {
  if (kind === 'job') return ofJobs(session, jobs ?? [], onQueue);
  const run = runId === null ? undefined : await readRun(session, runId);
  return run && !run.endedAt ? 'pending' : ofRun(run);
}

function ofRun(run: Run | undefined): Result {
  if (!run) return { passed: false, words: 'the run is gone', tells: true };
  if (run.status !== 'succeeded') return { passed: false, words: `run ${run.id} ${run.status}: ${run.reason ?? 'no reason given'}`, tells: false };
  return { passed: run.refused * 2 < Math.max(run.read, 1), words: `run ${run.id}: ${run.read - run.refused} of ${run.read} passed`, tells: true };
}

/** A job that does a run has passed when the run has succeeded: on its way the run may have been given another job. */
async function ofJobs(session: SqlSession, jobs: readonly TriedJob[], onQueue: (jobIds: readonly string[]) => Promise<ReadonlySet<string>>): Promise<Result | 'pending'> {
  const runs = await Promise.all(jobs.map(({ runId }) => (runId === null ? undefined : readRun(session, runId))));
  if (runs.some((run) => run && !run.endedAt)) return 'pending';
  const others = jobs.filter((_, at) => runs[at] === undefined);
  if (others.length > 0 && (await onQueue(others.map(({ jobId }) => jobId))).size > 0) return 'pending';
  const closed = await closedLetters(session, others.map(({ letter }) => letter));
  const passed = runs.filter((run) => run?.status === 'succeeded').length + others.filter(({ letter }) => closed.has(letter)).length;
  const failed = runs.find((run) => run && run.status !== 'succeeded');
  return { passed: passed * 2 > jobs.length, words: `${passed} of ${jobs.length} passed${failed ? ` (run ${failed.id} ${failed.status}: ${failed.reason ?? 'no reason given'})` : ''}`, tells: true };
}
