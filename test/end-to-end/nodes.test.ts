/** Entities side by side, and several nodes on one database. */
import t from 'tap';
import { fileURLToPath } from 'node:url';
import { Child } from '../support/processes.ts';
import { openShop, quickSample, type Shop } from '../support/shop.ts';
import { allDifferences } from '../support/shop-truth.ts';

const script = fileURLToPath(new URL('../support/shop-node.ts', import.meta.url));
const world = { scale: 'small', customers: 60, items: 410, daysOfOrders: 1, counts: { customerpayments: 210, pricebooks: 2, bills: 10, purchaseorders: 10 } } as const;
const entities = ['products', 'stock', 'customers', 'invoices', 'customer_payments', 'price_list_rates', 'sales_orders', 'bills'];
const checked = [...entities, 'invoice_lines', 'sales_order_lines', 'bill_lines'];

/** How many runs were under way at once, at most. */
async function mostAtOnce(shop: Shop): Promise<number> {
  const [row] = await shop.rows(`SELECT max(n) AS n FROM (SELECT (SELECT count(*) FROM tds.runs b WHERE b.started_at <= a.started_at AND b.ended_at > a.started_at) AS n FROM tds.runs a) x`);
  return Number(row?.['n']);
}

void t.test('several entities run side by side, one entity never beside itself', async (t) => {
  const shop = await openShop(t, { config: await quickSample(), sandbox: { ...world, latency: 10 } });
  await shop.sync(entities);
  t.equal(await mostAtOnce(shop), 4, 'as many as the config says');
  t.ok(shop.sandbox.calls.entries.every(({ status }) => status === 200));
  const twice = await shop.rows(`SELECT a.entity FROM tds.runs a JOIN tds.runs b ON a.entity = b.entity AND a.mode = b.mode AND a.id < b.id AND b.started_at < a.ended_at`);
  t.same(twice, []);
  t.same(await allDifferences(shop, checked), []);
});

void t.test('two nodes on one database share the runs; each is done once, and no row is written twice', async (t) => {
  const shop = await openShop(t, { config: await quickSample(), role: 'client', sandbox: { ...world, latency: 15 } });
  const { PATH = '', HOME = '' } = process.env;
  const nodes = ['one', 'two'].map((name) => new Child(t, process.execPath, [script, shop.file, name], { env: { PATH, HOME, ...shop.env } }));
  await Promise.all(nodes.map((node) => node.said(/^ready$/m)));
  t.same((await shop.runtime.operations.nodes()).map(({ nodeId }) => nodeId).filter((id) => id === 'one' || id === 'two').sort(), ['one', 'two']);
  const runs = await shop.sync(entities);
  t.ok(runs.every((run) => run.status === 'succeeded'));
  t.same(await shop.rows(`SELECT DISTINCT node FROM tds.runs ORDER BY 1`), [{ node: 'one' }, { node: 'two' }], 'both did runs');
  t.same(await shop.rows(`SELECT entity FROM tds.runs WHERE mode = 'full' AND attempts <> 1`), []);
  for (const run of runs) t.equal(run.new, Number((await shop.rows('SELECT count(*) AS n FROM tds.records WHERE entity = $1', [run.entity]))[0]?.['n']), `${run.entity}: each record was new once`);
  t.same(await shop.rows(`SELECT run_id FROM tds.job_history WHERE outcome = 'done' AND run_id IS NOT NULL GROUP BY run_id HAVING count(*) > 1`), [], 'no run was ended twice');
  t.equal(shop.sandbox.tokens.issued, 1, 'one access token for two processes with two connections each');
  t.same(await allDifferences(shop, checked), []);

  await t.test('when one of them stops, the other goes on with what it had', async (t) => {
    const { store } = shop.sandbox;
    for (const id of [...store.ids('items')].slice(0, 150)) store.edit('items', id);
    for (const id of [...store.ids('invoices')].slice(0, 15)) store.edit('invoices', id, { reference_number: 'again' });
    const asked = shop.sync(entities);
    nodes[0]?.process.kill('SIGTERM');
    t.match(await nodes[0]?.ended, { code: 0 });
    t.ok((await asked).every((run) => run.status === 'succeeded'));
    t.same(await allDifferences(shop, checked), []);
  });
});

void t.test('a sync that is asked for twice is one run, also when two nodes are asked', async (t) => {
  const shop = await openShop(t, { config: await quickSample(), sandbox: { ...world, latency: 20 } });
  const other = await shop.another();
  const asked = await Promise.all([shop.runtime, other, shop.runtime, other].map((runtime) => runtime.operations.sync({ entities: ['products'], mode: 'full', trigger: 'person' })));
  const ids = new Set(asked.map(([one]) => one?.run.id));
  t.equal(ids.size, 1);
  t.equal(asked.filter(([one]) => one?.created).length, 1);
  await shop.settled();
  t.same(await allDifferences(shop, ['products']), []);
});
