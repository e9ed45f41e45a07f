/**
 * The composition root: the only place that knows everything. Starts in order, stops in reverse; `stop` is idempotent and
 * safe after a start that failed half-way.
 */
import 'reflect-metadata';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { container as root, instanceCachingFactory, type DependencyContainer } from 'tsyringe';
import { composeAlerts } from './compose-alerts.ts';
import { composeAccounts, composeConnection, composeConnector, connectionsAtWork, openRedis, type ConnectionParts } from './compose-connections.ts';
import { composeHealing } from './compose-healing.ts';
import { composeMonitor, startTracing } from './compose-monitor.ts';
import { composeOperations } from './compose-operations.ts';
import { asQueryable, composeQueue, enqueueBy, enqueueManyBy } from './compose-queue.ts';
import { composeSchedules, pollingFactors } from './compose-schedules.ts';
import { composeWebhooks, startWebhooks } from './compose-webhooks.ts';
import { loadSealer, lookBy, type Sealer, type SharedRedis } from './connection/index.ts';
import { buildEntities } from './entities.ts';
import type { CheckedConnection } from './host/index.ts';
import { systemClock, type TimerClock } from './monitor/clock.ts';
import { Events } from './monitor/events.ts';
import { createMetrics, type TdsMetrics } from './monitor/metrics/index.ts';
import type { Tracing } from './monitor/tracing.ts';
import type { Redactor } from './monitor/redact.ts';
import type { Operations } from './operations/operations.ts';
import type { Project } from './project.ts';
import { newNodeId, sessionName, type QueueTimings } from './queue/index.ts';
import { answerReloads } from './reload-nodes.ts';
import { createReloader, type LiveConfig } from './reload.ts';
import { nodeRoles, rolesOf, type NodeRole } from './roles.ts';
import type { DatabaseAccess, Logger, SqlSession } from './sdk/index.ts';
import { maintainAudit } from './store/audit.ts';
import { openDatabase, type OpenedDatabase } from './store/open-database.ts';
import { maintainPartitions } from './store/partitions.ts';
import { databaseAccess, readingOf } from './store/session.ts';
import type { Entity } from './pipeline/entity.ts';
import { tendCaches } from './tend-caches.ts';
import { StopOrder, type Stop } from './stop-order.ts';
import { leaveSilentConnections, watch } from './tend-queue.ts';
import { tokens } from './tokens.ts';
import { watchConfig } from './watch-files.ts';
import { hearingIn, type Webhooks } from './webhook/index.ts';

export { loadProject, projectRoot, type Project, type ProjectOptions } from './project.ts';
export { inspectTables } from './inspect-tables.ts';
export { version } from './version.ts';

export interface RuntimeOptions {
  /** `node` works; `client` only asks. */
  role: 'node' | 'client';
  /** Of a node. Default: what the config says. */
  roles?: readonly NodeRole[];
  log: Logger;
  /** Told of secrets that are got at run time. */
  redactor: Redactor;
  env: Readonly<Record<string, string | undefined>>;
  /** Where the embedded PostgreSQL and the key file lie. Default `TDS_DATA`, else `.tds`. */
  dataDirectory?: string;
  nodeId?: string;
  /** The clock of connections: of their minutes, days and tokens. Jobs go by the database's. Default: the machine's. */
  clock?: TimerClock;
  /** The process is this runtime's alone, and somebody starts it again: it is ended when its event loop hangs (`policies.watchdog`). */
  watchdog?: { pretty: boolean; journal?: boolean };
  /** For tests that can't wait: shorter times of the queue. */
  queueTimings?: Partial<QueueTimings>;
}

/** TDS at work. */
export interface Runtime {
  operations: Operations;
  /** What looks for gaps now and then, for who can't wait. */
  webhooks: Pick<Webhooks, 'look'>;
  /** Of a client: none. */
  roles: readonly NodeRole[];
  /** What happens in this process, as it happens. */
  events: Pick<Events, 'listen'>;
  nodeId: string;
  /** With its password: never printed. */
  databaseUrl: string;
  /** For people. */
  databaseLabel: string;
  embedded: boolean;
  database: DatabaseAccess;
  /** Lets running jobs end within `drainMs` (default 10,000), hands back the rest, closes everything within 2.5 s more. Never throws. `beside`: stopped at the same time. */
  stop(options?: { drainMs?: number; beside?: Stop }): Promise<void>;
}

const migrations = fileURLToPath(new URL('store/migrations', import.meta.url));
const drainMs = 10_000;
/** For handing back, and for all that is closed after the jobs have ended. */
const closingMs = 2_300;
/** Milliseconds after which a process is dead, as the queue has it. A connection is waited for twice as long; one that says nothing for half of it is given up, once another one has fallen silent. */
const deadMs = 5000;

/**
 * Opens a checked project. Throws StoreError when the database can't be had, and what a plugin throws when its connector
 * is made; everything that was opened until then is closed again.
 */
export async function openRuntime(project: Project, options: RuntimeOptions): Promise<Runtime> {
  const { config } = project;
  if (!config) throw new TypeError('a project with errors can not be opened; show its findings instead');
  const stops = new StopOrder(options.log);
  for (const secret of project.secrets.values) options.redactor.add(secret);
  try {
    const dataDirectory = dataDirectoryOf(options);
    const nodeId = options.nodeId ?? newNodeId();
    const roles = options.role === 'client' ? [] : options.roles ?? rolesOf(config.node.roles) ?? nodeRoles;
    const dead = options.queueTimings?.deadMs ?? deadMs;
    const opened = await openDatabase({ applicationName: sessionName(nodeId), connectTimeout: dead * 2, url: config.database.url, schema: config.database.schema, poolSize: config.database.poolSize + config.policies.sync.concurrency * 3, dataDirectory, migrations, log: options.log });
    stops.add(() => opened.close());
    options.redactor.add(opened.password);
    const sealer = await loadSealer({ secret: options.env['TDS_SECRET_KEY'], directory: dataDirectory });
    const live: LiveConfig = { current: config, secrets: project.secrets };
    const redis = await openRedis(options);
    if (redis) stops.add(() => redis.close());
    const metrics = createMetrics();
    const tracing = await startTracing(project, metrics, { ...options, nodeId });
    stops.add(() => tracing.stop());
    const services = compose(project, live, { ...options, nodeId, roles }, { opened, sealer, redis, metrics, tracing });
    const queue = services.resolve(tokens.queue);
    const watching = options.watchdog && config.policies.watchdog.enabled ? watch({ ...options.watchdog, afterMs: config.policies.watchdog.after, log: options.log }) : undefined;
    if (watching) stops.add(() => watching.stop());
    watching?.jobsOf(queue);
    await services.resolve(tokens.database).transaction((session) => maintain(session, config))
      .catch((error: unknown) => options.log.warn('what is older than it is to be kept could not be removed; the next start tries again', { error }));
    const connections = services.resolve(tokens.connections);
    stops.add(async () => Promise.all([...connections.values()].map((connection) => connection.close())));
    const connectors = services.resolve(tokens.connectors);
    stops.add(async () => Promise.all([...connectors.values()].map((connector) => connector.close?.())));
    services.resolve(tokens.entities);
    const [monitor, alerting, webhooks] = [services.resolve(tokens.monitor), services.resolve(tokens.alerting), services.resolve(tokens.webhooks)];
    stops.add(() => monitor.stop(), () => webhooks.stop());
    // All that is at work, at once: no queue takes a job any more while another one still ends its own.
    let drain = drainMs;
    const [healing, schedules] = [services.resolve(tokens.healing), services.resolve(tokens.schedules)];
    stops.add(() => queue.stop({ drainMs: drain }), () => alerting.stop(), () => healing.stop(), () => schedules.stop());
    leaveSilentConnections(queue, opened, dead / 2, options.log);
    await queue.start();
    if (options.role === 'node') {
      const workers = await startWebhooks(webhooks, { project, options: { ...options, roles }, opened, queue, events: services.resolve(tokens.events), silentMs: dead / 2, hearers: watching ? [watching, monitor] : [monitor] });
      if (workers) stops.beside(() => workers.stop({ drainMs: drain }));
      for (const part of roles.includes('scheduler') ? [monitor, alerting, healing] : [monitor, alerting]) part.start();
      if (roles.includes('scheduler') && options.env['TDS_SCHEDULES'] !== 'off') schedules.start();
      const reloader = services.resolve(tokens.reloader);
      stops.beside(watchConfig(reloader, options.log));
      stops.beside(tendCaches({ database: services.resolve(tokens.database), clock: systemClock, log: options.log, nodeId: () => queue.nodeId, connections: [...project.connections.keys()].flatMap((id) => (connectors.get(id)?.source ? connections.get(id) ?? [] : [])) }));
      stops.beside(answerReloads({ database: services.resolve(tokens.database), clock: systemClock, log: options.log, nodeId: () => queue.nodeId, reloader }));
    }
    let stopping: Promise<void> | undefined;
    return {
      operations: services.resolve(tokens.operations), webhooks, events: services.resolve(tokens.events), nodeId: queue.nodeId, roles, database: services.resolve(tokens.database),
      databaseUrl: opened.url, databaseLabel: opened.label, embedded: opened.embedded,
      stop(stopOptions) {
        if (stopping) return stopping;
        drain = stopOptions?.drainMs ?? drainMs;
        if (stopOptions?.beside) stops.beside(stopOptions.beside);
        return stopping = stops.stop(drain + closingMs);
      },
    };
  } catch (error) {
    await stops.stop(closingMs);
    throw error;
  }
}

function dataDirectoryOf({ dataDirectory, env }: RuntimeOptions): string {
  return path.resolve(dataDirectory ?? (env['TDS_DATA'] || '.tds'));
}

async function maintain(session: SqlSession, config: NonNullable<Project['config']>): Promise<void> {
  const keep = config.policies.retention;
  const now = systemClock.now();
  await maintainPartitions(session, now, keep, hearingIn(config));
  await maintainAudit(session, now, new Date(now.getTime() - keep.audit));
}

/** What was opened before anything is put together. */
interface Opened { opened: OpenedDatabase; sealer: Sealer; redis: SharedRedis | undefined; metrics: TdsMetrics; tracing: Tracing }

/** Registers everything under its token; nothing is made before it is asked for. */
function compose(project: Project, live: LiveConfig, options: RuntimeOptions & { roles: readonly NodeRole[] }, { opened, sealer, redis, metrics, tracing }: Opened): DependencyContainer {
  const { log } = options;
  const config = project.config as NonNullable<Project['config']>;
  const services = root.createChildContainer();
  services.registerInstance(tokens.log, log);
  services.registerInstance(tokens.events, new Events({ log, now: () => systemClock.now() }));
  services.registerInstance(tokens.metrics, metrics);
  services.registerInstance(tokens.tracing, tracing);
  services.registerInstance(tokens.pool, opened.pool);
  services.registerInstance(tokens.database, databaseAccess(opened.pool, opened.reads));
  services.register(tokens.connections, { useFactory: instanceCachingFactory((inner) => new Map([...containersOf(inner).entries()].map(([id, child]) => [id, child.resolve(tokens.connection)]))) });
  services.register(tokens.connectors, { useFactory: instanceCachingFactory((inner) => new Map([...containersOf(inner).entries()].map(([id, child]) => [id, child.resolve(tokens.connector)]))) });
  services.register(tokens.entities, { useFactory: instanceCachingFactory((inner) => buildEntities(config, inner.resolve(tokens.connectors), project.connections)) });
  services.register(tokens.queue, { useFactory: instanceCachingFactory((inner) => composeQueue({
    config, options, opened, log, events: inner.resolve(tokens.events), metrics: inner.resolve(tokens.metrics), tracing: inner.resolve(tokens.tracing), database: inner.resolve(tokens.database), entities: inner.resolve(tokens.entities), connections: inner.resolve(tokens.connections),
    notify: (job) => inner.resolve(tokens.alerting).handler(job), tick: (job) => inner.resolve(tokens.schedules).task(job), handOver: (session, job) => inner.resolve(tokens.webhooks).handOver(session, job), wakeMessages: (session, entity) => inner.resolve(tokens.webhooks).wake(session, entity),
  })) });
  services.register(tokens.healing, { useFactory: instanceCachingFactory((inner) => composeHealing({
    project, log, events: inner.resolve(tokens.events), redact: (text) => options.redactor.text(text), connectionClock: options.clock ?? systemClock, pool: opened.pool, database: inner.resolve(tokens.database), queue: inner.resolve(tokens.queue), enqueue: enqueueBy(inner.resolve(tokens.queue)),
    entities: inner.resolve(tokens.entities), connections: inner.resolve(tokens.connections), connectors: inner.resolve(tokens.connectors),
    retention: () => live.current.policies.retention, hearing: () => hearingIn(live.current), catchUp: (id) => inner.resolve(tokens.schedules).catchUp(id),
  })) });
  services.register(tokens.schedules, { useFactory: instanceCachingFactory((inner) => composeSchedules({
    config: () => live.current, log, redact: (text) => options.redactor.text(text), events: inner.resolve(tokens.events), database: inner.resolve(tokens.database), entities: inner.resolve(tokens.entities),
    enqueue: (session, jobs) => enqueueManyBy(inner.resolve(tokens.queue))(session, jobs), queue: () => inner.resolve(tokens.queue), healing: () => inner.resolve(tokens.healing), tellReport: (session, report) => inner.resolve(tokens.alerting).tellReport(session, report),
    factor: pollingFactors(inner.resolve(tokens.webhooks).operations, () => systemClock.now()),
  })) });
  services.register(tokens.reloader, { useFactory: instanceCachingFactory((inner) => createReloader({
    live, project, log, events: inner.resolve(tokens.events), entities: inner.resolve(tokens.entities) as Map<string, Entity>, connectors: inner.resolve(tokens.connectors),
    takeUp: () => {
      inner.resolve(tokens.webhooks).rehear();
      inner.resolve(tokens.schedules).reload();
    },
    onSecret: (secret) => options.redactor.add(secret),
  })) });
  services.register(tokens.webhooks, { useFactory: instanceCachingFactory((inner) => composeWebhooks({
    project, config: () => live.current, log, asQueryable, metrics: inner.resolve(tokens.metrics), connections: inner.resolve(tokens.connections), database: inner.resolve(tokens.database), events: inner.resolve(tokens.events), entities: inner.resolve(tokens.entities), connectors: inner.resolve(tokens.connectors), queue: inner.resolve(tokens.queue),
  })) });
  services.register(tokens.monitor, { useFactory: instanceCachingFactory((inner) => composeMonitor({
    project, log, metrics: inner.resolve(tokens.metrics), events: inner.resolve(tokens.events), queue: inner.resolve(tokens.queue), pool: opened.pool, database: inner.resolve(tokens.database), connectionClock: options.clock ?? systemClock,
    connections: inner.resolve(tokens.connections), connectors: inner.resolve(tokens.connectors), config: () => live.current, entities: inner.resolve(tokens.entities), dataDirectory: opened.embedded ? dataDirectoryOf(options) : undefined,
  })) });
  services.register(tokens.alerting, { useFactory: instanceCachingFactory((inner) => composeAlerts({
    project, log, events: inner.resolve(tokens.events), registry: inner.resolve(tokens.metrics).registry, pool: opened.alarm, database: databaseAccess(opened.alarm, opened.reads), redact: (text) => options.redactor.text(text),
    nodeId: () => inner.resolve(tokens.queue).nodeId, enqueue: enqueueBy(inner.resolve(tokens.queue)), onSecret: (secret) => options.redactor.add(secret),
  })) });
  services.register(tokens.operations, { useFactory: instanceCachingFactory((inner) => composeOperations({
    project, pool: opened.pool, live, log, env: options.env, redactor: options.redactor, entities: inner.resolve(tokens.entities), database: inner.resolve(tokens.database), queue: inner.resolve(tokens.queue), healing: inner.resolve(tokens.healing), alerting: inner.resolve(tokens.alerting), webhooks: inner.resolve(tokens.webhooks), schedules: inner.resolve(tokens.schedules), reloader: inner.resolve(tokens.reloader),
    metrics: inner.resolve(tokens.metrics).registry, events: inner.resolve(tokens.events), connections: connectionsAtWork(project, inner.resolve(tokens.connections), inner.resolve(tokens.connectors)),
  })) });

  const accounts = composeAccounts(project, { clock: options.clock ?? systemClock, log, pool: opened.pool, redis });
  const around = { project, log, redactor: options.redactor, clock: options.clock ?? systemClock, opened, looks: lookBy(readingOf(opened.reads)), sealer, accounts, redis };
  const containersOf = cached((parent: DependencyContainer) => new Map([...project.connections.values()].map((checked) => [checked.id, connectionContainer(parent, checked, around)])));
  return services;
}

/** One child container per connection: its connection layer and its connector. */
function connectionContainer(parent: DependencyContainer, checked: CheckedConnection, around: Omit<ConnectionParts, 'events' | 'metrics'>): DependencyContainer {
  const child = parent.createChildContainer();
  child.register(tokens.connection, { useFactory: instanceCachingFactory(() => composeConnection(checked, { ...around, events: parent.resolve(tokens.events), metrics: parent.resolve(tokens.metrics) })) });
  child.register(tokens.connector, { useFactory: instanceCachingFactory((inner) => composeConnector(checked, inner.resolve(tokens.connection), { ...around, database: inner.resolve(tokens.database) })) });
  return child;
}

function cached<A, B>(make: (value: A) => B): (value: A) => B {
  let made: { value: B } | undefined;
  return (value) => (made ??= { value: make(value) }).value;
}
