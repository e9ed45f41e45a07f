import t from 'tap';
import { poison } from '../long/chaos/poison.ts';

t.test('a job that kills its process is told of after three tries, and the good ones end while it is still being tried', { timeout: 280_000 }, async (t) => {
  const { figures, faults } = await poison(t, { seed: 1, rounds: 1, say: (line) => t.comment(line) }, { good: 200, judged: 'order' });
  t.same(faults, []);
  t.comment(JSON.stringify(figures));
});
