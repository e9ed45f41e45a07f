/** A Zoho that is unwell: whatever goes wrong during a full sync, the tables end equal to the source. */
import t from 'tap';
import type { FaultOptions } from '../../sandbox/zoho/server.ts';
import { openShop, quickSample, type Shop } from '../support/shop.ts';
import { allDifferences, differences } from '../support/shop-truth.ts';

const world = { scale: 'small', items: 410, customers: 60, daysOfOrders: 1, counts: { customerpayments: 210, pricebooks: 2 } } as const;
const entities = ['products', 'stock', 'customers', 'invoices', 'customer_payments', 'price_list_rates'];
const checked = ['products', 'stock', 'customers', 'invoices', 'invoice_lines', 'customer_payments', 'price_list_rates'];

/** Each case lets some calls pass first, so that it strikes in the middle. */
const cases: Record<string, FaultOptions[]> = {
  'errors of the server': [{ kind: 'error-500', after: 3, times: 4 }, { kind: 'maintenance', match: '/items', after: 1, times: 2 }],
  'lines that are reset, bodies that are cut off': [{ kind: 'reset', after: 2, times: 3 }, { kind: 'cut-body', match: 'itemdetails', after: 1, times: 2 }, { kind: 'cut-body', match: '/invoices/', after: 4, times: 3 }],
  'pages of HTML, bodies that are empty or no JSON': [{ kind: 'html', after: 4, times: 3 }, { kind: 'empty-body', match: 'contacts', times: 1 }, { kind: 'bad-json', match: '/items?', after: 2, times: 2 }, { kind: 'bad-json', match: '/invoices/', after: 2, times: 2 }],
  'calls that are never answered': [{ kind: 'hang', match: '/items?', after: 1, times: 1 }, { kind: 'hang', match: '/customerpayments', after: 1, times: 1 }, { kind: 'slow-body', ms: 5000, match: '/contacts', times: 1 }],
  'a token that is refused in the middle, and a token server that fails once': [{ kind: 'unauthorized', match: '/items?', after: 1, times: 1 }, { kind: 'unauthorized', match: '/invoices/', after: 5, times: 1 }, { kind: 'error-500', match: '/oauth', times: 1 }],
  '429 of the minute and of calls at once': [{ kind: 'limit-minute', retryAfter: 1, after: 3, times: 2 }, { kind: 'limit-concurrency', after: 6, times: 3 }],
  'filters that are ignored and pages without their context': [{ kind: 'ignore-filters', times: Infinity, match: /books\/v3\/(invoices|contacts)\?/ }, { kind: 'no-page-context', match: '/customerpayments', times: Infinity }],
};

async function syncAll(shop: Shop): Promise<string[]> {
  const runs = await shop.sync(entities);
  const details = await shop.runtime.operations.runs({ mode: 'details', limit: 50 });
  return [...runs, ...details].filter((run) => run.status !== 'succeeded').map((run) => `${run.entity} ${run.mode}: ${run.status} ${run.reason}`);
}

for (const [name, faults] of Object.entries(cases)) {
  void t.test(`${name}: the tables end equal to the source`, async (t) => {
    const shop = await openShop(t, { config: await quickSample(faults.some(({ kind }) => kind === 'hang') ? { timeout: '{ connect: 10s, headers: 2s, body: 2s, total: 5s }' } : {}), sandbox: world });
    const queued = faults.map((fault) => shop.sandbox.fault(fault));
    t.same(await syncAll(shop), []);
    t.same(queued.filter((fault) => fault.hits === 0 || (Number.isFinite(fault.times) && fault.hits < fault.times)).map((fault) => `${fault.kind} ${fault.hits}`), [], 'each fault struck');
    t.same(await allDifferences(shop, checked), []);
    t.same(await shop.rows('SELECT entity, key, message FROM tds.dead_letters'), []);
  });
}

void t.test('a token that ends during the sync is renewed by one call', async (t) => {
  const shop = await openShop(t, { config: await quickSample(), sandbox: { ...world, latency: 5 } });
  const asked = shop.sync(entities);
  const timer = setInterval(() => {
    if (shop.sandbox.calls.total < 20) return;
    clearInterval(timer);
    shop.sandbox.tokens.expireAll();
  }, 1);
  t.ok((await asked).every((run) => run.status === 'succeeded'));
  t.equal(shop.sandbox.calls.count('/oauth/v2/token'), 2, 'the first token and its successor, for two connections and four runs side by side');
  t.same(await allDifferences(shop, checked), []);
});

void t.test('pages that shift while they are read lose no record, and the next reads mend the rest', async (t) => {
  const shop = await openShop(t, { config: await quickSample(), sandbox: world });
  const { store } = shop.sandbox;
  const before = new Map(['items', 'invoices', 'customerpayments', 'contacts'].map((resource) => [resource, new Set(store.ids(resource))]));
  for (const match of [/inventory\/v1\/items\?/, /books\/v3\/customerpayments\?/, /books\/v3\/contacts\?/, /books\/v3\/invoices\?/]) shop.sandbox.fault({ kind: 'shift', match, records: 4, times: 6 });
  t.same(await syncAll(shop), []);
  for (const [table, resource, id] of [['products', 'items', 'item_id'], ['invoices', 'invoices', 'invoice_id'], ['customer_payments', 'customerpayments', 'payment_id']] as const) {
    const there = new Set((await shop.rows(`SELECT ${id} AS id FROM erp.${table}`)).map((row) => row['id']));
    const lived = [...store.ids(resource)].filter((one) => before.get(resource)?.has(one));
    t.same(lived.filter((one) => !there.has(one)), [], `${table}: what lived all the while is there`);
  }
  shop.sandbox.faults.clear();
  t.same(await syncAll(shop), []);
  t.same(await allDifferences(shop, checked), [], 'a quiet sync after it brings equality');
});

void t.test('a module that the account does not have fails its own run with the reason, and no other', async (t) => {
  const shop = await openShop(t, { config: await quickSample(), sandbox: world });
  shop.sandbox.fault({ kind: 'deny', match: '/customerpayments', times: Infinity });
  const runs = await shop.sync(['products', 'customer_payments', 'customers']);
  t.match(runs.map((run) => `${run.entity} ${run.status} ${run.code}`), ['products succeeded null', 'customer_payments failed zoho.not_authorized', 'customers succeeded null']);
  t.match(runs[1]?.reason, /ZohoBooks\.customerpayments\.READ/);
  t.same(await differences(shop, 'products'), []);
});
