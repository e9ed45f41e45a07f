/** Records that were asked for by their keys are kept for a while, and never served to who knows better. */
import { t } from 'tap';
import { createCache, type CacheDeps, type ConnectionCache } from '../../core/connection/cache.ts';
import { memoryCacheStore, redisCacheStore } from '../../core/connection/cache-store.ts';
import { parseJson } from '../../core/connection/json-lossless.ts';
import { sharedRedis } from '../../core/connection/redis.ts';
import { silentLogger } from '../../core/monitor/log.ts';
import { RetryLaterError, type DetailResult, type JsonObject } from '../../core/sdk/index.ts';
import { TestClock } from '../support/clock.ts';
import { startRedis } from '../support/redis.ts';
import { signal } from './support.ts';

const minute = 60_000;

interface Remote { calls: string[][]; ask: (keys: readonly string[]) => Promise<DetailResult[]>; price: number }

/** A remote whose answer tells how often it was asked. */
function remoteOf(clock: TestClock): Remote {
  const remote: Remote = {
    calls: [], price: 1,
    async ask(keys) {
      remote.calls.push([...keys]);
      return keys.map((key) => ({ key, record: { id: key, price: remote.price }, observedAt: clock.now() }));
    },
  };
  return remote;
}

const cacheOf = (clock: TestClock, more: Partial<CacheDeps> = {}): ConnectionCache =>
  createCache({ store: memoryCacheStore(1_000_000), clock, log: silentLogger, times: { items: 5 * minute, contacts: 10 * minute, customers: 10 * minute, stock: minute }, sameAs: { customers: 'contacts', stock: 'items' }, ...more });
const all = (moment: Date, ...keys: string[]): ReadonlyMap<string, Date> => new Map(keys.map((key) => [key, moment]));
const pricesOf = (results: DetailResult[]): unknown[] => results.map((result) => ('record' in result ? result.record['price'] : 'gone'));

t.test('an emptied cache asks again, and what was under way then is not kept', async (t) => {
  const clock = new TestClock();
  const [cache, remote] = [cacheOf(clock), remoteOf(clock)];
  const seenAt = all(clock.now(), '1', '2');
  await cache.read({ stream: 'items', keys: ['1'], seenAt }, remote.ask);
  t.match(cache.status(), { entries: 1 });
  await clock.advance(1000);
  const asked = Promise.withResolvers<void>();
  const slow = cache.read({ stream: 'items', keys: ['2'], seenAt }, async (keys) => {
    const answers = await remote.ask(keys);
    await asked.promise;
    return answers;
  });
  await clock.advance(1000);
  await cache.clear();
  asked.resolve();
  t.same(pricesOf(await slow), [1], 'who waits is served');
  t.match(cache.status(), { entries: 0, bytes: 0 });
  remote.price = 2;
  t.same(pricesOf(await cache.read({ stream: 'items', keys: ['1', '2'], seenAt }, remote.ask)), [2, 2]);
});

t.test('what was asked for once is not asked for again until its time is over, stream by stream', async (t) => {
  const clock = new TestClock();
  const [cache, remote] = [cacheOf(clock), remoteOf(clock)];
  const seenAt = all(clock.now(), '1', '2', '3');
  await cache.read({ stream: 'items', keys: ['1', '2'], seenAt }, remote.ask);
  await clock.advance(30_000);
  t.same((await cache.read({ stream: 'items', keys: ['1', '2', '3'], seenAt }, remote.ask)).map(({ key }) => key).sort(), ['1', '2', '3']);
  t.same(remote.calls, [['1', '2'], ['3']], 'only what is missing is asked for');
  await cache.read({ stream: 'stock', keys: ['1'], seenAt }, remote.ask);
  t.equal(remote.calls.length, 2, 'streams of one record share it');
  await clock.advance(45_000);
  await cache.read({ stream: 'stock', keys: ['1'], seenAt }, remote.ask);
  t.same(remote.calls[2], ['1'], 'stock is kept for a minute');
  await cache.read({ stream: 'items', keys: ['2'], seenAt }, remote.ask);
  t.equal(remote.calls.length, 3, 'items for five');
  await clock.advance(5 * minute);
  await cache.read({ stream: 'items', keys: ['2'], seenAt }, remote.ask);
  t.equal(remote.calls.length, 4);
  await cache.read({ stream: 'invoices', keys: ['9'], seenAt: all(clock.now(), '9') }, remote.ask);
  await cache.read({ stream: 'invoices', keys: ['9'], seenAt: all(clock.now(), '9') }, remote.ask);
  t.equal(remote.calls.length, 6, 'a stream without a time is not kept');
  t.match(cache.status(), { hits: 4, misses: 5, entries: 3 });
});

t.test('who knows of a change gets no answer from before it, however young', async (t) => {
  const clock = new TestClock();
  const [cache, remote] = [cacheOf(clock), remoteOf(clock)];
  const before = clock.now();
  await cache.read({ stream: 'items', keys: ['1'], seenAt: all(before, '1') }, remote.ask);
  await clock.advance(1000);
  remote.price = 2;
  t.same(pricesOf(await cache.read({ stream: 'items', keys: ['1'], seenAt: all(clock.now(), '1') }, remote.ask)), [2], 'the list has said that it changed');
  t.same(pricesOf(await cache.read({ stream: 'items', keys: ['1'], seenAt: all(before, '1') }, remote.ask)), [2]);
  remote.price = 3;
  t.same(pricesOf(await cache.read({ stream: 'items', keys: ['1'] }, remote.ask)), [3], 'without a word on it the source is asked: proofs, comparisons');
  t.equal(remote.calls.length, 3);
});

t.test('ten messages about one record that waited together cost one call', async (t) => {
  const clock = new TestClock();
  const [cache, remote] = [cacheOf(clock), remoteOf(clock)];
  const arrivals: Date[] = [];
  for (let message = 0; message < 10; message++) {
    arrivals.push(clock.now());
    await cache.invalidate('customers', '7');
    await clock.advance(100);
  }
  for (const arrival of arrivals) await cache.read({ stream: 'contacts', keys: ['7'], seenAt: all(arrival, '7') }, remote.ask);
  t.equal(remote.calls.length, 1);
});

t.test('a record of which a message says that it changed is dropped, and an answer that was on its way is not kept', async (t) => {
  const clock = new TestClock();
  const [cache, remote] = [cacheOf(clock), remoteOf(clock)];
  const seenAt = all(clock.now(), '1', '2');
  await cache.read({ stream: 'items', keys: ['1', '2'], seenAt }, remote.ask);
  await clock.advance(1000);
  await cache.invalidate('stock', '1');
  await cache.read({ stream: 'items', keys: ['1', '2'], seenAt }, remote.ask);
  t.same(remote.calls, [['1', '2'], ['1']], 'the other one stays');
  const answer = signal();
  const slow = cache.read({ stream: 'contacts', keys: ['5'], seenAt: all(clock.now(), '5') }, async (keys) => {
    const observedAt = clock.now();
    await answer.promise;
    return keys.map((key) => ({ key, record: { price: 'old' }, observedAt }));
  });
  await clock.advance(1000);
  await cache.invalidate('contacts', '5');
  const fresh = cache.read({ stream: 'contacts', keys: ['5'], seenAt: all(new Date(0), '5') }, remote.ask);
  answer.resolve();
  t.same(pricesOf(await slow), ['old']);
  t.same(pricesOf(await fresh), [1], 'who asks after the message does not wait for what was asked before');
  t.same(pricesOf(await cache.read({ stream: 'contacts', keys: ['5'], seenAt: all(new Date(0), '5') }, remote.ask)), [1]);
});

t.test('fifty who want the same at once cause one call; its error is everyone\'s, its caller\'s end is not', async (t) => {
  const clock = new TestClock();
  const [cache, remote] = [cacheOf(clock), remoteOf(clock)];
  const seenAt = all(clock.now(), '1');
  const read = (ask = remote.ask): Promise<DetailResult[]> => cache.read({ stream: 'items', keys: ['1'], seenAt }, ask);
  const results = await Promise.all(Array.from({ length: 50 }, () => read()));
  t.equal(remote.calls.length, 1);
  t.equal(results.filter((each) => each.length === 1).length, 50);
  await clock.advance(10 * minute);
  const fault = new RetryLaterError('shop.down', 'down');
  const ends = await Promise.allSettled(Array.from({ length: 5 }, () => read(() => Promise.reject(fault))));
  t.same(ends.map((end) => end.status === 'rejected' && end.reason === fault), [true, true, true, true, true]);
  const given = await Promise.allSettled([read(() => Promise.reject(new Error('run cancelled'))), read(), read()]);
  t.same(given.map(({ status }) => status), ['rejected', 'fulfilled', 'fulfilled']);
});

t.test('proofs that a record is gone are not kept, digits are, and what one user does to a record does not reach the next', async (t) => {
  const clock = new TestClock();
  const cache = cacheOf(clock);
  const seenAt = all(clock.now(), '1', '2');
  let calls = 0;
  const ask = async (keys: readonly string[]): Promise<DetailResult[]> => keys.map((key) => (calls++, key === '1' ? { key, gone: true, observedAt: clock.now() } : { key, record: parseJson('{"id":"2","amount":123456789012345678901.10}') as JsonObject, observedAt: clock.now() }));
  await cache.read({ stream: 'items', keys: ['1', '2'], seenAt }, ask);
  const [first] = await cache.read({ stream: 'items', keys: ['2'], seenAt }, ask);
  t.ok(first && 'record' in first);
  if (first && 'record' in first) {
    t.equal(JSON.stringify(first.record), '{"id":"2","amount":123456789012345678901.10}');
    first.record['amount'] = 0;
  }
  const [again] = await cache.read({ stream: 'items', keys: ['2'], seenAt }, ask);
  t.match(again && 'record' in again ? JSON.stringify(again.record) : '', /123456789012345678901\.10/);
  t.equal(calls, 2);
  await cache.read({ stream: 'items', keys: ['1'], seenAt }, ask);
  t.equal(calls, 3);
});

t.test('it takes no more memory than it may', async (t) => {
  const clock = new TestClock();
  const cache = cacheOf(clock, { store: memoryCacheStore(100_000) });
  const filler = 'x'.repeat(1000);
  for (let key = 0; key < 500; key++) await cache.read({ stream: 'items', keys: [`${key}`], seenAt: all(clock.now(), `${key}`) }, async ([one = '']) => [{ key: one, record: { filler }, observedAt: clock.now() }]);
  const { entries = 0, bytes = 0 } = cache.status();
  t.ok(entries > 20 && entries < 50 && bytes <= 100_000, `${entries} entries, ${bytes} bytes`);
});

t.test('with Redis nodes share what was asked for; without it they go on', async (t) => {
  const server = await startRedis(t);
  if (!server) return void t.comment('NOT RUN: there is no redis-server on this machine (Debian: apt-get install redis-server)');
  const clock = new TestClock();
  const remote = remoteOf(clock);
  const nodes = await Promise.all([1, 2].map(async () => {
    const redis = await sharedRedis(server.url, silentLogger);
    t.teardown(() => redis.close());
    return cacheOf(clock, { store: redisCacheStore(redis, 'test') });
  })) as [ConnectionCache, ConnectionCache];
  const seenAt = all(clock.now(), '1', '2');
  await nodes[0].read({ stream: 'items', keys: ['1', '2'], seenAt }, remote.ask);
  t.same(pricesOf(await nodes[1].read({ stream: 'items', keys: ['1', '2'], seenAt }, remote.ask)), [1, 1]);
  t.equal(remote.calls.length, 1);
  await nodes[0].invalidate('items', '1');
  await nodes[1].read({ stream: 'items', keys: ['1', '2'], seenAt }, remote.ask);
  t.same(remote.calls[1], ['1'], 'dropped by one, dropped for all');
  const redis = await sharedRedis(server.url, silentLogger);
  t.teardown(() => redis.close());
  const other = cacheOf(clock, { store: redisCacheStore(redis, 'tes*') });
  await other.read({ stream: 'items', keys: ['1'], seenAt }, remote.ask);
  await nodes[0].clear();
  await clock.advance(1);
  await nodes[1].read({ stream: 'items', keys: ['1', '2'], seenAt }, remote.ask);
  t.same(remote.calls[3], ['1', '2'], 'emptied by one, emptied for all');
  await other.clear();
  await other.read({ stream: 'items', keys: ['1'], seenAt }, remote.ask);
  await nodes[1].read({ stream: 'items', keys: ['1', '2'], seenAt }, remote.ask);
  t.equal(remote.calls.length, 5, 'but not those of another installation, whatever signs its name holds');
  await server.stop();
  t.equal((await nodes[1].read({ stream: 'items', keys: ['1'], seenAt }, remote.ask)).length, 1, 'a Redis that is away costs a call');
  t.equal(remote.calls.length, 6);
});
