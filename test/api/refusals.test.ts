import { Agent, get } from 'node:http';
import { connect } from 'node:net';
import t from 'tap';
import { createApi } from '../../core/api/index.ts';
import { close, listen, makeServer } from '../../core/api/server.ts';
import { silentLogger } from '../../core/monitor/log.ts';
import { fakeAccess, fakeOperations } from './fake-operations.ts';
import { until } from '../support/processes.ts';
import { realAccess } from './real-access.ts';
import { startApi, type Call } from './support.ts';

const json = { 'Content-Type': 'application/json' };

t.test('a body or query that does not fit is refused by the name of the member', async (t) => {
  const { call } = await startApi(t);
  const cases: [Call, number, string, RegExp][] = [
    [{ method: 'POST', path: '/v1/runs', headers: json, body: '{"entities":"all","mod":"full"}' }, 400, 'api.bad_body', /no member "mod".*did you mean "mode"/],
    [{ method: 'POST', path: '/v1/runs', headers: json, body: '{}' }, 400, 'api.bad_body', /"entities" is missing/],
    [{ method: 'POST', path: '/v1/runs', headers: json, body: '{"entities":[]}' }, 400, 'api.bad_body', /"entities" must be "all" or a list/],
    [{ method: 'POST', path: '/v1/runs', headers: json, body: '{"entities":"all","mode":"some"}' }, 400, 'api.bad_body', /"mode" must be one of full, incremental/],
    [{ method: 'POST', path: '/v1/runs', headers: json, body: '{"entities":"all","allowDeletes":"yes"}' }, 400, 'api.bad_body', /"allowDeletes" must be boolean/],
    [{ method: 'POST', path: '/v1/runs', headers: json, body: '{"entities":"all","__proto__":{"mode":"full"}}' }, 400, 'api.bad_body', /no member "__proto__"/],
    [{ method: 'POST', path: '/v1/runs', headers: json, body: '[1]' }, 400, 'api.bad_body', /The body must be object/],
    [{ method: 'POST', path: '/v1/runs/1/cancel', headers: json, body: '{"now":true}' }, 400, 'api.bad_body', /no member "now".*takes no member/],
    [{ method: 'POST', path: '/v1/runs', headers: json, body: '{"entities":' }, 400, 'api.bad_json', /can't be parsed/],
    [{ method: 'POST', path: '/v1/runs', headers: json, body: Buffer.from([0x7b, 0xff, 0x7d]) }, 400, 'api.bad_json', /no UTF-8/],
    [{ method: 'POST', path: '/v1/runs', headers: { 'Content-Type': 'text/plain' }, body: '{"entities":"all"}' }, 415, 'api.content_type', /text\/plain/],
    [{ method: 'POST', path: '/v1/runs', body: '{"entities":"all"}' }, 415, 'api.content_type', /not given/],
    [{ method: 'POST', path: '/v1/runs', headers: json, body: JSON.stringify({ entities: ['x'.repeat(300_000)] }) }, 413, 'api.too_large', /256 kB/],
    [{ method: 'POST', path: '/v1/runs', headers: { ...json, 'Transfer-Encoding': 'chunked' }, body: JSON.stringify({ entities: ['x'.repeat(300_000)] }) }, 413, 'api.too_large', /256 kB/],
    [{ path: '/v1/runs?limit=501' }, 400, 'api.bad_query', /"limit" must be <= 500/],
    [{ path: '/v1/runs?limit=ten' }, 400, 'api.bad_query', /"limit" must be integer/],
    [{ path: '/v1/runs?limit=1&limit=2' }, 400, 'api.bad_query', /"limit" stands in the query twice/],
    [{ path: '/v1/runs?before=x' }, 400, 'api.bad_query', /"before" must match/],
    [{ path: '/v1/entities?all=1' }, 400, 'api.bad_query', /no parameter "all"/],
    [{ path: '/v1/run' }, 404, 'api.unknown_route', /did you mean \/v1\/runs\?/],
    [{ path: '/runs' }, 404, 'api.unknown_route', /did you mean \/v1\/runs\?/],
    [{ path: '/v1/%ff/x' }, 404, 'api.unknown_route', /no route/],
    [{ method: 'DELETE', path: '/v1/runs/1' }, 405, 'api.method', /takes GET, HEAD, not DELETE/],
    [{ method: 'OPTIONS', path: '/v1/runs' }, 405, 'api.method', /takes GET, HEAD, POST/],
  ];
  for (const [call1, status, code, text] of cases) {
    const reply = await call(call1);
    t.equal(reply.status, status, `${call1.path} ${String(call1.body ?? '').slice(0, 40)}`);
    t.equal(reply.body['code'], code);
    t.match(`${String(reply.body['detail'])} ${String(reply.body['suggestion'] ?? '')}`, text);
    t.equal(reply.headers['content-type'], 'application/problem+json; charset=utf-8');
  }
  t.equal((await call({ method: 'DELETE', path: '/v1/runs/1' })).headers['allow'], 'GET, HEAD');
});

t.test('on loopback another name in the Host header is refused, as DNS rebinding would bring it', async (t) => {
  const { call, url } = await startApi(t);
  const { port } = new URL(url);
  for (const host of ['evil.example', `evil.example:${port}`, 'localhost.evil.example', '127.0.0.1.evil.example']) {
    t.match(await call({ path: '/v1/runs', headers: { Host: host } }), { status: 421, body: { code: 'api.foreign_host' } }, host);
  }
  for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`, 'LOCALHOST']) t.equal((await call({ path: '/v1/runs', headers: { Host: host } })).status, 200, host);
});

t.test('a page of another origin can start nothing', async (t) => {
  const operations = fakeOperations();
  const { call, url } = await startApi(t, operations);
  for (const headers of [{ Origin: 'http://evil.example' }, { Origin: 'null' }, { 'Sec-Fetch-Site': 'cross-site' }, { Origin: 'http://127.0.0.1:1' }]) {
    t.match(await call({ method: 'POST', path: '/v1/entities/products/sync', headers: headers as Record<string, string> }), { status: 403, body: { code: 'api.foreign_origin' } });
  }
  t.strictSame(operations.asked, []);
  t.equal((await call({ method: 'POST', path: '/v1/entities/products/sync', headers: { Origin: url } })).status, 202);
});

t.test('a page of an origin that the config names asks by a token alone; others stay outside', async (t) => {
  const origin = 'https://intranet.example';
  const real = await realAccess(t);
  let now = Date.now();
  const { call } = await startApi(t, real.operations, { origins: [origin], now: () => now });
  const preflight = await call({ method: 'OPTIONS', path: '/v1/runs', headers: { Origin: origin, 'Access-Control-Request-Method': 'POST', 'Sec-Fetch-Site': 'cross-site' } });
  t.match(preflight, { status: 204, headers: { 'access-control-allow-origin': origin, 'access-control-allow-methods': /POST/, 'access-control-allow-headers': /Authorization/, vary: /Origin/ } });
  t.notOk('access-control-allow-credentials' in preflight.headers, 'no cookie goes along');
  t.match(await call({ path: '/v1/runs', headers: { Origin: origin } }), { status: 401, body: { code: 'api.no_token' } }, 'that the API is open to this machine is not for them');
  const token = await real.token('operate');
  now += 1000;
  const ask = (more: Record<string, string>, method = 'GET') => call({ method, path: method === 'GET' ? '/v1/runs' : '/v1/entities/products/sync', headers: { Origin: origin, 'Sec-Fetch-Site': 'cross-site', ...more } });
  t.match(await ask({ Authorization: `Bearer ${token}` }), { status: 200, headers: { 'access-control-allow-origin': origin } });
  t.match(await ask({ Authorization: `Bearer ${token}` }, 'POST'), { status: 202 });
  const entered = await call({ method: 'POST', path: '/v1/session', headers: json, body: JSON.stringify({ token }) });
  const Cookie = String(entered.headers['set-cookie']).split(';', 1)[0] as string;
  t.match(await ask({ Cookie, 'X-CSRF-Token': String(entered.body['csrf']) }, 'POST'), { status: 401, body: { code: 'api.no_token' } }, 'a session is not for them');
  for (const other of ['https://intranet.example.evil', 'http://intranet.example', 'null']) {
    const refused = await call({ path: '/v1/runs', headers: { Origin: other, Authorization: `Bearer ${token}` } });
    t.match(refused, { status: 403, body: { code: 'api.foreign_origin' } }, other);
    t.notOk('access-control-allow-origin' in refused.headers);
  }
});

t.test('who does not read its answer is cut off', async (t) => {
  const server = makeServer((_request, response) => void response.end(Buffer.alloc(50_000_000)), { idle: 200 });
  const url = await listen(server, '127.0.0.1', 0);
  t.teardown(() => close(server, 0));
  const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')).pause().on('error', () => undefined);
  t.teardown(() => socket.destroy());
  const open = (): Promise<number> => new Promise((resolve, reject) => { server.getConnections((error, count) => (error ? reject(error) : resolve(count))); });
  await until('it is connected', async () => await open() === 1);
  await until('it is cut off', async () => await open() === 0);
  t.ok(socket.bytesRead < 50_000_000);
});

t.test('every answer has the security headers and none opens it to other origins', async (t) => {
  const { call } = await startApi(t);
  for (const path of ['/', '/nowhere']) {
    const { headers } = await call({ path, headers: { Origin: 'http://evil.example' } });
    t.match(headers, { 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY', 'cache-control': 'no-store', 'content-security-policy': /default-src 'none'/ });
    t.notOk(Object.keys(headers).some((name) => name.startsWith('access-control')));
  }
});

t.test('a fault of ours is told by an id alone, under which the log has it whole', async (t) => {
  const { call, log } = await startApi(t, fakeOperations({ entities: () => Promise.reject(new Error('password "hunter2" is wrong')) }));
  const { status, body, text } = await call('/v1/entities');
  t.equal(status, 500);
  t.match(body, { code: 'api.internal', id: /^[0-9a-f-]{36}$/ });
  t.notMatch(text, /hunter2|at .*\.ts/);
  t.match(log, [{ level: 'error', fields: { id: body['id'], path: '/v1/entities', error: { message: /hunter2/ } } }]);
});

t.test('a database that is away is a 503 that says when to ask again', async (t) => {
  const away = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
  const { call } = await startApi(t, fakeOperations({ runs: () => Promise.reject(away) }));
  t.match(await call('/v1/runs'), { status: 503, headers: { 'retry-after': '5' }, body: { code: 'api.database_unavailable' } });
});

t.test('who sends slowly, or what is no HTTP, is cut off with a problem', async (t) => {
  const { url } = await startApi(t, fakeOperations(), { timeouts: { headers: 40, request: 80, interval: 10 } });
  const say = (text: string): Promise<string> => new Promise((resolve, reject) => {
    let heard = '';
    const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.write(text));
    socket.on('data', (part) => (heard += String(part))).on('close', () => resolve(heard)).on('error', reject);
  });
  t.match(await say('GET / HTTP/1.1\r\nHost: lo'), /^HTTP\/1\.1 408 [\s\S]*api\.slow/);
  t.match(await say('POST /v1/runs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{'), /^HTTP\/1\.1 408 [\s\S]*api\.slow/);
  t.match(await say('hello\r\n\r\n'), /^HTTP\/1\.1 400 [\s\S]*api\.bad_request/);
  t.match(await say(`GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`), /^HTTP\/1\.1 431 [\s\S]*api\.headers_too_large/);
});

t.test('where others could reach it, it does not start before there is a token that is good', async (t) => {
  const make = (usable: number) => createApi({ operations: fakeOperations({ access: fakeAccess({ standing: async () => ({ made: 1, usable }) }) }), log: silentLogger, version: '1', host: '0.0.0.0', port: 0 });
  await t.rejects(make(0).start(), { code: 'api.not_open', suggestion: /tds token create/ });
  const api = make(1);
  t.match(await api.start(), { url: /^http:\/\/0\.0\.0\.0:\d+$/, open: false });
  await api.stop();
});

t.test('a taken port is told with the cure', async (t) => {
  const { url } = await startApi(t);
  const second = createApi({ operations: fakeOperations(), log: silentLogger, version: '1', host: '127.0.0.1', port: Number(new URL(url).port) });
  await t.rejects(second.start(), { code: 'api.port_taken', suggestion: /TDS_PORT/ });
  await second.stop();
});

t.test('stop lets an answer that is under way end, cuts off one that does not, and may be called twice', async (t) => {
  const asked = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const operations = fakeOperations({ async nodes() {
    asked.resolve();
    await release.promise;
    return [];
  } });
  const { call, stop } = await startApi(t, operations, { graceMs: 5000 });
  const answer = call('/v1/nodes');
  await asked.promise;
  const stopped = stop();
  release.resolve();
  t.equal((await answer).status, 200);
  await stopped;
  await stop();

  const stuck = Promise.withResolvers<void>();
  const other = await startApi(t, fakeOperations({ nodes: () => (stuck.resolve(), new Promise(() => {})) }), { graceMs: 10 });
  const lost = t.rejects(other.call('/v1/nodes'));
  await stuck.promise;
  await other.stop();
  await lost;
});

t.test('stop waits for nobody who asks on and on by one connection: it ends with the answers that are under way', async (t) => {
  const begun = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const { url, stop } = await startApi(t, fakeOperations({ async nodes() {
    begun.resolve();
    await release.promise;
    return [];
  } }), { graceMs: 600_000 });
  let answers = 0;
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ask = (): Promise<void> => new Promise((resolve, reject) => void get(`${url}/v1/nodes`, { agent }, (answer) => void answer.resume().once('end', () => (answers += 1, resolve()))).once('error', reject));
  const asking = (async () => {
    for (;;) await ask();
  })().catch(() => undefined); // nobody listens any more
  await begun.promise;
  const stopped = stop();
  release.resolve();
  await stopped;
  await asking;
  t.ok(answers > 0);
});
