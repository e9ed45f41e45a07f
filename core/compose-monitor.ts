/** Feeds the metrics from what is at work, for `main.ts`. */
import { nextDayIn, type Connection } from './connection/index.ts';
import { systemClock } from './monitor/clock.ts';
import type { Events } from './monitor/events.ts';
import type { ConnectionFigures, DataFigures, TdsMetrics } from './monitor/metrics/index.ts';
import type { Redactor } from './monitor/redact.ts';
import { RemoteWrite } from './monitor/remote-write.ts';
import { noTracing, openTracing, type Tracing } from './monitor/tracing.ts';
import type { Config } from './config/index.ts';
import type { Project } from './project.ts';
import type { Queue, QueueEvents } from './queue/index.ts';
import type { Clock, Connector, Logger } from './sdk/index.ts';
import { overdueBy, type Overdue } from './schedule/index.ts';
import { readFigures, type Figures } from './store/figures.ts';
import type { Pool } from './store/pool.ts';
import type { Database } from './store/session.ts';
import { version } from './version.ts';

export interface MonitorParts {
  project: Project; metrics: TdsMetrics; events: Events; queue: Queue; pool: Pool; database: Database; log: Logger; connectionClock: Clock;
  connections: ReadonlyMap<string, Connection>; connectors: ReadonlyMap<string, Connector>;
  /** Where the embedded PostgreSQL lies; undefined with any other one. */
  dataDirectory: string | undefined;
  /** The config that is in force. */
  config: () => Config;
  /** The entities that are at work; a reload changes them. */
  entities: ReadonlyMap<string, unknown>;
}

/** The metrics of one process at work. */
export interface Monitor {
  /** Hears what a further queue of this process says: each has a sweep of its own, and any of them may find out that a job or a node was lost. */
  jobsOf(queue: Pick<Queue, 'on'>): void;
  /** Pushes from now on, where the config names a receiver. */
  start(): void;
  /** Idempotent, and safe before `start`. */
  stop(): Promise<void>;
}

/** Figures of the database are not read more often than this, in ms, however many scrape; up to the second age they are told while they are read anew. */
const [freshMs, oldMs] = [5_000, 7_500];

/** Wires sources to metrics; with `metrics.enabled: false` nothing is wired. */
export function composeMonitor(parts: MonitorParts): Monitor {
  const { project, metrics, log } = parts;
  const config = project.config as NonNullable<Project['config']>;
  const { enabled, remoteWrite } = config.metrics;
  const onLost = tellLost(parts);
  const jobsOf = (queue: Pick<Queue, 'on'>): void => void enders.push(queue.on('node.died', onLost), ...(enabled ? listenTo(queue, metrics) : []));
  const enders: (() => void)[] = [];
  jobsOf(parts.queue);
  const stop = (): void => enders.splice(0).forEach((end) => end());
  if (!enabled) return { jobsOf, start() {}, stop: async () => stop() };
  enders.push(listen(parts), metrics.process.watch({ version, nodeId: () => parts.queue.nodeId, pool: parts.pool, directory: parts.dataDirectory }));
  metrics.registry.onError = (error) => log.debug('some metrics could not be read', { error });
  metrics.registry.onCollect(() => metrics.connections.atScrape(connectionFigures(parts)));
  metrics.registry.onCollect(() => metrics.webhooks.atScrape(systemClock.now()));
  metrics.registry.onCollect(databaseCollector(parts));
  const push = remoteWrite.url === '' ? undefined : new RemoteWrite({ options: remoteWrite, registry: metrics.registry, metrics: metrics.writes, clock: systemClock, log });
  return {
    jobsOf,
    start: () => push?.start(),
    async stop() {
      stop();
      await push?.stop();
    },
  };
}

/** The tracing of runs, where the config names a receiver. Only a node has runs. */
export async function startTracing({ config }: Project, { traces }: TdsMetrics, { role, log, redactor, nodeId }: { role: 'node' | 'client'; log: Logger; redactor: Pick<Redactor, 'text'>; nodeId: string }): Promise<Tracing> {
  if (role !== 'node' || !config) return noTracing;
  return openTracing({ options: config.tracing, metrics: traces, clock: systemClock, log, redact: (text) => redactor.text(text), version, nodeId });
}

/** Dead nodes that are remembered as told. */
const mostTold = 100;

/** Says once that a node died, however many queues it had. A command that was killed while it asked for something is no node. */
function tellLost({ queue, events, metrics, project }: MonitorParts): (died: QueueEvents['node.died']) => void {
  const told = new Set<string>();
  return ({ nodeId, concurrency }) => {
    if (concurrency === 0 || nodeId === queue.nodeId || told.has(nodeId)) return;
    told.add(nodeId);
    if (told.size > mostTold) told.delete(told.values().next().value as string);
    events.emit('node.lost', { node: nodeId });
    if (project.config?.metrics.enabled) metrics.jobs.nodeLost();
  };
}

/** What happens, from whoever says it. */
function listen({ metrics, events }: MonitorParts): () => void {
  return events.listen((event) => {
    metrics.events.happened(event.name);
    if (event.name === 'schedule.ended') metrics.schedules.ended(event.detail);
    if (event.name === 'run.finished') metrics.runs.ended({ ...event.detail, seconds: event.detail.seconds });
  });
}

function listenTo(queue: Pick<Queue, 'on'>, metrics: TdsMetrics): (() => void)[] {
  return [queue.on('job.ended', (job) => metrics.jobs.ended(job)), queue.on('job.lost', () => metrics.jobs.lost()), queue.on('node.fenced', () => metrics.jobs.fenced())];
}

/** Connections that call a remote; those of the own database have neither breaker nor quota. */
function remotes({ connections, connectors }: Pick<MonitorParts, 'connections' | 'connectors'>): Connection[] {
  return [...connections.values()].filter(({ id }) => connectors.get(id)?.source);
}

function connectionFigures({ connections, connectors, connectionClock }: MonitorParts): ConnectionFigures[] {
  return remotes({ connections, connectors }).map((connection) => {
    const { waiting, inFlight, quota, cache } = connection.status();
    const ends = nextDayIn(quota.zone, connectionClock.now()).getTime();
    const elapsed = 1 - (ends - connectionClock.now().getTime()) / 86_400_000;
    return { id: connection.id, waiting, inFlight, cache, quota: quota.limit === undefined ? undefined : { used: quota.used, limit: quota.limit, elapsed } };
  });
}

/**
 * Asks the database, at most once in some seconds, and one question at a time whoever scrapes: it looks, so it waits for none who works, and takes
 * one of the looks' connections. Who scrapes often is answered by what is known while it is asked anew. While the database is away its figures are gone
 * rather than old.
 */
function databaseCollector(parts: MonitorParts): () => Promise<void> {
  const { metrics, database, queue, entities, log } = parts;
  const overdue = overdueBy(parts.config);
  let readAt = -Infinity;
  let reading: Promise<void> | undefined;
  const read = async (): Promise<void> => {
    const begin = performance.now();
    let figures: Figures | undefined;
    let tasks: Awaited<ReturnType<Queue['stats']>> | undefined;
    try {
      figures = await readFigures(database.reads, [...entities.keys()]);
      tasks = await queue.stats();
      readAt = begin;
    } finally {
      metrics.data.atScrape(figures && asMetrics(figures, remotes(parts), overdue));
      metrics.webhooks.inInbox(figures?.inbox, figures?.untaken);
      metrics.schedules.atScrape(figures?.schedules);
      metrics.jobs.onQueue(tasks);
    }
  };
  return async () => {
    const age = performance.now() - readAt;
    if (age < freshMs) return;
    reading ??= read().finally(() => (reading = undefined));
    if (age > oldMs) await reading;
    else reading.catch((error: unknown) => log.debug('some metrics could not be read', { error }));
  };
}

/** What the database says, seen by the config: which connections it is about, and what is too old. */
export function asMetrics(figures: Figures, connections: readonly Pick<Connection, 'id' | 'signInName'>[], overdue: Overdue): DataFigures {
  const breakers = new Map(figures.breakers.map(({ connection, probing }) => [connection, probing ? 'half-open' as const : 'open' as const]));
  const denied = new Set(figures.tokens.filter((token) => token.denied).map(({ account }) => account));
  return {
    ...figures,
    connections: connections.map(({ id, signInName }) => ({ connection: id, breaker: breakers.get(id) ?? 'closed', denied: denied.has(signInName) })),
    entities: figures.entities.map((one) => ({ ...one, overdueSeconds: one.ageSeconds === null ? null : overdue(one.entity, { startedAt: new Date(figures.at.getTime() - one.ageSeconds * 1000), lastSeconds: one.lastSeconds }, figures.at) })),
  };
}
