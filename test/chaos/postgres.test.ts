import t from 'tap';
import { stopPostgres } from '../long/chaos/postgres.ts';
import { quick } from '../long/chaos/scenario.ts';

t.test('a node lives through the crash of its PostgreSQL, says so, and goes on by itself', async (t) => {
  const { figures, faults } = await stopPostgres(t, { seed: 1, rounds: 2, timings: quick, say: (line) => t.comment(line) });
  t.same(faults, []);
  t.comment(JSON.stringify(figures));
});
