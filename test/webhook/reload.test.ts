/** A config that changes under messages. */
import { readFile, writeFile } from 'node:fs/promises';
import t from 'tap';
import { openHooked } from './support.ts';

t.test('after a reload messages are applied by the new mapping, into the new column too, and who takes none any more is told', async (t) => {
  const shop = await openHooked(t, { sandbox: { scale: 'none' } });
  const send = (stream: string, second: number) => shop.send(`/webhooks/books/${stream}/changed`, JSON.stringify({ invoice: { invoice_id: '1', invoice_number: `INV ${second}`, status: 'sent', total: 1, last_modified_time: new Date(Date.UTC(2026, 5, 1, 8, 0, second)).toISOString() } }));
  t.equal((await send('invoices', 1)).status, 202);
  await shop.applied();
  const before = await readFile(shop.file, 'utf8');
  await writeFile(shop.file, before.replace('number: invoice_number', 'number: { expr: "\'No. \' & invoice_number" }\n      state: status').replace('contact_name\n', 'contact_name\n    webhook: { enabled: false }\n'));
  t.match(await shop.runtime.operations.reload(), { applied: true });
  t.equal((await send('invoices', 2)).status, 202);
  await shop.applied();
  t.same(await shop.rows('SELECT number, state FROM erp.invoices'), [{ number: 'No. INV 2', state: 'sent' }]);
  t.equal((await send('contacts', 3)).status, 404);
});
