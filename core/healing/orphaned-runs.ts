/** Runs that say they are queued, running or waiting, while no job on the queue stands behind them: nothing would ever end them. */
import { jobsOnQueue, type Names } from '../queue/index.ts';
import type { SqlSession } from '../sdk/index.ts';
import { activeRuns, type ActiveRun } from '../store/active-runs.ts';
import type { Pool } from '../store/pool.ts';
import { endRun, readRun, type Run } from '../store/runs.ts';
import type { Found, HealingContext, HealingRule } from './rule.ts';

export interface OrphanedRunsDeps {
  pool: Pool;
  names: Names;
  every: number;
  /** Milliseconds for which a run may stand without a job. */
  after: number;
  /** Whether the config still has the entity, switched on. */
  canRun: (entity: string) => boolean;
  /** Gives a run another job, in the session's transaction. */
  requeue: (session: SqlSession, run: Run) => Promise<string>;
  /** Told of runs that were closed as failed. */
  onClosed?: ((run: Pick<Run, 'id' | 'entity' | 'mode'>, reason: string) => void) | undefined;
}

interface OrphanedRun extends Found { run: ActiveRun }

/** A run that loses its job this often has something else wrong with it. */
const mostJobs = 3;

export function orphanedRuns(deps: OrphanedRunsDeps): HealingRule {
  const { pool, names, every, after } = deps;
  return {
    id: 'orphaned-runs', about: 'Runs without a job are given another one, or closed.', every, cap: mostJobs, scope: 'all',
    async look({ database, now }) {
      const old = (await database.transaction(activeRuns)).filter((run) => now.getTime() - run.updatedAt.getTime() >= after);
      if (old.length === 0) return [];
      const present = await jobsOnQueue(pool, names, old.map((run) => run.jobId).filter((id) => id !== null));
      return old.filter((run) => run.jobId === null || !present.has(run.jobId)).map((run) => orphan(run, deps.canRun(run.entity)));
    },
    act: (found, context) => mend(deps, found as OrphanedRun, context),
    async giveUp(found, { database }) {
      const { run } = found as OrphanedRun;
      await database.transaction((session) => endRun(session, run.id, { status: 'failed', code: 'run.orphaned', reason: `It lost its job ${mostJobs} times.` }));
      deps.onClosed?.(run, `It lost its job ${mostJobs} times.`);
      return `run ${run.id} was closed as failed`;
    },
  };
}

function orphan(run: ActiveRun, canRun: boolean): OrphanedRun {
  return {
    run, fingerprint: `run:${run.id}`, seen: `run ${run.id} (${run.entity} ${run.mode}) is ${run.status}, but no job does it`, plan: canRun ? 'give it another job' : 'close it as failed',
    cure: `See "tds runs show ${run.id}", then "tds sync ${run.entity}".`, facts: { runId: run.id, entity: run.entity },
  };
}

async function mend({ pool, names, canRun, requeue, onClosed }: OrphanedRunsDeps, { run: seen }: OrphanedRun, { database }: HealingContext): ReturnType<HealingRule['act']> {
  return database.transaction(async (session) => {
    await session.query('SELECT FROM runs WHERE id = $1 FOR UPDATE', [seen.id]);
    const run = await readRun(session, seen.id);
    // Between the look and this lock it may have ended, or got a job.
    if (!run || run.endedAt || (run.jobId !== null && (await jobsOnQueue(pool, names, [run.jobId])).size > 0)) return undefined;
    if (!canRun(run.entity)) {
      await endRun(session, run.id, { status: 'failed', code: 'run.orphaned', reason: `Its job is gone, and the config has no enabled entity "${run.entity}".` });
      onClosed?.(run, 'Its job is gone, and the config has no such entity switched on.');
      return { outcome: 'healed', came: 'closed as failed: the config has no such entity switched on' };
    }
    const jobId = await requeue(session, run);
    return { outcome: 'healed', came: `job ${jobId} does it now${run.position === null ? '' : ', from the last saved page'}` };
  });
}
