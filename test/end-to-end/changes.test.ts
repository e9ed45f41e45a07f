/** What changes at the source arrives; what does not change writes nothing. */
import t from 'tap';
import { rawNumber } from '../../sandbox/zoho/data/words.ts';
import { openShop, type Shop } from '../support/shop.ts';
import { allDifferences, differences } from '../support/shop-truth.ts';

const small = { scale: 'small', items: 120, daysOfOrders: 1, counts: { customerpayments: 20, purchaseorders: 8, bills: 8, packages: 5, shipmentorders: 4, expenses: 10 } } as const;

/** Where each row lies and which transaction wrote it: any write changes it, even one of the same values. */
async function places(shop: Shop): Promise<Record<string, string[]>> {
  const names = await shop.rows(`SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname = 'erp' OR (schemaname = 'tds' AND tablename ~ '^records_[0-9]+$') ORDER BY 1`);
  const found: Record<string, string[]> = {};
  for (const { name } of names) found[String(name)] = (await shop.rows(`SELECT ctid || ' ' || xmin AS place FROM ${String(name)} ORDER BY ctid`)).map((row) => String(row['place']));
  return found;
}

const nth = (shop: Shop, resource: string, n: number): string => [...shop.sandbox.store.ids(resource)][n] as string;

void t.test('a copy follows its source', async (t) => {
  const shop = await openShop(t, { sandbox: small });
  const { store } = shop.sandbox;
  await shop.sync('all');
  t.same(await allDifferences(shop), [], 'the first load is right');

  await t.test('a second full sync of an unchanged source writes no row', async (t) => {
    const before = await places(shop);
    const history = await shop.rows('SELECT count(*) FROM tds.record_history');
    const runs = await shop.sync('all');
    t.same(runs.filter((run) => run.new + run.changed + run.deleted + run.refused > 0).map((run) => `${run.entity} ${run.new} ${run.changed} ${run.deleted}`), []);
    t.ok(runs.every((run) => run.read === run.unchanged), 'all that was read was unchanged');
    t.same(await places(shop), before);
    t.same(await shop.rows('SELECT count(*) FROM tds.record_history'), history, 'nor is there more history');
    t.same(await shop.rows(`SELECT 1 FROM tds.runs WHERE mode = 'details' AND id > ALL (SELECT id FROM tds.runs WHERE mode = 'full' AND entity = 'products')`), [], 'nor was any detail asked for again');
  });

  await t.test('edits and new records come with an incremental sync and its details', async (t) => {
    const line = { line_item_id: '1', item_id: nth(shop, 'items', 1), name: 'سطر جديد', description: 'a\\b', quantity: 2.5, rate: rawNumber('10.10'), discount: '5.00%', tax_id: '', tax_percentage: '', item_total: rawNumber('25.25') };
    store.edit('items', nth(shop, 'items', 30), { name: 'Neu — جديد 🎉', rate: rawNumber('0.10'), status: 'inactive' });
    const item = store.create('items', { name: 'A new one', rate: 7, sku: '' });
    store.edit('contacts', nth(shop, 'contacts', 3), { contact_name: "O'Neill \"& Sons\"", outstanding_receivable_amount: rawNumber('99999999999999.9999') });
    store.create('contacts', { contact_name: 'زبون جديد', contact_type: 'customer' });
    store.edit('invoices', nth(shop, 'invoices', 4), { status: 'void', balance: 0, line_items: [line, { ...line, line_item_id: '2', quantity: 1 }] });
    store.edit('invoices', nth(shop, 'invoices', 5), { line_items: [] });
    store.create('invoices', { invoice_number: 'INV-NEW', line_items: [line], customer_id: nth(shop, 'contacts', 1) });
    store.edit('bills', nth(shop, 'bills', 1), { due_date: '' });
    store.moveStock(nth(shop, 'items', 40), 0, -3, false);
    store.moveStock(item, 1, 12.5);
    store.setRate(nth(shop, 'pricebooks', 0), nth(shop, 'items', 4), rawNumber('3.14159265358979323846'));
    const runs = await shop.sync('all', 'incremental');
    t.same(runs.filter((run) => run.status !== 'succeeded').map((run) => `${run.entity} ${run.reason}`), []);
    t.same(await allDifferences(shop), []);
    t.ok((await shop.rows(`SELECT 1 FROM tds.record_history WHERE entity = 'items' OR entity = 'products'`)).length >= 1, 'what stood there before is kept');
  });

  await t.test('an incremental sync writes the changed rows and no other', async (t) => {
    store.edit('items', nth(shop, 'items', 50), { name: 'the only one' });
    const before = (await places(shop))['erp.products'] ?? [];
    const [run] = await shop.sync(['products'], 'incremental');
    const after = new Set((await places(shop))['erp.products']);
    t.match(run, { changed: 1, new: 0, deleted: 0 });
    t.equal(before.filter((place) => !after.has(place)).length, 1);
    t.same(await differences(shop, 'products'), []);
  });

  await t.test('what is deleted goes with the next full sync: marked, or removed where the config says so', async (t) => {
    const gone = { item: nth(shop, 'items', 60), invoice: nth(shop, 'invoices', 7), payment: nth(shop, 'customerpayments', 3), vendor: nth(shop, 'contacts', 33) };
    store.delete('items', gone.item);
    store.delete('invoices', gone.invoice);
    store.delete('customerpayments', gone.payment);
    store.delete('contacts', gone.vendor);
    await shop.sync('all');
    t.same(await allDifferences(shop, ['products', 'stock', 'invoices', 'customers', 'vendors', 'customer_payments', 'price_list_rates']), []);
    t.same(await shop.rows('SELECT deleted_at IS NOT NULL AS marked, name IS NOT NULL AS kept FROM erp.products WHERE item_id = $1', [gone.item]), [{ marked: 't', kept: 't' }]);
    t.same(await shop.rows('SELECT 1 FROM erp.stock WHERE item_id = $1', [gone.item]), [], 'stock is removed');
    t.same((await shop.runtime.operations.entity('products')).deleted, 1);
  });

  await t.test('more deletions than the guard allows are held back until a person says yes', async (t) => {
    const before = store.count('items');
    for (const id of [...store.ids('items')].slice(0, 40)) store.delete('items', id);
    const [held] = await shop.sync(['products']);
    t.match(held, { status: 'succeeded', code: 'deletes.held', deleted: 0, reason: /40 of/ });
    t.equal((await shop.rows('SELECT 1 FROM erp.products WHERE deleted_at IS NULL')).length, before);
    const [allowed] = await shop.sync(['products'], 'full', { allowDeletes: true });
    t.match(allowed, { status: 'succeeded', code: null, deleted: 40 });
    t.same(await differences(shop, 'products'), []);
  });
});

void t.test('two edits within one second of the source are both seen, though the first was read already', async (t) => {
  const shop = await openShop(t, { sandbox: { ...small, frozen: true } });
  const { store, clock } = shop.sandbox;
  await shop.sync(['products', 'invoices']);
  clock.advance(5000);
  for (const name of ['first', 'second', 'third']) {
    store.edit('items', nth(shop, 'items', 9), { name });
    store.edit('invoices', nth(shop, 'invoices', 9), { reference_number: name });
    await shop.sync(['products', 'invoices'], 'incremental');
    t.same(await allDifferences(shop, ['products', 'invoices']), [], name);
  }
});
