/**
 * Jobs that a living node has, but that don't get on. (Jobs of dead nodes are freed by the queue within seconds.) A stuck job is taken back
 * once, and runs again from its last saved page; when it is stuck again it is given up, and a person is told.
 */
import { heldJobs, takeBack, type HeldByNode, type Names } from '../queue/index.ts';
import { activeRuns, type ActiveRun } from '../store/active-runs.ts';
import type { Pool } from '../store/pool.ts';
import type { Found, HealingContext, HealingRule } from './rule.ts';

export interface StuckJobsDeps {
  pool: Pool;
  /** The queue's tables. */
  names: Names;
  every: number;
  /** Without progress for so many milliseconds a job is stuck. */
  after: number;
}

interface StuckJob extends Found { job: HeldByNode }

export function stuckJobs({ pool, names, every, after }: StuckJobsDeps): HealingRule {
  const takeFrom = (found: Found, exhaust: boolean): Promise<boolean> => takeBack(pool, names, (found as StuckJob).job, { code: 'run.stuck', reason: found.seen, exhaust });
  return {
    id: 'stuck-jobs', about: 'Jobs without progress are taken back and run again, once.', every, cap: 1, scope: 'all',
    async look({ database, now }) {
      const held = await heldJobs(pool, names);
      if (held.length === 0) return [];
      const runs = new Map((await database.transaction(activeRuns)).map((run) => [run.id, run]));
      return held.map((job) => stuck(job, job.runId === null ? undefined : runs.get(job.runId), { now, after })).filter((found) => found !== undefined);
    },
    async act(found, _context: HealingContext) {
      if (!(await takeFrom(found, false))) return undefined; // it has got on meanwhile
      return { outcome: 'healed', came: 'it is back on the queue, and goes on from the last saved page' };
    },
    async giveUp(found) {
      return (await takeFrom(found, true)) ? 'the job was given up' : 'the job ended meanwhile';
    },
  };
}

function stuck(job: HeldByNode, run: ActiveRun | undefined, { now, after }: { now: Date; after: number }): StuckJob | undefined {
  const progressAt = Math.max(job.lockedAt.getTime(), run?.updatedAt.getTime() ?? 0);
  // A run that waits for a limit or a breaker is not stuck: it says so.
  if (now.getTime() - progressAt < after || (run?.waitsOn ?? null) !== null) return undefined;
  const minutes = Math.round((now.getTime() - progressAt) / 60_000);
  const what = run ? `run ${run.id} (${run.entity} ${run.mode}), job ${job.id}` : `job ${job.id} (${[job.task, ...(job.entity === null ? [] : [job.entity])].join(' ')})`;
  return {
    job, fingerprint: run ? `run:${run.id}` : `job:${job.id}`, seen: `${what} has made no progress for ${minutes} min on ${job.nodeId}`, plan: 'take the job back and run it again',
    cure: `Look at ${run ? `"tds runs show ${run.id}" and ` : ''}the log of ${job.nodeId}. Its worker may hang: restart that node.`,
    facts: { jobId: job.id, node: job.nodeId, ...(run ? { runId: run.id, entity: run.entity } : job.entity === null ? {} : { entity: job.entity }) },
  };
}
