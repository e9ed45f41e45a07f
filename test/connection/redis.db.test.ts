/** Counts of calls in a real Redis: shared by nodes, and never doubled when Redis goes away, forgets, or comes back. */
import { t } from 'tap';
import type { AccountState } from '../../core/connection/division.ts';
import { redisAccess } from '../../core/connection/redis-access.ts';
import { sharedRedis } from '../../core/connection/redis.ts';
import { backMs, redisShareStore, type RedisAccess } from '../../core/connection/redis-shares.ts';
import { moveMs, shareStore } from '../../core/connection/share-store.ts';
import { createLimiter } from '../../core/connection/limiter.ts';
import type { Limiter } from '../../core/connection/limiter-types.ts';
import { createShare, type ShareStore } from '../../core/connection/share.ts';
import { silentLogger } from '../../core/monitor/log.ts';
import { TestClock } from '../support/clock.ts';
import { testDatabase } from '../support/database.ts';
import { startRedis } from '../support/redis.ts';

const server = await startRedis(t);
if (!server) {
  t.comment('NOT RUN: there is no redis-server on this machine (Debian: apt-get install redis-server). Limits that nodes share by Redis were NOT tested.');
  t.pass('skipped', { skip: 'no redis-server' });
} else {
  const { pool } = await testDatabase(t);
  const shared = await sharedRedis(server.url, silentLogger);
  t.teardown(() => shared.close());
  const real = redisAccess(shared);
  /** The real one, that can be cut off. */
  const cuttable = (): RedisAccess & { away: boolean } => {
    const access = {
      away: false,
      read: (key: string) => (access.away ? Promise.reject(new Error('cut off')) : real.read(key)),
      swap: (key: string, value: string | null, next: string) => (access.away ? Promise.reject(new Error('cut off')) : real.swap(key, value, next)),
    };
    return access;
  };
  const note = (name: string) => (state: AccountState, now: number): { state: AccountState; result: number } => ({ state: { ...state, members: { ...state.members, [name]: { until: now, spent: [], open: 0, slots: 0, wants: { places: 0, slots: 0, priority: 9, until: 0 }, machine: '', pid: 1 } } }, result: Object.keys(state.members).length });
  const storeOf = (account: string, redis: RedisAccess, clock: TestClock): ShareStore => {
    const now = (): number => clock.now().getTime();
    return redisShareStore({ rows: shareStore(pool, account, now), redis, account, log: silentLogger, now });
  };
  const opensIn = async (store: ShareStore, clock: TestClock): Promise<number> => store.change((state) => ({ state, result: Math.max(0, state.opensAt - clock.now().getTime()) }));

  t.test('two processes see each other\'s counts, and no change is lost', async (t) => {
    const clock = new TestClock();
    const stores = [storeOf('both', real, clock), storeOf('both', real, clock)];
    await Promise.all(Array.from({ length: 20 }, (_, index) => (stores[index % 2] as ShareStore).change(note(`member ${index}`))));
    t.equal(await stores[0]?.change(note('last')), 20);
    t.equal(await opensIn(stores[1] as ShareStore, clock), 0, 'the first start waits for nothing');
    t.strictSame((await pool.query(`SELECT state -> 'members' AS members FROM account_shares WHERE account = 'both'`)).rows, [{ members: {} }], 'they stand in Redis alone');
  });

  t.test('limits are kept through Redis', async (t) => {
    const clock = new TestClock();
    const calls: number[] = [];
    const nodes = Array.from({ length: 3 }, () => {
      const share = createShare({ clock, store: storeOf('limits', real, clock), log: silentLogger, limits: { perMinute: 30, concurrent: 4 } });
      const limiter: Limiter = createLimiter({ clock, limits: { perMinute: 30, concurrent: 4 }, divider: share });
      share.serve(limiter);
      t.teardown(() => (limiter.close(), share.close()));
      return { share, limiter };
    });
    let [atOnce, most] = [0, 0];
    const call = async ({ limiter }: { limiter: Limiter }): Promise<void> => {
      const permit = await limiter.acquire(5);
      await permit.sent();
      most = Math.max(most, ++atOnce);
      calls.push(clock.now().getTime());
      await clock.sleep(100);
      permit.counted();
      atOnce--;
      permit.release();
    };
    await clock.runUntil(Promise.all(nodes.flatMap((node) => Array.from({ length: 25 }, () => call(node)))), () => nodes.every(({ share, limiter }) => !share.asking && limiter.status().turns === 0));
    t.equal(calls.length, 75);
    t.notOk(calls.some((at, index) => index >= 30 && at - (calls[index - 30] as number) <= 60_000), 'never more than 30 in any minute');
    t.ok(most <= 4, `${most} at once`);
    t.ok(clock.now().getTime() - (calls[0] ?? 0) < 135_000, 'and hardly any time is lost');
  });

  t.test('when Redis is away PostgreSQL keeps the counts, after what was called before is older than a minute; and Redis again when it has long been back', async (t) => {
    const clock = new TestClock();
    const redis = cuttable();
    const [one, two] = [storeOf('away', redis, clock), storeOf('away', real, clock)];
    await one.change(note('one'));
    redis.away = true;
    await t.rejects(one.change(note('one')), { message: 'Redis gives no answer' }, 'a moment is waited for');
    await clock.advance(3_000);
    await t.rejects(one.change(note('one')));
    t.equal(await opensIn(one, clock), moveMs, 'the counts have moved, and begin when the old ones are over');
    t.match(one.notice, /Redis can't be used/);
    await clock.advance(2_000);
    t.equal(await opensIn(two, clock), moveMs - 2_000, 'who can reach Redis goes where the counts are');
    await clock.advance(backMs + 1_000);
    await opensIn(one, clock);
    await clock.advance(2_000);
    await opensIn(two, clock);
    t.match(two.notice, /Redis can't be used/, 'as long as one can not, it stays');
    redis.away = false;
    for (let minutes = 0; minutes < 11; minutes++) {
      await clock.advance(60_000);
      await opensIn(one, clock);
    }
    await clock.advance(2_000);
    t.ok(await opensIn(one, clock) > 0, 'and the way back is as careful');
    t.equal(one.notice, undefined);
  });

  t.test('a Redis that has forgotten is not believed', async (t) => {
    const clock = new TestClock();
    const store = storeOf('forgets', real, clock);
    await store.change(note('one'));
    await shared.client().flushall();
    await t.rejects(store.change(note('one')), { message: 'Redis has lost the counts of calls' });
    t.equal(await opensIn(store, clock), moveMs);
  });

  t.test('a process that was told of no Redis takes the counts to PostgreSQL', async (t) => {
    const clock = new TestClock();
    const [withRedis, without] = [storeOf('mixed', real, clock), shareStore(pool, 'mixed', () => clock.now().getTime())];
    await withRedis.change(note('one'));
    t.equal(await opensIn(without, clock), moveMs);
    await clock.advance(2_000);
    t.equal(await opensIn(withRedis, clock), moveMs - 2_000);
  });
}
