/** An alerting on a real database whose clock and figures the test moves, with notifiers that keep what they were given. */
import { createAlerting, type Alerting } from '../../core/alerts/index.ts';
import type { AlertsConfig, Config, NotifierConfig } from '../../core/config/index.ts';
import { Events } from '../../core/monitor/events.ts';
import { createMetrics, type ConnectionFigures, type MetricSample, type TdsMetrics } from '../../core/monitor/metrics/index.ts';
import { PermanentError, type AlertMessage, type Notifier } from '../../core/sdk/index.ts';
import { asMetrics } from '../../core/compose-monitor.ts';
import { overdueBy } from '../../core/schedule/index.ts';
import type { Pool, PoolClient } from '../../core/store/pool.ts';
import { taskStats } from '../../core/queue/inspect.ts';
import { namesOf } from '../../core/queue/names.ts';
import { readFigures } from '../../core/store/figures.ts';
import { databaseAccess } from '../../core/store/session.ts';
import { collectingLog } from '../queue/support.ts';
import { TestClock } from '../support/clock.ts';

export const second = 1000;
export const minute = 60 * second;
export const hour = 60 * minute;

export interface Heard { notifier: string; at: Date; message: AlertMessage }

export interface Watch {
  alerting: Alerting; clock: TestClock; events: Events; metrics: TdsMetrics; log: ReturnType<typeof collectingLog>;
  heard: Heard[];
  /** Jobs that were added, by the numbers of their messages. */
  jobs: string[];
  /** Figures of this process, in place of the true ones. */
  samples: MetricSample[];
  /** Who has, or waits for, a connection of `ofProcess`. */
  waiters: (PoolClient | Promise<PoolClient>)[];
  connections: ConnectionFigures[];
  /** Makes a notifier fail, or answer again. */
  broken: Set<string>;
  /** Makes it refuse for good. */
  hopeless: Set<string>;
  /** Moves the clock, evaluates, and waits until what was decided has been sent. Answers what was heard by it. */
  after(ms: number): Promise<Heard[]>;
  /** Ticks each 10 s until something is heard; answers it with how long that took, in ms. */
  untilHeard(limit?: number): Promise<{ took: number; heard: Heard[] }>;
}

export interface WatchOptions { alerts?: Partial<AlertsConfig>; notifiers?: Record<string, Partial<NotifierConfig>>; timezone?: string; start?: string; schedules?: Config['schedules']; nodeId?: string; clock?: TestClock; /** The pool of the process, of which its figures tell. */ ofProcess?: Pool }

export function watch(scope: { teardown(action: () => unknown): unknown }, pool: Pool, options: WatchOptions = {}): Watch {
  const clock = options.clock ?? new TestClock(options.start ?? '2026-01-05T08:00:00Z');
  const log = collectingLog();
  const events = new Events({ log, now: () => clock.now() });
  const metrics = createMetrics();
  const database = databaseAccess(pool);
  const state = { heard: [] as Heard[], jobs: [] as string[], samples: [] as MetricSample[], waiters: [] as (PoolClient | Promise<PoolClient>)[], connections: [] as ConnectionFigures[], broken: new Set<string>(), hopeless: new Set<string>() };
  const overdue = overdueBy(() => ({ schedules: options.schedules ?? {}, timezone: options.timezone ?? 'UTC' }));
  metrics.registry.onCollect(async () => {
    const figures = await database.transaction((session) => readFigures(session, ['products', 'invoices'], clock.now()));
    metrics.data.atScrape(asMetrics(figures, [{ id: 'shop', signInName: 'shop-account' }, { id: 'bank', signInName: 'bank-account' }], overdue));
    metrics.webhooks.inInbox(figures.inbox, figures.untaken);
    metrics.webhooks.atScrape(clock.now());
    metrics.schedules.atScrape(figures.schedules);
    metrics.jobs.onQueue(await taskStats(pool, namesOf()));
  });
  if (options.ofProcess) scope.teardown(metrics.process.watch({ version: '1', nodeId: () => 'node-1', pool: options.ofProcess, directory: undefined }));
  metrics.registry.onCollect(() => metrics.connections.atScrape(state.connections));
  const given = options.notifiers ?? { mail: {}, chat: { severity: 'critical' } };
  const notifiers = new Map(Object.keys(given).map((id): [string, Notifier] => [id, {
    async send(message) {
      if (state.hopeless.has(id)) throw new PermanentError('fake.gone', 'no such chat');
      if (state.broken.has(id)) throw new Error(`${id} is down, and says s3cret`);
      state.heard.push({ notifier: id, at: clock.now(), message });
    },
  }]));
  const alerting = createAlerting({
    config: {
      timezone: options.timezone ?? 'UTC',
      alerts: { enabled: true, defaults: true, every: 10 * second, group: 30 * second, repeat: 4 * hour, keep: 30 * 24 * hour, rules: {}, ...options.alerts },
      notifiers: Object.fromEntries(Object.entries(given).map(([id, one]) => [id, { plugin: 'fake', severity: 'info' as const, with: {}, ...one }])),
    },
    events, notifiers, database, pool, log, nodeId: () => options.nodeId ?? 'node-1', source: 'erp-1', redact: (text) => text.replaceAll('s3cret', '•••'), now: async () => clock.now(),
    registry: { declared: metrics.registry.declared, samples: async (only) => [...(await metrics.registry.samples(only)).filter(({ name }) => !state.samples.some((one) => one.name === name)), ...state.samples.filter(({ name }) => only?.has(name))] },
    enqueue: async (_session, id) => void state.jobs.push(id),
  });
  scope.teardown(() => alerting.stop());
  const after = async (ms: number): Promise<Heard[]> => {
    const before = state.heard.length;
    await clock.advance(ms);
    await alerting.evaluator.tick();
    await alerting.settled();
    return state.heard.slice(before);
  };
  return {
    alerting, clock, events, metrics, log, ...state, after,
    async untilHeard(limit = 2 * minute) {
      const begin = clock.now().getTime();
      while (clock.now().getTime() - begin < limit) {
        const heard = await after(10 * second);
        if (heard.length > 0) return { took: clock.now().getTime() - begin, heard };
      }
      throw new Error(`nobody heard anything within ${limit / second} s; the log:\n${log.lines.slice(-10).join('\n')}`);
    },
  };
}
