/** With Zoho's limits on, TDS stays within them by itself: not one call is answered 429. */
import t from 'tap';
import { fastClock } from '../support/fast-clock.ts';
import { openShop, type Shop } from '../support/shop.ts';
import { allDifferences } from '../support/shop-truth.ts';

const world = { scale: 'small', items: 60, customers: 20, vendors: 5, daysOfOrders: 1, counts: { customerpayments: 10, purchaseorders: 5, bills: 5, packages: 3, shipmentorders: 3, expenses: 5 } } as const;

/** The most API calls in any minute of the sandbox, and those that were refused. */
function usage(shop: Shop): { calls: number; most: number; refused: string[]; at: number[] } {
  const calls = shop.sandbox.calls.entries.filter(({ path }) => !path.startsWith('/oauth'));
  const at = calls.map((call) => call.at).sort((a, b) => a - b);
  let most = 0;
  for (let first = 0, last = 0; last < at.length; last++) {
    while ((at[last] as number) - (at[first] as number) >= 60_000) first++;
    most = Math.max(most, last - first + 1);
  }
  return { calls: calls.length, most, refused: calls.filter(({ status }) => status === 429).map(({ path, code }) => `${path} ${code}`), at };
}

void t.test('two connections of one account stay within one minute, one number of calls at once, and not one 429 is answered', async (t) => {
  const clock = fastClock(30);
  const shop = await openShop(t, {
    clock: clock.tds, env: { ZOHO_CALLS_PER_MINUTE: '30', ZOHO_CALLS_AT_ONCE: '4', ZOHO_CALLS_PER_DAY: '1000' },
    sandbox: { ...world, clock: clock.sandbox, latency: 2, limits: { perMinute: 30, concurrency: 4, countRefused: true } },
  });
  const began = clock.sandbox.now();
  await shop.sync('all');
  const { calls, most, refused, at } = usage(shop);
  t.same(refused, []);
  t.ok(calls > 90, `${calls} calls, so that the limit was felt`);
  t.ok(most > 24 && most <= 30, `${most} calls in the busiest minute: the limit is used, and kept`);
  t.ok(new Set(shop.sandbox.calls.entries.map(({ path }) => path.split('/')[1])).size >= 3, 'by both APIs');
  const imposed = Math.floor((calls - 1) / 30) * 60_000;
  t.comment(`${calls} calls took ${Math.round(((at.at(-1) ?? 0) - began) / 1000)} s of the shop's time, of which the limit imposes ${imposed / 1000}; the first left after ${Math.round(((at[0] ?? 0) - began) / 1000)} s`);
  // The clock makes thirty of each millisecond of this machine. What the limits themselves cost is how much later than a minute the next wave begins.
  const waves = at.filter((time, index) => index === 0 || time - (at[index - 1] as number) > 20_000);
  t.comment(`waves of calls began every ${waves.slice(1).map((time, index) => ((time - (waves[index] as number)) / 1000).toFixed(1)).join(', ')} s`);
  t.same(await allDifferences(shop), []);
});

void t.test('a process that is started again within the minute knows the calls of the one before', async (t) => {
  const clock = fastClock(30);
  const limits = { ZOHO_CALLS_PER_MINUTE: '20', ZOHO_CALLS_AT_ONCE: '4', ZOHO_CALLS_PER_DAY: '1000' };
  const shop = await openShop(t, { clock: clock.tds, env: limits, sandbox: { ...world, clock: clock.sandbox, limits: { perMinute: 20, concurrency: 4, countRefused: true } } });
  await shop.runtime.operations.sync({ entities: ['products', 'sales_orders'], mode: 'full', trigger: 'person' });
  await shop.runtime.stop({ drainMs: 200 });
  await shop.another();
  await shop.settled();
  t.same(usage(shop).refused, []);
  t.ok(usage(shop).calls > 20);
  t.same(await allDifferences(shop, ['products', 'sales_orders', 'sales_order_lines']), []);
});
