import t, { type Test } from 'tap';
import type { JsonObject } from 'tds/sdk';
import { startZohoSandbox, type ZohoSandbox } from '../../sandbox/zoho/server.ts';
import books from '../zoho-books/plugin.ts';
import inventory from '../zoho-inventory/plugin.ts';
import { idsOf, readAll, rigOf, settingsFor, type Rig } from './testing.ts';
import { stockOf } from './stock.ts';

async function start(t: Test, plugin = inventory): Promise<{ sandbox: ZohoSandbox; rig: Rig }> {
  const sandbox = await startZohoSandbox({ scale: 'small', limits: false });
  t.teardown(() => sandbox.close());
  return { sandbox, rig: rigOf(plugin, settingsFor(sandbox)) };
}

t.test('every stream of both catalogues can be read from a Zoho that has it', async (t) => {
  for (const plugin of [books, inventory]) {
    const { sandbox, rig } = await start(t, plugin);
    for (const { name } of rig.source.streams()) {
      try {
        const { end, records } = await readAll(rig.source, name);
        t.ok(end, `${plugin.id} ${name}: ${records.length} records`);
        if (sandbox.store.resources.includes(name) && name !== 'contactpersons') t.equal(records.length, sandbox.store.count(name), name);
      } catch (error) {
        t.match(error, { code: 'zoho.no_such_address' }, `${plugin.id} ${name} is not in the sandbox`);
      }
    }
  }
});

t.test('stock is read by item and location with a call per hundred items', async (t) => {
  const { sandbox, rig } = await start(t);
  const { records, end } = await readAll(rig.source, 'stock');
  t.equal(idsOf(records, 'item_id').length > 0, true);
  t.ok(sandbox.calls.count('/itemdetails') <= Math.ceil(450 / 100) + 3, `${sandbox.calls.count('/itemdetails')} calls`);
  t.ok(records.every((record) => ['item_id', 'location_id', 'sku', 'name', 'item_last_modified_time', 'location_stock_on_hand'].every((field) => record[field] !== undefined)));
  t.equal(end?.complete, true);
  const key = `${String(records[0]?.item_id)}/${String(records[0]?.location_id)}`;
  const details = await rig.source.readDetails?.({ stream: 'stock', options: {}, keys: [key, `${String(records[0]?.item_id)}/1`, '1/1'], signal: new AbortController().signal });
  t.match(details, [{ key, record: { item_id: records[0]?.item_id } }, { gone: true }, { key: '1/1', gone: true }]);
});

t.test('stock of an older organization, with warehouses and figures as texts, keeps its figures as they are', async (t) => {
  const item: JsonObject = { item_id: '5', name: 'Kettle', sku: 'K', warehouses: [{ warehouse_id: '9', warehouse_name: 'Main', warehouse_stock_on_hand: '12.50', is_primary: true }] };
  t.match(stockOf(item), [{ item_id: '5', location_id: '9', location_name: 'Main', location_stock_on_hand: '12.50', is_primary: true }]);
  t.same(stockOf({ item_id: '6' }), []);
});

t.test('rates of price lists cost no more calls than the price lists themselves', async (t) => {
  const { sandbox, rig } = await start(t);
  const { records } = await readAll(rig.source, 'pricebook-rates');
  t.ok(records.length > 0 && records.every((record) => record.pricebook_id && record.item_id && record.pricebook_rate !== undefined));
  t.equal(sandbox.calls.count(/pricebooks/), 1);
});

t.test('customers and vendors are told apart', async (t) => {
  const { rig } = await start(t, books);
  const [customers, vendors] = [await readAll(rig.source, 'customers'), await readAll(rig.source, 'vendors')];
  t.same([customers.records.length, vendors.records.length], [30, 10]);
});

t.test('details of a hundred items cost one call, and an item that is gone is proved so', async (t) => {
  const { sandbox, rig } = await start(t);
  const { records } = await readAll(rig.source, 'items');
  const ids = idsOf(records, 'item_id').slice(0, 100);
  sandbox.store.delete('items', ids[0] as string);
  sandbox.calls.reset();
  const found = await rig.source.readDetails?.({ stream: 'items', options: {}, keys: ids, signal: new AbortController().signal });
  t.equal(found?.length, 100);
  t.match(found?.[0], { key: ids[0], gone: true });
  t.equal(sandbox.calls.total, 2);
});

t.test('check tells the organization with its zone, the permissions, and what is left of the day', async (t) => {
  const { sandbox, rig } = await start(t, books);
  const findings = await rig.connector.check(new AbortController().signal);
  t.match(findings, [{ probe: 'token', ok: true }, { probe: 'organization', ok: true, message: /time zone Asia\/Baghdad/ }]);
  t.match(findings.at(-1), { probe: 'quota', message: /calls left today/ });
  const foreign = rigOf(books, { ...settingsFor(sandbox), organizationId: '4711' });
  t.match(await foreign.connector.check(new AbortController().signal), [{ ok: true }, { ok: false, code: 'zoho.organization_refused', message: /870000001/ }]);
});
