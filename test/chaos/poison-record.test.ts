import t from 'tap';
import { poisonRecord } from '../long/chaos/poison-record.ts';

t.test('one tds start by itself: a record that hangs its process goes aside after three tries, and the others land', async (t) => {
  const { figures, faults } = await poisonRecord(t, { seed: 1, rounds: 1, say: (line) => t.comment(line) }, { records: 60, pageMs: 5, ways: ['hang'] });
  t.same(faults, []);
  t.comment(JSON.stringify(figures));
});
