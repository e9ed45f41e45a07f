/** The task that applies what waits for one entity, in sets. */
import { Care } from '../pipeline/careful.ts';
import { prepareEntity } from '../pipeline/execute-run.ts';
import { JobLostError } from '../queue/errors.ts';
import type { JobContext, TaskHandler } from '../queue/types.ts';
import { PermanentError, type Clock, type DatabaseAccess, type Logger, type SqlSession } from '../sdk/index.ts';
import type { RunSuspect } from '../store/runs.ts';
import type { AppliedSet } from '../monitor/metrics/index.ts';
import { listPauses } from '../store/connection-pauses.ts';
import { beginWork, endWork, nextDue, mostBytesOfSet, noteWorkSuspect, waitingMessages, type Waiting } from '../store/webhook-inbox.ts';
import type { Entity } from '../pipeline/entity.ts';
import { applySet } from './apply-set.ts';
import type { Hearing } from './hearing.ts';

export interface DrainDeps {
  hearings: ReadonlyMap<string, Hearing>;
  database: DatabaseAccess;
  clock: Clock;
  log: Logger;
  stopping: () => boolean;
  /** Runs `work` so that its remote calls go before all others and are counted for the entity. */
  withCalls: <T>(entity: string, work: () => Promise<T>) => Promise<T>;
  /** Adds the wake-up of an entity, in the caller's transaction; at `at` where that is given. */
  wake: (session: SqlSession, entity: string, at?: Date) => Promise<void>;
  /** Told of records that messages speak of, before any of them is asked for: what is kept of them elsewhere is out of date. */
  told?: ((entity: Entity, keys: readonly string[]) => void) | undefined;
  /** Told what a set came to, when it is committed. */
  onApplied?: ((set: AppliedSet) => void) | undefined;
}

/** The task that applies messages; its payload names the entity. */
export const webhookTaskName = 'webhook';

/** Messages of one transaction at most. */
const setSize = 500;
/** ms between two sets that were not full: those that arrive meanwhile share the next one. */
const pauseMs = 50;
/** ms after which others have their turn. */
const sliceMs = 2000;

/** Makes the handler. Jobs of one entity never run beside each other: they share a named queue. */
export function drainTask(deps: DrainDeps): TaskHandler<{ entity: string }> {
  /** Entities whose tables stand, as far as this process knows. A changed config makes new ones. */
  const prepared = new WeakSet<Entity>();
  return async (job) => {
    const hearing = deps.hearings.get(job.payload.entity);
    if (!hearing) throw new PermanentError('run.unknown_entity', `the config has no entity "${job.payload.entity}" that takes messages`);
    const { entity } = hearing;
    if (!prepared.has(entity)) await prepareEntity(entity, deps.database);
    prepared.add(entity);
    try {
      await work(deps, job, hearing);
    } catch (error) {
      prepared.delete(entity); // a table may have been taken away
      throw error;
    }
  };
}

async function work(deps: DrainDeps, job: JobContext<{ entity: string }>, hearing: Hearing): Promise<void> {
  const { database } = deps;
  const { id } = hearing.entity;
  const name = `${job.jobId}.${job.attempt}`;
  const before = await database.transaction((session) => beginWork(session, id, name));
  const care = careAfter(before, hearing);
  try {
    const turn = await drain(deps, job, hearing, care);
    await database.transaction(async (session) => {
      await endWork(session, id, name, lasting(care));
      const due = turn ?? await nextDue(session, id);
      if (due) await deps.wake(session, id, due);
    });
  } catch (error) {
    // A fault that can be told is no death: the next job needs no more care than this one did.
    if (!(error instanceof JobLostError)) await database.transaction((session) => endWork(session, id, name, lasting(care))).catch(() => undefined);
    throw error;
  }
}

/** After a job that never came to its end some message may be what ends processes: those that it can have been at are tried in small steps. */
function careAfter({ lost, suspect }: { lost: boolean; suspect: RunSuspect | null }, { entity }: Hearing): Care | undefined {
  return lost || suspect ? new Care(suspect, lost, 0, Math.min(setSize, entity.config.batchSize)) : undefined;
}

/** What the next job has to know: nothing, once all that was under suspicion has passed. */
function lasting(care: Care | undefined): RunSuspect | null {
  if (!care) return null;
  const { at, among, named, guilty } = care.suspect;
  return at.length + among.length + guilty.length + Object.keys(named).length === 0 ? null : care.suspect;
}

/** ms after which it is looked whether a connection still rests. */
const restingMs = 15_000;

/** Applies sets until none waits. Answers when to go on: now, where others should have their turn first, or later where the destination rests. */
async function drain(deps: DrainDeps, job: JobContext<{ entity: string }>, hearing: Hearing, care: Care | undefined): Promise<Date | undefined> {
  const { database, clock, log } = deps;
  const { id, connectionId, config: { to } } = hearing.entity;
  const ends = clock.now().getTime() + sliceMs;
  const fence = (session: SqlSession, progress = true): Promise<void> => job.fence({ query: (text: string, values?: unknown[]) => session.query(text, values) } as never, { progress });
  for (;;) {
    job.signal.throwIfAborted();
    const pauses = await database.transaction((session) => listPauses(session, [connectionId, to.connection]));
    const rests = (connection: string): Date | undefined => (pauses.some((pause) => pause.connection === connection) ? new Date(clock.now().getTime() + restingMs) : undefined);
    const later = rests(to.connection);
    if (later) return later;
    const waiting = await database.transaction((session) => waitingMessages(session, id, setSize));
    if (waiting.length === 0) return undefined;
    // The config has changed meanwhile: the next job applies them by what is in force now.
    if (deps.hearings.get(id) !== hearing) return clock.now();
    await applySet({ ...deps, log, hearing, care, fence, ends, restsUntil: rests(connectionId), signal: job.signal, note: (suspect) => database.transaction((session) => noteWorkSuspect(session, id, suspect)) }, waiting);
    if (deps.stopping() || clock.now().getTime() >= ends) return clock.now();
    if (!isFull(waiting)) await clock.sleep(pauseMs, job.signal);
  }
}

/** Whether it is likely that more wait already. */
function isFull(waiting: readonly Waiting[]): boolean {
  return waiting.length >= setSize || waiting.reduce((sum, { body }) => sum + body.length, 0) >= mostBytesOfSet / 4;
}
