import { test } from 'tap';
import { listActs } from '../../core/store/healing-acts.ts';
import { listSchedules, pauseSchedule, resumeSchedule } from '../../core/store/schedules.ts';
import { databaseAccess } from '../../core/store/session.ts';
import { testDatabase } from '../support/database.ts';
import { TestClock } from '../support/clock.ts';
import { scheduleOperations } from '../../core/schedule/operations.ts';
import { definitions, endRuns, enqueue, hour, minute, node, schedule, ticks, type Given, type TestNode } from './support.ts';
import type { Pool } from '../../core/store/pool.ts';

interface Stage extends TestNode { pool: Pool; clock: TestClock; to(time: string): Promise<void>; story(): Promise<string[]> }

/** A node with one schedule, from 08:00 on. `story`: each tick as `09:00 succeeded time`. */
async function stage(t: Parameters<typeof testDatabase>[0], given: Given): Promise<Stage> {
  const { pool } = await testDatabase(t);
  const clock = new TestClock('2026-11-24T08:00:30Z');
  const one = node(pool, definitions({ stock: given }), { clock });
  await one.scheduler.look();
  return {
    ...one, pool, clock,
    async to(time) {
      await clock.moveTo(`2026-11-${time.length > 5 ? time : `24T${time}`}:00Z`);
      await one.scheduler.look();
    },
    story: async () => (await ticks(pool)).map((tick) => `${tick.planned.toISOString().slice(11, 16)} ${tick.status}${tick.times > 1 ? ` ×${tick.times}` : ''} ${tick.trigger}`),
  };
}

const hourly: Given = { cron: '0 * * * *' };

test('overlap skip: a time that comes while the one before is at work is left out, and says why', async (t) => {
  const s = await stage(t, hourly);
  await s.to('09:00');
  await s.to('10:00');
  await endRuns(s.pool, 'succeeded', s.clock.now());
  await s.to('11:00');
  t.same(await s.story(), ['09:00 succeeded time', '10:00 skipped time', '11:00 queued time']);
  t.equal((await ticks(s.pool))[1]?.reason, 'the one of Tue 2026-11-24 09:00 +00:00 is still at work');
});

test('overlap queue: it waits for its turn', async (t) => {
  const s = await stage(t, { ...hourly, overlap: 'queue' });
  await s.to('09:00');
  await s.to('10:00');
  await s.to('11:00');
  t.same(await s.story(), ['09:00 queued time', '10:00 waiting time', '11:00 waiting time']);
  await endRuns(s.pool, 'succeeded', s.clock.now());
  await s.to('11:01');
  await s.to('11:02');
  t.same(await s.story(), ['09:00 succeeded time', '10:00 queued time', '11:00 waiting time']);
});

test('overlap cancel: the one before is cancelled with its runs and its job', async (t) => {
  const s = await stage(t, { ...hourly, overlap: 'cancel', entities: ['stock', 'items'] });
  await s.to('09:00');
  await s.to('10:00');
  t.same(await s.story(), ['09:00 cancelled time', '10:00 queued time']);
  const runs = await s.pool.query<{ status: string; reason: string | null }>('SELECT status, reason FROM runs ORDER BY id');
  t.same(runs.rows.map(({ status }) => status), ['cancelled', 'cancelled', 'queued', 'queued']);
  t.equal(runs.rows[0]?.reason, 'cancelled by its schedule: the one of Tue 2026-11-24 10:00 +00:00 has come');
  t.equal(s.cancelled.length, 2);
});

test('overlap cancel: of several that come in one look, after a pause of the node, only the last one begins', async (t) => {
  const s = await stage(t, { every: minute / 3, overlap: 'cancel' });
  await s.to('08:01');
  t.same((await ticks(s.pool)).map(({ status, reason, runs }) => `${status} ${runs.length} ${reason ?? ''}`), ['cancelled 0 the one of Tue 2026-11-24 08:01 +00:00 has come', 'queued 1 ']);
  t.equal((await s.pool.query('SELECT FROM runs')).rowCount, 1);
  t.match(s.events, [{ name: 'schedule.ended', detail: { state: 'cancelled' } }]);
});

test('missed last: of the times that passed while everything was down the last one is made up, and it stands among the acts of healing', async (t) => {
  const s = await stage(t, hourly);
  await s.to('13:30');
  t.same(await s.story(), ['12:00 skipped ×4 catch-up', '13:00 queued catch-up']);
  const acts = await databaseAccess(s.pool).transaction((session) => listActs(session, { limit: 10 }));
  t.match(acts, [{ rule: 'missed-schedules', outcome: 'healed', seen: '5 planned times of the schedule "stock" passed unseen, the last one Tue 2026-11-24 13:00 +00:00', done: '1 made up' }]);
});

test('missed last: where a time comes by the clock just now, it stands for those before', async (t) => {
  const s = await stage(t, hourly);
  await s.to('13:00');
  t.same(await s.story(), ['12:00 skipped ×4 catch-up', '13:00 queued time']);
});

test('missed all: every one is made up, one after the other, as far as the window reaches', async (t) => {
  const s = await stage(t, { ...hourly, missed: 'all', missedWithin: 3 * hour });
  await s.to('13:30');
  t.same(await s.story(), ['10:00 skipped ×2 catch-up', '11:00 queued catch-up', '12:00 waiting catch-up', '13:00 waiting catch-up']);
  for (const time of ['13:31', '13:32', '13:33', '13:34']) {
    await endRuns(s.pool, 'succeeded', s.clock.now());
    await s.to(time);
  }
  t.same((await s.story()).slice(1), ['11:00 succeeded catch-up', '12:00 succeeded catch-up', '13:00 succeeded catch-up']);
});

test('missed none: they are noted and left', async (t) => {
  const s = await stage(t, { ...hourly, missed: 'none' });
  await s.to('13:30');
  t.same(await s.story(), ['13:00 skipped ×5 catch-up']);
  await s.to('14:00');
  t.same((await s.story()).at(-1), '14:00 queued time');
});

test('a year without a node is told in one row, quickly', async (t) => {
  const s = await stage(t, { every: minute });
  await s.clock.moveTo('2027-11-24T08:00:30Z');
  await s.scheduler.look();
  t.equal((await ticks(s.pool)).length, 3, 'what is too old, what another one stands for, what comes just now');
});

test('pauseOnFailure: after so many failures in a row it rests, tells so, and goes on when a person says so', async (t) => {
  const s = await stage(t, { ...hourly, pauseOnFailure: 2, entities: ['stock'] });
  for (const [time, end] of [['09:00', 'failed'], ['10:00', 'succeeded'], ['11:00', 'failed'], ['12:00', 'failed']] as const) {
    await s.to(time);
    await endRuns(s.pool, end, s.clock.now());
    await s.to(time.replace(':00', ':01'));
  }
  t.match(s.events.filter(({ name }) => name === 'schedule.paused'), [{ detail: { schedule: 'stock', reason: 'it failed 2 times in a row: failed: stock' } }]);
  await s.to('13:00');
  t.same((await s.story()).slice(-2), ['12:00 failed time', '13:00 skipped time']);
  const database = databaseAccess(s.pool);
  await database.transaction((session) => resumeSchedule(session, 'stock', s.clock.now()));
  await s.to('14:00');
  t.same((await s.story()).at(-1), '14:00 queued time');
});

test('a pause with an end: what comes meanwhile is kept as skipped, what waits waits on, and it ends by itself', async (t) => {
  const s = await stage(t, { ...hourly, overlap: 'queue' });
  await s.to('09:00');
  await s.to('10:00');
  await databaseAccess(s.pool).transaction((session) => pauseSchedule(session, 'stock', { at: s.clock.now(), until: new Date('2026-11-24T12:30:00Z'), by: 'ann', reason: 'stocktaking' }));
  await endRuns(s.pool, 'succeeded', s.clock.now());
  await s.to('11:00');
  await s.to('12:00');
  t.same(await s.story(), ['09:00 succeeded time', '10:00 waiting time', '11:00 skipped time', '12:00 skipped time']);
  t.equal((await ticks(s.pool))[2]?.reason, 'paused by ann');
  await s.to('13:00');
  await s.to('13:01');
  t.same((await s.story()).filter((line) => !line.includes('skipped')), ['09:00 succeeded time', '10:00 queued time', '13:00 waiting time']);
});

test('what outgrows its period is told once, before times are left out, and no more when it is quick again', async (t) => {
  const s = await stage(t, { every: 15 * minute });
  await s.to('08:15');
  await s.to('08:26');
  t.same(s.events, []);
  await s.to('08:28');
  await s.to('08:29');
  t.match(s.events, [{ name: 'schedule.slow', detail: { schedule: 'stock', slow: 'every 15 min, but takes 13 min' } }]);
  await endRuns(s.pool, 'succeeded', s.clock.now());
  await s.to('08:29');
  const slow = async (): Promise<string | null | undefined> => (await databaseAccess(s.pool).transaction(listSchedules))[0]?.slow;
  t.equal(await slow(), 'every 15 min, but takes 14 min');
  await s.to('08:30');
  await endRuns(s.pool, 'succeeded', s.clock.now());
  await s.to('08:31');
  t.equal(await slow(), null);
});

test('other times begin anew: nothing of before counts as missed; a node that knows the old ones leaves the schedule alone', async (t) => {
  const { pool } = await testDatabase(t);
  const clock = new TestClock('2026-11-24T08:30:00Z');
  const old = node(pool, definitions({ stock: hourly, gone: hourly }), { clock, name: 'old' });
  await old.scheduler.look();
  await clock.moveTo('2026-11-24T11:30:00Z');
  const fresh = node(pool, definitions({ stock: { cron: '45 * * * *' } }), { clock, name: 'new' });
  await fresh.scheduler.look();
  await clock.moveTo('2026-11-24T12:00:00Z');
  await Promise.all([old.scheduler.look(), fresh.scheduler.look()]);
  t.match((await ticks(pool)).map((tick) => `${tick.schedule} ${tick.planned.toISOString().slice(11, 16)} ${tick.node}`), ['stock 11:45 new']);
  t.match(await databaseAccess(pool).transaction(listSchedules), [{ schedule: 'gone', nextAt: null, removedAt: new Date('2026-11-24T11:30:00Z') }, { schedule: 'stock', removedAt: null }]);
});

test('work that is under way when its schedule leaves the config ends as it would, and what waits behind it is cancelled', async (t) => {
  const s = await stage(t, { ...hourly, overlap: 'queue' });
  await s.to('09:00');
  await s.to('10:00');
  s.scheduler.replace(definitions({ other: hourly }));
  await s.to('10:30');
  t.same(await s.story(), ['09:00 queued time', '10:00 cancelled time']);
  t.equal((await s.pool.query(`SELECT FROM runs WHERE ended_at IS NULL`)).rowCount, 1, 'its run is left alone');
  await endRuns(s.pool, 'succeeded', s.clock.now());
  await s.to('10:31');
  t.same(await s.story(), ['09:00 succeeded time', '10:00 cancelled time']);
});

test('work that a person begins shortly before a planned time is no reason to say that it outgrows its period', async (t) => {
  const s = await stage(t, { every: 15 * minute });
  await s.to('08:14');
  const ops = scheduleOperations({ database: databaseAccess(s.pool), enqueue, nodeId: () => 'cli', isAtWork: () => true, config: () => ({ timezone: 'UTC', schedules: { stock: schedule({ every: 15 * minute }) } }), now: () => s.clock.now() });
  await ops.run('stock', 'person');
  await s.to('08:15');
  await s.to('08:20');
  await endRuns(s.pool, 'succeeded', s.clock.now());
  await s.to('08:21');
  t.same((await s.story()), ['08:14 succeeded person', '08:15 skipped time']);
  t.same(s.events.filter(({ name }) => name === 'schedule.slow'), []);
});

test('times that passed unseen are told of, once; not where they are of no account', async (t) => {
  const s = await stage(t, { ...hourly, missed: 'last' });
  await s.to('11:30');
  await s.to('11:31');
  t.match(s.events.filter(({ name }) => name === 'schedule.missed'), [{ detail: { schedule: 'stock', missed: 3, made: 1 } }]);
  const none = await stage(t, { ...hourly, missed: 'none' });
  await none.to('11:30');
  t.same(none.events.filter(({ name }) => name === 'schedule.missed'), []);
  t.match(none.events, [{ name: 'schedule.ended', detail: { state: 'skipped', times: 3 } }]);
});

test('a factor shortens the pauses of an entity: further ticks for it alone, each once', async (t) => {
  const { pool } = await testDatabase(t);
  const clock = new TestClock('2026-11-24T08:30:00Z');
  const factor = (entity: string): number => (entity === 'orders' ? 0.25 : 1);
  const nodes = ['a', 'b'].map((name) => node(pool, definitions({ hourly: { ...hourly, entities: ['orders', 'items'] } }), { clock, name, factor }));
  for (let at = 0; at <= 60; at += 5) {
    await Promise.all(nodes.map(({ scheduler }) => scheduler.look()));
    await endRuns(pool, 'succeeded', clock.now());
    await Promise.all(nodes.map(({ scheduler }) => scheduler.look()));
    await clock.advance(5 * minute);
  }
  t.same((await ticks(pool)).map((tick) => `${tick.planned.toISOString().slice(11, 16)} ${tick.trigger} ${tick.entities.join()}`), [
    '08:30 shortened orders', '08:45 shortened orders', '09:00 time orders,items', '09:15 shortened orders', '09:30 shortened orders',
  ]);
});

test('a comparison, which this version does not have: its times are noted with the reason, as neither success nor failure, without a job', async (t) => {
  const s = await stage(t, { ...hourly, run: 'compare', pauseOnFailure: 1 });
  await s.to('09:00');
  await s.to('10:00');
  t.same((await ticks(s.pool)).map(({ status, reason }) => `${status}: ${reason}`), Array(2).fill('skipped: comparing source and table is not in this version of TDS'));
  t.match(s.events, [{ name: 'schedule.ended', detail: { state: 'skipped' } }, { name: 'schedule.ended', detail: { state: 'skipped' } }]);
  t.match(await databaseAccess(s.pool).transaction(listSchedules), [{ failures: 0, pausedAt: null, slow: null }]);
  t.equal((await s.pool.query('SELECT FROM graphile_worker._private_jobs')).rowCount, 0);
});

test('a schedule that can not be ticked is told of and keeps no other from its time', async (t) => {
  const { pool } = await testDatabase(t);
  const clock = new TestClock('2026-11-24T08:30:00Z');
  const one = node(pool, definitions({ bad: hourly, good: { ...hourly, entities: ['items'] } }), { clock, enqueue: (session, jobs) => (jobs.some((job) => job.queueName === 'entity:stock') ? Promise.reject(new Error('no queue')) : enqueue(session, jobs)) });
  await one.scheduler.look();
  await clock.moveTo('2026-11-24T09:00:00Z');
  t.ok(await one.scheduler.look() <= 1000);
  t.same((await ticks(pool)).map((tick) => tick.schedule), ['good']);
  t.match(one.log.lines.filter((line) => line.startsWith('warn')), [/could not be ticked/]);
});

test('it looks from its start, at each planned time, and ends when it is stopped', async (t) => {
  const { pool } = await testDatabase(t);
  const clock = new TestClock('2026-11-24T08:59:58Z');
  const looked: (() => void)[] = [];
  const one = node(pool, definitions({ stock: hourly }), { clock, tell: () => undefined, now: async () => {
    looked.shift()?.();
    return clock.now();
  } });
  one.scheduler.start();
  await clock.untilPending();
  t.same(clock.next, new Date('2026-11-24T09:00:00Z'), 'it waits for the planned time, and not a second longer');
  await clock.advance(2000);
  await clock.untilPending();
  t.same((await ticks(pool)).map((tick) => tick.enqueuedAt), [new Date('2026-11-24T09:00:00Z')]);
  await one.scheduler.stop();
  t.equal(clock.pending, 0);
});
