import t from 'tap';
import { failOver } from '../long/chaos/fail-over.ts';
import { quick } from '../long/chaos/scenario.ts';

t.test('a node lives through a fail-over of its database, and through an address that leads to the standby too early', async (t) => {
  const { figures, faults } = await failOver(t, { seed: 1, rounds: 1, timings: quick, say: (line) => t.comment(line) });
  t.same(faults, []);
  t.comment(JSON.stringify(figures));
});
