import { subscribe } from 'node:diagnostics_channel';
import { get, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import t from 'tap';
import { fakeOperations, fakeRun } from './fake-operations.ts';
import { realAccess } from './real-access.ts';
import { startApi } from './support.ts';

/** Opens a stream; `next` resolves with its next event, `over` when it has ended. */
async function open(url: string, headers: Record<string, string> = {}) {
  const outgoing = get(`${url}/v1/runs/1/events`, { headers, agent: false });
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  incoming.setEncoding('utf8').on('error', () => {});
  outgoing.on('error', () => {});
  const parts = incoming[Symbol.asyncIterator]() as AsyncIterator<string>;
  let text = '';
  return {
    incoming,
    async next(): Promise<{ event: string; data: Record<string, unknown> } | undefined> {
      for (;;) {
        const [event, ...rest] = text.split('\n\n');
        if (event !== undefined && rest.length > 0) {
          text = rest.join('\n\n');
          const [, name = '', data = ''] = /^event: (\w+)\ndata: (.*)$/.exec(event) ?? [];
          return { event: name, data: JSON.parse(data) as Record<string, unknown> };
        }
        const part = await parts.next().catch(() => ({ done: true, value: '' }));
        if (part.done === true) return undefined;
        text += part.value;
      }
    },
    hangUp: () => outgoing.destroy(),
  };
}

t.test('a run is told as it is, at each change, and with its end', async (t) => {
  const run = fakeRun({ status: 'queued' });
  const { url, call } = await startApi(t, fakeOperations({}, [run]));
  const stream = await open(url);
  t.match(stream.incoming.headers, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store' });
  t.match(await stream.next(), { event: 'run', data: { id: '1', status: 'queued' } });
  Object.assign(run, { status: 'running', read: 500 });
  t.match(await stream.next(), { event: 'run', data: { status: 'running', read: 500 } });
  Object.assign(run, { status: 'succeeded', endedAt: new Date() });
  t.match(await stream.next(), { event: 'end', data: { status: 'succeeded' } });
  t.equal(await stream.next(), undefined, 'then it is over');
  t.match(await (await open(url)).next(), { event: 'end' }, 'of a run that has ended already there is the end alone');
  t.match(await call('/v1/runs/9/events'), { status: 404, body: { code: 'operation.unknown_run' } });
});

t.test('a stream ends when its caller may read no more, hangs up, or the API stops', async (t) => {
  const real = await realAccess(t);
  let looks = 0;
  real.operations.run = async () => fakeRun({ status: 'running', read: (looks += 1) });
  const { url, stop } = await startApi(t, real.operations);
  const [gone, stays] = [await real.token('read'), await real.token('read')];
  const [one, two, three] = [await open(url, { Authorization: `Bearer ${gone}` }), await open(url, { Authorization: `Bearer ${stays}` }), await open(url, { Authorization: `Bearer ${stays}` })];
  for (const stream of [one, two, three]) t.match(await stream.next(), { event: 'run' });
  await real.operations.access.revokeToken(gone.slice(4, 16), 'test');
  while (await one.next() !== undefined); // the run goes on, and so do the streams of others
  three.hangUp();
  const stopped = stop();
  while (await two.next() !== undefined);
  await stopped;
});

t.test('who hangs up while it is asked who it is takes no place of a live view', async (t) => {
  const real = await realAccess(t);
  const token = await real.token('read');
  const [asked, gone] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const { identify } = real.operations.access;
  real.operations.access.identify = async (secret) => {
    asked.resolve();
    await gone.promise;
    return identify(secret);
  };
  real.operations.run = async () => fakeRun({ status: 'running' });
  const { url, call } = await startApi(t, real.operations, { mostStreams: 1 });
  const answered = new Promise<ServerResponse>((resolve) => { subscribe('http.server.request.start', (event) => resolve((event as { response: ServerResponse }).response)); });
  const outgoing = get(`${url}/v1/runs/1/events`, { headers: { Authorization: `Bearer ${token}` }, agent: false });
  outgoing.on('error', () => {});
  await asked.promise;
  const seen = once(await answered, 'close');
  outgoing.destroy();
  await seen;
  gone.resolve();
  await call({ path: '/v1/runs', headers: { Authorization: `Bearer ${token}` } });
  const stream = await open(url, { Authorization: `Bearer ${token}` });
  t.match(await stream.next(), { event: 'run' });
  stream.hangUp();
});

t.test('live views are bounded in number', async (t) => {
  const { url, call } = await startApi(t, fakeOperations({}, [fakeRun({ status: 'running' })]), { mostStreams: 2 });
  const streams = [await open(url), await open(url)];
  for (const stream of streams) await stream.next();
  t.match(await call('/v1/runs/1/events'), { status: 503, body: { code: 'api.too_many_streams' } });
  for (const stream of streams) stream.hangUp();
});
