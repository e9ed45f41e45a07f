/** Puts the work of a tick on the queue, in the transaction that writes the tick. */
import { requestRun, type Enqueue } from '../operations/request-run.ts';
import type { SqlSession } from '../sdk/index.ts';
import { endTick, noteEnqueued, type Tick } from '../store/ticks.ts';
import type { Definition } from './definition.ts';

/** The task that does what is no sync. */
export const tickTaskName = 'tick';

/** Beside the priorities of runs: `high` goes before what people ask for, `low` after the details. */
const shifts = { high: -10, normal: 0, low: 30 } as const;
/** Work that fails is tried again by its next time; a few attempts get over a hiccup. */
const maxAttempts = 3;

export interface StartWorkDeps {
  enqueue: Enqueue;
  nodeId: () => string;
  /** Whether the entity can be synced just now: it is in the config and switched on. */
  isAtWork: (entity: string) => boolean;
}

/** The caller holds the entities (`holdEntities`). Answers the tick's status then: `queued`, or `skipped` where there is nothing to be done. */
export async function startWork(session: SqlSession, { enqueue, nodeId, isAtWork }: StartWorkDeps, tick: Pick<Tick, 'id' | 'entities' | 'work'>, { id, config }: Definition, now: Date): Promise<'queued' | 'skipped'> {
  const shift = shifts[config.priority];
  if (tick.work !== 'sync') {
    const jobId = await enqueue(session, { task: tickTaskName, payload: { tickId: tick.id, schedule: id }, queueName: null, priority: shift, maxAttempts });
    await noteEnqueued(session, tick.id, { runs: [], jobId, node: nodeId(), at: now });
    return 'queued';
  }
  const runs: string[] = [];
  for (const entity of tick.entities.filter(isAtWork)) {
    const { run } = await requestRun(session, enqueue, { entity, mode: config.mode ?? 'incremental', trigger: `schedule:${id}`, priority: shift });
    runs.push(run.id);
  }
  if (runs.length === 0) {
    await endTick(session, tick.id, { status: 'skipped', reason: 'none of its entities is switched on', startedAt: null, at: now });
    return 'skipped';
  }
  await noteEnqueued(session, tick.id, { runs, jobId: null, node: nodeId(), at: now });
  return 'queued';
}
