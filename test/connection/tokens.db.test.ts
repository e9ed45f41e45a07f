import { t } from 'tap';
import { sealer } from '../../core/connection/seal.ts';
import { withCallContext } from '../../core/connection/context.ts';
import { tokenKeeper } from '../../core/connection/token-keeper.ts';
import { createTokenStore, memoryTokenKeeper, type Denial, type TokenKeeper } from '../../core/connection/tokens.ts';
import { AccessDeniedError, RetryLaterError, type Token } from '../../core/sdk/index.ts';
import { createPool, type Pool } from '../../core/store/pool.ts';
import { TestClock } from '../support/clock.ts';
import { testDatabase } from '../support/database.ts';
import { signal } from './support.ts';

const { pool, url } = await testDatabase(t);
const otherPool = createPool({ url, schema: 'tds' });
t.teardown(() => otherPool.end());
const key = sealer();
let connections = 0;

interface Backend { name: string; nodes: () => [TokenKeeper, TokenKeeper] }
const backends: Backend[] = [
  { name: 'in memory', nodes() {
    const keeper = memoryTokenKeeper();
    return [keeper, keeper];
  } },
  { name: 'in PostgreSQL', nodes() {
    const connection = `shop ${connections++}`;
    return [tokenKeeper(pool, connection, key), tokenKeeper(otherPool, connection, key)];
  } },
];

/** A source of tokens that counts how often it was asked. */
function issuer(clock: TestClock, lifeMs = 3_600_000): { refresh: () => Promise<Token>; count: () => number } {
  let count = 0;
  return { count: () => count, refresh: async () => ({ value: `token-${++count}`, expiresAt: new Date(clock.now().getTime() + lifeMs), extra: { api_domain: 'https://api.example' } }) };
}

for (const backend of backends) {
  t.test(`tokens ${backend.name}`, async (t) => {
    t.test('fifty callers on two nodes cause one refresh', async (t) => {
      const clock = new TestClock();
      const [a, b] = backend.nodes().map((keeper) => createTokenStore({ keeper, clock })) as [ReturnType<typeof createTokenStore>, ReturnType<typeof createTokenStore>];
      const { refresh, count } = issuer(clock);
      const tokens = await Promise.all(Array.from({ length: 50 }, (_, index) => (index % 2 ? a : b).get('access', refresh)));
      t.equal(count(), 1);
      t.strictSame(new Set(tokens.map(({ value }) => value)), new Set(['token-1']));
      t.strictSame(tokens[0]!.extra, { api_domain: 'https://api.example' });
    });

    t.test('a token is renewed a minute before its end, and kept until then', async (t) => {
      const clock = new TestClock();
      const [keeper] = backend.nodes();
      const store = createTokenStore({ keeper, clock });
      const { refresh } = issuer(clock);
      await store.get('access', refresh);
      await clock.advance(3_539_000);
      t.equal((await store.get('access', refresh)).value, 'token-1');
      await clock.advance(2_000);
      t.equal((await store.get('access', refresh)).value, 'token-2');
    });

    t.test('rejecting a token that another has renewed already changes nothing', async (t) => {
      const clock = new TestClock();
      const [one, two] = backend.nodes();
      const [a, b] = [createTokenStore({ keeper: one, clock }), createTokenStore({ keeper: two, clock })];
      const { refresh, count } = issuer(clock);
      await Promise.all([a.get('access', refresh), b.get('access', refresh)]);
      await a.reject('access', 'token-1');
      t.equal((await a.get('access', refresh)).value, 'token-2');
      await b.reject('access', 'token-1');
      t.equal((await b.get('access', refresh)).value, 'token-2');
      t.equal(count(), 2);
    });

    t.test('an error of the refresh reaches every waiter, and the next caller tries again', async (t) => {
      const clock = new TestClock();
      const [keeper] = backend.nodes();
      const store = createTokenStore({ keeper, clock });
      const fault = new RetryLaterError('shop.down', 'down');
      const ends = await Promise.all(Array.from({ length: 5 }, () => store.get('access', () => Promise.reject(fault)).catch((error: unknown) => error)));
      t.ok(ends.every((end) => end === fault));
      t.equal((await store.get('access', issuer(clock).refresh)).value, 'token-1');
    });

    t.test('that one caller was cancelled does not end the others', async (t) => {
      const clock = new TestClock();
      const [keeper] = backend.nodes();
      const store = createTokenStore({ keeper, clock });
      const [asked, cancel] = [signal(), signal<never>()];
      const cancelled = store.get('access', () => {
        asked.resolve();
        return cancel.promise;
      });
      await asked.promise;
      const others = [store.get('access', issuer(clock).refresh), store.get('access', issuer(clock).refresh)];
      cancel.reject(new Error('run cancelled'));
      await t.rejects(cancelled, { message: 'run cancelled' });
      t.strictSame((await Promise.all(others)).map(({ value }) => value), ['token-1', 'token-1']);
    });

    t.test('whatever happens, no more than eight tokens are asked for in ten minutes', async (t) => {
      const clock = new TestClock();
      const [one, two] = backend.nodes();
      const stores = [createTokenStore({ keeper: one, clock }), createTokenStore({ keeper: two, clock })] as const;
      const { refresh, count } = issuer(clock);
      const asked: number[] = [];
      const noted = (): Promise<Token> => {
        asked.push(clock.now().getTime());
        return refresh();
      };
      for (let round = 0; round < 40; round++) {
        const store = stores[round % 2]!;
        const token = await store.get('access', noted).catch((error: unknown) => error as RetryLaterError);
        if ('value' in token) await store.reject('access', token.value);
        else t.match(token, { code: 'token.too_many_refreshes', name: 'RateLimitedError' });
        await clock.advance(30_000);
      }
      t.ok(count() >= 16);
      t.ok(asked.every((at) => asked.filter((each) => each >= at && each < at + 600_000).length <= 8));
    });

    t.test('a sign-in that is refused stops all nodes at once, with what to do; it is asked again seldom, and goes on when it is good', async (t) => {
      const clock = new TestClock();
      const told: Denial[] = [];
      const [a, b] = backend.nodes().map((keeper) => createTokenStore({ keeper, clock, redact: (text) => text.replaceAll('s3cret', '[secret]'), onDenied: (denial) => void told.push(denial) })) as [ReturnType<typeof createTokenStore>, ReturnType<typeof createTokenStore>];
      let asked = 0;
      let revoked = true;
      const refresh = async (): Promise<Token> => {
        asked++;
        if (revoked) throw new AccessDeniedError('shop.revoked', 'the shop refuses s3cret', { suggestion: 'Make a new refresh token.' });
        return { value: 'good', expiresAt: new Date(clock.now().getTime() + 3_600_000) };
      };
      const refused = { name: 'AccessDeniedError', code: 'shop.revoked', suggestion: 'Make a new refresh token.' };
      await t.rejects(a.get('access', refresh), refused);
      for (const store of [a, b, a, b]) await t.rejects(store.get('access', refresh), refused, 'and the next ones without a call');
      t.equal(asked, 1);
      t.match(told, [{ code: 'shop.revoked', message: 'the shop refuses [secret]', cure: 'Make a new refresh token.' }], 'people are told once, and no secret');
      t.equal(told.length, 1);
      t.match(await b.denial(), { message: 'the shop refuses [secret]' });
      for (let quarter = 1; quarter <= 4; quarter++) {
        await clock.advance(15 * 60_000);
        for (const store of [b, a]) await t.rejects(store.get('access', refresh), refused);
      }
      t.equal(asked, 5, 'four times an hour, in case the service was wrong');
      t.equal(told.length, 1);
      revoked = false;
      await clock.advance(60_000);
      t.equal((await withCallContext({ purpose: 'check' }, () => b.get('access', refresh))).value, 'good', 'a person who has mended it need not wait');
      t.equal((await a.get('access', refresh)).value, 'good');
      t.equal(await a.denial(), undefined);
    });

    t.test('a refresh that never ends is given up, and frees the way', async (t) => {
      const clock = new TestClock();
      const [keeper] = backend.nodes();
      const store = createTokenStore({ keeper, clock });
      const asked = signal();
      const hanging = store.get('access', () => {
        asked.resolve();
        return new Promise(() => {});
      });
      await asked.promise;
      await Promise.all([t.rejects(hanging, { code: 'token.refresh_timeout' }), clock.advance(120_000)]);
      t.equal((await store.get('access', issuer(clock).refresh)).value, 'token-1');
    });
  });
}

t.test('restarts, nodes and connections of one sign-in never ask for more than eight tokens in ten minutes together', async (t) => {
  const clock = new TestClock();
  const asked: number[] = [];
  const refresh = async (): Promise<Token> => {
    asked.push(clock.now().getTime());
    throw new RetryLaterError('shop.down', 'down');
  };
  for (let start = 0; start < 60; start++) {
    // Each round is a new process, on one pool or the other, for one connection or the other.
    const store = createTokenStore({ keeper: tokenKeeper(start % 2 ? pool : otherPool, 'zoho:one sign-in', key), clock });
    await store.get('access', refresh).catch(() => {});
    await clock.advance(20_000);
  }
  t.ok(asked.length >= 16);
  t.ok(asked.every((at) => asked.filter((each) => each >= at && each < at + 600_000).length <= 8));
});

t.test('tokens are sealed in the database, and another key just fetches its own', async (t) => {
  const clock = new TestClock();
  const { refresh, count } = issuer(clock);
  await createTokenStore({ keeper: tokenKeeper(pool, 'sealed', key), clock }).get('access', refresh);
  const { rows } = await pool.query<{ row: string }>(`SELECT t::text || encode(sealed, 'escape') AS row FROM tokens t WHERE connection = 'sealed'`);
  t.notMatch(rows[0]!.row, /token-1|api\.example/);
  t.equal((await createTokenStore({ keeper: tokenKeeper(pool, 'sealed', key), clock }).get('access', refresh)).value, 'token-1', 'a restart finds it');
  t.equal((await createTokenStore({ keeper: tokenKeeper(pool, 'sealed', sealer()), clock }).get('access', refresh)).value, 'token-2');
  t.equal(count(), 2);
});

t.test('a node that dies in the middle of a refresh leaves no lock behind', async (t) => {
  const clock = new TestClock();
  const dying: Pool = createPool({ url, schema: 'tds', applicationName: 'dying' });
  const asked = signal();
  const lost = createTokenStore({ keeper: tokenKeeper(dying, 'lost', key), clock }).get('access', () => {
    asked.resolve();
    return new Promise(() => {});
  });
  lost.catch(() => {});
  await asked.promise;
  await pool.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'dying'`);
  t.equal((await createTokenStore({ keeper: tokenKeeper(pool, 'lost', key), clock }).get('access', issuer(clock).refresh)).value, 'token-1');
  await Promise.all([t.rejects(lost), clock.advance(120_000)]);
  await dying.end();
});
