/** When a process counts as hung. That one is really ended, and started again: `test/chaos/poison-record.test.ts`. */
import { readFileSync } from 'node:fs';
import { test } from 'tap';
import { readTurn, Stillness } from '../../core/monitor/stillness.ts';
import { startWatchdog } from '../../core/monitor/watchdog.ts';
import { silentLogger } from '../../core/monitor/log.ts';

test('a loop that does not turn is still for the time of the looks, and one that turns is not', async (t) => {
  const stillness = new Stillness(100);
  t.equal(stillness.look(1, 0), 0);
  t.same([100, 200, 300].map((now) => stillness.look(1, now)), [100, 200, 300]);
  t.equal(stillness.look(2, 400), 0);
  t.equal(stillness.look(2, 500), 100);
});

test('a pause of the whole process is no hang, however long and however often', async (t) => {
  const stillness = new Stillness(100);
  stillness.look(1, 0);
  t.equal(stillness.look(1, 3_600_000), 200, 'an hour of sleep counts as two looks');
  t.equal(stillness.look(2, 3_600_050), 0, 'and the loop turns when it wakes');
  let now = 3_600_050;
  let most = 0;
  for (let turn = 2; turn < 50; turn += 1) {
    most = Math.max(most, stillness.look(turn, now += 60_000), stillness.look(turn, now += 100));
  }
  t.ok(most <= 300, `${most} ms`);
});

test('what waits for a processor that others have is not hung, and what uses one or sleeps is', async (t) => {
  const watched = (turns: { usedMs: number; wants: boolean }[]): number => {
    const stillness = new Stillness(100);
    return turns.map((turn, n) => stillness.look(1, n * 100, turn)).at(-1) as number;
  };
  const ten = Array.from({ length: 11 }, (_, n) => n);
  t.equal(watched(ten.map((n) => ({ usedMs: n * 100, wants: true }))), 1_000, 'an endless loop with a processor of its own');
  t.equal(watched(ten.map((n) => ({ usedMs: n * 10, wants: true }))), 100, 'the same with a tenth of one');
  t.equal(watched(ten.map(() => ({ usedMs: 0, wants: true }))), 0, 'one that is never let');
  t.equal(watched(ten.map(() => ({ usedMs: 0, wants: false }))), 1_000, 'a call that never comes back');
  t.equal(watched(ten.map((n) => ({ usedMs: n * 400, wants: true }))), 1_000, 'never more than has passed');
});

test('what Linux tells of a thread', async (t) => {
  t.same(readTurn('7 (a ) R (b) S 1 7 7 0 -1 4194304 900 0 3 0 120 30 0 0 20 0 11 0 5 1 2'), { usedMs: 1_500, wants: false });
  t.same(readTurn('7 (node) R 1 7 7 0 -1 4194304 900 0 3 0 0 2 0 0 20 0 11 0 5 1 2'), { usedMs: 20, wants: true });
  t.equal(readTurn(''), undefined);
  if (process.platform !== 'linux') return;
  const look = () => readTurn(readFileSync(`/proc/${process.pid}/task/${process.pid}/stat`, 'latin1'));
  const before = look();
  const used = process.cpuUsage();
  for (let spent = 0; spent < 60_000;) {
    const { user, system } = process.cpuUsage(used);
    spent = user + system;
  }
  const after = look();
  t.ok(after?.wants);
  t.ok((after?.usedMs ?? 0) > (before?.usedMs ?? Infinity), 'work is told');
});

test('a process that works and waits is left alone, and the watchdog holds nobody up', async (t) => {
  const watchdog = startWatchdog({ afterMs: 400, pretty: false, log: silentLogger });
  watchdog.started({ id: '1', task: 'run', runId: '7' });
  const ended = performance.now() + 600;
  while (performance.now() < ended) await new Promise((resolve) => void setImmediate(resolve));
  watchdog.ended('1');
  await watchdog.stop();
  await watchdog.stop();
  t.pass('it is still there');
});
