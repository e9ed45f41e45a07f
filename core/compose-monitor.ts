/** Feeds the metrics from what is at work, for `main.ts`. */
import { nextDayIn, type Connection } from './connection/index.ts';
import { systemClock } from './monitor/clock.ts';
import type { Events } from './monitor/events.ts';
import type { ConnectionFigures, TdsMetrics } from './monitor/metrics/index.ts';
import { RemoteWrite } from './monitor/remote-write.ts';
import type { Project } from './project.ts';
import type { Queue } from './queue/index.ts';
import type { Clock, Connector, DatabaseAccess, Logger } from './sdk/index.ts';
import { readFigures, type Figures } from './store/figures.ts';
import type { Pool } from './store/pool.ts';
import { version } from './version.ts';

export interface MonitorParts {
  project: Project; metrics: TdsMetrics; events: Events; queue: Queue; pool: Pool; database: DatabaseAccess; log: Logger; connectionClock: Clock;
  connections: ReadonlyMap<string, Connection>; connectors: ReadonlyMap<string, Connector>;
  /** Where the embedded PostgreSQL lies; undefined with any other one. */
  dataDirectory: string | undefined;
  /** The entities that are switched on. */
  entities: readonly string[];
}

/** The metrics of one process at work. */
export interface Monitor {
  /** Pushes from now on, where the config names a receiver. */
  start(): void;
  /** Idempotent, and safe before `start`. */
  stop(): Promise<void>;
}

/** Figures of the database are not read more often than this, in ms, however many scrape. */
const freshMs = 5_000;

/** Wires sources to metrics; with `metrics.enabled: false` nothing is wired. */
export function composeMonitor(parts: MonitorParts): Monitor {
  const { project, metrics, log } = parts;
  const config = project.config as NonNullable<Project['config']>;
  const { enabled, remoteWrite } = config.metrics;
  // a command that was killed while it asked for something is no node
  parts.queue.on('node.died', ({ nodeId, concurrency }) => void (concurrency > 0 && nodeId !== parts.queue.nodeId && parts.events.emit('node.lost', { node: nodeId })));
  if (!enabled) return { start() {}, stop: async () => {} };
  const enders = [listen(parts), metrics.process.watch({ version, nodeId: () => parts.queue.nodeId, pool: parts.pool, directory: parts.dataDirectory })];
  metrics.registry.onError = (error) => log.debug('some metrics could not be read', { error });
  metrics.registry.onCollect(() => metrics.connections.atScrape(connectionFigures(parts)));
  metrics.registry.onCollect(databaseCollector(parts));
  const push = remoteWrite.url === '' ? undefined : new RemoteWrite({ options: remoteWrite, registry: metrics.registry, metrics: metrics.writes, clock: systemClock, log });
  return {
    start: () => push?.start(),
    async stop() {
      for (const end of enders.splice(0)) end();
      await push?.stop();
    },
  };
}

/** What happens, from those who say it. */
function listen({ metrics, events, queue }: MonitorParts): () => void {
  const offs = [
    events.listen((event) => {
      metrics.events.happened(event.name);
      if (event.name === 'schedule.ended') metrics.schedules.ended(event.detail);
      if (event.name === 'run.finished') metrics.runs.ended({ ...event.detail, seconds: event.detail.seconds });
    }),
    queue.on('job.ended', (job) => metrics.jobs.ended(job)),
    queue.on('job.lost', () => metrics.jobs.lost()),
    queue.on('node.fenced', () => metrics.jobs.fenced()),
    queue.on('node.died', () => metrics.jobs.nodeLost()),
  ];
  return () => offs.forEach((off) => off());
}

/** Connections that call a remote; those of the own database have neither breaker nor quota. */
function connectionFigures({ connections, connectors, connectionClock }: MonitorParts): ConnectionFigures[] {
  return [...connections.values()].filter(({ id }) => connectors.get(id)?.source).map((connection) => {
    const { breaker, waiting, inFlight, quota, cache } = connection.status();
    const ends = nextDayIn(quota.zone, connectionClock.now()).getTime();
    const elapsed = 1 - (ends - connectionClock.now().getTime()) / 86_400_000;
    return { id: connection.id, breaker: breaker.state, waiting, inFlight, cache, quota: quota.limit === undefined ? undefined : { used: quota.used, limit: quota.limit, elapsed } };
  });
}

/** Asks the database, at most once in some seconds. While it is away its figures are gone rather than old. */
function databaseCollector({ metrics, database, queue, entities }: MonitorParts): () => Promise<void> {
  let readAt = -Infinity;
  return async () => {
    if (performance.now() - readAt < freshMs) return;
    let figures: Figures | undefined;
    let tasks: Awaited<ReturnType<Queue['stats']>> | undefined;
    try {
      figures = await database.transaction((session) => readFigures(session, entities));
      tasks = await queue.stats();
      readAt = performance.now();
    } finally {
      metrics.data.atScrape(figures);
      metrics.schedules.atScrape(figures?.schedules);
      metrics.jobs.onQueue(tasks);
    }
  };
}
