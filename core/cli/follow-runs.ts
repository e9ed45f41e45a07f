import type { Operations } from '../operations/operations.ts';
import type { Clock } from '../sdk/index.ts';
import { isTransientDatabaseError } from '../store/errors.ts';
import type { Run } from '../store/runs.ts';

export interface FollowOptions {
  clock: Clock;
  /** Told of all runs after each look, in the order of the ids. */
  onUpdate(runs: readonly Run[]): void;
  /** Ends the following; the runs go on. */
  signal?: AbortSignal;
  /** Between two looks. Default 250. */
  everyMs?: number;
  /** How long the database may be away before this gives up. Default 60,000. */
  patienceMs?: number;
}

/** Looks at runs until all have ended or the signal comes; answers them as they were seen last. */
export async function followRuns(operations: Pick<Operations, 'runs' | 'run'>, ids: readonly string[], options: FollowOptions): Promise<Run[]> {
  const { clock, onUpdate, signal, everyMs = 250, patienceMs = 60_000 } = options;
  const seen = new Map<string, Run>();
  let heardAt = clock.now().getTime();
  while (ids.length > 0) {
    try {
      await look(operations, ids, seen);
      heardAt = clock.now().getTime();
      onUpdate(inOrder(ids, seen));
    } catch (error) {
      if (!isTransientDatabaseError(error) || clock.now().getTime() - heardAt > patienceMs) throw error;
    }
    if (signal?.aborted || inOrder(ids, seen).filter(({ endedAt }) => endedAt !== null).length === ids.length) break;
    await clock.sleep(everyMs, signal).catch(() => undefined); // an abort ends the wait, not the answer
  }
  return inOrder(ids, seen);
}

/** One question for all: the runs followed are mostly the newest there are. Those that others have overtaken are asked for one by one. */
async function look(operations: Pick<Operations, 'runs' | 'run'>, ids: readonly string[], seen: Map<string, Run>): Promise<void> {
  const open = new Set(ids.filter((id) => !seen.get(id)?.endedAt));
  const newest = await operations.runs({ limit: Math.min(500, ids.length + 30) });
  for (const run of newest) if (open.delete(run.id)) seen.set(run.id, run);
  for (const id of open) seen.set(id, await operations.run(id));
}

function inOrder(ids: readonly string[], seen: ReadonlyMap<string, Run>): Run[] {
  return ids.map((id) => seen.get(id)).filter((run) => run !== undefined);
}
