/** Puts the work of ticks on the queue, in the transaction that writes the ticks; by as many statements for a thousand as for one. */
import { requestRuns, type EnqueueMany } from '../operations/request-run.ts';
import type { SqlSession } from '../sdk/index.ts';
import { endTicks, noteEnqueued, type Tick } from '../store/ticks.ts';
import type { Definition } from './definition.ts';

/** The task that does what is no sync. */
export const tickTaskName = 'tick';

/** Beside the priorities of runs: `high` goes before what people ask for, `low` after the details. */
const shifts = { high: -10, normal: 0, low: 30 } as const;
/** Work that fails is tried again by its next time; a few attempts get over a hiccup. */
const maxAttempts = 3;

export interface StartWorkDeps {
  enqueue: EnqueueMany;
  nodeId: () => string;
  /** Whether the entity can be synced just now: it is in the config and switched on. */
  isAtWork: (entity: string) => boolean;
}

/** A tick that is written, and what it is a time of. */
export interface Work { tick: Pick<Tick, 'id' | 'entities' | 'work'>; definition: Definition }

/** The caller holds the entities (`holdEntities`). Ticks whose work there is nothing of end as `skipped`, the others are `queued`. */
export async function startWork(session: SqlSession, { enqueue, nodeId, isAtWork }: StartWorkDeps, works: readonly Work[], now: Date): Promise<void> {
  const syncs = works.filter(({ tick }) => tick.work === 'sync').map((work) => ({ ...work, entities: work.tick.entities.filter(isAtWork) }));
  const others = works.filter(({ tick }) => tick.work !== 'sync');
  const runs = await requestRuns(session, enqueue, syncs.flatMap(({ entities, definition: { id, config } }) => entities.map((entity) => ({ entity, mode: config.mode ?? 'incremental', trigger: `schedule:${id}`, priority: shifts[config.priority] }))));
  const jobs = await enqueue(session, others.map(({ tick, definition: { id, config } }) => ({ task: tickTaskName, payload: { tickId: tick.id, schedule: id }, queueName: null, priority: shifts[config.priority], maxAttempts })));
  let at = 0;
  const ofSyncs = syncs.map(({ tick, entities }) => ({ id: tick.id, runs: runs.slice(at, at += entities.length), jobId: null }));
  await noteEnqueued(session, [...ofSyncs.filter((one) => one.runs.length > 0), ...others.map(({ tick }, index) => ({ id: tick.id, runs: [], jobId: jobs[index] as string }))], { node: nodeId(), at: now });
  await endTicks(session, ofSyncs.filter((one) => one.runs.length === 0).map(({ id }) => ({ id, status: 'skipped', reason: 'none of its entities is switched on', startedAt: null, at: now })));
}
