/** The OpenAPI document against what the API really answers: every route, every status that it declares. */
import { Ajv } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import t from 'tap';
import { commonStatuses, openApi, pathOf, type OpenApi } from '../../core/api/openapi.ts';
import { allRoutes } from '../../core/api/routes/index.ts';
import type { Route } from '../../core/api/route.ts';
import { OperationError } from '../../core/operations/errors.ts';
import type { Pool } from '../../core/store/pool.ts';
import type { Operations } from '../../core/operations/operations.ts';
import { fakeOperations } from './fake-operations.ts';
import { realAccess } from './real-access.ts';
import { realOperations } from './real-operations.ts';
import { startApi, type Call, type Reply } from './support.ts';
import { thing } from '../dead-letters/support.ts';

const routes = allRoutes({ operations: fakeOperations(), version: '1.2.3', doors: undefined as never });
const document = openApi(routes, '1.2.3');
const nameOf = ({ method, path }: Route): string => `${method} ${path}`;
const json = { 'Content-Type': 'application/json' };
const seen = new Map<string, Set<number>>();

const ajv = new Ajv2020({ strict: false, allErrors: true });
(formats as unknown as (ajv: Ajv2020) => void)(ajv);
ajv.addSchema({ $id: 'http://localhost/api', ...document } as object);

/** Says what is wrong with an answer by the document; notes that this status was seen. */
function faults(route: Route, reply: Reply): string | undefined {
  seen.set(nameOf(route), (seen.get(nameOf(route)) ?? new Set()).add(reply.status));
  const operation = (document.paths[pathOf(route)] as OpenApi['paths'][string])[route.method.toLowerCase()];
  const type = String(reply.headers['content-type']).split(';', 1)[0] as string;
  const declared = operation?.responses[reply.status]?.content[type];
  if (!declared) return `answers ${reply.status} ${type}, which it does not declare: ${reply.text.slice(0, 300)}`;
  const at = ['paths', pathOf(route), route.method.toLowerCase(), 'responses', String(reply.status), 'content', type, 'schema'].map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/');
  const fits = ajv.getSchema(`http://localhost/api#/${at}`);
  return fits?.(/json/.test(type) ? reply.body : reply.text) === true ? undefined : `${reply.status}: ${ajv.errorsText(fits?.errors)} in ${reply.text.slice(0, 300)}`;
}

t.test('it is an OpenAPI document of which every name stands once', async (t) => {
  const operations = Object.values(document.paths).flatMap((path) => Object.values(path));
  t.equal(operations.length, routes.length);
  t.equal(new Set(operations.map(({ operationId }) => operationId)).size, routes.length);
  for (const route of routes) t.ok(route.summary.length >= 8 && route.summary.length < 160, nameOf(route));
  const loose = routes.filter(({ answers }) => JSON.stringify(answers) === '{"200":{"type":"object"}}');
  t.same(loose.map(nameOf), [], 'each route declares its answers');
});

t.test('the schemas of every route are good ones, and compile', async (t) => {
  const grammar = new Ajv({ strict: false, allErrors: true });
  for (const route of routes) for (const part of ['params', 'query', 'body'] as const) t.doesNotThrow(() => grammar.compile(route[part]), `${nameOf(route)}: ${part}`);
});

t.test('it is served, and so is a page to read it that loads nothing', async (t) => {
  const { call } = await startApi(t);
  const served = await call('/openapi.json');
  t.same(served.body, JSON.parse(JSON.stringify(document)));
  t.same(ajv.errorsText(ajv.errors), 'No errors');
  const page = await call('/docs');
  t.match(page, { status: 200, headers: { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': /^default-src 'none'; style-src 'sha256-[^']+'/ } });
  for (const path of Object.keys(document.paths)) t.ok(page.text.includes(`<code>${path}</code>`), path);
  t.notMatch(page.text, /<script|src=|https?:\/\//);
});

t.test('refusals that any route may answer with are as it says', async (t) => {
  const real = await realAccess(t);
  const admin = `Bearer ${await real.token('admin')}`;
  const lost = (error: Error): Operations => {
    const fail = async (): Promise<never> => { throw error; };
    return fakeOperations({ access: { ...real.operations.access, identify: fail, openSession: fail } });
  };
  const busy = { ...real.operations, answers: { ...real.operations.answers, take: async () => ({ request: { equals: () => true } as never, status: null, headers: null, body: null }) } };
  const reused = { ...real.operations, answers: { ...real.operations.answers, take: async () => ({ request: { equals: () => false } as never, status: null, headers: null, body: null }) } };
  let now = Date.now();
  const apis = { sound: await startApi(t, real.operations, { now: () => (now += 60_000) }), broken: await startApi(t, lost(new Error('x'))), away: await startApi(t, lost(Object.assign(new Error('x'), { code: 'ECONNREFUSED' }))), busy: await startApi(t, busy), reused: await startApi(t, reused), patient: await startApi(t, real.operations, { now: () => 0 }) };
  for (let at = 0; at < 12; at += 1) await apis.patient.call({ path: '/', headers: { Authorization: 'Bearer x' } });
  for (const route of routes) {
    const path = route.path.replaceAll(/:\w+/g, '1');
    const sample = bodies[nameOf(route)] ?? {};
    const ask = (api: keyof typeof apis, headers: Record<string, string>, more: Partial<Call> = {}) =>
      apis[api].call({ method: route.method, path, headers: { Authorization: admin, ...(route.method === 'GET' ? {} : json), ...headers }, ...(route.method === 'GET' ? {} : { body: JSON.stringify(sample) }), ...more });
    const provoke: Record<number, () => Promise<Reply>> = {
      400: () => ask('sound', {}, { path: `${path}?nonsense=1` }), 401: () => ask('sound', { Authorization: 'Bearer wrong' }), 403: () => ask('sound', { 'Sec-Fetch-Site': 'cross-site' }), 421: () => ask('sound', { Host: 'evil.example' }),
      429: () => ask('patient', { Authorization: 'Bearer wrong' }), 500: () => ask('broken', {}), 503: () => ask('away', {}),
      413: () => ask('sound', {}, { body: 'x'.repeat(300_000) }), 415: () => ask('sound', { 'Content-Type': 'text/plain' }, { body: 'x' }),
      409: () => ask('busy', { 'Idempotency-Key': 'k' }), 422: () => ask('reused', { 'Idempotency-Key': 'k' }),
    };
    for (const status of commonStatuses(route)) {
      const reply = await (provoke[status] as () => Promise<Reply>)();
      t.equal(reply.status, status, `${nameOf(route)}: ${status}`);
      t.equal(faults(route, reply), undefined, `${nameOf(route)}: ${status} is as it says`);
    }
  }
});

const bodies: Record<string, object> = {
  'POST /v1/webhooks/send': { entity: 'things' }, 'POST /v1/webhooks/register': { base: 'https://tds.example' },
  'POST /v1/runs': { entities: ['things'] }, 'POST /v1/session': { token: 'x' }, 'POST /v1/tokens': { name: 'ci', scope: 'read' }, 'POST /v1/dead-letters/retry': { all: true }, 'POST /v1/dead-letters/discard': { all: true, reason: 'test' },
  'POST /v1/healing/reset': { act: 'all' }, 'POST /v1/silences': { seconds: 60, reason: 'test' }, 'POST /v1/schedules/:id/backfill': { from: '7d', to: '1d' },
};

t.test('what the routes themselves answer is as it says', async (t) => {
  const { operations, bench: b, closed } = await realOperations(t);
  for (const id of [1, 2, 3, 4]) b.source.put(thing(id, id > 2 ? { price: 'cheap' } : {}));
  await b.corridor.run('full');
  b.source.put(thing(1, { name: 'renamed' }));
  const away: Operations = { ...operations, health: async () => ({ ready: false, reasons: ['x'], node: 'n', version: '1', database: 'down', queue: 'stopped' }), preview: (id, request) => operations.preview(id, request), reload: () => Promise.reject(new OperationError('operation.no_reload', 'x')) };
  const [api, ill] = [await startApi(t, operations, { mostStreams: 1 }), await startApi(t, away, { mostStreams: 0 })];
  const hit = async (name: string, path: string, status: number, body?: object, where = api): Promise<Reply> => {
    const route = routes.find((one) => nameOf(one) === name) as Route;
    const reply = await where.call({ method: route.method, path, headers: { ...json, Authorization: authorization }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
    t.equal(reply.status, status, `${name} ${path} ${reply.status === status ? '' : reply.text}`);
    t.equal(faults(route, reply), undefined, `${name}: ${status} is as it says`);
    return reply;
  };
  let authorization = '';
  const made = await hit('POST /v1/tokens', '/v1/tokens', 201, { name: 'me', scope: 'admin' });
  authorization = `Bearer ${String(made.body['secret'])}`;
  const paused = await hit('POST /v1/schedules/:id/pause', '/v1/schedules/upkeep/pause', 200, { until: '2h', reason: 'stocktaking' });
  t.match(paused.body, { state: 'paused', paused: { by: 'me', reason: 'stocktaking' } });
  for (const act of ['run', 'backfill', 'resume', 'pause']) {
    const body = act === 'backfill' ? { from: '3h', to: '1h' } : {};
    if (act !== 'pause') await hit(`POST /v1/schedules/:id/${act}`, `/v1/schedules/upkeep/${act}`, act === 'run' ? 202 : 200, body);
    await hit(`POST /v1/schedules/:id/${act}`, `/v1/schedules/nope/${act}`, 404, body);
    await hit(`POST /v1/schedules/:id/${act}`, `/v1/schedules/${{ run: 'upkeep', backfill: 'resting', resume: 'fresh', pause: 'fresh' }[act]}/${act}`, 409, body);
  }
  t.match((await hit('POST /v1/config/reload', '/v1/config/reload', 200, {})).body, { applied: true, needsRestart: ['api'] });
  await hit('POST /v1/config/reload', '/v1/config/reload', 409, {}, ill);
  const looks: [string, string?][] = [
    ['/'], ['/openapi.json'], ['/docs'], ['/healthz'], ['/readyz'], ['/v1/config'], ['/v1/entities'], ['/v1/entities/:id', 'things'], ['/v1/connections'], ['/v1/connections/:id', 'source'], ['/v1/connections/:id/streams', 'source'], ['/v1/quota'], ['/v1/connections/:id/quota', 'source'], ['/v1/plugins'],
    ['/v1/runs'], ['/v1/runs/:id', '1'], ['/v1/runs/:id/events', '1'], ['/v1/dead-letters'], ['/v1/dead-letter-groups'], ['/v1/dead-letters/:id', '1'], ['/v1/healing'], ['/v1/healing/rules'], ['/v1/health'], ['/metrics'], ['/v1/alerts'], ['/v1/alert-rules'], ['/v1/silences'], ['/v1/schedules'], ['/v1/schedules/:id', 'upkeep'], ['/v1/schedules/:id/next', 'upkeep'], ['/v1/ticks'], ['/v1/reports'], ['/v1/reports/:id', '1'], ['/v1/webhooks'], ['/v1/webhook-stats'], ['/v1/webhook-unreadable'], ['/v1/webhook-lost'], ['/v1/webhook-urls'], ['/v1/webhooks/:id', '1'], ['/v1/nodes'], ['/v1/job-attempts'], ['/v1/jobs'], ['/v1/job-stats'], ['/v1/cache'], ['/v1/config/diff'], ['/v1/audit'], ['/v1/tokens'], ['/v1/session'],
  ];
  for (const [path, id = ''] of looks) {
    await hit(`GET ${path}`, path.replace(':id', id), 200);
    if (path.includes(':id')) await hit(`GET ${path}`, path.replace(':id', '404'), 404);
  }
  // A job that waits for its time, one that runs for a run, one of TDS's own, and one that is over.
  const [later, atWork, own] = await addJobs(b.corridor.pool, (await b.corridor.rows('SELECT id::text AS id FROM runs LIMIT 1'))[0]?.['id'] as string);
  t.match((await hit('GET /v1/jobs', '/v1/jobs?state=later', 200)).body, { jobs: [{ id: later, task: 'run', state: 'later' }], next: null });
  for (const [status, id] of [[200, atWork], [404, '404']] as const) await hit('GET /v1/jobs/:id', `/v1/jobs/${id}`, status);
  t.match((await hit('POST /v1/jobs/:id/retry', `/v1/jobs/${later}/retry`, 200, {})).body, { id: later, state: 'waiting' });
  for (const [status, id] of [[409, later], [404, '404']] as const) await hit('POST /v1/jobs/:id/retry', `/v1/jobs/${id}/retry`, status, {});
  const asked = await hit('POST /v1/runs', '/v1/runs', 202, { entities: ['things'], mode: 'replay' });
  await b.corridor.pool.query(`UPDATE graphile_worker._private_jobs SET payload = jsonb_build_object('runId', $2::text) WHERE id = $1`, [later, (asked.body['runs'] as { id: string }[])[0]?.id]);
  t.match((await hit('POST /v1/jobs/:id/cancel', `/v1/jobs/${later}/cancel`, 200, {})).body, { id: later });
  for (const [status, id] of [[409, own], [404, '404']] as const) await hit('POST /v1/jobs/:id/cancel', `/v1/jobs/${id}/cancel`, status, {});
  t.match((await hit('POST /v1/cache/clear', '/v1/cache/clear', 200, {})).body, { cleared: ['source'] });
  t.same(closed, ['cache'], 'of what calls no remote there is none');
  await hit('POST /v1/cache/clear', '/v1/cache/clear', 404, { connection: 'nope' });
  t.match((await hit('GET /v1/cache', '/v1/cache', 200)).body, { caches: [{ connection: 'source', clearedAt: String, nodes: [] }] });
  const diff = await hit('GET /v1/config/diff', '/v1/config/diff', 200);
  t.match(diff.body, { same: false, changes: [{ path: 'schedules.more', file: { run: 'maintain' } }, { path: 'connections.source.with.user', running: 'ann', file: 'bob' }, { path: 'connections.source.with.key', running: '[secret]', file: '[secret]' }] });
  t.notMatch(diff.text, /canary/);
  await hit('POST /v1/webhooks/replay', '/v1/webhooks/replay', 202, { all: true });
  await hit('POST /v1/webhooks/replay', '/v1/webhooks/replay', 200, { all: true, dryRun: true });
  for (const [status, entity] of [[202, 'things'], [404, 'nope']] as const) await hit('POST /v1/webhooks/send', '/v1/webhooks/send', status, { entity });
  for (const [status, entities] of [[200, []], [404, ['nope']]] as const) await hit('POST /v1/webhooks/register', '/v1/webhooks/register', status, { base: 'https://tds.example', entities });
  t.match((await hit('GET /v1/webhook-urls', '/v1/webhook-urls?base=https://tds.example', 200)).body, { urls: [{ url: /^https:\/\/tds\.example\/webhooks\//, canRegister: true }] });
  await hit('GET /v1/records/:entity/:key', '/v1/records/things/1', 200);
  await hit('GET /v1/records/:entity/:key', '/v1/records/things/404', 404);
  await hit('GET /readyz', '/readyz', 503, undefined, ill);
  await hit('GET /v1/runs/:id/events', '/v1/runs/1/events', 503, undefined, ill);
  const preview = await hit('POST /v1/entities/:id/preview', '/v1/entities/things/preview', 200, { records: 3 });
  t.match(preview.body, { complete: false, records: [{ key: '1', outcome: 'changed', fields: [{ field: 'name', from: 'thing 1', to: 'renamed' }] }, { key: '2', outcome: 'unchanged', fields: [] }, { key: '3', outcome: 'unchanged', problems: [{ field: 'price' }] }] });
  b.source.breakAt = b.source.pagesRead;
  await hit('POST /v1/entities/:id/preview', '/v1/entities/things/preview', 502, {});
  const shown = await hit('GET /v1/config', '/v1/config', 200);
  t.notMatch(shown.text, /canary/);
  t.match(shown.body, { config: { connections: { source: { with: { user: 'ann', password: '[secret]' } } } } });
  await hit('POST /v1/config/validate', '/v1/config/validate', 200, {});
  for (const act of ['check', 'pause', 'resume', 'breaker/reset']) {
    await hit(`POST /v1/connections/:id/${act}`, `/v1/connections/source/${act}`, 200, act === 'pause' ? { reason: 'a holiday' } : {});
    await hit(`POST /v1/connections/:id/${act}`, `/v1/connections/nope/${act}`, 404, {});
    if (act === 'pause') t.match((await hit('GET /v1/connections/:id', '/v1/connections/source', 200)).body, { pause: { pausedBy: 'me', reason: 'a holiday' } });
  }
  t.same(closed, ['cache', 'source']);
  for (const act of ['preview', 'sync']) {
    await hit(`POST /v1/entities/:id/${act}`, `/v1/entities/nope/${act}`, 404, {});
    await hit(`POST /v1/entities/:id/${act}`, `/v1/entities/off/${act}`, 409, {});
  }
  await hit('POST /v1/entities/:id/sync', '/v1/entities/things/sync', 202, {});
  const { body } = await hit('POST /v1/runs', '/v1/runs', 202, { entities: ['things'], mode: 'full' });
  await hit('POST /v1/runs', '/v1/runs', 404, { entities: ['nope'] });
  const [{ id }] = body['runs'] as [{ id: string }];
  for (const status of [200, 409]) await hit('POST /v1/runs/:id/cancel', `/v1/runs/${id}/cancel`, status, {});
  await hit('POST /v1/runs/:id/cancel', '/v1/runs/404/cancel', 404, {});
  const letters = '/v1/dead-letters';
  await hit('POST /v1/dead-letters/retry', `${letters}/retry`, 200, { all: true, dryRun: true });
  await hit('POST /v1/dead-letters/retry', `${letters}/retry`, 202, { ids: ['1'] });
  await hit('POST /v1/dead-letters/discard', `${letters}/discard`, 200, { ids: ['2'], reason: 'test' });
  for (const act of ['retry', 'discard']) {
    await hit(`POST /v1/dead-letters/${act}`, `${letters}/${act}`, 404, { ids: ['404'], ...(act === 'discard' ? { reason: 'test' } : {}) });
    await hit(`POST /v1/dead-letters/${act}`, `${letters}/${act}`, 409, { ids: ['2'], ...(act === 'discard' ? { reason: 'test' } : {}) });
  }
  for (const status of [200, 409]) await hit('POST /v1/dead-letters/:id/reopen', `${letters}/2/reopen`, status, {});
  await hit('POST /v1/dead-letters/:id/reopen', `${letters}/404/reopen`, 404, {});
  await hit('POST /v1/healing/run', '/v1/healing/run', 200, { dryRun: true });
  await hit('POST /v1/healing/run', '/v1/healing/run', 404, { rule: 'nope' });
  await hit('POST /v1/healing/reset', '/v1/healing/reset', 200, { act: 'all' });
  await hit('POST /v1/healing/reset', '/v1/healing/reset', 404, { act: '99' });
  for (const [id, status] of [['1', 200], ['404', 404]] as const) await hit('POST /v1/alerts/:id/acknowledge', `/v1/alerts/${id}/acknowledge`, status, {});
  t.match((await hit('GET /v1/alerts', '/v1/alerts?state=acknowledged', 200)).body, { alerts: [{ id: '1', acknowledgedBy: 'me' }] });
  t.match((await hit('POST /v1/alerts/test', '/v1/alerts/test', 200, {})).body, { notifiers: [{ notifier: 'mail', ok: true }, { notifier: 'chat', ok: true }] });
  await hit('POST /v1/alerts/test', '/v1/alerts/test', 404, { notifier: 'nope' });
  await hit('POST /v1/silences', '/v1/silences', 201, { seconds: 60, reason: 'upgrade', labels: { entity: 'things' } });
  await hit('POST /v1/silences', '/v1/silences', 404, { seconds: 60, reason: 'upgrade', rule: 'nope' });
  t.match((await hit('GET /v1/silences', '/v1/silences', 200)).body, { silences: [{ id: '1', by: 'me', reason: 'upgrade' }] });
  for (const status of [200, 404]) await hit('POST /v1/silences/:id/end', '/v1/silences/1/end', status, {});
  await hit('POST /v1/session', '/v1/session', 200, { token: made.body['secret'] });
  await hit('DELETE /v1/session', '/v1/session', 200, {});
  await hit('POST /v1/tokens/:id/revoke', '/v1/tokens/404/revoke', 404, {});
  await hit('POST /v1/tokens/:id/revoke', `/v1/tokens/${String(made.body['prefix'])}/revoke`, 200, {});
  // The last: while an address is slowed down, a token that has to be looked up again would be as well.
  for (const status of [...Array.from({ length: 10 }, () => 401), 429]) await hit('POST /v1/session', '/v1/session', status, { token: 'wrong' });
});

/** Adds jobs to the queue as it keeps them. Answers their numbers. */
async function addJobs(pool: Pool, runId: string): Promise<string[]> {
  const { rows } = await pool.query(
    `SELECT (graphile_worker.add_job(task, payload => payload::json, run_at => now() + wait)).id::text AS id
       FROM (VALUES ('run', jsonb_build_object('runId', $1::text), interval '1 hour'), ('run', jsonb_build_object('runId', $1::text), interval '0'), ('notify', '{}'::jsonb, interval '0')) AS j (task, payload, wait)`, [runId]);
  await pool.query(`UPDATE graphile_worker._private_jobs SET locked_at = now(), locked_by = 'p' WHERE id = $1`, [rows[1].id]);
  return rows.map(({ id }) => id as string);
}

t.test('no status that it declares was left out here', async (t) => {
  for (const route of routes) {
    const declared = Object.keys((document.paths[pathOf(route)] as OpenApi['paths'][string])[route.method.toLowerCase()]?.responses ?? {}).map(Number);
    t.same(declared.filter((status) => seen.get(nameOf(route))?.has(status) !== true), [], nameOf(route));
  }
});
