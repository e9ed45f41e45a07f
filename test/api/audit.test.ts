import t from 'tap';
import { userInfo } from 'node:os';
import { maintainAudit } from '../../core/store/audit.ts';
import { withTransaction } from '../../core/store/pool.ts';
import { databaseAccess } from '../../core/store/session.ts';
import { callCli } from '../cli/support.ts';
import { realAccess, type RealAccess } from './real-access.ts';
import { startApi } from './support.ts';

const json = { 'Content-Type': 'application/json' };
const bearer = (secret: string): { Authorization: string } => ({ Authorization: `Bearer ${secret}` });
const entries = (real: RealAccess) => real.operations.audit.list({ limit: 500 });

t.test('each act is written down with who, from where, about what, and how it ended; a look is not', async (t) => {
  const real = await realAccess(t);
  const { call } = await startApi(t, real.operations);
  const token = await real.token('operate');
  const headers = { ...json, ...bearer(token) };
  await call({ path: '/v1/runs', headers });
  await call({ method: 'POST', path: '/v1/entities/products/sync', headers, body: '{"mode":"full"}' });
  await call({ method: 'POST', path: '/v1/runs/9/cancel', headers });
  await call({ method: 'POST', path: '/v1/runs', headers, body: '{"entities":5}' });
  t.match(await entries(real), [
    { action: 'POST /v1/runs', outcome: 'failed', status: 400, code: 'api.bad_body' },
    { action: 'POST /v1/runs/:id/cancel', outcome: 'failed', status: 404, code: 'operation.unknown_run', target: { id: '9' } },
    { source: 'api', actor: 'the operate', kind: 'token', tokenId: '1', address: '127.0.0.1', action: 'POST /v1/entities/:id/sync', target: { id: 'products', mode: 'full' }, outcome: 'done', status: 202, code: null, at: Date },
  ]);
});

t.test('what the database can not hold as it came is written down without it', async (t) => {
  const real = await realAccess(t);
  const { call } = await startApi(t, real.operations);
  const headers = { ...json, ...bearer(await real.token('operate')) };
  for (const rule of ['\\ud800', '\\\\u0000']) t.equal((await call({ method: 'POST', path: '/v1/healing/run', headers, body: `{"rule":"${rule}"}` })).status, 200, rule);
  t.same((await entries(real)).map(({ target }) => target['rule']), ['\\u0000', '\ufffd']);
});

t.test('refused attempts are written down, and a flood of them by its beginning', async (t) => {
  const real = await realAccess(t);
  const token = await real.token('read');
  const { call } = await startApi(t, real.operations, { now: () => 1_800_000_000_000 });
  await call({ path: '/v1/runs' });
  await call({ path: '/v1/runs', headers: bearer('wrong') });
  await call({ method: 'POST', path: '/v1/runs', headers: { ...json, ...bearer(token) }, body: '{"entities":"all"}' });
  await call({ method: 'POST', path: '/v1/runs', headers: { Origin: 'http://evil.example' } });
  await call({ path: '/v1/runs', headers: { Host: 'evil.example' } });
  t.match(await entries(real), [
    { actor: 'nobody', outcome: 'refused', code: 'api.foreign_host', status: 421 }, { actor: 'nobody', outcome: 'refused', code: 'api.foreign_origin', status: 403 },
    { actor: 'the read', outcome: 'refused', code: 'api.scope', status: 403 }, { actor: 'nobody', code: 'api.bad_token' }, { actor: 'nobody', code: 'api.no_token', action: 'GET /v1/runs' },
  ]);
  for (let at = 0; at < 50; at += 1) await call({ path: '/v1/runs' });
  t.equal((await entries(real)).length, 10);
});

t.test('a sign-in is written down by the name of the token, and the token itself nowhere', async (t) => {
  const real = await realAccess(t);
  const { call } = await startApi(t, real.operations);
  const token = await real.token('admin');
  await call({ method: 'POST', path: '/v1/session', headers: json, body: JSON.stringify({ token }) });
  await call({ method: 'POST', path: '/v1/session', headers: json, body: JSON.stringify({ token: `${token}x` }) });
  const made = await call({ method: 'POST', path: '/v1/tokens', headers: { ...json, ...bearer(token) }, body: '{"name":"ci","scope":"read"}' });
  t.match(await entries(real), [{ action: 'POST /v1/tokens', target: { name: 'ci' } }, { action: 'POST /v1/session', outcome: 'refused', actor: 'nobody' }, { action: 'POST /v1/session', outcome: 'done', actor: 'the admin', kind: 'session' }]);
  const { rows } = await real.pool.query('SELECT string_agg(a::text, \'\') AS whole FROM audit a');
  for (const secret of [token, String(made.body['secret'])]) t.notOk(rows[0].whole.includes(secret.slice(17)));
});

t.test('an act that can not be written down is not told as done', async (t) => {
  const real = await realAccess(t);
  real.operations.audit.note = () => Promise.reject(Object.assign(new Error('gone'), { code: 'ECONNREFUSED' }));
  const { call } = await startApi(t, real.operations);
  t.match(await call({ method: 'POST', path: '/v1/entities/products/sync' }), { status: 503, body: { code: 'api.database_unavailable' } });
  t.equal((await call('/v1/runs')).status, 200);
  t.match(await call({ method: 'POST', path: '/v1/runs', headers: { Origin: 'http://evil.example' } }), { status: 403 }, 'a refusal stays one');
});

t.test('nothing changes or removes a row but the end of its month', async (t) => {
  const real = await realAccess(t);
  const { call } = await startApi(t, real.operations);
  await call({ method: 'POST', path: '/v1/entities/products/sync' });
  const { rows } = await real.pool.query('SELECT tableoid::regclass::text AS place FROM audit');
  for (const table of ['audit', rows[0].place as string]) {
    for (const statement of [`UPDATE ${table} SET actor = 'me'`, `DELETE FROM ${table}`, `TRUNCATE ${table}`]) await t.rejects(real.pool.query(statement), { code: '42501', message: /append only/ }, statement);
  }
  // the embedded server's own user, and whoever may switch triggers off
  await withTransaction(real.pool, async (client) => {
    await client.query('SET LOCAL session_replication_role = replica');
    for (const table of ['audit', rows[0].place as string]) {
      for (const statement of [`UPDATE ${table} SET actor = 'me'`, `DELETE FROM ${table}`, `TRUNCATE ${table}`]) {
        await client.query('SAVEPOINT before');
        await t.rejects(client.query(statement), { code: '42501' }, `${statement}, as a replica`);
        await client.query('ROLLBACK TO before');
      }
    }
  });
  const database = databaseAccess(real.pool);
  const now = new Date();
  const day = 86_400_000;
  t.same((await database.transaction((session) => maintainAudit(session, now, new Date(now.getTime() - 400 * day)))).dropped, []);
  t.equal((await entries(real)).length, 1);
  t.match(await database.transaction((session) => maintainAudit(session, new Date(now.getTime() + 500 * day), new Date(now.getTime() + 100 * day))), { dropped: [rows[0].place] });
  t.equal((await entries(real)).length, 0);
});

t.test('acts on the command line stand beside those of the API, by the user of the system', async (t) => {
  const real = await realAccess(t);
  const { operations } = real;
  const made = await callCli(['token', 'create', 'ci', '--scope', 'operate'], { operations });
  t.match(made, { exit: 0, out: /^tds_[0-9a-f]{12}_[\w-]{43}\n[\s\S]*may operate, until 20/ });
  t.match(await callCli(['token', 'list'], { operations }), { exit: 0, out: /ci +[0-9a-f]{12} +operate +active/ });
  t.match(await callCli(['token', 'revoke', '1', '--json'], { operations }), { exit: 0, json: [{ state: 'revoked' }] });
  t.match(await callCli(['token', 'revoke', '77'], { operations }), { exit: 2, err: /operation\.unknown_token/ });
  t.match(await callCli(['token', 'create', 'x', '--expires', 'soon'], { operations }), { exit: 2 });
  t.match(await callCli(['sync', 'products', '--no-wait'], { operations }), { exit: 0 });
  t.match(await callCli(['runs', 'cancel', '404'], { operations }), { exit: 2 });
  const { exit, out } = await callCli(['audit'], { operations });
  t.equal(exit, 0);
  t.match(out, /operation\.unknown_run\) +tds runs cancel +id=404[\s\S]*done +tds sync +.*products[\s\S]*tds token create/);
  t.notMatch(out, /tds_[0-9a-f]/);
  const { json: [document] } = await callCli(['audit', '--source', 'cli', '--action', 'tds sync', '--json'], { operations });
  t.match(document, { entries: [{ actor: userInfo().username, kind: 'user', address: null, target: { entities: ['products'], mode: 'incremental' } }] });
});

t.test('the list is in the order of the acts, page by page', async (t) => {
  const real = await realAccess(t);
  const { call } = await startApi(t, real.operations);
  for (let at = 0; at < 12; at += 1) await call({ method: 'POST', path: `/v1/runs/${at}/cancel` });
  const ids = async (path: string): Promise<{ ids: number[]; next: string | null }> => {
    const { body } = await call(path);
    return { ids: (body['entries'] as { id: string }[]).map(({ id }) => Number(id)), next: body['next'] as string | null };
  };
  const first = await ids('/v1/audit?limit=5');
  const rest = await ids(`/v1/audit?limit=7&before=${String(first.next)}`);
  t.same([first.ids.length, rest.ids.length, rest.next], [5, 7, null]);
  const all = [...first.ids, ...rest.ids];
  t.same(all, all.toSorted((one, other) => other - one), 'as numbers, not as texts');
});
