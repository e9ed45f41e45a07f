/**
 * The composition root: the only place that knows everything. Starts in order, stops in reverse; `stop` is idempotent and
 * safe after a start that failed half-way.
 */
import 'reflect-metadata';
import { createHash } from 'node:crypto';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { container as root, instanceCachingFactory, type DependencyContainer } from 'tsyringe';
import { Accounts, connectionSettings, countCalls, createConnection, hostsOf, loadSealer, redisAccess, sharedRedis, withCallContext, type CallPurpose, type Connection, type Sealer, type SharedRedis } from './connection/index.ts';
import { composeHealing } from './compose-healing.ts';
import { composeWebhooks, webhookQueue } from './compose-webhooks.ts';
import { buildEntities } from './entities.ts';
import { createConnector, type CheckedConnection } from './host/index.ts';
import { systemClock, type TimerClock } from './monitor/clock.ts';
import { Events } from './monitor/events.ts';
import type { Redactor } from './monitor/redact.ts';
import { startWatchdog } from './monitor/watchdog.ts';
import type { ConnectionAtWork } from './operations/check.ts';
import { createOperations } from './operations/create-operations.ts';
import { onExhausted } from './operations/exhausted.ts';
import type { Operations } from './operations/operations.ts';
import { requestRun, runTaskName, type Enqueue } from './operations/request-run.ts';
import { runTask } from './operations/run-task.ts';
import { loadProject, type Project } from './project.ts';
import { createQueue, newNodeId, sessionName, type Queue, type QueueTimings, type TaskHandler } from './queue/index.ts';
import type { Connector, DatabaseAccess, JsonObject, Logger, SqlSession } from './sdk/index.ts';
import { openDatabase, type OpenedDatabase } from './store/open-database.ts';
import { breakSilent } from './store/pool.ts';
import { maintainAudit } from './store/audit.ts';
import { maintainPartitions } from './store/partitions.ts';
import type { RunMode } from './store/runs.ts';
import { databaseAccess } from './store/session.ts';
import { tokens } from './tokens.ts';
import { version } from './version.ts';
import type { Webhooks } from './webhook/index.ts';

export { loadProject, projectRoot, type Project, type ProjectOptions } from './project.ts';
export { inspectTables } from './inspect-tables.ts';
export { version } from './version.ts';

export interface RuntimeOptions {
  /** `node` works on the queue; `client` only asks. */
  role: 'node' | 'client';
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
  watchdog?: { pretty: boolean };
  /** For tests that can't wait: shorter times of the queue. */
  queueTimings?: Partial<QueueTimings>;
}

/** TDS at work. */
export interface Runtime {
  operations: Operations;
  /** What looks for gaps now and then, for who can't wait. */
  webhooks: Pick<Webhooks, 'look'>;
  /** What happens in this process, as it happens. */
  events: Pick<Events, 'listen'>;
  nodeId: string;
  /** With its password: never printed. */
  databaseUrl: string;
  /** For people. */
  databaseLabel: string;
  embedded: boolean;
  database: DatabaseAccess;
  /** Lets running jobs end within `drainMs` (default 10,000), hands back the rest, closes everything. Never throws. */
  stop(options?: { drainMs?: number }): Promise<void>;
}

const migrations = fileURLToPath(new URL('store/migrations', import.meta.url));
/** Milliseconds after which a run of details gives way to others. */
const detailSliceMs = 30_000;
const drainMs = 10_000;
/** Milliseconds after which a process is dead, as the queue has it. A connection is waited for twice as long; one that says nothing for half of it is given up, once another one has fallen silent. */
const deadMs = 5000;
/** A run that kills its process so often without saving anything in between is given up, unless a record is found to blame. */
const mostLosses = 3;

/**
 * Opens a checked project. Throws StoreError when the database can't be had, and what a plugin throws when its connector
 * is made; everything that was opened until then is closed again.
 */
export async function openRuntime(project: Project, options: RuntimeOptions): Promise<Runtime> {
  const { config } = project;
  if (!config) throw new TypeError('a project with errors can not be opened; show its findings instead');
  const closers: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).toReversed()) await closer().catch((error: unknown) => options.log.warn('something did not stop cleanly', { error }));
  };
  for (const secret of project.secrets.values) options.redactor.add(secret);
  try {
    const dataDirectory = path.resolve(options.dataDirectory ?? (options.env['TDS_DATA'] || '.tds'));
    const nodeId = options.nodeId ?? newNodeId();
    const dead = options.queueTimings?.deadMs ?? deadMs;
    const opened = await openDatabase({ applicationName: sessionName(nodeId), connectTimeout: dead * 2, url: config.database.url, schema: config.database.schema, poolSize: config.database.poolSize + config.policies.sync.concurrency * 3, dataDirectory, migrations, log: options.log });
    closers.push(() => opened.close());
    options.redactor.add(opened.password);
    const sealer = await loadSealer({ secret: options.env['TDS_SECRET_KEY'], directory: dataDirectory });
    const redis = openRedis(options);
    if (redis) closers.push(() => redis.close());
    const services = compose(project, { ...options, nodeId }, opened, sealer, redis);
    const queue = services.resolve(tokens.queue);
    if (options.watchdog && config.policies.watchdog.enabled) closers.push(watch(queue, { ...options.watchdog, afterMs: config.policies.watchdog.after, log: options.log }));
    await services.resolve(tokens.database).transaction((session) => maintain(session, config.policies.retention))
      .catch((error: unknown) => options.log.warn('what is older than it is to be kept could not be removed; the next start tries again', { error }));
    const connections = services.resolve(tokens.connections);
    closers.push(async () => Promise.all([...connections.values()].map((connection) => connection.close())));
    const connectors = services.resolve(tokens.connectors);
    closers.push(async () => Promise.all([...connectors.values()].map((connector) => connector.close?.())));
    services.resolve(tokens.entities);
    let drain = drainMs;
    closers.push(() => queue.stop({ drainMs: drain }));
    leaveSilentConnections(queue, opened, dead / 2, options.log);
    await queue.start();
    if (options.role === 'node') closers.push(...await startWebhooks(services, project, options, opened, queue, () => drain));
    const healing = services.resolve(tokens.healing);
    closers.push(() => healing.stop());
    if (options.role === 'node') healing.start();
    let stopping: Promise<void> | undefined;
    return {
      operations: services.resolve(tokens.operations), webhooks: services.resolve(tokens.webhooks), events: services.resolve(tokens.events), nodeId: queue.nodeId, database: services.resolve(tokens.database),
      databaseUrl: opened.url, databaseLabel: opened.label, embedded: opened.embedded,
      stop(stopOptions) {
        drain = stopOptions?.drainMs ?? drainMs;
        return stopping ??= close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Starts the workers of messages, where any entity takes some. Answers how to stop them. */
async function startWebhooks(services: DependencyContainer, project: Project, { log, redactor, queueTimings }: RuntimeOptions, opened: OpenedDatabase, queue: Queue, drain: () => number): Promise<(() => Promise<void>)[]> {
  const webhooks = services.resolve(tokens.webhooks);
  if (webhooks.operations.urls('').length === 0) return [];
  const redact = (text: string): string => redactor.text(text);
  const workers = webhookQueue(webhooks, { project, url: opened.url, nodeId: queue.nodeId, log, redact, onExhausted: onExhausted({ enqueue: enqueueBy(queue), redact, handOver: (session, job) => webhooks.handOver(session, job) }), timings: queueTimings });
  leaveSilentConnections(workers, opened, (queueTimings?.deadMs ?? deadMs) / 2, log);
  await workers.start();
  await webhooks.start();
  return [() => workers.stop({ drainMs: drain() }), () => webhooks.stop()];
}

async function maintain(session: SqlSession, keep: NonNullable<Project['config']>['policies']['retention']): Promise<void> {
  const now = systemClock.now();
  await maintainPartitions(session, now, keep);
  await maintainAudit(session, now, new Date(now.getTime() - keep.audit));
}

/** What nodes share besides the database; undefined where no Redis is configured. */
function openRedis({ env, log, redactor }: RuntimeOptions): SharedRedis | undefined {
  const url = env['REDIS_URL'];
  if (!url) return undefined;
  redactor.add(url);
  for (const secret of [URL.parse(url)?.password ?? '', decodeURIComponent(URL.parse(url)?.password ?? '')]) redactor.add(secret);
  return sharedRedis(url, log);
}

/** Watches the event loop. Answers what ends that. */
function watch(queue: Queue, options: Parameters<typeof startWatchdog>[0]): () => Promise<void> {
  const watchdog = startWatchdog(options);
  queue.on('job.started', ({ jobId: id, task, runId }) => watchdog.started({ id, task, ...(runId === undefined ? {} : { runId }) }));
  queue.on('job.ended', ({ jobId }) => watchdog.ended(jobId));
  return () => watchdog.stop();
}

/** The heartbeat notices within seconds that the net has swallowed a connection; the others would be waited for as long as a statement may last. */
function leaveSilentConnections(queue: Queue, { pool }: OpenedDatabase, silentMs: number, log: Logger): void {
  const leave = (afterMs: number): void => void breakSilent(pool, afterMs).then((connections) => connections > 0 && log.info('connections that had fallen silent were broken', { connections }));
  queue.on('database.back', () => leave(silentMs));
  queue.on('node.fenced', () => leave(0)); // all that they were at is lost already
}

/** Registers everything under its token; nothing is made before it is asked for. */
function compose(project: Project, options: RuntimeOptions, opened: OpenedDatabase, sealer: Sealer, redis: SharedRedis | undefined): DependencyContainer {
  const { log } = options;
  const config = project.config as NonNullable<Project['config']>;
  const services = root.createChildContainer();
  services.registerInstance(tokens.log, log);
  services.registerInstance(tokens.events, new Events({ log, now: () => systemClock.now() }));
  services.registerInstance(tokens.pool, opened.pool);
  services.registerInstance(tokens.database, databaseAccess(opened.pool));
  services.register(tokens.connections, { useFactory: instanceCachingFactory((inner) => new Map([...containersOf(inner).entries()].map(([id, child]) => [id, child.resolve(tokens.connection)]))) });
  services.register(tokens.connectors, { useFactory: instanceCachingFactory((inner) => new Map([...containersOf(inner).entries()].map(([id, child]) => [id, child.resolve(tokens.connector)]))) });
  services.register(tokens.entities, { useFactory: instanceCachingFactory((inner) => buildEntities(config, inner.resolve(tokens.connectors))) });
  services.register(tokens.queue, { useFactory: instanceCachingFactory((inner) => makeQueue(inner, config, options, opened)) });
  services.register(tokens.healing, { useFactory: instanceCachingFactory((inner) => composeHealing({
    project, log, redact: (text) => options.redactor.text(text), connectionClock: options.clock ?? systemClock, pool: opened.pool, database: inner.resolve(tokens.database), queue: inner.resolve(tokens.queue), enqueue: enqueueBy(inner.resolve(tokens.queue)),
    entities: inner.resolve(tokens.entities), connections: inner.resolve(tokens.connections), connectors: inner.resolve(tokens.connectors),
  })) });
  services.register(tokens.webhooks, { useFactory: instanceCachingFactory((inner) => composeWebhooks({
    project, log, asQueryable, connections: inner.resolve(tokens.connections), database: inner.resolve(tokens.database), events: inner.resolve(tokens.events), entities: inner.resolve(tokens.entities), connectors: inner.resolve(tokens.connectors), queue: inner.resolve(tokens.queue),
  })) });
  services.register(tokens.operations, { useFactory: instanceCachingFactory((inner) => createOperations({
    config, version, plugins: project.plugins, entities: inner.resolve(tokens.entities), database: inner.resolve(tokens.database), queue: inner.resolve(tokens.queue),
    enqueue: enqueueBy(inner.resolve(tokens.queue)), redact: (text) => options.redactor.text(text), redactValue: (value) => options.redactor.value(value), isSecret: (path) => project.secrets.has(path), file: project.file,
    validate: async () => (await loadProject({ file: project.file, env: options.env, cwd: process.cwd(), log })).findings, forPerson: (entity, work) => withCallContext({ entity, purpose: 'person' }, work), connections: connectionsAtWork(project, inner), healing: inner.resolve(tokens.healing).operations, webhooks: inner.resolve(tokens.webhooks).operations,
  })) });

  const accounts = new Accounts([...project.connections.values()].map(({ id, loaded, settings }) => (
    { account: accountOf(loaded, settings, id), limits: connectionSettings(config.connections[id], loaded.plugin.defaults).limits })), { clock: options.clock ?? systemClock, log, pool: opened.pool, redis: redis && redisAccess(redis) });
  const containersOf = cached((parent: DependencyContainer) => new Map([...project.connections.values()].map((checked) => [checked.id, connectionContainer(parent, checked, { project, options, opened, sealer, accounts, redis })])));
  return services;
}

/** One child container per connection: its connection layer and its connector. */
function connectionContainer(parent: DependencyContainer, checked: CheckedConnection, around: { project: Project; options: RuntimeOptions; opened: OpenedDatabase; sealer: Sealer; accounts: Accounts; redis: SharedRedis | undefined }): DependencyContainer {
  const { id, loaded, settings } = checked;
  const { project, opened, sealer, accounts, redis, options: { log, redactor, clock = systemClock } } = around;
  const given = project.config?.connections[id];
  const child = parent.createChildContainer();
  const own = log.child({ connection: id });
  const events = parent.resolve(tokens.events);
  child.register(tokens.connection, { useFactory: instanceCachingFactory(() => createConnection({
    id, ...given, defaults: loaded.plugin.defaults, clock, log, pool: opened.pool, sealer, signIn: loaded.plugin.signIn?.(settings), account: accounts.share(accountOf(loaded, settings, id)), allowedHosts: hostsOf(settings), onSecret: (secret) => redactor.add(secret), redact: (text) => redactor.text(text),
    ...(redis ? { redis: { shared: redis, namespace: createHash('sha256').update(`${opened.label}\0${project.config?.database.schema}`).digest('hex').slice(0, 12) } } : {}),
    onBreaker: ({ state, code }, from) => events.emit('breaker.changed', { connection: id, from, to: state, ...(code === undefined ? {} : { reason: code }) }),
    onDenied: ({ message, cure }) => events.emit('token.revoked', { connection: id, message: cure === undefined ? message : `${message} ${cure}` }),
    onQuotaPause: (pause) => events.emit('quota.paused', { connection: id, ...pause }),
  })) });
  child.register(tokens.connector, { useFactory: instanceCachingFactory((inner) => {
    const { http, tokens: tokenStore, state, cache } = inner.resolve(tokens.connection);
    return createConnector(loaded, { connectionId: id, settings, http, tokens: tokenStore, state, cache, log: own, clock, database: inner.resolve(tokens.database) });
  }) });
  return child;
}

/** The account at the remote as the plugin tells it; a connection whose plugin tells none is an account of its own. */
function accountOf(loaded: CheckedConnection['loaded'], settings: JsonObject, id: string): string {
  return loaded.plugin.account?.(settings) ?? `connection:${id}`;
}

function makeQueue(services: DependencyContainer, config: NonNullable<Project['config']>, options: RuntimeOptions, opened: OpenedDatabase): Queue {
  const { log, redactor } = options;
  const database = services.resolve(tokens.database);
  const connections = services.resolve(tokens.connections);
  let queue: Queue | undefined = undefined as Queue | undefined; // tasks need the queue that is made of them
  const enqueue: Enqueue = (session, job) => enqueueBy(queue as Queue)(session, job);
  const run = runTask({
    database, log, clock: systemClock, entities: services.resolve(tokens.entities), redact: (text) => redactor.text(text), readAhead: config.policies.sync.readAhead, sliceMs: detailSliceMs, stopping: () => queue?.health().state === 'stopping',
    nodeId: () => queue?.nodeId ?? '', waitsOn: (id) => connections.get(id)?.waitsOn(),
    withUsage: (current, work) => withCallContext({ entity: current.entity, purpose: purposeOf(current.mode), runId: current.id }, () => work(countCalls)),
    requestRun: async (session, entity, mode) => void await requestRun(session, enqueue, { entity, mode, trigger: 'run' }),
  });
  queue = createQueue({
    url: opened.url, schema: config.database.schema, version, clock: systemClock, log, redact: (text) => redactor.text(text), onExhausted: onExhausted({ enqueue, redact: (text) => redactor.text(text), handOver: (session, job) => services.resolve(tokens.webhooks).handOver(session, job) }),
    concurrency: options.role === 'node' ? config.policies.sync.concurrency : 0, maxLosses: mostLosses, tasks: { [runTaskName]: run as TaskHandler },
    ...(options.nodeId === undefined ? {} : { nodeId: options.nodeId }), ...(options.queueTimings ? { timings: options.queueTimings } : {}),
  });
  return queue;
}

function enqueueBy(queue: Queue): Enqueue {
  return (session, job) => queue.enqueue(asQueryable(session), job);
}

/** The queue speaks pg; of it, it uses the query alone. */
function asQueryable(session: SqlSession): Parameters<Queue['enqueue']>[0] {
  return { query: (text: string, values?: unknown[]) => session.query(text, values) } as unknown as Parameters<Queue['enqueue']>[0];
}

function purposeOf(mode: RunMode): CallPurpose {
  return mode === 'replay' || mode === 'retry' ? 'other' : mode;
}

function connectionsAtWork(project: Project, services: DependencyContainer): Map<string, ConnectionAtWork> {
  const connections = services.resolve(tokens.connections);
  const connectors = services.resolve(tokens.connectors);
  return new Map([...project.connections.values()].map(({ id, loaded }) => [id, {
    id, plugin: loaded.id, connector: connectors.get(id) as Connector, ...aboutRemote(connectors.get(id)?.source ? connections.get(id) : undefined),
  }]));
}

/** What a connection tells of the remote that it calls; nothing where it calls none. */
function aboutRemote(connection: Connection | undefined): Pick<ConnectionAtWork, 'remote' | 'quota' | 'resetBreaker'> {
  return {
    quota: async () => connection?.quota(),
    resetBreaker: async () => (await connection?.resetBreaker()) ?? false,
    remote: async () => (connection ? { ...connection.status(), breaker: await connection.lookAtBreaker(), quota: await connection.quota(), signIn: await connection.denial() ?? null } : {}) as unknown as JsonObject,
  };
}

function cached<A, B>(make: (value: A) => B): (value: A) => B {
  let made: { value: B } | undefined;
  return (value) => (made ??= { value: make(value) }).value;
}
