import t from 'tap';
import { fillDisk } from '../long/chaos/disk-full.ts';
import { quick } from '../long/chaos/scenario.ts';

t.test('a node lives through a database that refuses writes and a disk that is full, says so, and goes on by itself', { timeout: 280_000 }, async (t) => {
  const { figures, faults } = await fillDisk(t, { seed: 1, rounds: 1, timings: quick, say: (line) => t.comment(line) });
  t.same(faults, []);
  t.comment(JSON.stringify(figures));
});
