/** Zoho is down for an hour: it is left alone, nothing is given up, and all is caught up soon after it is back. */
import t from 'tap';
import { fastClock } from '../support/fast-clock.ts';
import { untilQuiet } from '../support/passing-time.ts';
import { until } from '../support/processes.ts';
import { openShop } from '../support/shop.ts';
import { allDifferences } from '../support/shop-truth.ts';

const entities = ['products', 'customers', 'invoices'];
const hourMs = 3_600_000;
const world = { scale: 'small', items: 250, customers: 20, vendors: 5, daysOfOrders: 1 } as const;

void t.test('a breaker that opened is closed by hand: new runs call at once, and the one that waited goes on when its time has come', async (t) => {
  const clock = fastClock(30);
  const shop = await openShop(t, { clock: clock.tds, queueTimings: { pollMs: 10 }, sandbox: { ...world, clock: clock.sandbox } });
  shop.sandbox.fault({ kind: 'maintenance', match: '/items', times: 5 });
  const told: unknown[] = [];
  t.teardown(shop.runtime.events.listen(({ name, detail }) => void (name === 'breaker.changed' && told.push(detail))));
  const [asked] = await shop.runtime.operations.sync({ entities: ['products'], mode: 'full', trigger: 'person' });
  await until('the breaker is open', () => told.length > 0);
  t.match(told, [{ connection: 'inventory', from: 'closed', to: 'open', reason: 'zoho.not_json' }]);
  t.equal(await shop.runtime.operations.resetBreaker('inventory'), true);
  t.equal(await shop.runtime.operations.resetBreaker('inventory'), false);
  t.match(told[1], { connection: 'inventory', from: 'open', to: 'closed' });
  const [another] = await shop.runtime.operations.sync({ entities: ['item_groups'], mode: 'full', trigger: 'person' });
  await until('a new run is done', async () => (await shop.runtime.operations.run(another?.run.id ?? '')).status === 'succeeded');
  t.equal(told.length, 2, 'without a call that tries first');
  for (let next = await untilQuiet(shop, clock); next; next = await untilQuiet(shop, clock)) clock.sandbox.set(Math.max(next.getTime(), clock.sandbox.now() + 1));
  t.equal((await shop.runtime.operations.run(asked?.run.id ?? '')).status, 'succeeded');
  await t.rejects(shop.runtime.operations.resetBreaker('inventroy'), { code: 'operation.unknown_connection' });
});

void t.test('an hour without Zoho: each breaker opens after 5 failures, one call a minute tries, and what waited is done within two minutes', async (t) => {
  const clock = fastClock(6);
  const shop = await openShop(t, { clock: clock.tds, queueTimings: { pollMs: 10 }, sandbox: { ...world, clock: clock.sandbox } });
  const { store, calls, faults } = shop.sandbox;
  const told: string[] = [];
  t.teardown(shop.runtime.events.listen(({ name, detail }) => {
    if (name === 'breaker.changed') told.push(`${detail.connection}: ${detail.from} → ${detail.to}`);
  }));
  await shop.sync(entities);

  for (const id of [...store.ids('items')].slice(0, 30)) store.edit('items', id, { description: 'while it was down' });
  for (const id of [...store.ids('invoices')].slice(0, 10)) store.edit('invoices', id, { reference_number: 'while it was down' });
  const before = calls.entries.length;
  shop.sandbox.fault({ kind: 'maintenance', times: Infinity });
  const down = clock.sandbox.now();
  await shop.runtime.operations.sync({ entities, mode: 'incremental', trigger: 'schedule' });
  while (clock.sandbox.now() < down + hourMs) {
    const next = await untilQuiet(shop, clock);
    if (!next) throw new Error(`nothing waits for Zoho any more:\n${shop.lines.slice(-10).join('')}`);
    clock.sandbox.set(Math.min(clock.sandbox.now() + 60_000, down + hourMs));
  }
  const asked = calls.entries.slice(before).filter(({ at }) => at < down + hourMs);
  for (const api of ['books', 'inventory']) {
    const times = asked.filter(({ path }) => path.startsWith(`/${api}`)).map(({ at }) => (at - down) / 1000);
    const probes = times.filter((at) => at > 60);
    const near = probes.slice(1).map((at, index) => at - (probes[index] as number)).filter((gap) => gap < 59);
    t.ok(times.length - probes.length >= 5 && times.length - probes.length <= 10, `${api}: ${times.length - probes.length} calls in the first minute: those that failed, and those beside them`);
    t.ok(probes.length >= 45 && probes.length <= 60, `${api}: ${probes.length} calls in the 59 minutes after it`);
    t.same(near, [], `${api}: never two within a minute`);
  }
  t.same(await shop.rows('SELECT entity, message FROM tds.dead_letters'), [], 'nothing is given up');
  t.ok(Number((await shop.rows('SELECT max(attempts) AS used FROM graphile_worker._private_jobs'))[0]?.['used']) <= 3, 'and of 25 attempts only those before the breakers opened are used up');
  const breakers = await shop.runtime.operations.connections();
  t.same(breakers.flatMap(({ id, remote }) => ((remote['breaker'] as { state?: string } | undefined)?.state === 'open' ? [id] : [])), ['books', 'inventory']);

  faults.clear();
  const back = clock.sandbox.now();
  for (let next = await untilQuiet(shop, clock); next; next = await untilQuiet(shop, clock)) clock.sandbox.set(Math.max(next.getTime(), clock.sandbox.now() + 1));
  const took = (clock.sandbox.now() - back) / 1000;
  t.comment(`${asked.length} calls in the hour; all caught up ${took.toFixed(0)} s after it`);
  t.ok(took <= 120, `${took.toFixed(0)} s`);
  for (const api of ['books', 'inventory']) {
    const its = told.filter((line) => line.startsWith(`${api}: `)).map((line) => line.slice(api.length + 2));
    const tries = (its.length - 1) / 2;
    t.same(its, ['closed → open', ...Array.from({ length: tries - 1 }, () => ['open → half-open', 'half-open → open']).flat(), 'open → half-open', 'half-open → closed'], `${api}: each change was told on the bus, ${its.length} of them`);
  }
  t.same(await shop.rows(`SELECT entity, status FROM tds.runs WHERE status <> 'succeeded'`), []);
  t.same(await shop.rows('SELECT entity, message FROM tds.dead_letters'), []);
  t.same(await allDifferences(shop, [...entities, 'invoice_lines']), []);
});
