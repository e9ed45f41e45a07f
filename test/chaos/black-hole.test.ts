import t from 'tap';
import { blackHole } from '../long/chaos/black-hole.ts';
import { quick } from '../long/chaos/scenario.ts';

t.test('connections that fall silent are given up, and work goes on', async (t) => {
  const { figures, faults } = await blackHole(t, { seed: 1, rounds: 1, timings: quick, say: (line) => t.comment(line) });
  t.same(faults, []);
  t.comment(JSON.stringify(figures));
});
