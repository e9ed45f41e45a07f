/** When a process counts as hung. That one is really ended, and started again: `test/chaos/poison-record.test.ts`. */
import { test } from 'tap';
import { Stillness } from '../../core/monitor/stillness.ts';
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
