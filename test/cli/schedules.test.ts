import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import type { ScheduleStatus, TickShape } from '../../core/operations/schedules.ts';
import { fakeOperations } from '../api/fake-operations.ts';
import { TestClock } from '../support/clock.ts';
import { callCli } from './support.ts';

const clock = new TestClock('2026-11-24T08:30:00Z');
const tick: TickShape = {
  id: '7', schedule: 'stock', planned: new Date('2026-11-24T08:15:00Z'), times: 1, trigger: 'time', work: 'sync', entities: ['stock'], status: 'failed', reason: 'failed: stock', runs: ['3'], node: 'n',
  dueAt: new Date('2026-11-24T08:15:00Z'), enqueuedAt: new Date('2026-11-24T08:15:01Z'), startedAt: new Date('2026-11-24T08:15:02Z'), endedAt: new Date('2026-11-24T08:20:02Z'), slow: false, late: 1000, waited: 1000, took: 300_000,
};
const stock: ScheduleStatus = {
  id: 'stock', description: null, cron: null, every: 900_000, timezone: 'Asia/Baghdad', run: 'sync', entities: ['stock'], mode: 'incremental', state: 'active', paused: null,
  next: { at: new Date('2026-11-24T08:45:00Z'), local: 'Tue 2026-11-24 11:45 +03:00' }, last: tick, failures: 2, slow: 'every 15 min, but takes 14 min',
};
const { schedules } = fakeOperations();

void t.test('tds schedules tells the next time in local time, how the last one came out, and what outgrows its period', async (t) => {
  const paused = { ...stock, id: 'nightly', cron: '0 2 * * *', every: null, state: 'paused' as const, slow: null, failures: 0, last: null, paused: { at: clock.now(), until: null, by: 'ann', reason: 'stock\u001b[31mtaking' } };
  const { out, exit } = await callCli(['schedules'], { clock, operations: fakeOperations({ schedules: { ...schedules, list: async () => [stock, paused] } }) });
  t.equal(exit, 0);
  t.match(out, /stock +sync incremental +every 15 min 0 s +Tue 2026-11-24 11:45 \+03:00 +Asia\/Baghdad +failed 15 min ago, took 5 min 0 s +active, 2 failures in a row/);
  t.match(out, /nightly .* paused by ann: stock\[31mtaking/, 'what a person wrote does not draw');
  t.match(out, /stock outgrows its period: every 15 min, but takes 14 min/);
  t.match(out, /stock, 15 min ago: failed, failed: stock/);
  const { json } = await callCli(['schedules', '--json'], { clock, operations: fakeOperations({ schedules: { ...schedules, list: async () => [stock] } }) });
  t.match(json, [{ schedules: [{ id: 'stock', next: { at: '2026-11-24T08:45:00.000Z' } }] }]);
});

void t.test('a backfill is a dry run until it is told otherwise, and names a person who pauses', async (t) => {
  const asked: unknown[] = [];
  const operations = fakeOperations({ schedules: { ...schedules,
    backfill: async (schedule, span) => { asked.push(span); return { schedule, dryRun: span.dryRun, times: [stock.next!], done: 3, left: 1 }; },
    pause: async (_id, pause) => { asked.push(pause); return stock; }, next: (_id, count) => { asked.push(count); return [stock.next!]; }, ticks: async (filter) => { asked.push(filter); return [tick]; },
  } });
  const dry = await callCli(['schedules', 'backfill', 'stock', '--from', '7d', '--to', '1d'], { clock, operations });
  t.match(dry.out, /Tue 2026-11-24 11:45 \+03:00\n1 time would be made up; --yes does it; 3 of the span were done; 1 more are left/);
  await callCli(['schedules', 'backfill', 'stock', '--from', '7d', '--to', '1d', '--most', '5', '--yes'], { clock, operations });
  t.match((await callCli(['schedules', 'next', 'stock', '-n', '3'], { clock, operations })).out, /^Tue 2026-11-24 11:45 \+03:00 {3}2026-11-24T08:45:00.000Z\n$/);
  t.match((await callCli(['schedules', 'ticks', 'stock'], { clock, operations })).out, /7 +stock .* failed +1.0 s +1.0 s +5 min 0 s +failed: stock/);
  await callCli(['schedules', 'pause', 'stock', '--until', '2h', '--reason', 'stocktaking'], { clock, operations });
  t.match(asked, [{ from: '7d', to: '1d', most: 100, dryRun: true }, { most: 5, dryRun: false }, 3, { schedule: 'stock' }, { until: '2h', reason: 'stocktaking', by: /./ }]);
  t.equal((await callCli(['schedules', 'backfill', 'stock', '--from', '7d'], { clock, operations })).exit, 2);
  t.equal((await callCli(['schedules', 'next', 'stock', '-n', '0'], { clock, operations })).exit, 2);
  t.equal((await callCli(['schedules', 'run', 'stock', 'now'], { clock, operations })).exit, 1, 'it is at work already');
  t.equal((await callCli(['schedules', 'resume', 'nothing'], { clock, operations })).exit, 2);
});

void t.test('tds report shows the newest, or another as HTML', async (t) => {
  const report = { id: '3', schedule: 'summary', from: clock.now(), to: clock.now(), madeAt: clock.now(), summary: {}, text: 'TDS report\nAll is well\n', html: '<!doctype html>\n<p>All is well</p>\n' };
  const operations = fakeOperations({ schedules: { ...schedules, report: async (id) => ({ ...report, id: id ?? '3' }), reports: async () => [report] } });
  t.equal((await callCli(['report'], { clock, operations })).out, report.text);
  t.equal((await callCli(['report', '2', '--html'], { clock, operations })).out, report.html);
  t.match((await callCli(['report', 'list'], { clock, operations })).out, /3 +summary .* All is well/);
  t.equal((await callCli(['report'], { clock })).exit, 2, 'there is none');
});

void t.test('tds reload asks the running TDS, and says what came of it', async (t) => {
  t.match(await callCli(['reload'], { clock, port: 1 }), { exit: 3, err: /no TDS answers at http:\/\/127\.0\.0\.1:1\/v1\/config\/reload \(cli\.no_node\)/ });
  let answer: object = { applied: true, findings: [], schedules: { added: ['a'], removed: [], changed: ['b'] }, entities: { added: [], removed: ['c'], changed: [] }, needsRestart: ['api'] };
  const server = createServer((_request, response) => void response.end(JSON.stringify(answer)));
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  t.match(await callCli(['reload'], { clock, port }), { exit: 0, out: 'schedules added: a\nschedules changed: b\nentities removed: c\nwith the next start only: api\n' });
  answer = { ...answer, applied: false, findings: [{ severity: 'error', code: 'config.bad_value', file: 'x.yaml', line: 3, column: 1, path: [], message: 'is wrong' }] };
  t.match(await callCli(['reload'], { clock, port }), { exit: 2, out: /x\.yaml:3:1.*\n.*nothing was changed/ });
});
