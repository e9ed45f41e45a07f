/**
 * Evaluates the rules. Every node ticks and says what it measures of itself; of each turn one node, by a row and a lock, looks at the
 * figures of all and decides. The states, the messages and their jobs land in one transaction: an alert is told once, or not at all and again.
 */
import type { MetricSample, Metrics } from '../monitor/metrics/index.ts';
import type { Clock, Logger, SqlSession } from '../sdk/index.ts';
import type { Database } from '../store/session.ts';
import { tryWithAdvisoryLock } from '../store/advisory-lock.ts';
import { activeSilences, claimTurn, dropAlerts, eventsSince, openAlerts, samplesSince, saveAlert, saveSamples, trimAlerts } from '../store/alerts.ts';
import { addNotification, keepNotifiers } from '../store/notifications.ts';
import type { Pool } from '../store/pool.ts';
import { breaches, type Breach } from './conditions.ts';
import { decide, toTell, type Decided, type Group } from './decide.ts';
import { claimSeconds, type Sendable } from './delivery.ts';
import { messageFor } from './messages.ts';
import type { AlertRule } from './rules.ts';

/** Who may be told. */
export interface Channel { id: string; severity: 'info' | 'warning' | 'critical' }

export interface EvaluatorDeps {
  rules: readonly AlertRule[];
  registry: Pick<Metrics, 'samples' | 'declared'>;
  channels: readonly Channel[];
  /** With connections that no work takes: that these are all in use must be told. */
  database: Database;
  /** Likewise, for the lock that keeps two nodes off one turn. */
  pool: Pool;
  clock: Clock;
  log: Logger;
  nodeId: () => string;
  /** Which TDS speaks. */
  source: string;
  zone: string;
  every: number; group: number; repeat: number; keep: number;
  /** Adds the job of a message, in the session's transaction. */
  enqueue: (session: SqlSession, notification: string) => Promise<unknown>;
  /** Sends at once what was decided; must not throw. */
  deliver: (notification: Sendable) => void;
  /** Tries again what did not get through and is due. */
  takeUpDue: () => Promise<void>;
  /** Writes the events that wait. */
  flushEvents: () => Promise<void>;
  /** Default: the database's time. Tests hand in their own. */
  now?: () => Promise<Date>;
}

/** Two looks may be nearer than `every` by this share, so that a tick that comes a little early is not a whole tick late. */
const slack = 0.1;
/** A resolved alert whose end could not be told for so long, in ms, is not told of any more. */
const tellEndMs = 86_400_000;
const trimEveryMs = 3_600_000;
const patienceMs = 2_000;

export class Evaluator {
  readonly #deps: EvaluatorDeps;
  readonly #stop = new AbortController();
  readonly #metrics: ReadonlySet<string>;
  readonly #ofNode: ReadonlySet<string>;
  #loop: Promise<void> | undefined;
  #trimmedAt = -Infinity;

  constructor(deps: EvaluatorDeps) {
    this.#deps = deps;
    const wanted = deps.rules.flatMap(({ metric }) => (metric === undefined ? [] : [metric, metric.replace(/_(?:bucket|sum|count)$/, '')]));
    this.#metrics = new Set([...wanted, 'tds_database_up']);
    this.#ofNode = new Set(deps.registry.declared.filter(({ scope }) => scope === 'node').map(({ name }) => name));
  }

  /** Ticks from now on, the first time at once. */
  start(): void {
    this.#loop ??= this.#run();
  }

  /** Resolves when the tick under way has ended, soon in any case. Idempotent, and safe before `start`. */
  async stop(): Promise<void> {
    this.#stop.abort();
    const ended = new AbortController();
    await Promise.race([this.#loop, this.#deps.clock.sleep(patienceMs, ended.signal).catch(() => undefined)]);
    ended.abort();
  }

  async #run(): Promise<void> {
    const { clock, every, log } = this.#deps;
    const { signal } = this.#stop;
    let fails = false;
    while (!signal.aborted) {
      try {
        await this.tick();
        if (fails) log.warn('the alert rules are evaluated again');
        fails = false;
      } catch (error) {
        if (!signal.aborted) log[fails ? 'debug' : 'warn']('the alert rules can not be evaluated; until they are, people are told of nothing new', { error });
        fails = true;
      }
      await clock.sleep(every, signal).catch(() => undefined);
    }
  }

  /** Says what this node measures, and evaluates where it is this node's turn; answers the groups that were told, undefined where it was not. */
  async tick(): Promise<Group[] | undefined> {
    const { database, pool, every, nodeId, flushEvents, takeUpDue, log } = this.#deps;
    await takeUpDue().catch((error: unknown) => log.debug('messages that wait could not be taken up', { error }));
    await flushEvents();
    const now = await this.#now();
    const samples = await this.#deps.registry.samples(this.#metrics);
    await database.transaction((session) => saveSamples(session, { node: nodeId(), samples: samples.filter((sample) => this.#isOfNode(sample)) }, now));
    const nextAt = new Date(now.getTime() + every * (1 - slack));
    if (!(await database.transaction((session) => claimTurn(session, { by: nodeId(), now, nextAt })))) return undefined;
    const client = await pool.connect();
    try {
      return (await tryWithAdvisoryLock(client, 'alerts', () => this.#evaluate(samples, now)))?.value;
    } finally {
      client.release();
    }
  }

  async #evaluate(own: readonly MetricSample[], now: Date): Promise<Group[]> {
    const { database, rules, zone, group, repeat, log } = this.#deps;
    // Without the figures of the database all that they say would look as if it were over.
    if (own.find(({ name }) => name === 'tds_database_up')?.value === 0) throw new Error('the figures of the database are missing');
    const longest = Math.max(0, ...rules.map(({ lasts }) => lasts));
    const { told, notifications, alerts } = await database.transaction(async (session) => {
      const nodes = await samplesSince(session, new Date(now.getTime() - this.#deps.every * 4));
      const events = await eventsSince(session, new Date(now.getTime() - longest));
      const all = [...own.filter((sample) => !this.#isOfNode(sample)), ...nodes.flatMap(({ node, samples }) => samples.map((sample) => ({ ...sample, labels: { ...sample.labels, node } })))];
      const broken: Breach[] = breaches(rules, all, events, now);
      const { alerts: decided, dropped } = decide(await openAlerts(session, new Date(now.getTime() - tellEndMs)), broken, now);
      await dropAlerts(session, dropped);
      const groups = toTell(decided, { rules: new Map(rules.map((rule) => [rule.id, rule])), silences: await activeSilences(session, now), zone, group, repeat, now });
      const tellingOf = new Set(groups.flatMap((one) => one.alerts));
      for (const alert of decided) await saveAlert(session, tellingOf.has(alert) ? { ...alert, notifiedAt: now } : alert);
      return { told: groups, alerts: decided, notifications: await this.#write(session, groups, now) };
    });
    for (const alert of alerts) this.#say(alert, now);
    for (const notification of notifications) this.#deps.deliver(notification);
    await this.#trim(now, longest).catch((error: unknown) => log.debug('old alerts could not be removed', { error }));
    return told;
  }

  async #write(session: SqlSession, groups: readonly Group[], now: Date): Promise<Sendable[]> {
    const { rules, channels, source, enqueue } = this.#deps;
    const written: Sendable[] = [];
    for (const one of groups) {
      const named = rules.find(({ id }) => id === one.rule)?.notifiers;
      for (const channel of channels.filter(({ id }) => named?.includes(id) ?? true)) {
        const message = messageFor(one, { ...channel, named: named !== undefined }, { source, at: now });
        if (!message) continue;
        const id = await addNotification(session, { notifier: channel.id, kind: one.kind, rule: one.rule, message, at: now, claimSeconds });
        await enqueue(session, id);
        written.push({ id, notifier: channel.id, kind: one.kind, rule: one.rule, message: message as never, attempts: 0 });
      }
    }
    return written;
  }

  /** The log has every alert, whoever else hears of it. */
  #say({ rule, state, severity, summary, help, firedAt, resolvedAt }: Decided, now: Date): void {
    const { log } = this.#deps;
    if (state === 'firing' && firedAt?.getTime() === now.getTime()) log.warn('alert', { rule, severity, summary, help });
    if (state === 'resolved' && resolvedAt?.getTime() === now.getTime()) log.info('alert resolved', { rule, severity, summary });
  }

  async #trim(now: Date, longest: number): Promise<void> {
    if (now.getTime() - this.#trimmedAt < trimEveryMs) return;
    this.#trimmedAt = now.getTime();
    const { database, keep, channels } = this.#deps;
    await database.transaction(async (session) => {
      await trimAlerts(session, new Date(now.getTime() - keep), new Date(now.getTime() - longest - trimEveryMs));
      await keepNotifiers(session, channels.map(({ id }) => id));
    });
  }

  /** Of a histogram the series have longer names than the metric. */
  #isOfNode({ name }: MetricSample): boolean {
    return this.#ofNode.has(name) || this.#ofNode.has(name.replace(/_(?:bucket|sum|count)$/, ''));
  }

  #now(): Promise<Date> {
    return this.#deps.now?.() ?? this.#deps.database.transaction(async (session) => (await session.query('SELECT clock_timestamp() AS now')).rows[0]?.['now'] as Date);
  }
}
