import t from 'tap';
import { pausePastDeath } from '../long/chaos/pause.ts';
import { quick } from '../long/chaos/scenario.ts';

t.test('a node that is paused past its death, in a transaction or not, holds nothing up and writes nothing stale when it goes on', async (t) => {
  const { figures, faults } = await pausePastDeath(t, { seed: 1, rounds: 2, timings: quick, say: (line) => t.comment(line) });
  t.same(faults, []);
  t.comment(JSON.stringify(figures));
});
