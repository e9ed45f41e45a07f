/** Puts the alerting and its notifiers together for `main.ts`. */
import { hostname } from 'node:os';
import { createAlerting, notifyAttempts, notifyPriority, notifyTask, type Alerting } from './alerts/index.ts';
import { createConnection, hostsOf } from './connection/index.ts';
import { createNotifier } from './host/index.ts';
import { systemClock } from './monitor/clock.ts';
import type { Events } from './monitor/events.ts';
import type { Metrics } from './monitor/metrics/index.ts';
import type { Enqueue } from './operations/request-run.ts';
import type { Project } from './project.ts';
import type { Logger, Notifier } from './sdk/index.ts';
import type { Database } from './store/session.ts';
import type { Pool } from './store/pool.ts';

export { notifyTask } from './alerts/index.ts';

export interface AlertParts {
  project: Project; events: Events; registry: Metrics; pool: Pool; database: Database; log: Logger; redact: (text: string) => string; nodeId: () => string; enqueue: Enqueue;
  /** Told of secrets that come up at run time. */
  onSecret: (secret: string) => void;
}

/** One call and one repeat: the job of the message has the patience. */
const retry = { attempts: 2, first: 500, max: 2_000, total: 20_000 };
const timeout = { connect: 5_000, headers: 10_000, body: 10_000, total: 15_000 };
/** What notifiers read is a word of thanks. */
const maxBody = 1_000_000;
/** Messages are few, and each wants its try: the breaker of data connections would hold them back. */
const breaker = { failures: 1_000_000, coolDown: 1_000 };

/** The alerting, with a notifier for each entry of the config. Its `stop` closes them. */
export function composeAlerts({ project, enqueue, ...parts }: AlertParts): Alerting {
  const config = project.config as NonNullable<Project['config']>;
  const closers: (() => Promise<unknown>)[] = [];
  const notifiers = new Map([...project.notifiers.values()].map(({ id, loaded, settings }): [string, Notifier] => {
    const log = parts.log.child({ notifier: id });
    const connection = createConnection({ id: `notifier ${id}`, retry, timeout, maxBody, breaker, clock: systemClock, log, allowedHosts: hostsOf(settings), onSecret: parts.onSecret });
    const notifier = createNotifier(loaded, { notifierId: id, settings, http: connection.http, log, clock: systemClock });
    closers.push(async () => notifier.close?.(), () => connection.close());
    return [id, notifier];
  }));
  const alerting = createAlerting({
    ...parts, config, notifiers, source: hostname(),
    enqueue: (session, notification) => enqueue(session, { task: notifyTask, payload: { notification }, queueName: null, priority: notifyPriority, maxAttempts: notifyAttempts }),
  });
  return {
    ...alerting,
    async stop() {
      await alerting.stop();
      for (const close of closers.splice(0)) await close();
    },
  };
}
