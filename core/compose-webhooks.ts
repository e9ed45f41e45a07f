import type { Config } from './config/index.ts';
import { withCallContext, type Connection } from './connection/index.ts';
import type { Events } from './monitor/events.ts';
import { systemClock } from './monitor/clock.ts';
import type { TdsMetrics } from './monitor/metrics/index.ts';
import type { Entity } from './pipeline/entity.ts';
import { enqueueBy } from './compose-queue.ts';
import type { Watch } from './tend-queue.ts';
import { leaveSilentConnections } from './tend-queue.ts';
import { onExhausted } from './operations/exhausted.ts';
import type { Project } from './project.ts';
import { createQueue, type Queue, type QueueTimings, type TaskHandler } from './queue/index.ts';
import type { NodeRole } from './roles.ts';
import type { OpenedDatabase } from './store/open-database.ts';
import type { Connector, Logger, SqlSession } from './sdk/index.ts';
import type { Database } from './store/session.ts';
import { version } from './version.ts';
import { createWebhooks, hearingsOf, webhookTaskName, type Webhooks } from './webhook/index.ts';

/** What the webhooks are made of. */
export interface WebhookParts {
  project: Project;
  /** The config that is in force. */
  config: () => Config;
  database: Database; log: Logger; events: Events; metrics: TdsMetrics;
  entities: ReadonlyMap<string, Entity>; connectors: ReadonlyMap<string, Connector>; connections: ReadonlyMap<string, Connection>;
  /** The queue that jobs are added to. */
  queue: Queue;
  asQueryable: (session: SqlSession) => Parameters<Queue['enqueue']>[0];
}

/** With growing pauses a few hours: what is wrong then is no passing fault, and a start, or the next message, wakes the entity again. */
const maxAttempts = 15;

/** The webhooks of one process. */
export interface LiveWebhooks extends Webhooks {
  /** The workers that apply messages, once they are started. */
  workers?: Queue;
  /** Hears by the config in force from the next message on. Where nothing was heard at the start there are no workers for messages, and it waits for a restart. */
  rehear(): void;
}

/** Puts the webhooks together for `main.ts`. */
export function composeWebhooks({ project, config: inForce, database, log, events, metrics, entities, connectors, connections, queue, asQueryable }: WebhookParts): LiveWebhooks {
  const config = project.config as NonNullable<Project['config']>;
  const hearings = hearingsOf(config, entities, connectors);
  const hearsAny = hearings.size > 0;
  const webhooks = createWebhooks({
    policies: config.policies, database, log, events, clock: systemClock, hearings, stopping: () => ['stopping', 'stopped'].includes(queue.health().state), // both queues stop at once, and either may be the first to end
    metrics: config.metrics.enabled ? metrics.webhooks : undefined,
    withCalls: (entity, work) => withCallContext({ entity, purpose: 'webhook' }, work),
    // What is kept of these records for others who read them by their keys is out of date. Nobody waits for that.
    told(entity, keys) {
      const connection = connections.get(entity.connectionId);
      for (const key of keys) connection?.invalidate(entity.stream.name, key).catch((error: unknown) => log.warn('the cache could not be told of a change', { entity: entity.id, error }));
    },
    // However many messages arrive, one job waits. One that is to come later has a key of its own, so that it holds no present one back.
    wake: async (session, entity, at) => void await queue.enqueue(asQueryable(session), {
      task: webhookTaskName, payload: { entity }, jobKey: `webhook:${entity}${at === undefined ? '' : ':later'}`, queueName: `key:webhook:${entity}`, priority: 0, maxAttempts, ...(at === undefined ? {} : { runAt: at }),
    }),
  });
  return { ...webhooks, rehear() {
    if (!hearsAny) return;
    const heard = hearingsOf(inForce(), entities, connectors);
    hearings.clear();
    for (const [id, hearing] of heard) hearings.set(id, hearing);
  } };
}

/** What the workers for messages stand on. */
export interface WebhookWorkers {
  project: Project; opened: OpenedDatabase; events: Events; queue: Queue;
  options: { log: Logger; redactor: { text: (text: string) => string }; queueTimings?: Partial<QueueTimings>; roles: readonly NodeRole[] };
  /** A connection that says nothing for so long is given up, once another one has fallen silent. */
  silentMs: number;
  /** Told of their jobs. */
  hearers: readonly Pick<Watch, 'jobsOf'>[];
}

/**
 * Starts what looks after messages, where any entity takes some, and answers the workers that apply them, where this node is to have some:
 * workers of their own, as syncs may take hours, and all workers that there are, while a message is to be applied within a second.
 */
export async function startWebhooks(webhooks: LiveWebhooks, { project, opened, events, queue, options, silentMs, hearers }: WebhookWorkers): Promise<Queue | undefined> {
  if (webhooks.operations.urls('').length === 0) return undefined;
  await webhooks.start(); // also where no job is done: it saves the counts of what was refused here
  const { log, redactor, queueTimings, roles } = options;
  if (!roles.includes('worker')) return undefined;
  const config = project.config as NonNullable<Project['config']>;
  const redact = (text: string): string => redactor.text(text);
  const workers = createQueue({
    url: opened.url, schema: config.database.schema, version, clock: systemClock, log, redact, nodeId: queue.nodeId, concurrency: config.policies.webhooks.concurrency,
    onExhausted: onExhausted({ enqueue: enqueueBy(queue), redact, events, handOver: (session, job) => webhooks.handOver(session, job) }),
    tasks: { [webhookTaskName]: webhooks.task as TaskHandler }, ...(queueTimings ? { timings: queueTimings } : {}),
  });
  leaveSilentConnections(workers, opened, silentMs, log);
  for (const hearer of hearers) hearer.jobsOf(workers);
  await workers.start();
  webhooks.workers = workers;
  return workers;
}
