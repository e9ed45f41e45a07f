import type { Config } from './config/index.ts';
import { countCalls, withCallContext, type CallPurpose, type Connection } from './connection/index.ts';
import { notifyTask } from './compose-alerts.ts';
import { systemClock } from './monitor/clock.ts';
import type { Events } from './monitor/events.ts';
import type { TdsMetrics } from './monitor/metrics/index.ts';
import type { SpanFacts } from './monitor/trace.ts';
import type { Tracing } from './monitor/tracing.ts';
import { onExhausted, type ExhaustedDeps } from './operations/exhausted.ts';
import { partTaskName, requestParts, requestRun, runTaskName, type Enqueue, type EnqueueMany } from './operations/request-run.ts';
import { runTask } from './operations/run-task.ts';
import type { Entity } from './pipeline/entity.ts';
import { createQueue, type NodeInfo, type Queue, type QueueTimings, type TaskHandler } from './queue/index.ts';
import type { NodeRole } from './roles.ts';
import { tickTaskName } from './schedule/index.ts';
import type { DatabaseAccess, Logger, SqlSession } from './sdk/index.ts';
import type { OpenedDatabase } from './store/open-database.ts';
import { readRun, type Run, type RunMode } from './store/runs.ts';
import { version } from './version.ts';

/** Milliseconds after which a run of details gives way to others. */
const detailSliceMs = 30_000;
/** Into so many parts a read is divided at most, where the config says nothing. */
const mostParts = 8;
/** A run that kills its process so often without saving anything in between is given up, unless a record is found to blame. */
const mostLosses = 3;

/** What the queue is made of. */
export interface QueueParts {
  config: Config; opened: OpenedDatabase; database: DatabaseAccess; log: Logger; events: Events; metrics: TdsMetrics; tracing: Tracing;
  entities: ReadonlyMap<string, Entity>; connections: ReadonlyMap<string, Connection>;
  /** Delivers messages to people. */
  notify: TaskHandler;
  /** Does what a schedule asks for and is no sync. */
  tick: TaskHandler;
  handOver: NonNullable<ExhaustedDeps['handOver']>;
  /** Has messages of an entity applied that wait. */
  wakeMessages: (session: SqlSession, entity: string) => Promise<void>;
  options: { role: 'node' | 'client'; roles: readonly NodeRole[]; redactor: { text: (text: string) => string }; nodeId?: string; queueTimings?: Partial<QueueTimings> };
}

/** Puts the queue and its tasks together for `main.ts`. */
export function composeQueue({ config, opened, database, log, events, metrics, tracing, entities, connections, notify, tick, handOver, wakeMessages, options }: QueueParts): Queue {
  const redact = (text: string): string => options.redactor.text(text);
  let queue: Queue | undefined = undefined as Queue | undefined; // tasks need the queue that is made of them
  const enqueue: Enqueue = (session, job) => enqueueBy(queue as Queue)(session, job);
  const run = runTask({
    database, log, clock: systemClock, entities, redact, readAhead: config.policies.sync.readAhead, sliceMs: detailSliceMs, stopping: () => queue?.health().state === 'stopping',
    events, ...(config.metrics.enabled ? { onProgress: (current, counts) => metrics.runs.saved(current.entity, counts) } : {}),
    nodeId: () => queue?.nodeId ?? '', waitsOn: (id) => connections.get(id)?.waitsOn(),
    withUsage: (current, work) => tracing.run(factsOf(current, entities.get(current.entity)), () => withCallContext({ entity: current.entity, purpose: purposeOf(current.mode), runId: current.id }, () => work(countCalls))),
    requestRun: async (session, entity, mode) => void await requestRun(session, enqueue, { entity, mode, trigger: 'run' }), wakeMessages,
    mostParts: async () => partsFor(await (queue as Queue).nodes(), config.policies.sync.parts),
    requestParts: (session, whole, ranges, isFirst) => requestParts(session, enqueueManyBy(queue as Queue), whole, ranges, isFirst),
    hurry: async (id) => {
      const jobId = (await database.transaction((session) => readRun(session, id)))?.jobId;
      if (jobId) await queue?.hurry(jobId);
    },
  });
  queue = createQueue({
    url: opened.url, reads: opened.reads, schema: config.database.schema, version, clock: systemClock, log, redact, onExhausted: onExhausted({ enqueue, redact, events, handOver }),
    concurrency: options.roles.includes('worker') ? config.policies.sync.concurrency : 0, ...(options.role === 'node' ? { roles: options.roles } : {}), maxLosses: mostLosses, tasks: { [runTaskName]: run as TaskHandler, [partTaskName]: run as TaskHandler, [notifyTask]: notify, [tickTaskName]: tick },
    ...(options.nodeId === undefined ? {} : { nodeId: options.nodeId }), ...(options.queueTimings ? { timings: options.queueTimings } : {}),
  });
  return queue;
}

/** Into how many parts a read may be divided: what the config says, else as many as nodes work. Into none while one of another version is there, which may know no parts. */
function partsFor(nodes: readonly NodeInfo[], wanted: number | undefined): number {
  const workers = nodes.filter(({ concurrency }) => concurrency > 0);
  if (workers.some((worker) => worker.version !== version)) return 1;
  return wanted ?? Math.min(mostParts, new Set(workers.map(({ nodeId }) => nodeId)).size);
}

/** Adds jobs in the caller's transaction. */
export function enqueueBy(queue: Queue): Enqueue {
  return (session, job) => queue.enqueue(asQueryable(session), job);
}

/** Adds many at once, likewise. */
export function enqueueManyBy(queue: Queue): EnqueueMany {
  return (session, jobs) => queue.enqueueMany(asQueryable(session), jobs);
}

/** The queue speaks pg; of it, it uses the query alone. */
export function asQueryable(session: SqlSession): Parameters<Queue['enqueue']>[0] {
  return { query: (text: string, values?: unknown[]) => session.query(text, values) } as unknown as Parameters<Queue['enqueue']>[0];
}

/** What the trace of a run tells of it. */
function factsOf({ id, entity, mode, trigger, attempts }: Run, known: Entity | undefined): SpanFacts {
  return { 'tds.run': id, 'tds.entity': entity, 'tds.mode': mode, 'tds.trigger': trigger, 'tds.attempt': attempts, 'tds.connection': known?.connectionId, 'tds.stream': known?.stream.name };
}

function purposeOf(mode: RunMode): CallPurpose {
  return mode === 'replay' || mode === 'retry' ? 'other' : mode === 'part' ? 'full' : mode;
}
