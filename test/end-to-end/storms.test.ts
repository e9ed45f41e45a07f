/** Answers 429 that other programs of the organization have caused: each of Zoho's codes is given the wait that it asks for. */
import t from 'tap';
import { fastClock, type FastClock } from '../support/fast-clock.ts';
import { untilQuiet } from '../support/passing-time.ts';
import { openShop, type Shop } from '../support/shop.ts';
import { differences } from '../support/shop-truth.ts';

const world = { scale: 'small', items: 450, customers: 20, vendors: 5, daysOfOrders: 1 } as const;

/** Real seconds that a busy machine may be late by. */
const lateSeconds = 3;

interface Storm extends Shop { readonly clock: FastClock }

async function openStorm(t: Parameters<typeof openShop>[0]): Promise<Storm> {
  const clock = fastClock(60);
  const shop = await openShop(t, { clock: clock.tds, queueTimings: { pollMs: 20 }, sandbox: { ...world, clock: clock.sandbox } });
  return { ...shop, clock };
}

/** Seconds from each refusal to the next call after the refusals of its wave (calls that were on their way already), by the shop's time. */
function waits(shop: Shop, wave = 1): number[] {
  const calls = shop.sandbox.calls.entries.filter(({ path }) => !path.startsWith('/oauth'));
  return calls.flatMap(({ status, at }, index) => (status === 429 && calls[index + wave] ? [((calls[index + wave]?.at ?? 0) - at) / 1000] : []));
}

void t.test('code 44: no call leaves for a minute, each time that it comes', async (t) => {
  const shop = await openStorm(t);
  shop.sandbox.fault({ kind: 'limit-minute', match: '/items', after: 1, times: 3 });
  await shop.sync(['products']);
  const found = waits(shop);
  t.equal(found.length, 3);
  // the shop's clock runs sixty times as fast: what this machine is late by counts as many times
  t.same(found.filter((wait) => wait < 60 || wait > 60 + 60 * lateSeconds), [], found.join(', '));
  t.same(await shop.rows('SELECT attempts FROM tds.runs WHERE attempts <> 1'), [], 'the run went on where it was');
  t.same(await differences(shop, 'products'), []);
});

void t.test('code 45: no call leaves before the organization\'s day turns, on no entity of the connection; then all goes on', async (t) => {
  const shop = await openStorm(t);
  const { store } = shop.sandbox;
  shop.sandbox.fault({ kind: 'limit-day', match: '/contacts', after: 0, times: 1 });
  await shop.runtime.operations.sync({ entities: ['customers'], mode: 'full', trigger: 'schedule' });
  const waitsUntil = await untilQuiet(shop, shop.clock);
  const midnight = (store.world.zone.midnight(Math.floor(shop.clock.sandbox.now() / 1000)) + 86_400) * 1000;
  t.ok(Math.abs((waitsUntil?.getTime() ?? 0) - midnight) < 2_000, `it waits until ${waitsUntil?.toISOString()}`);
  await shop.runtime.operations.sync({ entities: ['invoices'], mode: 'full', trigger: 'schedule' });
  const told = await shop.another(); // which knows it from the ledger
  await untilQuiet(shop, shop.clock);
  const checks = await Array.fromAsync(told.operations.check(['books'], AbortSignal.timeout(120_000)));
  t.ok(checks.some(({ ok }) => !ok), 'a person may not call either');
  const calls = (): number => shop.sandbox.calls.entries.filter(({ path }) => path.startsWith('/books')).length;
  t.equal(calls(), 1);
  shop.clock.sandbox.set(midnight - 60_000);
  await untilQuiet(shop, shop.clock);
  shop.clock.sandbox.set(midnight + 5_000);
  await untilQuiet(shop, shop.clock);
  t.ok(waits(shop)[0] as number * 1000 + (shop.sandbox.calls.entries.find(({ status }) => status === 429)?.at ?? 0) >= midnight, 'the next call left after midnight');
  t.same(await shop.rows(`SELECT entity FROM tds.runs WHERE status <> 'succeeded'`), []);
  t.same([...await differences(shop, 'customers'), ...await differences(shop, 'invoices')], []);
});

void t.test('code 1070: pauses that grow, and one call less side by side for each', async (t) => {
  const shop = await openStorm(t);
  shop.sandbox.fault({ kind: 'limit-concurrency', match: '/items', after: 1, times: 4 });
  await shop.sync(['products']);
  const found = waits(shop);
  t.equal(found.length, 4);
  // 1 s, 2 s, 4 s, 8 s at most, half of each at least; what the calls themselves took comes on top.
  t.same(found.filter((wait, index) => wait < 2 ** index / 2), [], found.join(', '));
  t.ok((found.at(-1) ?? 0) < 45, 'and no minute');
  const narrowed = shop.lines.filter((line) => line.includes('takes fewer calls at once')).map((line) => (JSON.parse(line) as { concurrent: number }).concurrent);
  t.same(narrowed, [9, 8, 7, 6]);
  t.same(await differences(shop, 'products'), []);
});
