import t from 'tap';
import { killAtRandom } from '../long/chaos/kill.ts';
import { mortal } from '../long/chaos/scenario.ts';

t.test('nodes that are killed at any moment of a sync or a replay lose nothing and double nothing', async (t) => {
  const { figures, faults } = await killAtRandom(t, { seed: Number(process.env['TDS_TEST_SEED'] ?? 1), rounds: 20, timings: mortal, say: (line) => t.comment(line) });
  t.same(faults, []);
  t.comment(JSON.stringify(figures));
});
