import { test } from 'tap';
import { timetableOf, upcoming } from '../../core/schedule/timetable.ts';
import { localText } from '../../core/schedule/zone-time.ts';
import { schedule, type Given } from './support.ts';

/** The next times as ISO without seconds, from a moment on. */
function times(given: Given, after: string, count: number): string[] {
  return upcoming(timetableOf('test', schedule(given), 'UTC'), new Date(after), count).map((time) => time.toISOString().replace(':00.000Z', 'Z'));
}

test('a time that the clocks go over runs at the next one that exists', async (t) => {
  const plan = { cron: '30 2 * * *', timezone: 'America/New_York' };
  t.same(times(plan, '2026-03-07T00:00Z', 3), ['2026-03-07T07:30Z', '2026-03-08T07:00Z', '2026-03-09T06:30Z'], '02:30 does not exist on the 8th: 03:00 does');
  t.same(times({ cron: '15 1 * * *', timezone: 'Europe/London' }, '2026-03-28T12:00Z', 2), ['2026-03-29T01:00Z', '2026-03-30T00:15Z']);
  t.same(times({ cron: '10,20,40 2 * * *', timezone: 'America/New_York' }, '2026-03-08T05:00Z', 2), ['2026-03-08T07:00Z', '2026-03-09T06:10Z'], 'three that do not exist are one');
  t.same(times({ cron: '0 0 * * *', timezone: 'Africa/Cairo' }, '2026-04-22T12:00Z', 3), ['2026-04-22T22:00Z', '2026-04-23T22:00Z', '2026-04-24T21:00Z'], 'where the clocks change at midnight');
});

test('a time that comes twice runs once, the first time', async (t) => {
  t.same(times({ cron: '30 1 * * *', timezone: 'America/New_York' }, '2026-10-31T12:00Z', 2), ['2026-11-01T05:30Z', '2026-11-02T06:30Z']);
  t.same(times({ cron: '30 1 * * *', timezone: 'Europe/London' }, '2026-10-25T00:30Z', 1), ['2026-10-26T01:30Z'], 'also when it is looked at between the two');
  t.same(times({ cron: '30 1 * * *', timezone: 'Europe/London' }, '2026-10-25T00:45Z', 1), ['2026-10-26T01:30Z']);
  t.same(times({ cron: '*/30 * * * *', timezone: 'Europe/London' }, '2026-10-24T23:45Z', 4), ['2026-10-25T00:00Z', '2026-10-25T00:30Z', '2026-10-25T02:00Z', '2026-10-25T02:30Z'], 'the second hour of them has no times of its own');
});

test('zones that change by half an hour, and zones that never change', async (t) => {
  t.same(times({ cron: '15 2 * * *', timezone: 'Australia/Lord_Howe' }, '2026-10-03T00:00Z', 3), ['2026-10-03T15:30Z', '2026-10-04T15:15Z', '2026-10-05T15:15Z'], '02:15 does not exist on the 4th: 02:30 does');
  t.same(times({ cron: '45 1 * * *', timezone: 'Australia/Lord_Howe' }, '2026-04-04T00:00Z', 2), ['2026-04-04T14:45Z', '2026-04-05T15:15Z'], '01:45 comes twice on the 5th');
  t.same(times({ cron: '0 2 * * *', timezone: 'Asia/Baghdad' }, '2026-03-28T00:00Z', 3), ['2026-03-28T23:00Z', '2026-03-29T23:00Z', '2026-03-30T23:00Z']);
  t.same(times({ cron: '0 12 * * *', timezone: 'Pacific/Apia' }, '2011-12-28T22:00Z', 3), ['2011-12-29T22:00Z', '2011-12-30T10:00Z', '2011-12-30T22:00Z'], 'a day that was left out as a whole: its noon runs as the next day begins');
});

test('a pace keeps its length whatever the clocks do', async (t) => {
  t.same(times({ every: 30 * 60_000, timezone: 'Europe/London' }, '2026-10-25T00:01Z', 4), ['2026-10-25T00:30Z', '2026-10-25T01:00Z', '2026-10-25T01:30Z', '2026-10-25T02:00Z']);
  t.same(times({ every: 15 * 60_000 }, '2026-11-24T17:03:12Z', 2), ['2026-11-24T17:15Z', '2026-11-24T17:30Z']);
});

test('each local time of a year comes once, in order, in every zone with its own rules', async (t) => {
  for (const zone of ['Europe/London', 'America/New_York', 'Asia/Baghdad', 'Australia/Lord_Howe', 'Africa/Casablanca', 'America/Santiago', 'Asia/Kathmandu']) {
    const found = upcoming(timetableOf('test', schedule({ cron: '30 * * * *', timezone: zone }), 'UTC'), new Date('2026-01-01T00:00Z'), 8_800);
    const moments = found.map(Number);
    t.ok(moments.every((moment, at) => at === 0 || moment > (moments[at - 1] as number)), `${zone}: in order`);
    const shown = found.map((time) => localText(zone, time).slice(0, 20));
    t.equal(new Set(shown).size, shown.length, `${zone}: no wall time twice`);
  }
});

test('the whole of a cron line counts: days that node-cron knows, both day fields, the 29th of February', async (t) => {
  t.same(times({ cron: '0 8 1 * mon' }, '2026-01-01T00:00Z', 2), ['2026-06-01T08:00Z', '2027-02-01T08:00Z']);
  t.same(times({ cron: '0 8 L * *' }, '2026-01-31T09:00Z', 2), ['2026-02-28T08:00Z', '2026-03-31T08:00Z']);
  t.same(times({ cron: '0 0 29 2 *' }, '2026-01-01T00:00Z', 1), ['2028-02-29T00:00Z']);
  t.same(times({ cron: '0 9 * * 5L' }, '2026-11-01T00:00Z', 1), ['2026-11-27T09:00Z']);
});

test('days, hours and dates are left out in the zone of the schedule, and there is an end', async (t) => {
  const hourly = { cron: '0 * * * *', timezone: 'Asia/Baghdad' };
  t.same(times({ ...hourly, exclude: { days: ['fri'], hours: [], dates: [] } }, '2026-11-26T20:30Z', 1), ['2026-11-27T21:00Z']);
  t.same(times({ ...hourly, exclude: { days: [], hours: ['22:00-06:00'], dates: [] } }, '2026-11-24T17:30Z', 2), ['2026-11-24T18:00Z', '2026-11-25T03:00Z']);
  t.same(times({ ...hourly, exclude: { days: [], hours: [], dates: ['12-25', '2026-12-26'] } }, '2026-12-24T20:30Z', 1), ['2026-12-26T21:00Z']);
  t.same(times({ ...hourly, until: '2026-11-24T22:00' }, '2026-11-24T17:30Z', 5), ['2026-11-24T18:00Z'], 'the end itself is not run');
  t.same(times({ every: 3_600_000, exclude: { days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'], hours: [], dates: [] } }, '2026-11-24T17:30Z', 1), [], 'nothing is left');
});

test('jitter puts a start off by less than itself, the same wherever it is asked for, another one each time', async (t) => {
  const [one, two] = [0, 1].map(() => timetableOf('stock', schedule({ every: 60_000, jitter: 30_000 }), 'UTC'));
  const planned = upcoming(one!, new Date(0), 50);
  const delays = planned.map((time) => one!.delay(time));
  t.same(delays, planned.map((time) => two!.delay(time)));
  t.ok(delays.every((delay) => delay >= 0 && delay < 30_000));
  t.ok(new Set(delays).size > 40);
});
