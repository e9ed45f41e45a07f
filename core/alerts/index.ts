/** Alerts of our own: rules over metrics and events, states as rows, messages as durable jobs. */
import { randomUUID } from 'node:crypto';
import { didYouMean, type Config } from '../config/index.ts';
import type { Events } from '../monitor/events.ts';
import { OperationError } from '../operations/errors.ts';
import type { AlertOperations, NotifierTest } from '../operations/alerts.ts';
import type { TaskHandler } from '../queue/types.ts';
import { systemClock } from '../monitor/clock.ts';
import type { Notifier, SqlSession } from '../sdk/index.ts';
import { acknowledgeAlerts, activeSilences, addSilence, dropSamples, endSilence, listAlerts } from '../store/alerts.ts';
import { noteWorks } from '../store/notifications.ts';
import { deliver, notifyHandler, send, takeUpDue, type DeliveryDeps, type Sendable } from './delivery.ts';
import { EventRecorder } from './event-recorder.ts';
import { Evaluator, type EvaluatorDeps } from './evaluator.ts';
import { testMessage } from './messages.ts';
import { addReportMessages, type ReportToTell } from './report-message.ts';
import { rulesOf, type AlertRule } from './rules.ts';

export type { ReportToTell } from './report-message.ts';
export { notifyAttempts, notifyPriority, notifyTask } from './delivery.ts';

export interface AlertingDeps extends Pick<EvaluatorDeps, 'registry' | 'database' | 'pool' | 'log' | 'nodeId' | 'source' | 'enqueue' | 'now'> {
  config: Pick<Config, 'alerts' | 'notifiers' | 'timezone'>;
  events: Pick<Events, 'listen'>;
  notifiers: ReadonlyMap<string, Notifier>;
  redact: (text: string) => string;
}

/** The alerting of one process. */
export interface Alerting {
  operations: AlertOperations;
  /** Handler of the queue's task. */
  handler: TaskHandler;
  /** Of the process; ticks by itself after `start`. */
  evaluator: Evaluator;
  /** Evaluates from now on, unless the config has it switched off. */
  start(): void;
  /** Has a report delivered, by jobs that are written in the session's transaction. Answers to whom. */
  tellReport(session: SqlSession, report: ReportToTell): Promise<string[]>;
  /** Resolves when no message is being sent. */
  settled(): Promise<void>;
  /** Idempotent, and safe before `start`. */
  stop(): Promise<void>;
}

/** Messages that are under way are waited for so long at a stop, in ms; then their jobs deliver them. */
const graceMs = 2_000;

/** Puts the alerting together; nothing is evaluated before `start`. */
export function createAlerting(deps: AlertingDeps): Alerting {
  const { config: { alerts, notifiers, timezone }, database, log, redact } = deps;
  const rules = alerts.enabled ? rulesOf(alerts) : [];
  const channels = Object.entries(notifiers).map(([id, { severity }]) => ({ id, severity }));
  const delivery: DeliveryDeps = { database, notifiers: deps.notifiers, log, redact };
  const underWay = new Set<Promise<void>>();
  const stopping = new AbortController();
  const recorder = new EventRecorder(deps.events, new Set(rules.flatMap(({ event }) => event ?? [])), { database, log, redact });
  const sendNow = (notification: Sendable): void => {
    // what does not get through now is tried again
    const sending = deliver(delivery, notification, { signal: stopping.signal, last: false }).catch((error: unknown) => log.debug('a message waits for its next attempt', { message: notification.id, error })).finally(() => underWay.delete(sending));
    underWay.add(sending);
  };
  const evaluator = new Evaluator({
    ...deps, rules, channels, clock: systemClock, zone: timezone, every: alerts.every, group: alerts.group, repeat: alerts.repeat, keep: alerts.keep,
    flushEvents: () => recorder.flush(), deliver: sendNow, takeUpDue: () => takeUpDue(delivery, sendNow),
  });
  let started = false;
  return {
    evaluator, handler: notifyHandler(delivery) as TaskHandler, operations: operations(deps, rules),
    start() {
      if (!alerts.enabled || started) return;
      started = true;
      evaluator.start();
    },
    tellReport: (session, report) => addReportMessages(session, report, { channels, source: deps.source, enqueue: deps.enqueue, at: systemClock.now() }),
    settled: async () => void (await Promise.all(underWay)),
    async stop() {
      await evaluator.stop();
      await recorder.stop();
      const cancel = systemClock.after(graceMs, () => stopping.abort(new Error('the node stops; the job of the message sends it')));
      await Promise.all(underWay);
      cancel();
      if (started) await database.transaction((session) => dropSamples(session, deps.nodeId())).catch(() => undefined);
      started = false;
    },
  };
}

function operations({ config: { alerts, notifiers: given }, database, notifiers, source, redact, now }: AlertingDeps, rules: readonly AlertRule[]): AlertOperations {
  const time = async (): Promise<Date> => now?.() ?? (await database.reads.query('SELECT clock_timestamp() AS now')).rows[0]?.['now'] as Date;
  const tryOne = async (id: string, signal: AbortSignal): Promise<NotifierTest> => {
    const begin = performance.now();
    const outcome = await send(notifiers, id, testMessage(id, { source, at: systemClock.now(), id: randomUUID() }), signal).then(() => undefined, (error: unknown) => error);
    if (outcome === undefined) await database.transaction((session) => noteWorks(session, id, systemClock.now()));
    return { notifier: id, plugin: given[id]?.plugin ?? '', ok: outcome === undefined, message: outcome === undefined ? 'the service took it' : redact(outcome instanceof Error ? outcome.message : JSON.stringify(outcome)), milliseconds: Math.round(performance.now() - begin) };
  };
  return {
    enabled: alerts.enabled,
    list: (filter) => listAlerts(database.reads, filter),
    rules: () => rules.map(({ id, severity, summary, help, notifiers: named, ...rule }) => ({
      id, severity, summary, help, condition: conditionOf(rule),
      notifiers: Object.keys(given).filter((name) => named?.includes(name) ?? true),
    })),
    async acknowledge(id, by) {
      const count = await database.transaction(async (session) => acknowledgeAlerts(session, id, by, await time()));
      if (count === 0 && id !== 'all') throw new OperationError('operation.unknown_alert', `no alert ${JSON.stringify(id)} fires`, { suggestion: 'See the list: tds alerts list' });
      return count;
    },
    silences: async () => {
      const at = await time();
      return activeSilences(database.reads, at);
    },
    async silence({ rule, labels, lasts, reason, by }) {
      if (rule !== undefined && !rules.some(({ id }) => id === rule)) throw new OperationError('operation.unknown_alert_rule', `there is no alert rule ${JSON.stringify(rule)}, or it is switched off`, { suggestion: didYouMean(rule, rules.map(({ id }) => id)) ?? `At work: ${rules.map(({ id }) => id).join(', ') || 'none'}.` });
      const at = await time();
      return database.transaction((session) => addSilence(session, { rule: rule ?? null, labels, reason, by, at, until: new Date(at.getTime() + lasts) }));
    },
    async endSilence(id) {
      const at = await time();
      if (!(await database.transaction((session) => endSilence(session, id, at)))) throw new OperationError('operation.unknown_silence', `there is no silence ${JSON.stringify(id)}, or it is over`, { suggestion: 'See the list: tds alerts silences' });
    },
    async test(notifier, signal) {
      if (notifier !== undefined && !notifiers.has(notifier)) throw new OperationError('operation.unknown_notifier', `there is no notifier ${JSON.stringify(notifier)}`, { suggestion: didYouMean(notifier, [...notifiers.keys()]) ?? `The config has: ${[...notifiers.keys()].join(', ') || 'none'}.` });
      return Promise.all((notifier === undefined ? [...notifiers.keys()] : [notifier]).map((id) => tryOne(id, signal)));
    },
  };
}

function conditionOf({ metric, event, labels, above, below, for: lasting, lasts }: Omit<AlertRule, 'id' | 'severity' | 'summary' | 'help' | 'notifiers'>): string {
  const only = Object.entries(labels).map(([name, value]) => ` ${name}=${value}`).join('');
  if (event !== undefined) return `${event}${only} within ${lasts / 1000} s`;
  return `${metric}${only}${above === undefined ? '' : ` above ${above}`}${below === undefined ? '' : ` below ${below}`}${lasting > 0 ? ` for ${lasting / 1000} s` : ''}`;
}
