/** The calls of the day run out: runs wait for the next day, what matters comes first, and all goes on by itself. */
import t from 'tap';
import { fastClock } from '../support/fast-clock.ts';
import { until } from '../support/processes.ts';
import { openShop, shopConnections, type Shop } from '../support/shop.ts';

const config = `${shopConnections}
entities:
  customers:
    from: { connection: books, stream: customers }
    to: { connection: erp, table: customers }
    key: customer_id
    fields: { customer_id: contact_id, name: contact_name }
  invoices:
    from: { connection: books, stream: invoices }
    to: { connection: erp, table: invoices }
    key: invoice_id
    fields: { invoice_id: invoice_id, number: invoice_number, modified_at: { from: last_modified_time, type: timestamptz } }
    children:
      lines: { from: line_items, table: invoice_lines, key: line_item_id, fields: { line_item_id: line_item_id, name: name } }
`;
const world = { scale: 'small', customers: 20, vendors: 5, daysOfOrders: 4 } as const;
const perDay = 50;
/** A tenth is kept for webhooks, persons and repairs. */
const bulk = 45;

/** The database's clock can't be moved; this is what the passing of its time looks like to the jobs that wait. */
async function passTime(shop: Shop): Promise<void> {
  await shop.database.pool.query('UPDATE graphile_worker._private_jobs SET run_at = now() WHERE run_at > now()');
}

const detailsDone = async (shop: Shop): Promise<{ due: number; done: number } | null> => (await shop.runtime.operations.entity('invoices')).details;
const waiting = async (shop: Shop): Promise<boolean> => (await shop.runtime.operations.runs({ mode: 'details', limit: 1 }))[0]?.status === 'waiting';

for (const knows of ['Zoho says', 'the config says']) {
  void t.test(`when the day's calls are spent (${knows} how many), details wait for the day's turn and go on by themselves`, async (t) => {
    const clock = fastClock(1);
    const shop = await openShop(t, {
      config, clock: clock.tds, env: { ZOHO_CALLS_PER_DAY: knows === 'Zoho says' ? '100000' : String(perDay) },
      sandbox: { ...world, clock: clock.sandbox, limits: { perMinute: 100_000, perDay: { books: knows === 'Zoho says' ? perDay : 100_000, inventory: 1000 } } },
    });
    const total = shop.sandbox.store.count('invoices');
    const heads = await shop.runtime.operations.sync({ entities: 'all', mode: 'full', trigger: 'person' });
    await until('the details wait', () => waiting(shop));

    const runs = await Promise.all(heads.map(({ run }) => shop.runtime.operations.run(run.id)));
    t.same(runs.map((run) => run.status), ['succeeded', 'succeeded'], 'the heads are all there');
    t.equal((await shop.rows('SELECT 1 FROM erp.invoices')).length, total);
    const paths = shop.sandbox.calls.entries.filter(({ path }) => path.startsWith('/books')).map(({ path }) => path);
    t.notOk(paths.slice(0, paths.findIndex((path) => /\/invoices\/\d/.test(path))).length < 2, 'the lists were read before the first detail');

    const first = await detailsDone(shop);
    t.ok(first && first.done > 30 && first.done <= bulk && first.done + first.due === total, `${first?.done} details are there, ${first?.due} still to come`);
    const order = await shop.rows(`SELECT key, detail_hash IS NOT NULL AS there FROM tds.records WHERE entity = 'invoices' ORDER BY modified_at DESC, key`);
    t.same(order.slice(0, first?.done).filter((row) => row['there'] !== 't'), [], 'the newest came first');

    const [run] = await shop.runtime.operations.runs({ mode: 'details', limit: 1 });
    const midnight = shop.sandbox.store.world.zone.midnight(Math.floor(clock.sandbox.now() / 1000)) + 86_400;
    t.ok(Math.abs((run?.resumesAt?.getTime() ?? 0) / 1000 - midnight) < 5, `it goes on at the organization's midnight: ${run?.resumesAt?.toISOString()}`);
    t.match(run?.waitsOn, /calls of (the|this) day/);
    t.equal(run?.attempts, 1, 'and it does not try in vain meanwhile');
    t.equal(run?.code, 'connection.quota_reserved');
    t.equal(shop.lines.filter((line) => line.includes('bulk work pauses')).length, 1, 'it is said once');
    const report = await shop.runtime.operations.connectionQuota('books');
    t.match(report, { limit: perDay, used: bulk, left: 5, reserve: 5, leftForBulk: 0, bulkPaused: true, resumesAt: null });
    t.equal(report.spent.reduce((sum, { calls }) => sum + calls, 0) + report.elsewhere, bulk);
    t.match(report.spent[0], { entity: 'invoices', purpose: 'details' });
    const checks = await Array.fromAsync(shop.runtime.operations.check(['books'], AbortSignal.timeout(120_000)));
    t.same(checks.filter(({ ok }) => !ok), [], 'a person may use the reserve');
    const served = shop.sandbox.calls.entries.filter(({ path }) => path.startsWith('/books')).length;
    t.equal((await shop.runtime.operations.connectionQuota('books')).used, Math.max(served, bulk), 'each call stands in the ledger');
    t.ok(shop.sandbox.calls.entries.filter(({ status }) => status === 429).length <= 1, 'at most one call was refused');

    for (let day = 1; (await detailsDone(shop))?.due !== 0; day++) {
      t.ok(day <= 4, `day ${day + 1}`);
      const before = await detailsDone(shop);
      clock.sandbox.set((midnight + (day - 1) * 86_400 + 60) * 1000);
      await passTime(shop);
      await until('more details are there and the run waits again, or is done', async () => ((await detailsDone(shop))?.done ?? 0) >= Math.min((before?.done ?? 0) + bulk - 6, total) && (await waiting(shop) || (await detailsDone(shop))?.due === 0));
    }
    await shop.settled();
    t.match((await shop.runtime.operations.runs({ mode: 'details', limit: 10 })).map(({ status, code }) => `${status} ${code}`), ['succeeded null'], 'it was one run all the while');
    t.ok(shop.sandbox.calls.entries.filter(({ status }) => status === 429).length <= 1, 'still at most one call was refused');
    t.equal((await shop.rows('SELECT DISTINCT invoice_id FROM erp.invoice_lines')).length, total);
  });
}

void t.test('a day that another program spends lets runs wait and go on by themselves', async (t) => {
  const shop = await openShop(t, { config, sandbox: { ...world, startAt: Date.now() } });
  const { zone } = shop.sandbox.store.world;
  const second = Math.floor(shop.sandbox.clock.now() / 1000);
  shop.sandbox.clock.set((zone.midnight(second) + 86_400) * 1000 - 3000); // three seconds before the organization's midnight
  shop.sandbox.clock.freeze(); // however long this machine takes to get there
  shop.sandbox.fault({ kind: 'limit-day', match: '/invoices?', after: 1, times: 1 });
  const [asked] = await shop.runtime.operations.sync({ entities: ['invoices'], mode: 'full', trigger: 'person' });
  let resumesAt: Date | null = null;
  await until('the run waits', async () => {
    const run = await shop.runtime.operations.run(asked?.run.id ?? '');
    if (run.status === 'waiting') ({ resumesAt } = run);
    return resumesAt !== null;
  });
  t.ok(Number(resumesAt) - Date.now() < 5000, 'until midnight, as Zoho counts it');
  shop.sandbox.clock.advance(3000);
  await shop.settled();
  t.match(await shop.runtime.operations.run(asked?.run.id ?? ''), { status: 'succeeded', code: null, waitsOn: null, resumesAt: null });
});
