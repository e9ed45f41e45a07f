import t from 'tap';
import { fakeOperations, fakeRun } from './fake-operations.ts';
import { startApi } from './support.ts';

t.test('the index lists every route', async (t) => {
  const { call } = await startApi(t);
  const { body, status } = await call('/');
  t.equal(status, 200);
  t.match(body, { name: 'TDS', version: '1.2.3' });
  const routes = (body['routes'] as { method: string; path: string; summary: string }[]).map(({ method, path }) => `${method} ${path}`);
  t.strictSame(routes, [
    'GET /healthz', 'GET /readyz', 'GET /v1/health', 'GET /metrics', 'GET /v1/config', 'GET /v1/config/diff', 'POST /v1/config/validate', 'POST /v1/config/reload', 'GET /v1/entities', 'GET /v1/entities/:id', 'POST /v1/entities/:id/preview', 'POST /v1/entities/:id/sync',
    'GET /v1/connections', 'GET /v1/connections/:id', 'GET /v1/connections/:id/streams', 'GET /v1/quota', 'GET /v1/connections/:id/quota', 'POST /v1/connections/:id/breaker/reset', 'GET /v1/plugins',
    'POST /v1/connections/:id/check', 'POST /v1/connections/:id/pause', 'POST /v1/connections/:id/resume',
    'GET /v1/runs', 'GET /v1/runs/:id', 'GET /v1/runs/:id/events', 'POST /v1/runs', 'POST /v1/runs/:id/cancel', 'GET /v1/dead-letters', 'GET /v1/dead-letter-groups', 'GET /v1/dead-letters/:id', 'POST /v1/dead-letters/retry', 'POST /v1/dead-letters/discard', 'POST /v1/dead-letters/:id/reopen',
    'GET /v1/healing', 'GET /v1/healing/rules', 'POST /v1/healing/run', 'POST /v1/healing/reset',
    'GET /v1/alerts', 'GET /v1/alert-rules', 'POST /v1/alerts/:id/acknowledge', 'POST /v1/alerts/test', 'GET /v1/silences', 'POST /v1/silences', 'POST /v1/silences/:id/end', 'GET /v1/schedules', 'GET /v1/schedules/:id', 'GET /v1/schedules/:id/next', 'GET /v1/ticks',
    'POST /v1/schedules/:id/pause', 'POST /v1/schedules/:id/resume', 'POST /v1/schedules/:id/run', 'POST /v1/schedules/:id/backfill', 'GET /v1/reports', 'GET /v1/reports/:id',
    'GET /v1/webhook-urls', 'POST /v1/webhooks/register', 'POST /v1/webhooks/send', 'GET /v1/webhooks', 'GET /v1/webhook-stats', 'GET /v1/webhook-unreadable', 'GET /v1/webhook-lost', 'GET /v1/webhooks/:id', 'POST /v1/webhooks/replay', 'GET /v1/records/:entity/:key', 'GET /v1/cache', 'POST /v1/cache/clear', 'GET /v1/nodes', 'GET /v1/jobs', 'GET /v1/job-stats', 'GET /v1/jobs/:id', 'POST /v1/jobs/:id/retry', 'POST /v1/jobs/:id/cancel', 'GET /v1/job-attempts',
    'GET /v1/audit', 'GET /v1/tokens', 'POST /v1/tokens', 'POST /v1/tokens/:id/revoke', 'POST /v1/session', 'GET /v1/session', 'DELETE /v1/session',
  ]);
});

t.test('every list answers with a member that names what it holds', async (t) => {
  const { call } = await startApi(t);
  for (const [path, member] of [['entities', 'entities'], ['connections', 'connections'], ['connections/shop/streams', 'streams'], ['quota', 'connections'], ['plugins', 'plugins'], ['runs', 'runs'], ['dead-letters', 'deadLetters'], ['alerts', 'alerts'], ['silences', 'silences'], ['nodes', 'nodes'], ['jobs', 'jobs'], ['job-stats', 'tasks'], ['job-attempts', 'attempts'], ['cache', 'caches'], ['tokens', 'tokens']] as const) {
    const { status, body, headers } = await call(`/v1/${path}`);
    t.equal(status, 200, path);
    t.ok(Array.isArray(body[member]), `${path} has ${member}`);
    t.equal(headers['content-type'], 'application/json; charset=utf-8');
  }
});

t.test('a process that lives but can not work says so with its reasons', async (t) => {
  const health = { ready: false, reasons: ['the queue is fenced'], node: 'n', version: '1', database: 'up' as const, queue: 'fenced' };
  const { call } = await startApi(t, fakeOperations({ health: async () => health }));
  t.equal((await call('/healthz')).status, 200);
  t.match(await call('/readyz'), { status: 503, body: { reasons: ['the queue is fenced'] } });
});

t.test('one entity is answered, an unknown one is a 404 with the cure', async (t) => {
  const { call } = await startApi(t);
  t.match((await call('/v1/entities/products')).body, { id: 'products', records: 3, lastRun: null });
  t.match(await call('/v1/entities/prodcts'), {
    status: 404, headers: { 'content-type': 'application/problem+json; charset=utf-8' },
    body: { code: 'operation.unknown_entity', status: 404, type: 'urn:tds:problem:operation.unknown_entity', suggestion: 'The config has: products.' },
  });
});

t.test('runs come in pages, and the last page has no next', async (t) => {
  const runs = [1, 2, 3, 4, 5].map((id) => fakeRun({ id: String(id) }));
  const { call } = await startApi(t, fakeOperations({}, runs));
  const ids = (body: Record<string, unknown>): string[] => (body['runs'] as { id: string }[]).map(({ id }) => id);
  const first = (await call('/v1/runs?limit=3')).body;
  t.strictSame([ids(first), first['next']], [['5', '4', '3'], '3']);
  const second = (await call('/v1/runs?limit=3&before=3')).body;
  t.strictSame([ids(second), second['next']], [['2', '1'], null]);
});

t.test('a run tells its duration and speed, its times as ISO, and keeps its position to itself', async (t) => {
  const run = fakeRun({ read: 500, startedAt: new Date('2026-01-05T08:00:00Z'), endedAt: new Date('2026-01-05T08:00:02Z'), status: 'succeeded', position: { page: 3 } });
  const { call } = await startApi(t, fakeOperations({}, [run]));
  const { body } = await call('/v1/runs/1');
  t.match(body, { id: '1', durationMs: 2000, rowsPerSecond: 250, endedAt: '2026-01-05T08:00:02.000Z' });
  t.notOk('position' in body);
});

t.test('a sync that was asked for is accepted, with where to follow it', async (t) => {
  const operations = fakeOperations();
  const { post } = await startApi(t, operations);
  const one = await post('/v1/entities/products/sync', {});
  t.match(one, { status: 202, headers: { location: '/v1/runs/100' }, body: { runs: [{ entity: 'products', mode: 'incremental', created: true }] } });
  const many = await post('/v1/runs', { entities: ['products', 'stock'], mode: 'full', allowDeletes: true });
  t.match(many, { status: 202, headers: { location: '/v1/runs' } });
  await post('/v1/runs', { entities: 'all' });
  t.strictSame(operations.asked, [
    { entities: ['products'], mode: 'incremental', allowDeletes: false, trigger: 'api' },
    { entities: ['products', 'stock'], mode: 'full', allowDeletes: true, trigger: 'api' },
    { entities: 'all', mode: 'incremental', allowDeletes: false, trigger: 'api' },
  ]);
});

t.test('a run is cancelled once; the second time it has ended already', async (t) => {
  const { call } = await startApi(t, fakeOperations({}, [fakeRun()]));
  t.match(await call({ method: 'POST', path: '/v1/runs/1/cancel' }), { status: 200, body: { status: 'cancelled' } });
  t.match(await call({ method: 'POST', path: '/v1/runs/1/cancel' }), { status: 409, body: { code: 'operation.run_ended' } });
});

t.test('a breaker is closed by hand; a connection that the config doesn\'t have is a 404', async (t) => {
  const { call } = await startApi(t);
  t.match(await call({ method: 'POST', path: '/v1/connections/shop/breaker/reset' }), { status: 200, body: { connection: 'shop', reset: true } });
  t.match(await call({ method: 'POST', path: '/v1/connections/shpo/breaker/reset' }), { status: 404, body: { code: 'operation.unknown_connection' } });
  t.equal((await call('/v1/connections/shop/breaker/reset')).status, 405, 'looking at it closes nothing');
});
