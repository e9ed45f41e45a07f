import { test } from 'tap';
import { scheduleOperations } from '../../core/schedule/operations.ts';
import { onExhausted } from '../../core/operations/exhausted.ts';
import { PermanentError, type JsonObject } from '../../core/sdk/index.ts';
import { makeReport } from '../../core/schedule/report/make.ts';
import { tickTask, type WorkDone } from '../../core/schedule/tick-task.ts';
import type { ScheduleOperations } from '../../core/operations/schedules.ts';
import type { JobContext } from '../../core/queue/types.ts';
import { databaseAccess } from '../../core/store/session.ts';
import { silentLogger } from '../../core/monitor/log.ts';
import type { Pool } from '../../core/store/pool.ts';
import { testDatabase } from '../support/database.ts';
import { TestClock } from '../support/clock.ts';
import { definitions, endRuns, enqueue, node, schedule, ticks, type Given } from './support.ts';

function operationsOf(pool: Pool, given: Record<string, Given>, clock: TestClock, timezone = 'Asia/Baghdad'): ScheduleOperations {
  const config = { timezone, schedules: Object.fromEntries(Object.entries(given).map(([id, one]) => [id, schedule(one)])) };
  return scheduleOperations({ database: databaseAccess(pool), enqueue, nodeId: () => 'cli', isAtWork: () => true, config: () => config, now: () => clock.now() });
}

test('the list tells the next time as the zone shows it, how the last one came out, and who paused it until when', async (t) => {
  const { pool } = await testDatabase(t);
  const clock = new TestClock('2026-11-24T08:30:00Z');
  const plan = { nightly: { cron: '0 2 * * *' }, off: { every: 60_000, enabled: false }, old: { cron: '0 2 * * *', until: '2026-01-01' } };
  const ops = operationsOf(pool, plan, clock);
  t.match(await ops.list(), [{ id: 'nightly', state: 'new', next: { local: 'Wed 2026-11-25 02:00 +03:00', at: new Date('2026-11-24T23:00:00Z') } }, { id: 'off', state: 'off', next: null }, { id: 'old', state: 'new', next: null }]);
  await t.rejects(ops.pause('nightly', { until: null, reason: null, by: 'ann' }), { code: 'operation.schedule_new' });
  const one = node(pool, definitions(plan, 'Asia/Baghdad'), { clock });
  await one.scheduler.look();
  t.match((await ops.list()).map(({ state }) => state), ['active', 'off', 'over']);
  t.match(await ops.pause('nightly', { until: '2026-11-25T06:00', reason: 'stocktaking', by: 'ann' }), { state: 'paused', paused: { by: 'ann', reason: 'stocktaking', until: new Date('2026-11-25T03:00:00Z') } });
  t.match(await ops.pause('nightly', { until: '2h', reason: null, by: 'bob' }), { paused: { by: 'bob', until: new Date('2026-11-24T10:30:00Z') } });
  t.match(await ops.resume('nightly'), { state: 'active', paused: null });
  await clock.moveTo('2026-11-24T23:00:00Z');
  await one.scheduler.look();
  await clock.advance(5000);
  await endRuns(pool, 'failed', clock.now());
  await one.scheduler.look();
  t.match(await ops.one('nightly'), { failures: 1, last: { status: 'failed', reason: 'failed: stock', late: 0 } });
  for (const [text, why] of [['tomorrow', 'is no time'], ['2026-13-45', 'is no time'], ['2020-01-01', 'over already']] as const) {
    t.throws(() => ops.pause('nightly', { until: text, reason: null, by: 'ann' }), { code: 'operation.bad_time', message: new RegExp(why) });
  }
  t.throws(() => ops.next('nigtly', 1), { code: 'operation.unknown_schedule' });
  t.same(ops.next('nightly', 2).map(({ local }) => local), ['Thu 2026-11-26 02:00 +03:00', 'Fri 2026-11-27 02:00 +03:00']);
});

test('run now is a tick by a person, one at a time', async (t) => {
  const { pool } = await testDatabase(t);
  const clock = new TestClock('2026-11-24T08:30:00Z');
  const ops = operationsOf(pool, { nightly: { cron: '0 2 * * *', mode: 'full', priority: 'low' } }, clock);
  t.match(await ops.run('nightly', 'person'), { trigger: 'person', status: 'queued', runs: [/\d+/] });
  await t.rejects(ops.run('nightly', 'person'), { code: 'operation.schedule_busy' });
  t.match((await pool.query('SELECT mode, trigger FROM runs')).rows, [{ mode: 'full', trigger: 'schedule:nightly' }]);
  t.match((await pool.query('SELECT priority FROM graphile_worker._private_jobs')).rows, [{ priority: 40 }]);
});

test('work that this version does not have is refused at once, and said in the list', async (t) => {
  const { pool } = await testDatabase(t);
  const ops = operationsOf(pool, { comparison: { cron: '0 3 * * *', run: 'compare' } }, new TestClock('2026-11-24T08:30:00Z'));
  t.match(await ops.list(), [{ unavailable: 'comparing source and table is not in this version of TDS', failures: 0 }]);
  await t.rejects(ops.run('comparison', 'person'), { code: 'operation.not_available' });
  t.throws(() => ops.backfill('comparison', { from: '7d', to: '1d', most: 3, dryRun: false }), { code: 'operation.not_available' });
});

test('a backfill says first which times it would make up, makes up the oldest so many, one after the other, and a pause holds it', async (t) => {
  const { pool } = await testDatabase(t);
  const clock = new TestClock('2026-11-24T08:30:00Z');
  const plan = { nightly: { cron: '0 2 * * *' } };
  const ops = operationsOf(pool, plan, clock);
  const one = node(pool, definitions(plan, 'Asia/Baghdad'), { clock });
  await one.scheduler.look();
  const span = { from: '2026-11-20', to: '1h', most: 3 };
  const dry = await ops.backfill('nightly', { ...span, dryRun: true });
  t.same([dry.times.map(({ local }) => local.slice(0, 20)), dry.left, dry.done], [['Fri 2026-11-20 02:00', 'Sat 2026-11-21 02:00', 'Sun 2026-11-22 02:00'], 2, 0]);
  t.same(await ticks(pool), []);
  await ops.backfill('nightly', { ...span, dryRun: false });
  const states = async (): Promise<string[]> => (await ticks(pool)).map(({ status }) => status);
  t.same(await states(), ['waiting', 'waiting', 'waiting']);
  await one.scheduler.look();
  t.same(await states(), ['queued', 'waiting', 'waiting']);
  await ops.pause('nightly', { until: null, reason: null, by: 'ann' });
  await endRuns(pool, 'succeeded', clock.now());
  await one.scheduler.look();
  await one.scheduler.look();
  t.same(await states(), ['succeeded', 'waiting', 'waiting']);
  await ops.resume('nightly');
  await one.scheduler.look();
  await endRuns(pool, 'failed', clock.now());
  await one.scheduler.look();
  await endRuns(pool, 'succeeded', clock.now());
  await one.scheduler.look();
  t.same(await states(), ['succeeded', 'failed', 'succeeded']);
  const again = await ops.backfill('nightly', { ...span, dryRun: false });
  t.same([again.times.map(({ local }) => local.slice(4, 14)), again.done], [['2026-11-21', '2026-11-23', '2026-11-24'], 2], 'what failed and what was never done');
  t.same(await states(), ['succeeded', 'waiting', 'succeeded', 'waiting', 'waiting']);
});

test('other work is a job: it ends its tick with words, and with a failure after its last attempt', async (t) => {
  const { pool } = await testDatabase(t);
  const clock = new TestClock('2026-11-24T08:30:00Z');
  const known = definitions({ upkeep: { every: 3_600_000, run: 'maintain', overlap: 'queue' } });
  const one = node(pool, known, { clock });
  await one.scheduler.look();
  const told: string[] = [];
  let outcome: () => WorkDone = () => ({ status: 'skipped', reason: 'no s3cret' });
  const handler = tickTask({ database: databaseAccess(pool), clock, log: silentLogger, nodeId: () => 'worker', redact: (text) => text.replace('s3cret', '•••'), tell: (name, detail) => void told.push(`${name} ${(detail as { state?: string }).state}`), definition: (id) => known.get(id), work: async () => outcome() });
  const work = async (attempt: number): Promise<void> => {
    const { rows: [job] } = await pool.query<{ payload: { tickId: string } }>('SELECT payload FROM graphile_worker._private_jobs ORDER BY id DESC LIMIT 1');
    await handler({ payload: job?.payload, attempt, maxAttempts: 3, signal: new AbortController().signal } as unknown as JobContext<{ tickId: string }>);
  };
  await clock.moveTo('2026-11-24T09:00:00Z');
  await one.scheduler.look();
  await work(1);
  await work(1);
  t.match(await ticks(pool), [{ status: 'skipped', reason: 'no •••', node: 'worker' }]);
  t.same(told, ['schedule.ended skipped'], 'a job that comes again finds it ended');
  await clock.moveTo('2026-11-24T10:00:00Z');
  await one.scheduler.look();
  outcome = () => { throw new Error('no disk'); };
  await t.rejects(work(1), { message: 'no disk' });
  await work(3);
  t.match((await ticks(pool))[1], { status: 'failed', reason: 'no disk' });
});

test('work whose process dies with it at each attempt is a failure of its schedule', async (t) => {
  const { pool } = await testDatabase(t);
  const clock = new TestClock('2026-11-24T08:30:00Z');
  const one = node(pool, definitions({ upkeep: { every: 3_600_000, run: 'maintain' } }), { clock });
  await one.scheduler.look();
  await clock.moveTo('2026-11-24T09:00:00Z');
  await one.scheduler.look();
  const { rows: [job] } = await pool.query<{ id: string; payload: JsonObject }>('SELECT id::text, payload FROM graphile_worker._private_jobs');
  const told: unknown[] = [];
  const give = onExhausted({ enqueue: async () => '', redact: (text) => text, events: { emit: (name, detail) => void told.push([name, detail]) } });
  await databaseAccess(pool).transaction((session) => give({ id: job?.id ?? '', task: 'tick', payload: job?.payload ?? {}, queueName: null, jobKey: null, attempts: 3, maxAttempts: 3, createdAt: new Date() }, new PermanentError('queue.worker_lost', 'its worker was lost'), session as never));
  t.match(await ticks(pool), [{ status: 'failed', reason: 'its worker was lost' }]);
  t.match(await operationsOf(pool, { upkeep: { every: 3_600_000, run: 'maintain' } }, clock).one('upkeep'), { failures: 1 });
  t.match(told, [['schedule.ended', { schedule: 'upkeep', state: 'failed' }]]);
});

test('a report sums up the time since the last one, as data, text and HTML, and says first what needs a person', async (t) => {
  const { pool } = await testDatabase(t);
  const database = databaseAccess(pool);
  const [day, now] = [86_400_000, new Date('2026-11-24T04:00:00Z')];
  await pool.query(
    `INSERT INTO runs (entity, mode, trigger, status, reason, new, changed, calls, ended_at) VALUES ('stock', 'full', 'x', 'succeeded', NULL, 5, 2, 7, $1), ('items', 'full', 'x', 'failed', '<b>no s3cret</b>', 0, 0, 1, $1), ('stock', 'full', 'x', 'succeeded', NULL, 900, 0, 0, $2)`,
    [new Date(now.getTime() - 3600_000), new Date(now.getTime() - 2 * day)]);
  await pool.query(`INSERT INTO quota_calls (connection, day, purpose, calls) VALUES ('books', '2026-11-24', 'full', 900); INSERT INTO quota_days (connection, day, day_limit) VALUES ('books', '2026-11-24', 1000)`);
  const make = (to: Date) => database.transaction((session) => makeReport(session, { schedule: 'summary', to, now: to, timezone: 'Asia/Baghdad', redact: (text) => text.replace('s3cret', '•••') }));
  const { summary } = await make(now);
  t.match(summary, { from: new Date(now.getTime() - day), totals: { runs: 2, failed: 1, new: 5, changed: 2, calls: 8 }, attention: ['items: 1 of 1 runs failed, the last one: <b>no •••</b>', 'books used 900 of 1000 calls on 2026-11-24'] });
  await make(now);
  const later = await make(new Date(now.getTime() + 3600_000));
  t.same([later.summary.from, later.summary.totals.runs], [now, 0], 'it begins where the last one ended');
  const ops = operationsOf(pool, {}, new TestClock());
  t.equal((await ops.reports({ limit: 10 })).length, 2, 'the same span again is the same report');
  const report = await ops.report('1');
  t.match(report.text, /^TDS report, Mon 2026-11-23 07:00 \+03:00 to Tue 2026-11-24 07:00 \+03:00\n2 things to look at: 2 runs, 1 failed; 5 records new/);
  t.ok(report.html.includes('&lt;b&gt;no •••&lt;/b&gt;') && !report.html.includes('<b>no'), 'nothing of a reason is markup');
  t.match(await ops.report(), { from: now });
  await t.rejects(ops.report('99'), { code: 'operation.unknown_report' });
});
