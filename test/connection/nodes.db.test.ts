/** Several nodes call one account: connection layers of their own, that meet in the database alone. */
import { t } from 'tap';
import { createConnection, type Connection, type ConnectionDeps } from '../../core/connection/connection.ts';
import { withCallContext, type CallPurpose } from '../../core/connection/context.ts';
import { silentLogger } from '../../core/monitor/log.ts';
import { createPool, type Pool } from '../../core/store/pool.ts';
import { TestClock } from '../support/clock.ts';
import { testDatabase } from '../support/database.ts';
import { transportOf } from './support.ts';

const { pool, url } = await testDatabase(t);
const remote = 'http://remote/v3/invoices/17';

/** Calls at the remote, with how many there were at once. */
class Remote {
  readonly clock = new TestClock();
  readonly arrivals: { at: number; node: string }[] = [];
  readonly nodes: Connection[] = [];
  readonly #pools: Pool[] = [pool];
  atOnce = 0;
  mostAtOnce = 0;

  /** A node of its own on the account `id`. */
  node(name: string, id: string, deps: Partial<ConnectionDeps>, its: Pool = pool): Connection {
    const transport = transportOf(async () => {
      this.mostAtOnce = Math.max(this.mostAtOnce, ++this.atOnce);
      this.arrivals.push({ at: this.clock.now().getTime(), node: name });
      await this.clock.sleep(150);
      this.atOnce--;
      return {};
    });
    const connection = createConnection({ id, clock: this.clock, log: silentLogger, transport, pool: its, random: () => 1, ...deps });
    t.teardown(() => connection.close());
    this.nodes.push(connection);
    if (its !== pool) this.#pools.push(its);
    return connection;
  }

  /** Moves the clock, standing still while the database is asked and while calls are about to leave. */
  run<T>(work: Promise<T>): Promise<T> {
    return this.clock.runUntil(work, () => this.nodes.every((node) => node.status().settling !== true) && this.#pools.every((its) => its.ended || (its.idleCount === its.totalCount && its.waitingCount === 0)));
  }

  /** The most calls of any 60 s. */
  most(): number {
    const times = this.arrivals.map(({ at }) => at).toSorted((one, other) => one - other);
    let most = 0;
    for (let first = 0, last = 0; last < times.length; last++) {
      while ((times[last] as number) - (times[first] as number) > 60_000) first++;
      most = Math.max(most, last - first + 1);
    }
    return most;
  }

  count(node: string): number {
    return this.arrivals.filter((call) => call.node === node).length;
  }
}

function send(connection: Connection, calls: number, purpose: CallPurpose = 'full', to = remote): Promise<unknown> {
  return withCallContext({ purpose }, () => Promise.all(Array.from({ length: calls }, () => connection.http.send({ url: to }))));
}

t.test('nodes that join, are killed and leave never call more often than the limit, and lose little of it', async (t) => {
  const world = new Remote();
  const limits = { perMinute: 60, concurrent: 6 };
  const began = world.clock.now().getTime();
  const one = world.node('one', 'join', { limits });
  const first = send(one, 150);
  await world.run(world.clock.sleep(30_000));
  const itsPool = createPool({ url, schema: 'tds' });
  const second = send(world.node('two', 'join', { limits }, itsPool), 150).catch(() => {});
  await world.run(world.clock.sleep(50_000));
  t.ok(world.count('two') > 10, `the second one got ${world.count('two')} calls within 50 s`);
  const third = send(world.node('three', 'join', { limits }), 60);
  await world.run(world.clock.sleep(70_000));
  t.ok(world.count('three') > 10, `the third one got ${world.count('three')} calls within 70 s`);
  // From here on the second one writes nothing, as a killed process does not.
  await itsPool.end();
  const dead = world.clock.now().getTime();
  await world.run(Promise.all([first, third]));
  t.ok(world.arrivals.every(({ node, at }) => node !== 'two' || at <= dead + 5_000), 'a node without the database sends nothing any more when its part has ended');
  t.ok(world.most() <= 60, `${world.most()} calls in the busiest minute`);
  t.ok(world.mostAtOnce <= 6, `${world.mostAtOnce} at once`);
  const minutes = (world.clock.now().getTime() - began) / 60_000;
  const least = Math.floor((world.arrivals.length - 1) / 60);
  t.comment(`${world.arrivals.length} calls in ${minutes.toFixed(2)} minutes, of which the limit imposes ${least}`);
  t.ok(minutes <= least + 2.2, 'of the limit little is lost: what the killed node held for a minute, and some seconds at each change');
  await world.nodes[1]?.close();
  await second;
});

t.test('one node alone has the whole limit', async (t) => {
  const world = new Remote();
  const began = world.clock.now().getTime();
  await world.run(send(world.node('one', 'alone', { limits: { perMinute: 60, concurrent: 6 } }), 301));
  const ratio = (world.clock.now().getTime() - began) / 300_000;
  t.ok(ratio <= 1.03, `${ratio.toFixed(4)} of the time that the limit imposes`);
  t.ok(world.most() <= 60);
});

t.test('a person on one node goes before the full read on another', async (t) => {
  const world = new Remote();
  const limits = { perMinute: 20 };
  const bulk = send(world.node('bulk', 'urgent', { limits }), 45);
  await world.run(world.clock.sleep(20_000));
  const person = world.node('person', 'urgent', { limits });
  const began = world.clock.now().getTime();
  await world.run(send(person, 3, 'person'));
  const waited = world.clock.now().getTime() - began;
  t.ok(waited < 45_000, `with the first places that come back, after ${waited} ms`);
  await world.run(bulk);
  t.ok(world.most() <= 20);
});

t.test('a stricter limit of a path holds beside that of all calls, for all nodes', async (t) => {
  const world = new Remote();
  const limits = { perMinute: 60, paths: [{ path: '/invoices/{id}', perMinute: 10 }] };
  const nodes = ['one', 'two'].map((name) => world.node(name, 'paths', { limits }));
  await world.run(Promise.all(nodes.flatMap((node) => [send(node, 10, 'full', 'http://remote/v3/items'), send(node, 10)])));
  const minutes = (world.clock.now().getTime() - (world.arrivals[0]?.at ?? 0)) / 60_000;
  t.ok(minutes > 1 && minutes < 1.2, `20 calls of the path took ${minutes.toFixed(2)} minutes`);
  t.equal(world.arrivals.length, 40);
  t.ok(world.arrivals.filter(({ at }) => at < (world.arrivals[0]?.at ?? 0) + 30_000).length === 30, 'and held nothing else back');
});

t.test('"too many calls" that one node hears holds back the others', async (t) => {
  const world = new Remote();
  let refusals = 1;
  const limits = { perMinute: 60 };
  const transport = transportOf(async () => (world.arrivals.push({ at: world.clock.now().getTime(), node: 'one' }), refusals-- > 0 ? { status: 429, headers: { 'retry-after': '30' } } : {}));
  const one = world.node('one', 'pause', { limits, transport });
  const two = world.node('two', 'pause', { limits });
  const refused = send(one, 1);
  await world.run(world.clock.sleep(2_000));
  await world.run(Promise.all([refused, send(two, 1)]));
  t.strictSame(world.arrivals.map(({ at }) => at - (world.arrivals[0]?.at ?? 0) >= 30_000), [false, true, true]);
});

t.test('an open breaker is open for all nodes and after a restart, one call of all tries, and a person may close it', async (t) => {
  const world = new Remote();
  let status = 500;
  let calls = 0;
  const hang = Promise.withResolvers<void>();
  let hold = false;
  const transport = transportOf(async () => {
    calls++;
    if (hold) await hang.promise;
    return { status };
  });
  const changes: string[] = [];
  const onBreaker: ConnectionDeps['onBreaker'] = ({ state }, from) => changes.push(`${from} → ${state}`);
  const deps = { transport, retry: { attempts: 1 }, breaker: { failures: 5, coolDown: 60_000 }, onBreaker };
  const one = world.node('one', 'breaker', deps);
  const two = world.node('two', 'breaker', deps);
  await two.lookAtBreaker();
  for (let count = 0; count < 5; count++) await t.rejects(send(one, 1));
  await one.lookAtBreaker(); // it is written by then
  await world.clock.advance(1_000);
  await t.rejects(send(two, 1), { code: 'connection.paused' });
  t.match(two.status().breaker, { state: 'open', code: 'http.server_error' });
  t.equal(calls, 5);
  await one.close();
  const again = world.node('one again', 'breaker', deps);
  await t.rejects(send(again, 1), { code: 'connection.paused' }, 'a restart knows it');

  hold = true;
  await world.clock.advance(60_000);
  const probes = [send(two, 1), send(again, 1), send(two, 1)].map((call) => call.then(() => 'answered', (error: { code: string }) => error.code));
  await until(() => calls > 5);
  await world.clock.advance(0);
  t.equal(calls, 6, 'one call tries');
  hold = false;
  hang.resolve();
  t.strictSame(await Promise.all(probes), ['connection.paused', 'connection.paused', 'connection.paused'], 'it failed, and the others were told to come later');
  t.equal(calls, 6);

  await world.clock.advance(1_000);
  const person = world.node('person', 'breaker', deps);
  t.equal(await person.resetBreaker(), true);
  t.equal(await person.resetBreaker(), false);
  status = 200;
  await world.clock.advance(1_000);
  await send(two, 1);
  t.strictSame(changes, ['closed → open', 'open → half-open', 'half-open → open', 'open → closed'], 'each change was told once, where it was made');
});

t.test('an hour of a remote that is down costs five calls and one a minute, whatever the number of nodes, and all goes on within a minute of its end', async (t) => {
  const world = new Remote();
  let status = 503;
  let calls = 0;
  const deps = { transport: transportOf(async () => (calls++, { status })), retry: { attempts: 1 }, breaker: { failures: 5, coolDown: 60_000 } };
  const nodes = ['one', 'two', 'three'].map((name) => world.node(name, 'hour', deps));
  const tryAll = async (): Promise<string[]> => {
    const ends = await Promise.all(nodes.map((node) => send(node, 1).then(() => 'answered', (error: { code: string }) => error.code)));
    await Promise.all(nodes.map((node) => node.lookAtBreaker()));
    return ends;
  };
  for (let count = 0; count < 5; count++) await t.rejects(send(nodes[0] as Connection, 1));
  await Promise.all(nodes.map((node) => node.lookAtBreaker()));
  for (let second = 0; second < 3600; second += 10) {
    await world.clock.advance(10_000);
    t.strictSame(await tryAll(), ['connection.paused', 'connection.paused', 'connection.paused']);
  }
  t.equal(calls, 65);
  status = 200;
  for (let second = 0; second < 70; second += 10) {
    await world.clock.advance(10_000);
    await tryAll();
  }
  t.strictSame(await tryAll(), ['answered', 'answered', 'answered']);
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve));
}
