import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import type { ServerResponse } from 'node:http';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { t } from 'tap';
import { countCalls, withCallContext } from '../../core/connection/context.ts';
import { RetryLaterError, TokenRejectedError, AccessDeniedError, type HttpResponse } from '../../core/sdk/index.ts';
import { connect, inTurn, remote, reply, signal } from './support.ts';

const noRetry = { retry: { attempts: 1 } };

t.test('a call carries its query, headers and credentials, and answers with body and times', async (t) => {
  const { url, requests } = await remote(t, reply(200, { code: 0, id: 1 }, { 'X-One': 'a' }));
  const { http, clock } = connect(t);
  const response = await http.send({
    url: `${url}/items`, query: { 'a': 'x y+z', 'page': 2, 'active': true, 'none': undefined, 'name': 'تمر&=' }, headers: { 'X-Two': 'b' },
    authorize: async () => ({ Authorization: 'Zoho-oauthtoken abc' }),
  });
  t.equal(requests[0]!.url, `/items?a=x%20y%2Bz&page=2&active=true&name=${encodeURIComponent('تمر&=')}`);
  t.equal(requests[0]!.headers['x-two'], 'b');
  t.equal(requests[0]!.headers.authorization, 'Zoho-oauthtoken abc');
  t.strictSame(response.json(), { code: 0, id: 1 });
  t.equal(response.json(), response.json(), 'the body is parsed once');
  t.equal(response.headers['x-one'], 'a');
  t.strictSame(response.sentAt, clock.now());
});

t.test('a form and a JSON body arrive as such', async (t) => {
  const bodies: string[] = [];
  const { url, requests } = await remote(t, async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    bodies.push(body);
    reply(200)(request, response);
  });
  const { http } = connect(t);
  await http.send({ method: 'POST', url, form: { grant_type: 'refresh_token', secret: 'a+b c&d' } });
  await http.send({ method: 'PUT', url, json: { name: 'تمر', list: [1, null] } });
  t.strictSame(bodies, ['grant_type=refresh_token&secret=a%2Bb%20c%26d', '{"name":"تمر","list":[1,null]}']);
  t.equal(requests[0]!.headers['content-type'], 'application/x-www-form-urlencoded');
  t.equal(requests[1]!.headers['content-type'], 'application/json');
  await t.rejects(http.send({ method: 'POST', url, form: {}, json: {} }), { code: 'http.bad_request' });
  await t.rejects(http.send({ url: 'ftp://example.com' }), { code: 'http.bad_request' });
  await t.rejects(http.send({ url: 'http://user:pw@example.com' }), { code: 'http.bad_request' });
  await t.rejects(http.send({ url, headers: { 'bad header': 'x' } }), { code: 'http.bad_request' }, 'not a crash');
});

t.test('compressed bodies are unpacked, whatever the way', async (t) => {
  const text = JSON.stringify({ name: 'تمر '.repeat(1000) });
  for (const [encoding, data] of [['gzip', gzipSync(text)], ['br', brotliCompressSync(text)], ['deflate', deflateSync(text)], ['deflate', deflateRawSync(text)], ['identity', Buffer.from(text)]] as const) {
    const { url } = await remote(t, reply(200, data, { 'content-encoding': encoding }));
    t.equal((await connect(t).http.send({ url })).text, text, encoding);
  }
  const { url } = await remote(t, inTurn(reply(200, gzipSync(text).subarray(0, 60), { 'content-encoding': 'gzip' }), reply(200, 'xx', { 'content-encoding': 'gzip' }), reply(200, 'xx', { 'content-encoding': 'snappy' })));
  const { http } = connect(t, noRetry);
  await t.rejects(http.send({ url }), { code: 'http.body_cut' });
  await t.rejects(http.send({ url }), { code: 'http.bad_encoding' });
  await t.rejects(http.send({ url }), { code: 'http.bad_encoding', name: 'PermanentError' });
});

t.test('connections are kept and used again, one request at a time on each', async (t) => {
  const ports = new Set<number>();
  const { url } = await remote(t, (request, response) => {
    ports.add(request.socket.remotePort!);
    reply(200)(request, response);
  });
  const { http } = connect(t);
  for (let count = 0; count < 20; count++) await http.send({ url });
  // A call right after another may find the first socket not yet put back.
  t.ok(ports.size <= 2, `${ports.size} sockets for 20 calls`);
});

t.test('a body larger than maxBody ends the call for good, said or unsaid, packed or not', async (t) => {
  const { url } = await remote(t, inTurn(
    reply(200, 'x'.repeat(2000)),
    (_request, response) => void response.write('y'.repeat(1000), () => response.end('y'.repeat(1000))),
    reply(200, gzipSync('z'.repeat(1_000_000)), { 'content-encoding': 'gzip' }),
  ));
  const { http } = connect(t, { maxBody: 1500 });
  for (let count = 0; count < 3; count++) await t.rejects(http.send({ url }), { code: 'http.too_large', name: 'PermanentError' });
});

t.test('each part of a call has its time, and a dripping body gets no more than its own', async (t) => {
  const arrived = signal();
  const { url } = await remote(t, () => arrived.resolve());
  const hanging = connect(t, { ...noRetry, timeout: { headers: 30_000 } });
  const call = hanging.http.send({ url });
  await arrived.promise;
  const [result] = await Promise.all([t.rejects(call, { code: 'http.timeout', name: 'RetryLaterError' }), hanging.clock.advance(30_000)]);
  void result;

  const headersHere = signal<ServerResponse>();
  const dripping = await remote(t, (_request, response) => {
    response.writeHead(200);
    response.write('{');
    headersHere.resolve(response);
  });
  const slow = connect(t, { ...noRetry, limits: { concurrent: 1 }, timeout: { headers: 30_000, body: 60_000 } });
  const second = slow.http.send({ url: dripping.url });
  const response = await headersHere.promise;
  await slow.clock.untilDueWithin(60_000);
  for (let count = 0; count < 5; count++) {
    await slow.clock.advance(10_000);
    response.write(' ');
  }
  t.equal(slow.status().inFlight, 1);
  await Promise.all([t.rejects(second, { code: 'http.timeout' }), slow.clock.advance(60_000)]);
  t.equal(slow.status().inFlight, 0, 'its slot is free');
});

t.test('a call that hangs before it is sent ends by its total time', async (t) => {
  const server = createServer(() => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { http, clock } = connect(t, { ...noRetry, timeout: { total: 5_000 } });
  // TLS never comes to stand on a server that says nothing.
  const call = http.send({ url: `https://127.0.0.1:${(server.address() as AddressInfo).port}/` });
  const [socket] = (await once(server, 'connection')) as [Socket];
  await Promise.all([t.rejects(call, { code: 'http.timeout' }), clock.advance(5_000)]);
  socket.destroy();
});

t.test('what the network does to a call has a code', async (t) => {
  const { http } = connect(t, noRetry);
  const { url } = await remote(t, inTurn(
    (request) => request.socket.resetAndDestroy(),
    (request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{"items":[', () => request.socket.destroy());
    },
    (request, response) => void response.write('{"chunked":', () => request.socket.resetAndDestroy()),
  ));
  await t.rejects(http.send({ url }), { code: 'http.network', name: 'RetryLaterError' });
  await t.rejects(http.send({ url }), { code: 'http.body_cut', name: 'RetryLaterError' });
  await t.rejects(http.send({ url }), { code: 'http.body_cut' });
  const gone = createServer();
  gone.listen(0, '127.0.0.1');
  await once(gone, 'listening');
  const { port } = gone.address() as AddressInfo;
  gone.close();
  await once(gone, 'close');
  await t.rejects(http.send({ url: `http://127.0.0.1:${port}` }), { code: 'http.network' });
});

t.test('an HTML page where JSON should be is tried again, and is an error with its beginning at last', async (t) => {
  const html = reply(200, '<html>maintenance</html>', { 'content-type': 'text/html' });
  const { url, requests } = await remote(t, inTurn(html, reply(200, { ok: 1 }), html));
  const { http, run } = connect(t);
  const inspect = (response: HttpResponse): void => void response.json();
  t.strictSame((await run(http.send({ url, inspect }))).json(), { ok: 1 });
  t.equal(requests.length, 2);
  await t.rejects(run(http.send({ url, inspect })), { code: 'http.not_json', details: { begins: '<html>maintenance</html>' } });
  t.equal(requests.length, 5);
});

t.test('without inspect the status decides', async (t) => {
  for (const [status, name, calls] of [[500, 'RetryLaterError', 3], [503, 'RetryLaterError', 3], [401, 'TokenRejectedError', 1], [403, 'PermanentError', 1], [404, 'PermanentError', 1]] as const) {
    const { url, requests } = await remote(t, reply(status));
    const { http, run } = connect(t);
    await t.rejects(run(http.send({ url })), { name });
    t.equal(requests.length, calls, String(status));
  }
});

t.test('a redirect within the host is followed; elsewhere the credentials do not go', async (t) => {
  const other = await remote(t, reply(200, { stolen: true }));
  const { url, requests } = await remote(t, inTurn(reply(302, '', { location: '/moved?x=1' }), reply(200, { here: true }), reply(307, '', { location: `${other.url}/x` }), reply(302, '', { location: '/again' })));
  const { http } = connect(t);
  t.strictSame((await http.send({ url })).json(), { here: true });
  t.equal(requests[1]!.url, '/moved?x=1');
  await t.rejects(http.send({ url, headers: { authorization: 'x' } }), { code: 'http.redirect' });
  t.equal(other.requests.length, 0);
  await t.rejects(http.send({ url }), { code: 'http.redirect' }, 'a circle ends');
});

t.test('a refused token is renewed and the call sent once more, not twice', async (t) => {
  const { url, requests } = await remote(t, inTurn(reply(401), reply(200, { ok: 1 }), reply(401)));
  const { http } = connect(t);
  let token = 0;
  const request = { url, authorize: async () => ({ authorization: `t${token}` }), onTokenRejected: async () => void token++ };
  t.strictSame((await http.send(request)).json(), { ok: 1 });
  t.strictSame(requests.map(({ headers }) => headers.authorization), ['t0', 't1']);
  await t.rejects(http.send(request), AccessDeniedError);
  t.equal(token, 2);
  t.equal(requests.length, 4);
  await t.rejects(http.send({ url }), TokenRejectedError, 'as it is where nobody can renew it');
});

t.test('a sign-in that is down is asked once for each attempt of the call that needs it, and opens the breaker', async (t) => {
  let down = true;
  const signIn = await remote(t, (request, response) => reply(down ? 500 : 200, { token: 'good' })(request, response));
  const { url, requests } = await remote(t, reply(200));
  const connection = connect(t, { breaker: { failures: 5 } });
  const call = (): Promise<HttpResponse> => connection.http.send({ url, authorize: async () => {
    const token = await connection.tokens.get('access', async () => {
      const answer = (await connection.http.send({ method: 'POST', url: signIn.url, form: {}, counted: false })).json() as { token: string };
      return { value: answer.token, expiresAt: new Date(connection.clock.now().getTime() + 3_600_000) };
    });
    return { authorization: token.value };
  } });
  await t.rejects(connection.run(call()), { code: 'http.server_error' });
  t.equal(signIn.requests.length, 3);
  await t.rejects(connection.run(call()), { code: 'connection.paused' });
  t.equal(signIn.requests.length, 5);
  down = false;
  await connection.clock.advance(60_000);
  await Promise.all([call(), call()]);
  t.equal(signIn.requests.length, 6);
  t.equal(requests.length, 2);
  t.equal(connection.status().callsLastMinute, 2);
});

t.test('what a plugin throws that is none of the SDK is a permanent error with the cause', async (t) => {
  const { url, requests } = await remote(t, reply(200));
  const { http } = connect(t);
  const fault = new TypeError('x is undefined');
  const error = await http.send({ url, inspect() { throw fault; } }).catch((error: unknown) => error);
  t.match(error, { code: 'plugin.threw', cause: fault, name: 'PermanentError' });
  t.equal(requests.length, 1);
});

t.test('a signal ends a call at any point, with its own reason', async (t) => {
  const arrived = signal();
  const { url } = await remote(t, () => arrived.resolve());
  const connection = connect(t, { limits: { concurrent: 1 } });
  const [first, second] = [new AbortController(), new AbortController()];
  const hanging = connection.http.send({ url, signal: first.signal });
  await arrived.promise;
  const waiting = connection.http.send({ url, signal: second.signal });
  second.abort(new Error('not needed'));
  await t.rejects(waiting, { message: 'not needed' });
  first.abort(new Error('run cancelled'));
  await t.rejects(hanging, { message: 'run cancelled' });
  await t.rejects(connection.http.send({ url, signal: AbortSignal.abort(new Error('too late')) }), { message: 'too late' });
  t.equal(connection.status().inFlight, 0);
});

t.test('calls and bytes are counted for the context they are made in, and those around it', async (t) => {
  const { url } = await remote(t, inTurn(reply(500), reply(200, 'x'.repeat(100))));
  const { http, run } = connect(t);
  await withCallContext({ entity: 'products', purpose: 'full' }, async () => {
    await run(http.send({ url, inspect() {} }));
    t.strictSame(countCalls(), { calls: 1, bytes: 2 });
    await withCallContext({ entity: 'products', purpose: 'details' }, async () => {
      await Promise.all([http.send({ url }), http.send({ url })]);
      t.strictSame(countCalls(), { calls: 2, bytes: 200 });
    });
    t.strictSame(countCalls(), { calls: 3, bytes: 202 });
  });
  t.strictSame(countCalls(), { calls: 0, bytes: 0 });
});

t.test('closing ends calls under way and waiting ones, and may be done twice', async (t) => {
  const arrived = signal();
  const { url } = await remote(t, () => arrived.resolve());
  const connection = connect(t, { limits: { concurrent: 1 } });
  const calls = [connection.http.send({ url }), connection.http.send({ url })];
  await arrived.promise;
  const ends = Promise.all(calls.map((call) => t.rejects(call, RetryLaterError)));
  await connection.close();
  await ends;
  await connection.close();
  await t.rejects(connection.http.send({ url }), { code: 'connection.closed' });
});
