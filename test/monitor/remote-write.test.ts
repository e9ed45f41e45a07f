import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRequire } from 'node:module';
import { deserialize } from 'prometheus-remote-write';
import t from 'tap';
import { createMetrics } from '../../core/monitor/metrics/index.ts';
import { RemoteWrite } from '../../core/monitor/remote-write.ts';
import { collectingLog } from '../queue/support.ts';
import { TestClock } from '../support/clock.ts';

const { uncompress } = createRequire(import.meta.url)('snappyjs') as { uncompress(bytes: Uint8Array): Uint8Array };

interface Push { at: number; labels: Record<string, string>[]; headers: IncomingMessage['headers'] }

/** A receiver that answers what the test says, and keeps what it took. */
async function receiver(t: { teardown(action: () => unknown): unknown }): Promise<{ url: string; pushes: Push[]; status: number | 'hang up' }> {
  const state = { url: '', pushes: [] as Push[], status: 204 as number | 'hang up' };
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (state.status === 'hang up') return void request.socket.destroy();
    const { timeseries } = await deserialize(uncompress(Buffer.concat(chunks)) as unknown as ArrayBufferLike) as unknown as { timeseries: { labels: { name: string; value: string }[]; samples: { timestamp: unknown }[] }[] };
    if (state.status < 300) {
      state.pushes.push({ at: Number(timeseries[0]?.samples[0]?.timestamp), labels: timeseries.map(({ labels }) => Object.fromEntries(labels.map(({ name, value }) => [name, value]))), headers: request.headers });
    }
    response.writeHead(state.status).end(state.status < 300 ? '' : 'out of order');
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  state.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v1/write`;
  return state;
}

function writer(url: string, buffer = 1000): { push: RemoteWrite; clock: TestClock; log: ReturnType<typeof collectingLog>; outcomes(): Promise<Record<string, number>> } {
  const { registry, writes, runs } = createMetrics();
  runs.saved('products', { new: 5, changed: 2 });
  const clock = new TestClock();
  const log = collectingLog();
  const push = new RemoteWrite({ options: { url, every: 15_000, timeout: 5_000, headers: { Authorization: 'Bearer s3cret' }, labels: { instance: 'erp-1' }, buffer }, registry: { samples: () => registry.samples(new Set(['tds_run_records_total'])) }, metrics: writes, clock, log });
  return { push, clock, log, outcomes: async () => Object.fromEntries((await registry.samples(new Set(['tds_remote_write_samples_total']))).map(({ labels, value }) => [labels['outcome'], value])) };
}

t.test('what is scraped is pushed too, with the labels and headers of the config', async (t) => {
  const remote = await receiver(t);
  const { push, clock, outcomes } = writer(remote.url);
  push.start();
  await clock.untilPending();
  await clock.advance(15_000);
  await clock.untilPending();
  await push.stop();
  t.equal(remote.pushes.length, 3, 'at the start, after 15 s, and at the stop');
  t.same(remote.pushes[0]?.labels, [{ __name__: 'tds_run_records_total', entity: 'products', instance: 'erp-1', outcome: 'new' }, { __name__: 'tds_run_records_total', entity: 'products', instance: 'erp-1', outcome: 'changed' }]);
  t.same(Object.keys(remote.pushes[0]?.labels[0] ?? {}), ['__name__', 'entity', 'instance', 'outcome'], 'labels are sorted, as the protocol asks');
  t.match(remote.pushes[0]?.headers, { authorization: 'Bearer s3cret', 'content-encoding': 'snappy', 'content-type': 'application/x-protobuf' });
  t.equal((remote.pushes[1]?.at ?? 0) - (remote.pushes[0]?.at ?? 0), 15_000);
  t.same(await outcomes(), { sent: 6 });
});

t.test('while the receiver is away the newest samples are kept, and come in their order when it is back', async (t) => {
  const remote = await receiver(t);
  const { push, clock, log, outcomes } = writer(remote.url, 6);
  for (const status of ['hang up', 503, 429, 'hang up', 500] as const) {
    remote.status = status;
    await push.tick();
    await clock.advance(15_000);
  }
  t.equal(push.waiting, 6, 'no more than the buffer takes');
  t.equal(log.lines.filter((line) => line.includes('is away')).length, 1, 'told once');
  remote.status = 204;
  await push.tick();
  t.equal(push.waiting, 0);
  const times = remote.pushes.map(({ at }) => at);
  t.same(times, times.toSorted((a, b) => a - b));
  t.same(await outcomes(), { dropped: 6, sent: 6 });
  t.equal(log.lines.filter((line) => line.includes('metrics is back')).length, 1);
  t.notMatch(log.lines.join('\n'), /s3cret/);
});

t.test('what the receiver refuses for good is given up, and counted', async (t) => {
  const remote = await receiver(t);
  const { push, log, outcomes } = writer(remote.url);
  remote.status = 400;
  await push.tick();
  t.equal(push.waiting, 0);
  t.same(await outcomes(), { dropped: 2 });
  t.match(log.lines.join('\n'), /refused a push.*out of order/);
});

t.test('a receiver that takes a push and never answers does not hold up a stop', async (t) => {
  const asked = Promise.withResolvers<void>();
  const server = createServer(() => asked.resolve());
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const { push, clock } = writer(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  push.start();
  await asked.promise;
  const stopped = push.stop();
  await clock.untilPending();
  await clock.advance(2_000);
  await stopped;
  t.pass('it stopped');
});
