import t from 'tap';
import { poison } from '../long/chaos/poison.ts';
import { quick } from '../long/chaos/scenario.ts';

t.test('a job that kills its process goes aside after three tries and does not hold up the good ones', { timeout: 60_000 }, async (t) => {
  const { figures, faults } = await poison(t, { seed: 1, rounds: 1, timings: quick, say: (line) => t.comment(line) });
  t.same(faults, []);
  t.comment(JSON.stringify(figures));
});
