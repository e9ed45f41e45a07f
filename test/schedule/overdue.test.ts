/** When an entity is too old, by its own schedules. */
import t from 'tap';
import type { ScheduleConfig } from '../../schemas/index.ts';
import { overdueBy } from '../../core/schedule/index.ts';

const minute = 60;
const hour = 3600;
const base: ScheduleConfig = { enabled: true, run: 'sync', entities: ['products'], rules: [], priority: 'normal', jitter: 0, overlap: 'skip', missed: 'last', missedWithin: 86_400_000, pauseOnFailure: 0, exclude: { days: [], hours: [], dates: [] } };

/** Seconds overdue at `now`, of a read that began at `read`. */
function ask(schedules: Record<string, Partial<ScheduleConfig>>, read: string, now: string, { lastSeconds = 0, entity = 'products', timezone = 'UTC' } = {}): number {
  const filled = Object.fromEntries(Object.entries(schedules).map(([id, one]) => [id, { ...base, ...one }]));
  return overdueBy(() => ({ schedules: filled, timezone }))(entity, { startedAt: new Date(read), lastSeconds }, new Date(now));
}

t.test('what nothing is planned for may be a day and two hours old', async (t) => {
  for (const schedules of [{}, { other: { every: 60_000, entities: ['invoices'] } }, { off: { every: 60_000, enabled: false } }, { tidy: { every: 60_000, run: 'maintain' as const } }, { over: { every: 60_000, until: '2026-01-01' } }]) {
    t.equal(ask(schedules, '2026-01-05T00:00:00Z', '2026-01-06T02:00:00Z'), 0, JSON.stringify(schedules));
    t.equal(ask(schedules, '2026-01-05T00:00:00Z', '2026-01-06T03:00:00Z'), hour);
  }
});

t.test('the planned read has an hour, the pause to the next one, and twice what the last run took', async (t) => {
  const often = { often: { every: 15 * 60_000 } };
  t.equal(ask(often, '2026-01-05T10:00:01Z', '2026-01-05T11:30:00Z'), 0, 'planned at 10:15');
  t.equal(ask(often, '2026-01-05T10:00:01Z', '2026-01-05T12:00:00Z'), 30 * minute);
  t.equal(ask(often, '2026-01-05T10:00:01Z', '2026-01-05T12:00:00Z', { lastSeconds: 40 * minute }), -50 * minute, 'long runs are not told of as old data');
  t.equal(ask({ often: { every: 15 * 60_000, jitter: 5 * 60_000 } }, '2026-01-05T10:00:01Z', '2026-01-05T11:30:00Z'), -5 * minute, 'a jitter is waited for');
});

t.test('a daily read is missed the same morning, not a day later', async (t) => {
  const night = { night: { cron: '30 2 * * *' } };
  t.ok(ask(night, '2026-01-05T02:30:05Z', '2026-01-06T02:31:00Z') < 0, 'the next one has just come');
  t.equal(ask(night, '2026-01-05T02:30:05Z', '2026-01-06T09:30:00Z'), 0, 'an hour, and six of the pause');
  t.ok(ask(night, '2026-01-05T05:10:00Z', '2026-01-06T05:10:00Z') < 0, 'one that comes last in the night each day is not told of');
});

t.test('a weekend without work is no reason, and the wall clock of the zone counts', async (t) => {
  const work = { work: { cron: '0 8 * * *', exclude: { days: ['fri' as const, 'sat' as const], hours: [], dates: [] } } };
  const thursday = '2026-01-08T05:00:10Z'; // 8 in Baghdad
  t.ok(ask(work, thursday, '2026-01-11T05:00:00Z', { timezone: 'Asia/Baghdad' }) < 0, 'Sunday at eight');
  t.equal(ask(work, thursday, '2026-01-11T12:00:00Z', { timezone: 'Asia/Baghdad' }), 0, 'Sunday at three in the afternoon');
});

t.test('of several schedules the one that comes first counts', async (t) => {
  t.equal(ask({ night: { cron: '30 2 * * *' }, often: { every: 3_600_000, entities: ['invoices', 'products'] } }, '2026-01-05T10:00:01Z', '2026-01-05T14:00:00Z'), hour);
});

t.test('a changed config counts from then on', async (t) => {
  let schedules: Record<string, ScheduleConfig> = {};
  const overdue = overdueBy(() => ({ schedules, timezone: 'UTC' }));
  const at = (): number => overdue('products', { startedAt: new Date('2026-01-05T10:00:01Z'), lastSeconds: null }, new Date('2026-01-05T14:00:00Z'));
  t.ok(at() < 0);
  schedules = { often: { ...base, every: 3_600_000 } };
  t.equal(at(), hour);
});
