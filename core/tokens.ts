import type { InjectionToken } from 'tsyringe';
import type { Alerting } from './alerts/index.ts';
import type { LiveWebhooks } from './compose-webhooks.ts';
import type { Connection } from './connection/index.ts';
import type { Healing } from './healing/index.ts';
import type { Monitor } from './compose-monitor.ts';
import type { Events } from './monitor/events.ts';
import type { TdsMetrics } from './monitor/metrics/index.ts';
import type { Tracing } from './monitor/tracing.ts';
import type { Operations } from './operations/operations.ts';
import type { Entity } from './pipeline/entity.ts';
import type { Queue } from './queue/index.ts';
import type { Reloader } from './reload.ts';
import type { Schedules } from './schedule/index.ts';
import type { Connector, Logger } from './sdk/index.ts';
import type { Pool } from './store/pool.ts';
import type { Database } from './store/session.ts';

/** A typed name under which the container keeps one thing. */
const token = <T>(name: string): InjectionToken<T> => Symbol(name);

/** What the root container holds. */
export const tokens = {
  log: token<Logger>('log'),
  events: token<Events>('events'),
  metrics: token<TdsMetrics>('metrics'),
  monitor: token<Monitor>('monitor'),
  tracing: token<Tracing>('tracing'),
  pool: token<Pool>('pool'),
  database: token<Database>('database'),
  connections: token<ReadonlyMap<string, Connection>>('connections'),
  connectors: token<ReadonlyMap<string, Connector>>('connectors'),
  entities: token<ReadonlyMap<string, Entity>>('entities'),
  queue: token<Queue>('queue'),
  healing: token<Healing>('healing'),
  alerting: token<Alerting>('alerting'),
  reloader: token<Reloader>('reloader'),
  schedules: token<Schedules>('schedules'),
  webhooks: token<LiveWebhooks>('webhooks'),
  operations: token<Operations>('operations'),
  /** In the child container of one connection. */
  connection: token<Connection>('connection'),
  connector: token<Connector>('connector'),
};
