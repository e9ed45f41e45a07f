import t from 'tap';
import { terminate } from '../long/chaos/terminate.ts';
import { quick } from '../long/chaos/scenario.ts';

t.test('SIGTERM under load ends tds start in time, with code 0, leaves no lock, and loses no message that was taken', async (t) => {
  const { figures, faults } = await terminate(t, { seed: 1, rounds: 2, timings: quick, say: (line) => t.comment(line) });
  t.same(faults, []);
  t.comment(JSON.stringify(figures));
});
