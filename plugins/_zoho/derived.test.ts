import { readFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { joinKey, type JsonObject } from 'tds/sdk';
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

/** What the sandbox lacks: no read of these is shown. */
const notShown = [
  'taxauthorities', 'taxexemptions', 'creditnoterefunds', 'deliverychallans', 'vendorcreditrefunds', 'recurringexpenses', 'employees', 'recurringjournals',
  'basecurrencyadjustments', 'bankrules', 'fixedassets', 'timeentries', 'tasks', 'reportingtags',
];

t.test('every stream that the sandbox serves is read whole, with its keys, its details, and what changed', async (t) => {
  const missing = new Set<string>();
  const { signal } = new AbortController();
  for (const plugin of [books, inventory]) {
    const { sandbox, rig: { source } } = await start(t, plugin);
    for (const info of source.streams()) {
      const { name } = info;
      const { end, records } = await readAll(source, name).catch((error: unknown) => (t.match(error, { code: 'zoho.no_such_address' }), { end: undefined, records: [] }));
      if (end === undefined) {
        missing.add(name);
        continue;
      }
      const keys = records.map((record) => joinKey(info.key.map((path) => String(record[path] ?? ''))));
      t.ok(keys.length > 0 && new Set(keys).size === keys.length && !keys.some((key) => key.split('/').includes('')), `${plugin.id} ${name}: ${keys.length} records`);
      if (sandbox.store.resources.includes(name) && name !== 'contactpersons') t.equal(keys.length, sandbox.store.count(name), name);
      if (info.incremental === 'changes') {
        const again = await readAll(source, name, { mode: 'incremental', cursor: end.cursor });
        t.ok(end.cursor !== undefined && again.records.length <= (name === 'contactpersons' ? 50 : 5) && again.end?.complete === false, `${name}: ${again.records.length} again`);
      }
      if (info.details === 'none' && !info.provesGone || name === 'organizations' || name === 'locations') continue;
      const [key = ''] = keys;
      const [found] = await source.readDetails?.({ stream: name, options: {}, keys: [key], signal }) ?? [];
      t.ok(found && 'record' in found && found.key === key, `${name} has details`);
      if (!found || !('record' in found)) continue;
      const hidden = (info.fields ?? []).filter(({ path, only }) => only === undefined && !path.includes('.') && found.record[path] !== undefined && records.every((record) => record[path] === undefined));
      t.same(hidden.map(({ path }) => path), [], `${name}: what the list lacks is known to stand in the detail`);
    }
  }
  t.same([...missing].sort(), notShown.toSorted(), 'and no other stream goes unseen');
  const told = readFileSync(new URL('README.md', import.meta.url), 'utf8').split('## What is not shown')[1]?.split('Of these')[0] ?? '';
  t.same([...told.matchAll(/`(\w+)`/g)].map(([, name]) => name), notShown, 'which is told to people');
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

t.test('check tells the organization with its zone, the permission for each stream in use, and what is left of the day', async (t) => {
  const { sandbox, rig } = await start(t, books);
  const { signal } = new AbortController();
  const uses = ['contacts', 'customers', 'contactpersons', 'bills', 'stock', 'pricebook-rates', 'locations'].map((stream) => ({ stream, options: {} })).concat({ stream: 'custom', options: { path: 'settings/currencies', recordKey: 'currencies', idField: 'currency_id' } as never });
  const whole = await rig.connector.check(signal, uses);
  t.match(whole, [{ probe: 'token', ok: true }, { probe: 'organization', ok: true, message: /time zone Asia\/Baghdad/ }, ...uses.map(({ stream }) => ({ probe: `permission ${stream}`, ok: true })), { probe: 'quota', message: /calls left today/ }]);
  t.equal(sandbox.calls.total, 8, 'a call for the token, the organization and for each list: contacts, bills, items, price lists, locations, currencies');
  sandbox.fault({ kind: 'deny', match: '/bills', times: Infinity });
  const missing = (await rig.connector.check(signal, uses)).filter(({ ok }) => !ok);
  t.match(missing, [{ probe: 'permission bills', code: 'zoho.not_authorized', message: /ZohoBooks\.bills\.READ/ }]);
  t.equal(missing.length, 1, 'the others are looked at all the same');
  t.match(await rig.connector.check(signal), [{ probe: 'token' }, { probe: 'organization' }], 'without streams it is the connection alone');
  const foreign = rigOf(books, { ...settingsFor(sandbox), organizationId: '4711' });
  t.match(await foreign.connector.check(signal, uses), [{ ok: true }, { ok: false, code: 'zoho.organization_refused', message: /870000001/ }]);
});
