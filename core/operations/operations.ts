import type { QuotaReport } from '../connection/index.ts';
import type { JsonObject } from '../sdk/index.ts';
import type { AccessOperations } from './access.ts';
import type { AlertOperations } from './alerts.ts';
import type { AnswerOperations } from './answers.ts';
import type { AuditOperations } from './audit.ts';
import type { HealthReport } from './health-report.ts';
import type { HealingOperations } from './healing.ts';
import type { JobOperations } from './jobs.ts';
import type { NodeReload, Reload } from './reload.ts';
import type { ScheduleOperations } from './schedules.ts';
import type { AttemptFilter, ListedAttempt } from '../store/job-attempts.ts';
import type { Run, RunFilter, RunMode, RunOptions } from '../store/runs.ts';
import type { NodeInfo } from '../queue/types.ts';
import type { Preview } from '../pipeline/preview.ts';
import type { CacheOperations } from './cache.ts';
import type { ConfigOperations } from './config.ts';
import type { ConnectionOperations } from './connections.ts';
import type { DeadLetterOperations } from './dead-letters.ts';
import type { WebhookOperations } from './webhooks.ts';
import type { RecordStory } from './record.ts';

/** How far one entity is. */
export interface EntityStatus {
  id: string;
  description: string | undefined;
  from: { connection: string; stream: string };
  to: { connection: string; table: string };
  enabled: boolean;
  /** Live records, and those that are known to be gone. */
  records: number;
  deleted: number;
  /** Open dead letters. */
  deadLetters: number;
  /** Details still to come, and those that are there; null where the entity wants none. */
  details: { due: number; done: number } | null;
  lastFullAt: Date | null;
  lastReadAt: Date | null;
  lastRun: Run | null;
}

/** What a connection does just now on this node. `remote` is absent for a connection that calls nothing. */
export interface ConnectionStatus {
  id: string;
  plugin: string;
  kind: 'source' | 'destination' | 'both';
  /** Breaker, calls of the last minute, quota (see {@link QuotaReport}), waiting calls …, as the connection tells it. */
  remote: JsonObject;
}

/** One probe of `tds check`. */
export interface CheckResult { connection: string; plugin: string; probe: string; ok: boolean; message: string; code?: string; milliseconds: number }

/** A plugin that was found, or that failed to load. */
export interface PluginStatus { id: string; version: string; description: string; file: string; connections: string[]; failure?: { code: string; reason: string } }

/** Asks for syncs. */
export interface SyncRequest extends RunOptions { entities: readonly string[] | 'all'; mode: RunMode; trigger: string }

/** Whether this node can do its work, with what stands in the way. */
/** `fault`: what the database said in its own words, which may name its host and user: not for strangers. */
export interface Health { ready: boolean; reasons: string[]; fault?: string; node: string; version: string; database: 'up' | 'down'; queue: string }

/**
 * All that people and programs can ask of TDS. The API's routes and the CLI's commands are thin over these functions, so
 * that both say the same.
 * Each throws OperationError for a question that can't be answered (unknown entity, unknown run …).
 */
export interface Operations extends DeadLetterOperations, ConnectionOperations, ConfigOperations {
  entities(): Promise<EntityStatus[]>;
  entity(id: string): Promise<EntityStatus>;
  connections(): Promise<ConnectionStatus[]>;
  /** What a sync would do with the first records of an entity: reads the source, writes nothing. @throws OperationError `operation.unknown_entity`, `operation.disabled_entity`, `operation.preview` */
  preview(id: string, request: { records: number; signal: AbortSignal }): Promise<Preview>;
  /** The calls of the day of each connection that calls a remote, as all nodes have counted them. */
  quota(): Promise<QuotaReport[]>;
  /** Of one. @throws OperationError `operation.unknown_connection`, `operation.no_quota` */
  connectionQuota(id: string): Promise<QuotaReport>;
  /** Closes the breaker of a connection for all nodes; `false`: it was closed. @throws OperationError `operation.unknown_connection` */
  resetBreaker(connection: string): Promise<boolean>;
  plugins(): PluginStatus[];
  /** Probes connections (all when none is named) and the tables of their entities, really calling them. Results come as they are known. */
  check(connections: readonly string[], signal: AbortSignal): AsyncIterable<CheckResult>;
  /** Asks for runs; one that is queued or running already is answered as it is (`created: false`). */
  sync(request: SyncRequest): Promise<{ run: Run; created: boolean }[]>;
  runs(filter: RunFilter): Promise<Run[]>;
  run(id: string): Promise<Run>;
  /** Ends a queued or running run. Answers the run as it is then. */
  cancel(id: string): Promise<Run>;
  /** What happened to one record. `key` as the source has it, parts with a `/` between. @throws OperationError `operation.unknown_entity`, `operation.unknown_record` */
  record(entity: string, key: string): Promise<RecordStory>;
  /** What TDS mended by itself, and the rules that do it. */
  healing: HealingOperations;
  /** When work starts by itself, what came of it, and the reports. */
  schedules: ScheduleOperations;
  /** Reads the config's files again and takes over what can be changed at run time, on this node; the others are asked to do the same. @throws OperationError `operation.no_reload` */
  reload: Reload;
  /** Has all nodes that live do so, and waits for what comes of it. @throws OperationError `operation.no_node` */
  reloadNodes(): Promise<NodeReload[]>;
  /** Messages of services about their changes. */
  webhooks: WebhookOperations;
  /** Who may ask the API. */
  access: AccessOperations;
  /** Who did what. */
  audit: AuditOperations;
  /** Answers that the API keeps for repeats. */
  answers: AnswerOperations;
  /** Records that are kept for a while instead of being asked for again. */
  cache: CacheOperations;
  nodes(): Promise<NodeInfo[]>;
  /** Single jobs of the queue, and their counts. */
  jobs: JobOperations;
  /** Attempts of jobs that have ended, the newest first. */
  attempts(filter: AttemptFilter): Promise<ListedAttempt[]>;
  health(): Promise<Health>;
  /** What is well and what is not, in all of TDS; for people. Never throws. */
  healthReport(): Promise<HealthReport>;
  /** What is wrong, who was told, and who is not to be told. */
  alerts: AlertOperations;
  /** All metrics of this process, as Prometheus reads them. */
  metrics(): Promise<{ contentType: string; text: string }>;
}
