import t from 'tap';
import { killAtRandom } from '../long/chaos/kill.ts';
import { quick } from '../long/chaos/scenario.ts';

t.test('nodes that are killed at any moment of a sync or a replay lose nothing and double nothing', { timeout: 280_000 }, async (t) => {
  const { figures, faults } = await killAtRandom(t, { seed: 1, rounds: 20, timings: quick, say: (line) => t.comment(line) });
  t.same(faults, []);
  t.comment(JSON.stringify(figures));
});
