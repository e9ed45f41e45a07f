/** The queue's task for what is no sync: heal, report, maintain, compare. */
import type { TaskHandler } from '../queue/types.ts';
import type { Clock, DatabaseAccess, Logger } from '../sdk/index.ts';
import { readTick, startTick, type Tick, type TickEnd } from '../store/ticks.ts';
import type { Definition } from './definition.ts';
import { finishTicks, type Tell } from './settle.ts';

/** What work came to, in words; `skipped` where it can't be done by this version. */
export interface WorkDone { status: 'succeeded' | 'failed' | 'skipped'; reason: string | null }

export interface TickTaskDeps {
  database: DatabaseAccess;
  clock: Clock;
  log: Logger;
  nodeId: () => string;
  redact: (text: string) => string;
  tell: Tell;
  definition: (id: string) => Definition | undefined;
  /** Does the work of a tick. A throw is tried again by the queue. */
  work: (tick: Tick, definition: Definition | undefined) => Promise<WorkDone>;
}

/** The handler of the task `tick`. */
export function tickTask(deps: TickTaskDeps): TaskHandler<{ tickId: string }> {
  const { database, clock, log, nodeId, redact, tell } = deps;
  return async (job) => {
    const tick = await database.transaction(async (session) => ((await startTick(session, job.payload.tickId, nodeId(), clock.now())) ? readTick(session, job.payload.tickId) : undefined));
    if (!tick) return; // it was cancelled while it waited
    const definition = deps.definition(tick.schedule);
    const finish = async (end: Omit<TickEnd, 'at' | 'startedAt'>): Promise<void> => {
      const told: (() => void)[] = [];
      await database.transaction((session) => finishTicks(session, [{ tick, end: { ...end, startedAt: null, at: clock.now() }, definition }], (name, detail) => void told.push(() => tell(name, detail))));
      for (const each of told) each();
    };
    try {
      const { status, reason } = await deps.work(tick, definition);
      await finish({ status, reason: reason === null ? null : redact(reason) });
    } catch (error) {
      if (job.signal.aborted || job.attempt < job.maxAttempts) throw error;
      const reason = redact(error instanceof Error ? error.message : String(error));
      log.warn('the work of a schedule failed', { schedule: tick.schedule, work: tick.work, error });
      await finish({ status: 'failed', reason });
    }
  };
}
