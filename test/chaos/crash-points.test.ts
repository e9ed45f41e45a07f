import t from 'tap';
import { dieAtEachPoint } from '../long/chaos/crash-points.ts';
import { mortal } from '../long/chaos/scenario.ts';

t.test('a process that dies at any named point of the write path leaves nothing that its heir does not mend', async (t) => {
  const { figures, faults } = await dieAtEachPoint(t, { seed: 1, rounds: 1, timings: mortal, say: (line) => t.comment(line) });
  t.same(faults, []);
  t.comment(JSON.stringify(figures));
});
