import type { Config } from '../../schemas/index.ts';
import type { QuotaReport } from '../connection/index.ts';
import type { Entity } from '../pipeline/entity.ts';
import type { Events } from '../monitor/events.ts';
import type { Metrics } from '../monitor/metrics/index.ts';
import type { Queue } from '../queue/types.ts';
import type { Logger } from '../sdk/index.ts';
import type { Database } from '../store/session.ts';
import { countDeadLetters } from '../store/dead-letter-queries.ts';
import { listEntityStates } from '../store/entities.ts';
import { listAttempts } from '../store/job-attempts.ts';
import { countRecords } from '../store/records.ts';
import { endRun, latestRuns, listRuns, readRun, type Run } from '../store/runs.ts';
import { accessOperations } from './access.ts';
import { answerOperations } from './answers.ts';
import { auditOperations } from './audit.ts';
import { cacheOperations } from './cache.ts';
import { checkConnections, type ConnectionAtWork } from './check.ts';
import { configOperations, type ConfigRead } from './config.ts';
import { connectionOperations } from './connections.ts';
import { deadLetterOperations } from './dead-letters.ts';
import { OperationError } from './errors.ts';
import type { AlertOperations } from './alerts.ts';
import type { HealingOperations } from './healing.ts';
import { healthReader, type PoolUse } from './health.ts';
import { healthReport, type ReportDeps } from './health-report.ts';
import type { ConnectionStatus, EntityStatus, Operations, PluginStatus } from './operations.ts';
import type { WebhookOperations } from './webhooks.ts';
import { jobOperations } from './jobs.ts';
import { previewEntity } from './preview.ts';
import { readRecord } from './record.ts';
import type { NodeReload, Reload } from './reload.ts';
import type { ScheduleOperations } from './schedules.ts';
import { holdEntities, requestRun, type Enqueue } from './request-run.ts';
import { tellRunEnd } from './run-end.ts';

/** What the operations stand on; handed in by `main.ts`. */
export interface OperationsDeps {
  /** The one that is in force. */
  readonly config: Config;
  version: string;
  entities: ReadonlyMap<string, Entity>;
  connections: ReadonlyMap<string, ConnectionAtWork>;
  plugins: readonly PluginStatus[];
  database: Database;
  queue: Queue;
  enqueue: Enqueue;
  /** Takes secrets out of a text. */
  redact: (text: string) => string;
  /** The config file, as it was named. */
  file: string;
  /** Whether the setting at this path is secret. */
  isSecret: (path: readonly (string | number)[]) => boolean;
  /** Reads and checks the config's files; unless `anew`, only where they have changed since. */
  read: (how: { anew: boolean }) => Promise<ConfigRead>;
  /** Runs work whose remote calls a person waits for. */
  forPerson: <T>(entity: string, work: () => Promise<T>) => Promise<T>;
  /** A copy fit for JSON with secrets masked at any depth. */
  redactValue: (value: unknown) => unknown;
  healing: HealingOperations;
  schedules: ScheduleOperations;
  reload: Reload;
  reloadNodes: () => Promise<NodeReload[]>;
  webhooks: WebhookOperations;
  metrics: Metrics;
  alerts: AlertOperations;
  events: Pick<Events, 'emit'>;
  log?: Logger;
  messageQueue?: () => Pick<Queue, 'health'> | undefined;
  /** How the database connections of this process stand. */
  poolUse?: () => PoolUse;
  /** What is too old, by its own schedules. */
  overdue: ReportDeps['overdue'];
}

/** The operations of one node. */
export function createOperations(deps: OperationsDeps): Operations {
  const { database } = deps;
  const health = healthReader(deps);
  return {
    entities: () => readEntities(deps),
    entity: (id) => readEntity(deps, id),
    connections: () => Promise.all([...deps.connections.values()].map(connectionStatus)),
    quota: async () => (await Promise.all([...deps.connections.values()].map((connection) => connection.quota()))).filter((report) => report !== undefined),
    connectionQuota: (id) => readQuota(deps, id),
    async resetBreaker(id) {
      const connection = deps.connections.get(id);
      if (!connection) throw unknownConnection(deps, id);
      return connection.resetBreaker();
    },
    plugins: () => [...deps.plugins],
    check(ids, signal) {
      for (const id of ids) if (!deps.connections.has(id)) throw unknownConnection(deps, id);
      const chosen = ids.length === 0 ? [...deps.connections.values()] : ids.map((id) => deps.connections.get(id)).filter((one) => one !== undefined);
      return checkConnections(chosen, deps.entities, signal, deps.redact);
    },
    sync: (request) => requestSyncs(deps, request),
    runs: (filter) => listRuns(database.reads, filter),
    run: (id) => findRun(deps, id),
    cancel: (id) => cancelRun(deps, id),
    ...connectionOperations(deps),
    ...configOperations(deps),
    preview: (id, request) => previewEntity(deps, id, request),
    ...deadLetterOperations(deps),
    record: (entity, key) => readRecord({ database, entities: deps.entities, known: Object.keys(deps.config.entities) }, entity, key),
    healing: deps.healing,
    schedules: deps.schedules,
    reload: deps.reload,
    reloadNodes: deps.reloadNodes,
    webhooks: deps.webhooks,
    access: accessOperations(deps),
    answers: answerOperations({ database }),
    cache: cacheOperations(deps),
    audit: auditOperations({ database, redact: deps.redactValue }),
    nodes: () => deps.queue.nodes(),
    jobs: jobOperations({ queue: deps.queue, cancelRun: (id) => cancelRun(deps, id) }),
    attempts: (filter) => listAttempts(database.reads, filter),
    health,
    healthReport: () => healthReport({
      config: deps.config, database, plugins: deps.plugins, health, connections: () => Promise.all([...deps.connections.values()].map(connectionStatus)), jobs: () => deps.queue.stats(), overdue: deps.overdue,
      hearing: () => [...deps.entities.values()].filter(({ hears }) => hears).map(({ id }) => id),
    }),
    alerts: deps.alerts,
    metrics: async () => ({ contentType: deps.metrics.contentType, text: await deps.metrics.text() }),
  };
}

async function readEntities({ config, database, entities }: OperationsDeps): Promise<EntityStatus[]> {
  const { reads } = database;
  const [counts, states, letters, runs] = await Promise.all([countRecords(reads), listEntityStates(reads), countDeadLetters(reads), latestRuns(reads, Object.keys(config.entities))]);
  return Object.entries(config.entities).map(([id, entity]) => {
    const count = counts.get(id);
    const state = states.get(id);
    return {
      id, description: entity.description, enabled: entity.enabled,
      from: { connection: entity.from.connection, stream: entity.from.stream }, to: { connection: entity.to.connection, table: entity.to.table },
      records: count?.records ?? 0, deleted: count?.deleted ?? 0, deadLetters: letters.get(id) ?? 0,
      details: entities.get(id)?.wantsDetails ? { due: count?.detailsDue ?? 0, done: count?.detailed ?? 0 } : null,
      lastFullAt: state?.lastFullAt ?? null, lastReadAt: state?.lastReadAt ?? null, lastRun: runs.get(id) ?? null,
    };
  });
}

async function readEntity(deps: OperationsDeps, id: string): Promise<EntityStatus> {
  const found = (await readEntities(deps)).find((entity) => entity.id === id);
  if (!found) throw unknownEntity(deps, id);
  return found;
}

async function connectionStatus({ id, plugin, connector, remote }: ConnectionAtWork): Promise<ConnectionStatus> {
  const kind = connector.source && connector.destination ? 'both' : connector.destination ? 'destination' : 'source';
  return { id, plugin, kind, remote: await remote() };
}

async function readQuota(deps: OperationsDeps, id: string): Promise<QuotaReport> {
  const connection = deps.connections.get(id);
  if (!connection) throw unknownConnection(deps, id);
  const report = await connection.quota();
  if (!report) throw new OperationError('operation.no_quota', `the connection "${id}" calls no remote, so there is nothing to count`);
  return report;
}

async function requestSyncs(deps: OperationsDeps, request: Parameters<Operations['sync']>[0]): Promise<{ run: Run; created: boolean }[]> {
  const ids = request.entities === 'all' ? [...deps.entities.keys()] : [...new Set(request.entities)];
  for (const id of ids) {
    if (!Object.hasOwn(deps.config.entities, id)) throw unknownEntity(deps, id);
    if (!deps.entities.has(id)) throw new OperationError('operation.disabled_entity', `the entity "${id}" is switched off in the config`, { suggestion: `Set entities.${id}.enabled to true.` });
  }
  const { mode, trigger, allowDeletes } = request;
  return deps.database.transaction(async (session) => {
    await holdEntities(session, ids);
    const asked: { run: Run; created: boolean }[] = [];
    for (const entity of ids) asked.push(await requestRun(session, deps.enqueue, { entity, mode, trigger, options: allowDeletes ? { allowDeletes } : {} }));
    return asked;
  });
}

async function findRun({ database }: OperationsDeps, id: string): Promise<Run> {
  const run = await readRun(database.reads, id);
  if (!run) throw new OperationError('operation.unknown_run', `there is no run ${JSON.stringify(id)}`, { suggestion: 'See the list: tds runs' });
  return run;
}

async function cancelRun(deps: OperationsDeps, id: string): Promise<Run> {
  const run = await findRun(deps, id);
  if (run.endedAt) throw new OperationError('operation.run_ended', `run ${id} has ended already: ${run.status}`);
  await deps.database.transaction((session) => endRun(session, id, { status: 'cancelled', code: 'run.cancelled', reason: 'cancelled by a person' }));
  tellRunEnd(deps.events, run, { state: 'cancelled' }, new Date());
  if (run.jobId !== null) await deps.queue.cancel(run.jobId);
  return findRun(deps, id);
}

function unknownEntity({ config }: OperationsDeps, id: string): OperationError {
  return new OperationError('operation.unknown_entity', `there is no entity "${id}"`, { suggestion: `The config has: ${Object.keys(config.entities).join(', ') || 'none'}.` });
}

function unknownConnection({ connections }: OperationsDeps, id: string): OperationError {
  return new OperationError('operation.unknown_connection', `there is no connection "${id}"`, { suggestion: `The config has: ${[...connections.keys()].join(', ') || 'none'}.` });
}
