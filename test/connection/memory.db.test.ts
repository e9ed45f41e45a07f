import { t } from 'tap';
import { createConnection, type Connection } from '../../core/connection/connection.ts';
import { withCallContext } from '../../core/connection/context.ts';
import { silentLogger } from '../../core/monitor/log.ts';
import type { Limits } from '../../core/connection/settings.ts';
import { createPool } from '../../core/store/pool.ts';
import { TestClock } from '../support/clock.ts';
import { testDatabase } from '../support/database.ts';
import { isStill, transportOf } from './support.ts';

const { pool, url } = await testDatabase(t);
const remote = 'http://remote/';

/** A connection of a process of its own. */
function node(clock: TestClock, id: string, arrivals: number[], limits: Limits = { perMinute: 20 }, its = pool): Connection {
  const transport = transportOf(async () => (arrivals.push(clock.now().getTime()), {}));
  const connection = createConnection({ id, clock, log: silentLogger, transport, pool: its, limits });
  t.teardown(() => connection.close());
  return connection;
}

function most(arrivals: number[]): number {
  return Math.max(...arrivals.map((at) => arrivals.filter((each) => each >= at && each <= at + 60_000).length));
}

t.test('a process killed and started again within the minute keeps to the limit, whenever it is killed', async (t) => {
  for (const before of [1, 7, 20]) {
    const clock = new TestClock();
    const arrivals: number[] = [];
    const id = `killed after ${before}`;
    const itsPool = createPool({ url, schema: 'tds' });
    const killed = node(clock, id, arrivals, { perMinute: 20 }, itsPool);
    await Promise.all(Array.from({ length: before }, () => killed.http.send({ url: remote })));
    await clock.advance(500);
    // From here on it writes nothing any more, as a killed process does not.
    await itsPool.end();
    const restarted = node(clock, id, arrivals);
    const calls = Promise.all(Array.from({ length: 40 }, () => restarted.http.send({ url: remote })));
    await clock.runUntil(calls, () => restarted.status().inFlight === 0 && isStill(restarted, { perMinute: 20 }) && pool.idleCount === pool.totalCount && pool.waitingCount === 0);
    t.ok(most(arrivals) <= 20, `${most(arrivals)} in a minute after ${before}`);
    t.ok(clock.now().getTime() - arrivals[0]! <= 180_000, 'and loses no more than the lease');
  }
});

t.test('a process that stopped in order leaves the exact count', async (t) => {
  const clock = new TestClock();
  const arrivals: number[] = [];
  const first = node(clock, 'in order', arrivals);
  await Promise.all(Array.from({ length: 15 }, () => first.http.send({ url: remote })));
  await first.close();
  const second = node(clock, 'in order', arrivals);
  await Promise.all(Array.from({ length: 5 }, () => second.http.send({ url: remote })));
  t.equal(second.status().callsLastMinute, 20);
  t.equal(arrivals.length, 20);
});

t.test('after a minute of rest a killed process is forgotten', async (t) => {
  const clock = new TestClock();
  const arrivals: number[] = [];
  const itsPool = createPool({ url, schema: 'tds' });
  await node(clock, 'rest', arrivals, { perMinute: 20 }, itsPool).http.send({ url: remote });
  await itsPool.end();
  await clock.advance(70_000);
  const second = node(clock, 'rest', arrivals);
  await Promise.all(Array.from({ length: 20 }, () => second.http.send({ url: remote })));
  t.equal(arrivals.length, 21);
});

t.test('calls stand in the ledger by entity and purpose, over restarts and for all nodes', async (t) => {
  const clock = new TestClock();
  const limits = { perMinute: 1000, perDay: 12, reserve: 0 };
  const [a, b] = [node(clock, 'ledger', [], limits), node(clock, 'ledger', [], limits)];
  await withCallContext({ purpose: 'full', entity: 'products' }, () => Promise.all(Array.from({ length: 6 }, () => a.http.send({ url: remote }))));
  await withCallContext({ purpose: 'webhook', entity: 'orders' }, () => b.http.send({ url: remote }));
  await Promise.all([a.close(), b.close()]);
  const { rows } = await pool.query(`SELECT day, entity, purpose, calls FROM quota_calls WHERE connection = 'ledger' ORDER BY calls`);
  t.strictSame(rows.map((row) => ({ ...row })), [
    { day: '2026-01-05', entity: 'orders', purpose: 'webhook', calls: 1 },
    { day: '2026-01-05', entity: 'products', purpose: 'full', calls: 6 },
  ]);
  const later = node(clock, 'ledger', [], limits);
  const ends = await Promise.allSettled(Array.from({ length: 8 }, () => later.http.send({ url: remote })));
  t.equal(ends.filter(({ status }) => status === 'fulfilled').length, 5);
  t.match(later.status().quota, { used: 12, limit: 12 });
});

t.test('"spent until" and the zone are known after a restart', async (t) => {
  const clock = new TestClock();
  const first = node(clock, 'spent', []);
  await first.state.set('timezone', 'Asia/Baghdad');
  await first.http.send({ url: remote });
  first.observeQuota({ limit: 100, remaining: 0, resetsAt: new Date('2026-01-05T21:00:00Z') });
  await first.close();
  const second = node(clock, 'spent', []);
  const error = await second.http.send({ url: remote }).catch((error: unknown) => error);
  t.match(error, { name: 'QuotaSpentError', resumesAt: new Date('2026-01-05T21:00:00Z') });
  t.match(second.status().quota, { zone: 'Asia/Baghdad', used: 100, limit: 100 });
});

t.test('without its database a connection goes on where there is no limit to share, and waits where there is one', async (t) => {
  const clock = new TestClock();
  const broken = createPool({ url, schema: 'nowhere', max: 2 });
  t.teardown(() => broken.end());
  const warnings: string[] = [];
  const log = { ...silentLogger, warn: (message: string) => void warnings.push(message), child: () => log };
  const deps = { clock, log, pool: broken, transport: transportOf(async () => ({})) };
  const connection = createConnection({ id: 'alone', ...deps, limits: { perDay: 100 } });
  for (let count = 0; count < 3; count++) await connection.http.send({ url: remote });
  t.equal(connection.status().quota.used, 3);
  t.ok(warnings.length > 0);
  await connection.close();

  const limited = createConnection({ id: 'limited', ...deps, limits: { perMinute: 10 } });
  const stop = new AbortController();
  const call = limited.http.send({ url: remote, signal: stop.signal });
  while (limited.status().notice === undefined) await new Promise((resolve) => setTimeout(resolve));
  t.match(limited.waitsOn(), /^the database, which divides the calls between nodes, gives no answer/);
  t.match(limited.status().notice, /gives no answer/);
  stop.abort(new Error('given up'));
  await t.rejects(call, { message: 'given up' }, 'and can be ended');
  await limited.close();
});

t.test('what a connector keeps is shared, and keeps its digits', async (t) => {
  const clock = new TestClock();
  const [a, b] = [node(clock, 'state', []), node(clock, 'state', [])];
  t.equal(await a.state.get('nothing'), undefined);
  await a.state.set('probe', { works: ['items'], at: null });
  t.strictSame(await b.state.get('probe'), { works: ['items'], at: null });
  await a.state.set('big', (JSON as unknown as { rawJSON(text: string): number }).rawJSON('12345678901234567890.5'));
  t.equal(JSON.stringify(await b.state.get('big')), '12345678901234567890.5');
  await b.state.delete('probe');
  t.equal(await a.state.get('probe'), undefined);
});
