import { test } from 'tap';
import { accessTokens } from '../../core/healing/access-tokens.ts';
import { breakers } from '../../core/healing/breakers.ts';
import { AccessDeniedError, type Token } from '../../core/sdk/index.ts';
import { createRun } from '../../core/store/runs.ts';
import { testDatabase } from '../support/database.ts';
import { TestClock } from '../support/clock.ts';
import { connect, inTurn, remote, reply, type TestConnection } from '../connection/support.ts';
import { minute, ward } from './support.ts';

/** Probes with one call; a fault is a finding, as connectors promise. */
function checkOf(connection: TestConnection, url: string) {
  return async (signal: AbortSignal) => {
    const answer = connection.http.send({ url, signal });
    return connection.run(answer).then(() => [{ probe: 'call', ok: true, message: 'answers' }], (error: Error) => [{ probe: 'call', ok: false, message: error.message }]);
  };
}

test('an open breaker is probed with one call when its rest is over, and the end of it is noted', async (t) => {
  const { pool } = await testDatabase(t);
  const { url, requests } = await remote(t, inTurn(reply(500), reply(500), reply(500), reply(200)));
  const connection = connect(t, { breaker: { failures: 2, coolDown: 60_000 }, retry: { attempts: 1 } } as never);
  const check = checkOf(connection, url);
  const w = ward(pool, [breakers({ connections: [{ id: 'shop', breaker: () => connection.status().breaker, check }], clock: connection.clock, every: 10_000, cap: 5 })], { clock: connection.clock });
  for (let call = 0; call < 2; call += 1) await check(new AbortController().signal);
  t.equal(connection.status().breaker.state, 'open');
  await w.after(30_000);
  t.same(await w.acts(), [], 'it rests');
  await w.after(31_000);
  t.match(await w.acts(), [{ rule: 'breakers', fingerprint: 'shop', outcome: 'failed', came: /it rests until/ }]);
  t.equal(requests.length, 3, 'one call');
  await w.after(61_000);
  t.match((await w.acts())[1], { outcome: 'healed', came: 'the connection answers again, the breaker is closed' });
  t.equal(connection.status().breaker.state, 'closed');
  await w.after(10 * minute);
  t.equal(requests.length, 4);
});

test('a remote that stays away is probed as often as the cap says; then a person is told', async (t) => {
  const { pool } = await testDatabase(t);
  const { url, requests } = await remote(t, reply(500));
  const connection = connect(t, { breaker: { failures: 1, coolDown: 60_000 }, retry: { attempts: 1 } } as never);
  const check = checkOf(connection, url);
  await check(new AbortController().signal);
  const w = ward(pool, [breakers({ connections: [{ id: 'shop', breaker: () => connection.status().breaker, check }], clock: connection.clock, every: 10_000, cap: 3 })], { clock: connection.clock });
  for (let tick = 0; tick < 10; tick += 1) await w.after(2 * minute);
  t.same((await w.acts()).map((act) => act.outcome), ['failed', 'failed', 'failed', 'told']);
  t.match((await w.acts())[3], { came: 'Try it by hand: "tds check shop". The next call of a sync probes it as well.' });
  t.equal(requests.length, 4);
});

test('a token in use that ends within five minutes is renewed, once; others see to theirs when they need them', async (t) => {
  const { pool } = await testDatabase(t);
  const clock = new TestClock(Date.now());
  const connection = connect(t, { pool, clock });
  let made = 0;
  const refresh = async (): Promise<Token> => ({ value: `token ${made += 1}`, expiresAt: new Date(clock.now().getTime() + 60 * minute) });
  const check = async () => [{ probe: 'token', ok: true, message: (await connection.tokens.get('main', refresh)).value }, { probe: 'again', ok: true, message: (await connection.tokens.get('main', refresh)).value }];
  const deps = { signIn: connection.signInName, check, renewing: connection.renewingTokens.bind(connection) };
  const w = ward(pool, [accessTokens({ connections: [{ ...deps, id: 'shop', entities: ['things'] }], every: minute, cap: 5, before: 5 * minute })], { clock });
  await connection.tokens.get('main', refresh);
  await w.after(50 * minute);
  t.same(await w.acts(), [], 'ten minutes are left');
  await w.after(6 * minute);
  t.same(await w.acts(), [], 'nothing was synced within the last hour');
  await w.database.transaction((session) => createRun(session, { entity: 'things', mode: 'full', trigger: 'test' }));
  await pool.query('UPDATE runs SET updated_at = $1', [clock.now()]);
  await w.after(minute);
  t.match(await w.acts(), [{ rule: 'tokens', seen: /^the access token of "shop" ends at/, outcome: 'healed', came: 'there is a new one' }]);
  t.equal(made, 2);
  await w.after(minute);
  t.equal(made, 2);
  t.equal((await connection.tokens.get('main', refresh)).value, 'token 2');
});

test('a sign-in that was revoked is told to a person before a sync finds out', async (t) => {
  const { pool } = await testDatabase(t);
  const clock = new TestClock(Date.now());
  const connection = connect(t, { pool, clock });
  const refresh = (): Promise<Token> => Promise.reject(new AccessDeniedError('test.revoked', 'the sign-in was revoked'));
  await connection.tokens.get('main', async () => ({ value: 'first', expiresAt: new Date(clock.now().getTime() + 4 * minute) }));
  await runNow(pool, clock);
  const check = async () => connection.tokens.get('main', refresh).then(() => [], (error: Error) => [{ probe: 'token', ok: false, message: error.message }]);
  const w = ward(pool, [accessTokens({ connections: [{ id: 'shop', signIn: connection.signInName, entities: ['things'], check, renewing: connection.renewingTokens.bind(connection) }], every: minute, cap: 5, before: 5 * minute })], { clock });
  for (let tick = 0; tick < 3; tick += 1) await w.after(minute);
  t.match(await w.acts(), [{ outcome: 'told', done: 'the token could not be renewed', came: 'the sign-in was revoked' }]);
  t.equal((await w.acts()).length, 1);
  t.ok(w.log.lines.some((line) => line.startsWith('warn healing gives up') && line.includes('tds check shop')));
});

test('a sign-in that a sync found refused is told to a person, once, with what to do', async (t) => {
  const { pool } = await testDatabase(t);
  const clock = new TestClock(Date.now());
  const connection = connect(t, { pool, clock });
  const refresh = (): Promise<Token> => Promise.reject(new AccessDeniedError('test.revoked', 'the sign-in was revoked', { suggestion: 'Make a new one.' }));
  await t.rejects(connection.tokens.get('main', refresh), { code: 'test.revoked' });
  let checks = 0;
  const check = async () => [{ probe: 'token', ok: false, message: `${checks += 1}` }];
  const w = ward(pool, [accessTokens({ connections: [{ id: 'shop', signIn: connection.signInName, entities: ['things'], check, renewing: connection.renewingTokens.bind(connection) }], every: minute, cap: 5, before: 5 * minute })], { clock });
  for (let tick = 0; tick < 5; tick += 1) await w.after(minute);
  t.match(await w.acts(), [{ rule: 'tokens', outcome: 'told', seen: 'the sign-in of "shop" is refused (test.revoked): the sign-in was revoked', came: /Make a new one\. Then: "tds check shop"/ }]);
  t.equal((await w.acts()).length, 1);
  t.equal(checks, 0, 'healing can do nothing about it, and asks nobody');
});

async function runNow(pool: Parameters<typeof ward>[0], clock: TestClock): Promise<void> {
  await pool.query(`INSERT INTO runs (entity, mode, trigger, updated_at) VALUES ('things', 'full', 'test', $1)`, [clock.now()]);
}
