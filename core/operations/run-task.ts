import type { JobContext, JobOutcome, TaskHandler } from '../queue/types.ts';
import { crashPoint } from '../monitor/crash-points.ts';
import { withLogContext } from '../monitor/log-context.ts';
import type { Events } from '../monitor/events.ts';
import { JobLostError, postpone } from '../queue/errors.ts';
import { isTdsError, PermanentError, type Clock, type JsonValue, type DatabaseAccess, type Logger, type SqlSession } from '../sdk/index.ts';
import { resolveDeadJobs, runIdentity } from '../store/dead-letter-jobs.ts';
import { listPauses } from '../store/connection-pauses.ts';
import { endRun, lossesOf, noteSuspect, noteWaiting, readRun, startRun, type Run, type RunCounts, type RunMode } from '../store/runs.ts';
import { executeRun } from '../pipeline/execute-run.ts';
import { Care } from '../pipeline/careful.ts';
import type { Entity } from '../pipeline/entity.ts';
import type { RunOutcome } from '../pipeline/run-context.ts';
import { tellRunEnd } from './run-end.ts';

/** What the task of a run needs. */
export interface RunTaskDeps {
  /** The entities of the config, by their ids. */
  entities: ReadonlyMap<string, Entity>;
  database: DatabaseAccess;
  clock: Clock;
  log: Logger;
  nodeId: () => string;
  /** Takes secrets out of a text before it is stored. */
  redact: (text: string) => string;
  readAhead: number;
  /** True when this node is about to stop. */
  stopping: () => boolean;
  /** Milliseconds after which a run of details gives way to others. */
  sliceMs: number;
  /** Runs `work` so that each remote call in it is counted for this run; hands in what reads the count. */
  withUsage: <T>(run: Run, work: (usage: () => { calls: number; bytes: number }) => Promise<T>) => Promise<T>;
  /** What a connection waits for now, in words; undefined while it does not wait. */
  waitsOn: (connectionId: string) => string | undefined;
  requestRun: (session: SqlSession, entity: string, mode: RunMode) => Promise<void>;
  /** See {@link RunContext.mostParts}. */
  mostParts: () => Promise<number>;
  requestParts: (session: SqlSession, run: Run, ranges: readonly JsonValue[], isFirst: boolean) => Promise<string[]>;
  /** Lets a run that waits look at once whether it can go on. */
  hurry: (run: string) => Promise<void>;
  /** Has messages applied that wait. */
  wakeMessages: (session: SqlSession, entity: string) => Promise<void>;
  /** Told of each run that ended. */
  events?: Pick<Events, 'emit'>;
  /** Called after each saved batch and at the end, for metrics and the live page. */
  onProgress?: (run: Run, counts: Partial<RunCounts>) => void;
}

/** How often a run looks whether it waits for something. */
const waitingEveryMs = 1000;

/** The handler of the queue's task `run`: one attempt of a run, from where the last one stopped. */
export function runTask(deps: RunTaskDeps): TaskHandler<{ runId: string }> {
  return async (job) => {
    const rest = await fenced(deps, job, (session) => restOf(deps, session, job.payload.runId));
    if (rest) return rest;
    const run = await fenced(deps, job, (session) => startRun(session, job.payload.runId, deps.nodeId()));
    if (!run) return; // it was cancelled while it waited
    const entity = deps.entities.get(run.entity);
    if (!entity) throw new PermanentError('run.unknown_entity', `the config has no enabled entity "${run.entity}" any more`);
    const about = { run: run.id, entity: run.entity, connection: entity.connectionId };
    const log = deps.log.child({ ...about, mode: run.mode });
    log.info('run started', { attempt: job.attempt, resumed: run.position !== null });
    try {
      return await withLogContext(about, () => attempt(deps, job, run, entity, log));
    } catch (error) {
      return await afterFailure(deps, job, run, error, log);
    }
  };
}

/** A transaction about the run's state, that says nothing of its progress. A node that was cut off has no say in it any more: its heir does the run. */
function fenced<T>({ database }: RunTaskDeps, job: JobContext<{ runId: string }>, use: (session: SqlSession) => Promise<T>): Promise<T> {
  return database.transaction(async (session) => {
    await job.fence(asClient(session), { progress: false });
    return use(session);
  });
}

async function attempt(deps: RunTaskDeps, job: JobContext<{ runId: string }>, run: Run, entity: Entity, log: Logger): Promise<void | JobOutcome> {
  const outcome = await deps.withUsage(run, async (usage) => {
    const watch = watchWaiting(deps, run, entity);
    const care = await careFor(deps, job, run, entity);
    try {
      return await executeRun({
        run, entity, log, ...(care ? { care } : {}), usage, database: deps.database, clock: deps.clock, signal: job.signal, readAhead: deps.readAhead, sliceMs: deps.sliceMs, stopping: () => deps.stopping() || watch.rests(),
        fence: (session, progress = true) => job.fence(asClient(session), { progress }),
        onProgress: (counts) => deps.onProgress?.(run, counts),
        mostParts: deps.mostParts, requestParts: (session, ranges, isFirst) => deps.requestParts(session, run, ranges, isFirst),
        requestRun: (session, mode) => deps.requestRun(session, run.entity, mode), wakeMessages: (session) => deps.wakeMessages(session, run.entity),
      });
    } finally {
      await watch.stop();
    }
  });
  if (outcome.more) {
    const { until, waitsOn } = outcome.more === true ? { until: deps.clock.now(), waitsOn: 'its next turn' } : outcome.more;
    await fenced(deps, job, (session) => endRun(session, run.id, { status: 'waiting', waitsOn }));
    return postpone({ until, reason: outcome.more === true ? 'others have their turn' : waitsOn });
  }
  crashPoint('before-run-end');
  await finish(deps, job, run, outcome, log);
  crashPoint('after-run-end');
  return { runId: run.id };
}

/** How often a run looks whether its connections still rest. */
const restingMs = 15_000;

/** Puts a run off whose connection a person has paused. */
async function restOf(deps: RunTaskDeps, session: SqlSession, id: string): Promise<JobOutcome | undefined> {
  const run = await readRun(session, id);
  const entity = run && deps.entities.get(run.entity);
  const [pause] = entity ? await listPauses(session, connectionsOf(entity)) : [];
  if (!pause || run?.endedAt !== null) return undefined;
  const waitsOn = `${pause.pausedBy}, who paused the connection ${pause.connection}${pause.reason === '' ? '' : `: ${pause.reason}`}`;
  await endRun(session, id, { status: 'waiting', waitsOn });
  return postpone({ until: new Date(deps.clock.now().getTime() + restingMs), reason: waitsOn });
}

function connectionsOf({ connectionId, config }: Entity): string[] {
  return [connectionId, config.to.connection];
}

/** How the run is to go on where it lost a worker before; a first attempt asks nothing. */
async function careFor(deps: RunTaskDeps, job: JobContext<{ runId: string }>, run: Run, entity: Entity): Promise<Care | undefined> {
  if (run.attempts <= 1 && run.suspect === null) return undefined;
  const { jobId } = job;
  return fenced(deps, job, async (session) => {
    const losses = await lossesOf(session, jobId);
    const seen = run.suspect?.job?.id === jobId ? run.suspect.job.losses : 0;
    if (losses === 0 && run.suspect === null) return undefined;
    const care = new Care(run.suspect, losses > seen, run.pages, entity.config.batchSize);
    care.suspect.job = { id: jobId, losses };
    await noteSuspect(session, run.id, care.suspect);
    return care;
  });
}

async function finish(deps: RunTaskDeps, job: JobContext<{ runId: string }>, run: Run, outcome: RunOutcome, log: Logger): Promise<void> {
  await fenced(deps, job, async (session) => {
    await endRun(session, run.id, { status: 'succeeded', code: outcome.code, reason: outcome.reason });
    await resolveDeadJobs(session, runIdentity(run.entity, run.mode), `run ${run.id} succeeded`);
  });
  if (outcome.code) log.warn('run succeeded, but a person should look', { code: outcome.code, reason: outcome.reason });
  else log.info('run succeeded');
  deps.onProgress?.(run, {});
  if (run.partOf !== null) await deps.hurry(run.partOf);
  tellRunEnd(deps.events, run, { state: 'succeeded', reason: outcome.reason }, deps.clock.now());
}

/** Notes why the run does not go on now and lets the queue decide by the error's class: try again, wait, or give up (which `onExhausted` notes). */
async function afterFailure(deps: RunTaskDeps, job: JobContext<{ runId: string }>, run: Run, error: unknown, log: Logger): Promise<void> {
  if (error instanceof JobLostError) throw error;
  const now = await deps.database.transaction((session) => readRun(session, run.id));
  if (now?.status === 'cancelled') return;
  if (run.partOf !== null && isTdsError(error) && error.code === 'run.not_running') {
    // its whole has ended by a node that knows no parts
    await fenced(deps, job, (session) => endRun(session, run.id, { status: 'cancelled', code: 'run.cancelled', reason: 'the read that it was a part of has ended' }));
    return;
  }
  const { code, message, resumesAt } = describe(error, deps.redact);
  if (code === 'queue.stopping') log.info('run handed back: this node stops');
  else log.warn('run interrupted', { error });
  await fenced(deps, job, (session) => endRun(session, run.id, { status: 'waiting', code, reason: message, waitsOn: message, ...(resumesAt ? { resumesAt } : {}) }));
  throw error;
}

function describe(error: unknown, redact: (text: string) => string): { code: string; message: string; resumesAt: Date | undefined } {
  const { resumesAt } = error as { resumesAt?: unknown };
  return {
    code: isTdsError(error) ? error.code : 'run.threw', message: redact(error instanceof Error ? error.message : String(error)),
    resumesAt: resumesAt instanceof Date ? resumesAt : undefined,
  };
}

/** The queue's fence speaks pg; a session is all that it uses of it. */
function asClient(session: SqlSession): Parameters<JobContext['fence']>[0] {
  return { query: (text: string, values?: unknown[]) => session.query(text, values) } as unknown as Parameters<JobContext['fence']>[0];
}

/** Writes down what the run waits for, so that `tds runs` and the progress bar can say it; sees when a person pauses its connections. */
function watchWaiting(deps: RunTaskDeps, run: Run, entity: Entity): { rests(): boolean; stop(): Promise<void> } {
  let last: string | null = null;
  let rests = false;
  let looking: Promise<void> | undefined;
  const see = (now: string | null): Promise<void> => deps.database.transaction(async (session) => {
    rests = (await listPauses(session, connectionsOf(entity))).length > 0;
    if (now !== last) await noteWaiting(session, run.id, deps.nodeId(), now);
    last = now;
  });
  const look = (): void => {
    // what a run waits for is a courtesy: a database that is away just now is told by others
    looking ??= see(deps.waitsOn(entity.connectionId) ?? null).catch(() => undefined).finally(() => (looking = undefined));
  };
  const timer = setInterval(look, waitingEveryMs);
  timer.unref();
  return {
    rests: () => rests,
    async stop() {
      clearInterval(timer);
      await looking;
    },
  };
}

