import { t } from 'tap';
import { systemClock, timerClock } from '../../core/monitor/clock.ts';
import { TestClock } from '../support/clock.ts';

t.test('a moved clock fires what falls due on the way, in order, what was set meanwhile too', async (t) => {
  const clock = new TestClock('2026-01-01T00:00:00Z');
  const seen: string[] = [];
  const mark = (name: string): void => void seen.push(`${name} ${clock.now().toISOString().slice(17, 19)}`);
  clock.after(3_000, () => mark('c'));
  const chain = (async () => {
    await clock.sleep(1_000);
    mark('a');
    await clock.sleep(1_000);
    mark('b');
  })();
  clock.after(2_500, () => mark('never'))();
  await clock.advance(3_500);
  await chain;
  t.strictSame(seen, ['a 01', 'b 02', 'c 03']);
  t.equal(clock.now().toISOString(), '2026-01-01T00:00:03.500Z');
  t.equal(clock.pending, 0);
});

for (const [name, clock] of [['the system clock', systemClock], ['a moved clock', new TestClock()], ['a clock of the SDK', timerClock({ now: () => new Date(), sleep: (ms, signal) => systemClock.sleep(ms, signal) })]] as const) {
  t.test(`${name} ends a sleep by its signal, and at once when there is nothing to wait for`, async (t) => {
    const stop = new AbortController();
    const sleep = clock.sleep(3_600_000, stop.signal);
    stop.abort(new Error('enough'));
    await t.rejects(sleep, { message: 'enough' });
    await t.rejects(clock.sleep(0, AbortSignal.abort(new Error('before'))), { message: 'before' });
    await clock.sleep(0);
    await clock.sleep(-5);
    const cancel = clock.after(3_600_000 * 24 * 40, () => t.fail('cancelled'));
    cancel();
  });
}
