import t from 'tap';
import type { NodeReload } from '../../core/operations/reload.ts';
import type { ScheduleStatus, TickShape } from '../../core/operations/schedules.ts';
import { fakeAudit, fakeOperations } from '../api/fake-operations.ts';
import { TestClock } from '../support/clock.ts';
import { callCli } from './support.ts';

const clock = new TestClock('2026-11-24T08:30:00Z');
const tick: TickShape = {
  id: '7', schedule: 'stock', planned: new Date('2026-11-24T08:15:00Z'), times: 1, trigger: 'time', work: 'sync', entities: ['stock'], status: 'failed', reason: 'failed: stock', runs: ['3'], node: 'n',
  dueAt: new Date('2026-11-24T08:15:00Z'), untilAt: new Date('2026-11-24T08:30:00Z'), enqueuedAt: new Date('2026-11-24T08:15:01Z'), startedAt: new Date('2026-11-24T08:15:02Z'), endedAt: new Date('2026-11-24T08:20:02Z'), slow: false, late: 1000, waited: 1000, took: 300_000,
};
const stock: ScheduleStatus = {
  id: 'stock', description: null, cron: null, every: 900_000, timezone: 'Asia/Baghdad', run: 'sync', entities: ['stock'], mode: 'incremental', state: 'active', paused: null,
  next: { at: new Date('2026-11-24T08:45:00Z'), local: 'Tue 2026-11-24 11:45 +03:00' }, last: tick, failures: 2, slow: 'every 15 min, but takes 14 min', unavailable: null,
};
const { schedules } = fakeOperations();

void t.test('tds schedules tells the next time in local time, how the last one came out, and what outgrows its period', async (t) => {
  const paused = { ...stock, id: 'nightly', cron: '0 2 * * *', every: null, state: 'paused' as const, slow: null, failures: 0, last: null, paused: { at: clock.now(), until: null, by: 'ann', reason: 'stock\u001b[31mtaking' } };
  const { out, exit } = await callCli(['schedules'], { clock, operations: fakeOperations({ schedules: { ...schedules, list: async () => [stock, paused] } }) });
  t.equal(exit, 0);
  t.match(out, /stock +sync incremental +every 15 min +Tue 2026-11-24 11:45 \+03:00 +Asia\/Baghdad +failed 15 min ago, took 5 min 0 s +active, 2 failures in a row/);
  t.match(out, /nightly .* paused by ann: stock\[31mtaking/, 'what a person wrote does not draw');
  t.match(out, /stock outgrows its period: every 15 min, but takes 14 min/);
  t.match(out, /stock, 15 min ago: failed, failed: stock/);
  const comparison = { ...stock, id: 'comparison', slow: null, last: null, unavailable: 'comparing is not in this version' };
  t.match((await callCli(['schedules'], { clock, operations: fakeOperations({ schedules: { ...schedules, list: async () => [comparison] } }) })).out, /comparison: comparing is not in this version; its times are noted as skipped/);
  const { json } = await callCli(['schedules', '--json'], { clock, operations: fakeOperations({ schedules: { ...schedules, list: async () => [stock] } }) });
  t.match(json, [{ schedules: [{ id: 'stock', next: { at: '2026-11-24T08:45:00.000Z' } }] }]);
});

void t.test('a backfill is a dry run until it is told otherwise, and names a person who pauses', async (t) => {
  const asked: unknown[] = [];
  const operations = fakeOperations({ schedules: { ...schedules,
    backfill: async (schedule, span) => { asked.push(span); return { schedule, dryRun: span.dryRun, times: [stock.next!], done: 3, left: 1 }; },
    pause: async (_id, pause) => { asked.push(pause); return stock; }, list: async () => [stock], next: (_id, count) => { asked.push(count); return [stock.next!]; }, ticks: async (filter) => { asked.push(filter); return [tick]; },
  } });
  const dry = await callCli(['schedules', 'backfill', 'stock', '--from', '7d', '--to', '1d'], { clock, operations });
  t.match(dry.out, /Tue 2026-11-24 11:45 \+03:00\n1 time would be made up; --yes does it; 3 of the span were done; 1 more are left/);
  await callCli(['schedules', 'backfill', 'stock', '--from', '7d', '--to', '1d', '--most', '5', '--yes'], { clock, operations });
  t.match((await callCli(['schedules', 'next', 'stock', '-n', '3'], { clock, operations })).out, /^Tue 2026-11-24 11:45 \+03:00 {3}2026-11-24T08:45:00.000Z\n$/);
  t.match((await callCli(['schedules', 'ticks', 'stock'], { clock, operations })).out, /7 +stock +Tue 2026-11-24 11:15 \+03:00 +time +failed +1.0 s +1.0 s +5 min 0 s +failed: stock/);
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

void t.test('tds reload has every node take over the config, says what came of it on each, and is written down', async (t) => {
  const report = { applied: true, findings: [], schedules: { added: ['a'], removed: [], changed: ['b'] }, entities: { added: [], removed: ['c'], changed: [] }, needsRestart: ['api'] };
  const bad = { ...report, applied: false, findings: [{ severity: 'error' as const, code: 'config.bad_value' as const, file: 'x.yaml', line: 3, column: 1, path: 'a', message: 'is wrong' }] };
  const reloaded = async (...nodes: Omit<NodeReload, 'host'>[]) => {
    const audit = fakeAudit();
    const outcome = await callCli(['reload'], { clock, operations: fakeOperations({ audit, reloadNodes: async () => nodes.map((node) => ({ ...node, host: 'h' })) }) });
    return { ...outcome, entries: audit.entries };
  };
  const fine = { node: 'n-1', report, error: null };
  t.match(await reloaded(fine), { exit: 0, out: 'schedules added: a\nschedules changed: b\nentities removed: c\nwith the next start only: api\n', entries: [{ action: 'tds reload', outcome: 'done' }] });
  t.match(await reloaded(fine, { node: 'n-2', report: bad as never, error: null }), { exit: 2, out: /^n-1 on h\n[^]*n-2 on h\nx\.yaml:3:1.*\n.*nothing was changed/ });
  t.match(await reloaded(fine, { node: 'n-2', report: null, error: 'it did not answer' }), { exit: 1, out: /not reloaded: it did not answer/ });
  t.match(await callCli(['reload'], { clock }), { exit: 1, err: /no TDS is running.*operation\.no_node/ });
});

void t.test('what changes something is written down, a dry run is not', async (t) => {
  const audit = fakeAudit();
  const operations = fakeOperations({ audit, schedules: { ...schedules, pause: async () => stock, resume: async () => stock, run: async () => tick } });
  for (const args of [['pause', 'stock'], ['resume', 'stock'], ['run', 'stock'], ['backfill', 'stock', '--from', '7d', '--to', '1d'], ['backfill', 'stock', '--from', '7d', '--to', '1d', '--yes']]) await callCli(['schedules', ...args], { clock, operations });
  t.match(audit.entries.map(({ action, target, outcome }) => ({ action, id: target['id'], outcome })), ['pause', 'resume', 'run', 'backfill'].map((act) => ({ action: `tds schedules ${act}`, id: 'stock', outcome: 'done' })));
  t.equal(audit.entries.length, 4);
});
