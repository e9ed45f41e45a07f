import * as fc from 'fast-check';
import { t } from 'tap';
import { withCallContext, type CallPurpose } from '../../core/connection/context.ts';
import { RateLimitedError, type HttpResponse } from '../../core/sdk/index.ts';
import { TestClock } from '../support/clock.ts';
import { connect, inTurn, isStill, remote, reply, signal, transportOf } from './support.ts';

/** How often more than `most` arrivals lie within one minute, wherever it begins (a call exactly 60 s later counts as inside). */
function violations(arrivals: readonly number[], most: number): number {
  const sorted = arrivals.toSorted((a, b) => a - b);
  return sorted.filter((at, index) => index >= most && at - sorted[index - most]! <= 60_000).length;
}

/** Makes `calls` calls on a remote that takes up to `way` ms there and back each, and moves the clock until all are done. */
async function simulate(scope: { teardown(action: () => unknown): unknown }, options: { calls: number; perMinute: number; concurrent: number; way: number; random: () => number; purpose?: CallPurpose }): Promise<{ arrivals: number[]; ms: number; most: number }> {
  const { calls, perMinute, concurrent, way, random, purpose = 'other' } = options;
  const clock = new TestClock();
  const arrivals: number[] = [];
  let [atOnce, most] = [0, 0];
  const transport = transportOf(async () => {
    most = Math.max(most, ++atOnce);
    await clock.sleep(random() * way);
    arrivals.push(clock.now().getTime());
    await clock.sleep(random() * way);
    atOnce--;
    return {};
  });
  const connection = connect(scope, { clock, transport, limits: { perMinute, concurrent } });
  const start = clock.now().getTime();
  const work = Promise.all(Array.from({ length: calls }, () => withCallContext({ purpose }, () => connection.http.send({ url: 'http://remote/' }))));
  // Details leave a tenth of the minute free.
  await clock.runUntil(work, () => isStill(connection, { perMinute: purpose === 'details' ? perMinute - Math.floor(perMinute / 10) : perMinute, concurrent }));
  return { arrivals, ms: clock.now().getTime() - start, most };
}

/** bottleneck takes calls in one by one, with a turn of Node's timers for each; it has no way to tell when. */
async function queued(): Promise<void> {
  for (let round = 0; round < 30; round++) await new Promise((resolve) => setTimeout(resolve));
}

t.test('in no 60 seconds does the remote see more calls than allowed, and hardly any time is lost', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({ perMinute: fc.integer({ min: 3, max: 25 }), concurrent: fc.integer({ min: 2, max: 10 }), way: fc.integer({ min: 1, max: 400 }), minutes: fc.integer({ min: 1, max: 4 }), seed: fc.integer() }),
      async ({ perMinute, concurrent, way, minutes, seed }) => {
        let state = seed >>> 0;
        const random = (): number => (state = (state * 1_664_525 + 1_013_904_223) >>> 0) / 2 ** 32;
        const { arrivals, ms, most } = await simulate(t, { calls: perMinute * minutes + 1, perMinute, concurrent, way, random });
        t.equal(violations(arrivals, perMinute), 0);
        t.ok(most <= concurrent);
        t.ok(ms <= minutes * 60_000 * 1.03, `${ms} ms for ${minutes} min`);
      },
    ),
    { numRuns: 12 },
  );
});

t.test('details, which leave a part of each minute to others, keep within the limits as well when they come all at once', async (t) => {
  const { arrivals, most } = await simulate(t, { calls: 130, perMinute: 30, concurrent: 4, way: 50, random: () => 0.5, purpose: 'details' });
  t.equal(violations(arrivals, 30), 0);
  t.equal(most, 4);
});

t.test('at 100 a minute and 10 at once, 700 calls take the 6 minutes that the limit asks for', async (t) => {
  const { arrivals, ms } = await simulate(t, { calls: 700, perMinute: 100, concurrent: 10, way: 150, random: () => 0.5 });
  t.equal(violations(arrivals, 100), 0);
  const share = ms / 360_000;
  t.comment(`${(share * 100).toFixed(2)} % of the least time`);
  t.ok(share <= 1.03);
});

t.test('the first hundred go at once', async (t) => {
  let count = 0;
  const connection = connect(t, { limits: { perMinute: 100 }, transport: transportOf(async () => (count++, {})) });
  const calls = Array.from({ length: 101 }, () => connection.http.send({ url: 'http://remote/' }));
  await Promise.all(calls.slice(0, 100));
  t.equal(count, 100);
  t.match(connection.waitsOn(), /^the limit per minute, \d+ s$/);
  t.match(connection.status(), { waiting: 1, callsLastMinute: 100 });
  await connection.clock.runUntil(calls[100]!, () => true);
  t.equal(connection.waitsOn(), undefined);
});

t.test('webhooks and persons go before incremental, full and comparing reads', async (t) => {
  const order: string[] = [];
  const held = signal();
  const transport = transportOf(async (path) => {
    order.push(path.slice(1));
    if (path === '/first') await held.promise;
    return {};
  });
  const connection = connect(t, { limits: { concurrent: 1 }, transport });
  const call = (purpose: CallPurpose): Promise<HttpResponse> => withCallContext({ purpose }, () => connection.http.send({ url: `http://remote/${purpose}` }));
  const first = connection.http.send({ url: 'http://remote/first' });
  const rest = (['comparison', 'full', 'details', 'incremental', 'person', 'webhook'] as const).map(call);
  await queued();
  held.resolve();
  await Promise.all([first, ...rest]);
  t.strictSame(order, ['first', 'webhook', 'person', 'incremental', 'full', 'details', 'comparison']);
});

t.test('"too many calls" stops the whole connection for as long as the other side says, and uses no attempt', async (t) => {
  const at: number[] = [];
  const { url } = await remote(t, (request, response) => {
    at.push(clock.now().getTime());
    (at.length <= 4 ? reply(429, {}, { 'retry-after': '7' }) : reply(200))(request, response);
  });
  const clock = new TestClock();
  const connection = connect(t, { clock, limits: { concurrent: 1 }, retry: { attempts: 1 } });
  const calls = Promise.all([connection.http.send({ url }), connection.http.send({ url })]);
  await connection.run(calls);
  t.strictSame(at.map((each) => each - at[0]!), [0, 7_000, 14_000, 21_000, 28_000, 28_000]);
  t.equal(connection.status().breaker.state, 'closed');
});

t.test('the pause of a connection without limits holds back its other calls as well', async (t) => {
  let limited = true;
  const { url, requests } = await remote(t, (request, response) => (limited ? reply(429, {}, { 'retry-after': '5' }) : reply(200))(request, response));
  const connection = connect(t);
  const first = connection.http.send({ url });
  await connection.clock.untilDueWithin(5_000);
  limited = false;
  const second = connection.http.send({ url });
  await connection.clock.advance(0);
  t.match(connection.waitsOn(), /rate limit, 5 s/);
  t.equal(requests.length, 1);
  await connection.run(Promise.all([first, second]));
  t.equal(requests.length, 3);
});

t.test('without a time of the other side, a spent minute waits a minute; calls at once wait seconds, longer each time', async (t) => {
  for (const [scope, pauses] of [['minute', [60_000, 60_000]], ['concurrent', [1_000, 2_000]]] as const) {
    const at: number[] = [];
    const clock = new TestClock();
    const connection = connect(t, { clock, limits: { perMinute: 100 }, transport: transportOf(async () => (at.push(clock.now().getTime()), { status: at.length < 3 ? 429 : 200 })) });
    const inspect = ({ status }: HttpResponse): void => {
      if (status === 429) throw new RateLimitedError('shop.limited', 'slower', { scope });
    };
    await connection.run(connection.http.send({ url: 'http://remote/', inspect }));
    t.strictSame(at.slice(1).map((each, index) => each - at[index]!), pauses, scope);
  }
});

t.test('a remote that takes fewer calls at once than the config says is asked for fewer', async (t) => {
  const clock = new TestClock();
  let [atOnce, calls] = [0, 0];
  const refusals: number[] = [];
  const transport = transportOf(async () => {
    calls++;
    const status = ++atOnce > 3 ? 429 : 200;
    if (status === 429) refusals.push(calls);
    await clock.sleep(100);
    atOnce--;
    return { status };
  });
  const connection = connect(t, { clock, transport, limits: { concurrent: 6 } });
  const inspect = ({ status }: HttpResponse): void => {
    if (status === 429) throw new RateLimitedError('shop.limited', 'slower', { scope: 'concurrent' });
  };
  const work = Promise.all(Array.from({ length: 60 }, () => connection.http.send({ url: 'http://remote/', inspect })));
  // How many go at once is what is looked for, so stillness shows by nothing having changed for a while.
  let [seen, turns] = ['', 0];
  await clock.runUntil(work, () => {
    const now = JSON.stringify([connection.status(), atOnce]);
    [seen, turns] = [now, now === seen ? turns + 1 : 0];
    return turns > 200;
  });
  t.ok(refusals.length >= 3 && refusals.length <= 18, `${refusals.length} refusals until it fits`);
  t.ok(refusals.every((call) => call < 40), 'and none from then on');
});

t.test('a storm of refusals ends a call after the total time, as "too many calls" still', async (t) => {
  const connection = connect(t, { limits: { perMinute: 100 }, retry: { total: 300_000 }, transport: transportOf(async () => ({ status: 429 })) });
  const error = await connection.run(connection.http.send({ url: 'http://remote/' })).catch((error: unknown) => error);
  t.match(error, { code: 'connection.rate_limit_lasts', name: 'RateLimitedError', scope: 'minute', retryAfterMs: 60_000 });
  t.equal(connection.clock.now().toISOString(), '2026-01-05T08:05:00.000Z');
});

t.test('calls that do not count pass the limits by', async (t) => {
  const { url } = await remote(t, reply(200));
  const connection = connect(t, { limits: { perMinute: 1, concurrent: 1 } });
  await connection.http.send({ url });
  for (let count = 0; count < 3; count++) await connection.http.send({ url, counted: false });
  t.equal(connection.status().callsLastMinute, 1);
});

t.test('a call whose credentials fail gives its place back at once', async (t) => {
  const { url } = await remote(t, inTurn(reply(200)));
  const connection = connect(t, { limits: { perMinute: 1, perDay: 1, reserve: 0 } });
  await t.rejects(connection.http.send({ url, authorize: () => Promise.reject(new Error('no token')) }), { message: 'no token' });
  await connection.http.send({ url });
  t.match(connection.status(), { callsLastMinute: 1, quota: { used: 1 } });
});

t.test('calls for details leave a tenth of the minute to others, so that an incremental read goes at once', async (t) => {
  const clock = new TestClock();
  const seen: CallPurpose[] = [];
  const transport = transportOf(async () => ({}));
  const connection = connect(t, { clock, transport, limits: { perMinute: 20 } });
  const call = (purpose: CallPurpose): Promise<unknown> => withCallContext({ purpose }, async () => {
    await connection.http.send({ url: 'http://remote/' });
    seen.push(purpose);
  });
  const details = Promise.all(Array.from({ length: 30 }, () => call('details')));
  await queued();
  t.equal(seen.length, 18, 'two of twenty are kept');
  t.match(connection.waitsOn(), /kept free/);
  await call('incremental');
  t.equal(seen.at(-1), 'incremental');
  await clock.runUntil(details, () => seen.length < 31 && connection.status().inFlight === 0);
  t.equal(seen.filter((purpose) => purpose === 'details').length, 30);
});
