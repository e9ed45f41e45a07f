import t from 'tap';
import { followRuns } from '../../core/cli/follow-runs.ts';
import { RateMeter } from '../../core/cli/rate.ts';
import type { Run } from '../../core/store/runs.ts';
import { fakeOperations, fakeRun } from '../api/fake-operations.ts';
import { TestClock } from '../support/clock.ts';

const done = { status: 'succeeded', endedAt: new Date() } as const;

t.test('it looks each quarter of a second until all runs have ended', async (t) => {
  const clock = new TestClock();
  const began = clock.now().getTime();
  const runs = [fakeRun({ id: '1' }), fakeRun({ id: '2' })];
  const seen: string[] = [];
  const following = followRuns(fakeOperations({}, runs), ['1', '2'], { clock, onUpdate: (now) => seen.push(now.map(({ status }) => status).join(' ')) });
  await clock.untilPending();
  Object.assign(runs[0] as Run, done);
  await clock.advance(250);
  Object.assign(runs[1] as Run, done);
  await clock.advance(250);
  t.match(await following, [{ id: '1', status: 'succeeded' }, { id: '2', status: 'succeeded' }]);
  t.strictSame(seen, ['queued queued', 'succeeded queued', 'succeeded succeeded']);
  t.equal(clock.now().getTime() - began, 500);
});

t.test('a run that many newer ones have overtaken is asked for by its number', async (t) => {
  const old = fakeRun({ id: '1', ...done });
  const newer = Array.from({ length: 60 }, (_, at) => fakeRun({ id: String(at + 2) }));
  t.match(await followRuns(fakeOperations({}, [old, ...newer]), ['1'], { clock: new TestClock(), onUpdate: () => undefined }), [{ id: '1', status: 'succeeded' }]);
});

t.test('the signal ends the following at once and answers what was seen last', async (t) => {
  const stop = new AbortController();
  const clock = new TestClock();
  const following = followRuns(fakeOperations({}, [fakeRun()]), ['1'], { clock, signal: stop.signal, onUpdate: () => undefined });
  await clock.untilPending();
  stop.abort();
  t.match(await following, [{ status: 'queued' }]);
});

t.test('a database that is away for a while is waited for; one that stays away is told', async (t) => {
  const clock = new TestClock();
  const away = Object.assign(new Error('down'), { code: 'ECONNREFUSED' });
  const run = fakeRun();
  const operations = fakeOperations({}, [run]);
  const { runs } = operations;
  operations.runs = () => Promise.reject(away);
  const following = followRuns(operations, ['1'], { clock, onUpdate: () => undefined });
  await clock.untilPending();
  operations.runs = runs;
  Object.assign(run, done);
  await clock.advance(250);
  t.match(await following, [{ status: 'succeeded' }]);

  operations.runs = () => Promise.reject(away);
  await t.rejects(clock.runUntil(followRuns(operations, ['1'], { clock, patienceMs: 1000, onUpdate: () => undefined })), { code: 'ECONNREFUSED' });
  operations.runs = () => Promise.reject(new Error('a fault'));
  await t.rejects(followRuns(operations, ['1'], { clock, onUpdate: () => undefined }), { message: 'a fault' });
});

t.test('a rate is that of the last seconds', async (t) => {
  const meter = new RateMeter(5000);
  const at = (ms: number): Date => new Date(ms);
  t.equal(meter.note('1', 0, at(0)), undefined);
  t.equal(meter.note('1', 100, at(1000)), 100);
  t.equal(meter.note('1', 100, at(4000)), 25);
  t.equal(meter.note('1', 100, at(6500)), 0, 'a pause shows');
});
