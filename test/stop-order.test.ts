import t from 'tap';
import { StopOrder } from '../core/stop-order.ts';
import { collectingLog } from './queue/support.ts';

t.test('what stands on others is stopped first, those of one stage at once, and what fails or hangs keeps nobody', async (t) => {
  const log = collectingLog();
  const stops = new StopOrder(log);
  const done: string[] = [];
  const stop = (name: string) => async (): Promise<void> => void done.push(name);
  const gate = Promise.withResolvers<void>();
  stops.add(stop('database'));
  stops.add(async () => {
    done.push('broken');
    throw new Error('it is broken');
  });
  stops.add(() => new Promise(() => done.push('hangs')));
  // each of the two ends only when the other one is told to stop as well
  stops.add(async () => {
    await gate.promise;
    done.push('one queue');
  });
  stops.beside(async () => gate.resolve());
  await stops.stop(50);
  t.same(done, ['one queue', 'hangs', 'broken', 'database']);
  t.match(log.lines, [/did not stop in time/, /did not stop cleanly.*it is broken/]);
  await stops.stop(50);
  t.equal(done.length, 4, 'a second stop finds nothing to do');
});
