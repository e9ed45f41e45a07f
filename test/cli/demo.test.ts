import t from 'tap';
import { tds } from './support.ts';

t.test('the demo brings a small shop into a PostgreSQL of its own, reads it back, and ends', async (t) => {
  const child = tds(t, ['demo', '--exit', '--json'], { cwd: t.testdir(), env: { TDS_SANDBOX_SCALE: 'small', TDS_PORT: '0' } });
  t.equal((await child.ended).code, 0, child.output);
  const last = child.output.trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>).find(({ type }) => type === 'demo') as { ok: boolean; firstRowsMs: number; api: string; tables: { table: string; rows: number }[]; sample: { item_id: string }[] };
  t.equal(last.ok, true);
  t.match(last, { firstRowsMs: Number, api: /^http:\/\/127\.0\.0\.1:/ });
  t.equal(last.tables.find(({ table }) => table === 'erp.products')?.rows, 450);
  t.ok(last.tables.find(({ table }) => table === 'erp.invoices')?.rows === 262);
  t.ok(last.sample.length > 0 && /^\d+$/.test(last.sample[0]?.item_id ?? ''));
});
