import t from 'tap';
import { dieAtEachPoint } from '../long/chaos/crash-points.ts';
import { quick } from '../long/chaos/scenario.ts';

t.test('a process that dies at any named point of the write path leaves nothing that its heir does not mend', { timeout: 280_000 }, async (t) => {
  const { figures, faults } = await dieAtEachPoint(t, { seed: 1, rounds: 1, timings: quick, say: (line) => t.comment(line) });
  t.same(faults, []);
  t.comment(JSON.stringify(figures));
});
