import { createHash } from 'node:crypto';
import t from 'tap';
import { accessOperations } from '../../core/operations/access.ts';
import { databaseAccess } from '../../core/store/session.ts';
import { until } from '../support/processes.ts';
import { realAccess } from './real-access.ts';
import { startApi } from './support.ts';

const json = { 'Content-Type': 'application/json' };
const bearer = (secret: string): { Authorization: string } => ({ Authorization: `Bearer ${secret}` });

t.test('on this machine the API is open and says so, until the first token is made; then it stays closed', async (t) => {
  const real = await realAccess(t);
  let now = Date.now();
  const { call } = await startApi(t, real.operations, { now: () => now });
  t.match(await call('/'), { status: 200, body: { access: /^open: anybody on this machine/, you: { kind: 'open', scope: 'admin' } } });
  const secret = await real.token('read');
  now += 500;
  t.match(await call('/'), { status: 401, body: { code: 'api.no_token' } });
  t.match(await call({ path: '/', headers: bearer(secret) }), { status: 200, body: { access: 'by token', you: { kind: 'token', name: 'the read', scope: 'read' } } });
  await real.operations.access.revokeToken('1', 'test');
  now += 500;
  t.equal((await call('/')).status, 401, 'a token that is gone opens nothing');
});

t.test('the open API is for programs of this machine that speak for nobody else; with a proxy before it, it does not start without a token', async (t) => {
  const real = await realAccess(t);
  const { call, log } = await startApi(t, real.operations, { publicUrl: 'https://tds.example' });
  t.match(log, [{ level: 'warn', message: /publicUrl is set and no token/ }]);
  t.equal((await call('/v1/runs')).status, 200);
  for (const [name, value] of [['X-Forwarded-For', '8.8.8.8'], ['X-Forwarded-For', '127.0.0.1'], ['Forwarded', 'for=8.8.8.8'], ['Via', '1.1 proxy'], ['X-Forwarded-Proto', 'https'], ['X-Real-IP', '8.8.8.8']] as const) {
    t.match(await call({ path: '/v1/runs', headers: { [name]: value } }), { status: 401, body: { code: 'api.no_token' } }, name);
  }
  await t.rejects(startApi(t, real.operations, { proxies: ['127.0.0.1'] }), { code: 'api.not_open', message: /proxies/, suggestion: /tds token create/ });
  const token = await real.token('read');
  const proxied = await startApi(t, real.operations, { proxies: ['127.0.0.1'] });
  t.equal((await proxied.call('/v1/runs')).status, 401);
  t.equal((await proxied.call({ path: '/v1/runs', headers: { 'X-Forwarded-For': '8.8.8.8', ...bearer(token) } })).status, 200);
});

t.test('behind TLS the session\'s cookie never goes without', async (t) => {
  const real = await realAccess(t);
  const token = await real.token('read');
  const cookieOf = async (more: Parameters<typeof startApi>[2], headers: Record<string, string> = {}): Promise<string> => {
    const { call, stop } = await startApi(t, real.operations, more);
    const { headers: got } = await call({ method: 'POST', path: '/v1/session', headers: { ...json, ...headers }, body: JSON.stringify({ token }) });
    await stop();
    return String(got['set-cookie']);
  };
  t.match(await cookieOf({ publicUrl: 'https://tds.example' }), /; Secure;/);
  t.match(await cookieOf({ proxies: ['127.0.0.1'] }, { 'X-Forwarded-Proto': 'https' }), /; Secure;/);
  t.notMatch(await cookieOf({ proxies: ['127.0.0.1'] }, { 'X-Forwarded-Proto': 'https, http' }), /Secure/, 'what a stranger wrote before it does not count');
  t.notMatch(await cookieOf({}, { 'X-Forwarded-Proto': 'https' }), /Secure/, 'nor what anybody says who is no proxy');
});

t.test('where nothing can be written, who has a token may look all the same', async (t) => {
  const real = await realAccess(t);
  const token = await real.token('read');
  const fails = Object.assign(new Error('cannot execute UPDATE in a read-only transaction'), { code: '25006' });
  const { call } = await startApi(t, { ...real.operations, access: accessOperations({ database: { ...databaseAccess(real.pool), transaction: () => Promise.reject(fails) } }) });
  for (const path of ['/v1/runs', '/metrics', '/v1/health']) t.equal((await call({ path, headers: bearer(token) })).status, 200, path);
  t.match(await real.operations.access.identify(token), { scope: 'read' });
});

t.test('of a token only its hash is kept, and it is found by its prefix', async (t) => {
  const real = await realAccess(t);
  const secret = await real.token('admin');
  t.match(secret, /^tds_[0-9a-f]{12}_[A-Za-z0-9_-]{43}$/);
  const { rows } = await real.pool.query('SELECT prefix, hash, t::text AS whole FROM api_tokens t');
  t.same(rows[0].hash, createHash('sha256').update(secret).digest());
  t.equal(rows[0].prefix, secret.slice(4, 16));
  t.notOk(rows[0].whole.includes(secret.slice(17)));
});

t.test('a revocation holds within a second, also at a node that knew the token', async (t) => {
  const real = await realAccess(t);
  const [admin, other] = [await real.token('admin'), await real.token('read')];
  let now = Date.now();
  const [one, two] = [await startApi(t, real.operations, { now: () => now }), await startApi(t, real.operations, { now: () => now })];
  for (const node of [one, two]) t.equal((await node.call({ path: '/v1/runs', headers: bearer(other) })).status, 200);
  t.match(await one.call({ method: 'POST', path: `/v1/tokens/${other.slice(4, 16)}/revoke`, headers: bearer(admin) }), { status: 200, body: { state: 'revoked', revokedBy: 'the admin' } });
  now += 1000;
  for (const node of [one, two]) t.match(await node.call({ path: '/v1/runs', headers: bearer(other) }), { status: 401, body: { detail: /revoked/ } });
});

t.test('who asks steadily waits for no look-up of the token, and is refused as soon as one says so', async (t) => {
  const real = await realAccess(t);
  const token = await real.token('read');
  let now = Date.now();
  const asked: PromiseWithResolvers<void>[] = [];
  const access = { ...real.operations.access, identify: async (secret: string) => {
    const gate = Promise.withResolvers<void>();
    asked.push(gate);
    if (asked.length === 1) gate.resolve();
    await gate.promise;
    return real.operations.access.identify(secret);
  } };
  const { call } = await startApi(t, { ...real.operations, access }, { now: () => now });
  const status = async (): Promise<number> => (await call({ path: '/v1/runs', headers: bearer(token) })).status;
  t.equal(await status(), 200);
  now += 300;
  t.same([await status(), asked.length], [200, 1], 'known');
  now += 200;
  t.same([await status(), await status(), asked.length], [200, 200, 2], 'it is looked up again, once, and nobody waits for that');
  await real.operations.access.revokeToken(token.slice(4, 16), 'a person');
  asked[1]?.resolve();
  await until('the look-up is through, half a second before the token would have been trusted no more', async () => await status() === 401);
  now += 1000;
  const late = status();
  await until('one that was found bad is looked up as if it was never known', () => asked.length > 2);
  for (const gate of asked) gate.resolve();
  t.equal(await late, 401);
});

t.test('tokens are made by who may, shown once, and listed without their secret', async (t) => {
  const real = await realAccess(t);
  const { call } = await startApi(t, real.operations);
  const headers = { ...json, ...bearer(await real.token('admin')) };
  const post = (body: object) => call({ method: 'POST', path: '/v1/tokens', headers, body: JSON.stringify(body) });
  const made = await post({ name: 'ci', scope: 'operate', expires: '90d' });
  t.match(made, { status: 201, body: { name: 'ci', scope: 'operate', state: 'active', createdBy: 'the admin', secret: /^tds_/ } });
  t.match(await post({ name: 'ever', scope: 'read', expires: 'never' }), { status: 201, body: { expiresAt: null } });
  for (const expires of ['soon', '999999999w', '0s', '-1d']) t.match(await post({ name: 'x', scope: 'read', expires }), { status: 400 }, expires);
  t.equal((await call({ path: '/v1/runs', headers: bearer(String(made.body['secret'])) })).status, 200);
  await until('its use is noted', async () => (await real.pool.query('SELECT FROM api_tokens WHERE used_at IS NULL')).rowCount === 1);
  const list = await call({ path: '/v1/tokens', headers });
  t.match(list, { status: 200, body: { tokens: [{ name: 'ever' }, { name: 'ci', usedAt: String }, {}] } });
  t.notOk(list.text.includes(String(made.body['secret']).slice(17)));
});

t.test('the token of the config is good from the first start, replaced by the next one, and never brought back', async (t) => {
  const real = await realAccess(t);
  const { access } = real.operations;
  const [first, second, own] = ['0123456789abcdef'.repeat(4), 'A_-z'.repeat(8), await real.token('read')];
  const { call } = await startApi(t, real.operations, { host: '0.0.0.0' });
  const statusOf = async (secret: string): Promise<number> => (await call({ path: '/v1/tokens', headers: bearer(secret) })).status;
  t.equal(await statusOf(first), 401);
  // Several nodes start at once.
  const adopted = await Promise.all([1, 2, 3].map(() => access.adoptToken(first)));
  t.equal(adopted.filter(({ made }) => made).length, 1);
  t.match(adopted[0]?.token, { scope: 'admin', state: 'active', expiresAt: null, createdBy: 'api.adminToken' });
  t.equal(await statusOf(first), 200);
  t.match(await access.openSession(first), { identity: { scope: 'admin' } });
  const { rows } = await real.pool.query('SELECT t::text AS whole FROM api_tokens t');
  for (const { whole } of rows) t.notOk(whole.includes(first.slice(12, 40)), 'only its hash is kept');

  t.match(await access.adoptToken(second), { made: true });
  t.same(await Promise.all([first, second, own].map((secret) => access.identify(secret))).then((found) => found.map((one) => (typeof one === 'string' ? one : one.scope))), ['revoked', 'admin', 'read']);
  t.same((await real.pool.query('SELECT count(*)::int AS n FROM api_sessions')).rows, [{ n: 0 }], 'its sessions ended with it');
  t.match(await access.adoptToken(first), { made: false, token: { state: 'revoked' } }, 'an older node, or an old secret, changes nothing');
  t.match(await access.identify(second), { scope: 'admin' });
  t.match(await access.adoptToken(own), { made: false, token: { scope: 'read' } }, 'one that TDS made itself stays what it is');
});

t.test('a page signs in with a token, and each of its acts proves that it is ours', async (t) => {
  const real = await realAccess(t);
  const { call, url } = await startApi(t, real.operations);
  const token = await real.token('operate');
  const entered = await call({ method: 'POST', path: '/v1/session', headers: { ...json, Origin: url }, body: JSON.stringify({ token }) });
  t.match(entered, { status: 200, body: { kind: 'session', name: 'the operate', scope: 'operate', csrf: String } });
  const setCookie = String(entered.headers['set-cookie']);
  t.match(setCookie, /^tds_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43\d{3}$/);
  const Cookie = setCookie.split(';', 1)[0] as string;
  t.equal((await real.pool.query('SELECT s::text AS whole FROM api_sessions s')).rows[0].whole.includes(Cookie.slice(12)), false, 'only its hash is kept');
  const csrf = String(entered.body['csrf']);
  t.same((await call({ path: '/v1/session', headers: { Cookie } })).body['csrf'], csrf, 'a page that is loaded again learns it again');
  const act = (headers: Record<string, string>) => call({ method: 'POST', path: '/v1/entities/products/sync', headers: { Cookie, ...headers } });
  t.match(await act({}), { status: 403, body: { code: 'api.csrf' } });
  t.match(await act({ 'X-CSRF-Token': `${csrf.slice(0, -1)}!` }), { status: 403, body: { code: 'api.csrf' } });
  t.match(await act({ 'X-CSRF-Token': csrf, Origin: 'http://127.0.0.1:1' }), { status: 403, body: { code: 'api.foreign_origin' } });
  t.equal((await act({ 'X-CSRF-Token': csrf, Origin: url })).status, 202);
  t.match(await call({ path: '/v1/tokens', headers: { Cookie } }), { status: 403, body: { code: 'api.scope' } });
  t.match(await call({ method: 'DELETE', path: '/v1/session', headers: { Cookie, 'X-CSRF-Token': csrf } }), { status: 200, headers: { 'set-cookie': [/Max-Age=0/] } });
  t.equal((await call({ path: '/v1/session', headers: { Cookie } })).status, 401, 'it is over at once');
});

t.test('a session is worth no more than its token', async (t) => {
  const real = await realAccess(t);
  let now = Date.now();
  const { call } = await startApi(t, real.operations, { now: () => now });
  const enter = (token: string) => call({ method: 'POST', path: '/v1/session', headers: json, body: JSON.stringify({ token }) });
  const token = await real.token('read');
  const Cookie = String((await enter(token)).headers['set-cookie']).split(';', 1)[0] as string;
  t.equal((await call({ path: '/v1/runs', headers: { Cookie } })).status, 200);
  await real.operations.access.revokeToken(token.slice(4, 16), 'test');
  now += 1000;
  t.equal((await call({ path: '/v1/runs', headers: { Cookie } })).status, 401);
  t.match(await enter(token), { status: 401, body: { code: 'api.bad_token' } });
});

t.test('who tries bad tokens is slowed down; who has a good one under way is not hindered, and waiting helps', async (t) => {
  const real = await realAccess(t);
  let now = Date.now();
  const { call } = await startApi(t, real.operations, { now: () => now });
  const good = await real.token('read');
  t.equal((await call({ path: '/v1/runs', headers: bearer(good) })).status, 200);
  const replies = await Promise.all(Array.from({ length: 30 }, (_, at) => call({ path: '/v1/runs', headers: bearer(`tds_${String(at).padStart(12, '0')}_${'x'.repeat(43)}`) })));
  t.equal(replies.filter(({ status }) => status === 401).length, 10, 'many at once are no way around');
  t.match(replies.find(({ status }) => status === 429), { headers: { 'retry-after': /^\d+$/ }, body: { code: 'api.too_many_attempts' } });
  t.equal((await call({ path: '/v1/runs', headers: bearer(good) })).status, 200);
  now += 3000;
  t.match(await call({ path: '/v1/runs', headers: bearer('wrong') }), { status: 401 });
  for (let at = 0; at < 40; at += 1) {
    now += 60_000;
    t.equal((await call({ path: '/v1/runs', headers: bearer(good) })).status, 200, 'good ones cost nothing');
  }
});

t.test('a stranger behind the same address keeps nobody out who has a good token', async (t) => {
  const real = await realAccess(t);
  let now = Date.now();
  const { call } = await startApi(t, real.operations, { now: () => now });
  const [atWork, fresh] = [await real.token('read'), await real.token('read')];
  const ask = async (secret: string): Promise<number> => (await call({ path: '/v1/runs', headers: bearer(secret) })).status;
  const flood = (): Promise<number[]> => Promise.all(Array.from({ length: 15 }, (_, at) => ask(`tds_${String(at).padStart(12, '0')}_${'x'.repeat(43)}`)));
  t.equal(await ask(atWork), 200);
  t.ok((await flood()).includes(429));
  for (let times = 0; times < 3; times += 1) {
    now += 900; // it is looked up again
    const [status] = await Promise.all([ask(atWork), flood()]);
    t.equal(status, 200, 'one that was good lately, in the midst of it');
  }
  t.equal(await ask(fresh), 200, 'and one that comes for the first time');
  t.equal(await ask('wrong'), 429);
  await real.operations.access.revokeToken(atWork.slice(4, 16), 'test');
  now += 900;
  t.equal(await ask(atWork), 401, 'a revocation holds');
  await flood();
  t.equal(await ask(atWork), 429, 'and then it is one of the bad ones');
});
