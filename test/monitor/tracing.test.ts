/** The spans of a run, as a receiver of OTLP over HTTP gets them from a whole node. */
import { spawnSync } from 'node:child_process';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { templateOf } from '../../core/connection/call-span.ts';
import { createMetrics, type MetricSample } from '../../core/monitor/metrics/index.ts';
import { noTracing, openTracing } from '../../core/monitor/tracing.ts';
import { traced } from '../../core/monitor/trace.ts';
import { collectingLog } from '../queue/support.ts';
import { TestClock } from '../support/clock.ts';
import { until } from '../support/processes.ts';
import { openShop, shopConnections } from '../support/shop.ts';

type Value = { stringValue?: string; intValue?: number | string; doubleValue?: number; boolValue?: boolean };
interface Attribute { key: string; value: Value }
interface RawSpan { traceId: string; spanId: string; parentSpanId?: string; name: string; kind: number; startTimeUnixNano: string; endTimeUnixNano: string; attributes: Attribute[]; status?: { code?: number; message?: string }; events?: unknown[] }
interface Export { resourceSpans: { resource: { attributes: Attribute[] }; scopeSpans: { spans: RawSpan[] }[] }[] }
interface Seen extends Omit<RawSpan, 'attributes'> { facts: Record<string, string | number | boolean | undefined>; resource: Record<string, unknown> }

const plain = (attributes: Attribute[]): Record<string, string | number | boolean | undefined> => Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue ?? value.boolValue ?? value.doubleValue ?? Number(value.intValue)]));

/** Keeps what it is sent, and answers what the test says. */
async function receiver(t: { teardown(action: () => unknown): unknown }): Promise<{ url: string; spans: Seen[]; texts: string[]; headers: IncomingHttpHeaders[]; status: number }> {
  const state = { url: '', spans: [] as Seen[], texts: [] as string[], headers: [] as IncomingHttpHeaders[], status: 200 };
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString('utf8');
    if (state.status === 200 && request.method === 'POST' && request.url === '/v1/traces') {
      state.texts.push(text);
      state.headers.push(request.headers);
      for (const { resource, scopeSpans } of (JSON.parse(text) as Export).resourceSpans) {
        for (const span of scopeSpans.flatMap(({ spans }) => spans)) state.spans.push({ ...span, facts: plain(span.attributes), resource: plain(resource.attributes) });
      }
    }
    response.writeHead(state.status, { 'content-type': 'application/json' }).end('{}');
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  state.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces`;
  return state;
}

const entities = `
entities:
  products:
    from: { connection: inventory, stream: items }
    to: { connection: erp, table: products }
    key: item_id
    fields: { item_id: item_id, name: name }
  gone:
    from: { connection: inventory, stream: custom, with: { path: nowhere/at/all, recordKey: none, idField: id } }
    to: { connection: erp, table: gone }
    key: id
    fields: { id: id }
`;

t.test('a run is told as a tree: pages with the calls that brought them, what was mapped, and what was applied', async (t) => {
  const there = await receiver(t);
  const shop = await openShop(t, { config: `${shopConnections}tracing: { url: "${there.url}", headers: { Authorization: "Bearer otlp-canary-token" } }\n${entities}` });
  const [products, gone] = await shop.sync(['products', 'gone']);
  await shop.runtime.stop(); // what waits is sent before the end
  const runOf = (entity: string): Seen => there.spans.find(({ name, facts }) => name === 'run' && facts['tds.entity'] === entity) as Seen;
  const below = (span: Seen): Seen[] => there.spans.filter(({ parentSpanId }) => parentSpanId === span.spanId);

  const run = runOf('products');
  t.match(run.facts, { 'tds.run': products?.id, 'tds.entity': 'products', 'tds.connection': 'inventory', 'tds.stream': 'items', 'tds.mode': 'full', 'tds.attempt': 1 });
  t.match(run.resource, { 'service.name': 'tds', 'service.version': /^\d/, 'service.instance.id': shop.runtime.nodeId });
  t.notOk(run.parentSpanId, 'it is the root of its trace');
  const trace = there.spans.filter(({ traceId }) => traceId === run.traceId);
  const named = (name: string): Seen[] => below(run).filter((span) => span.name === name);
  const sum = (spans: readonly Seen[], fact: string): number => spans.reduce((all, { facts }) => all + Number(facts[fact] ?? 0), 0);
  t.equal(named('page').length, products?.pages);
  t.equal(sum(named('page'), 'tds.records'), products?.read, 'the pages hold what the run has read');
  t.equal(sum(named('map'), 'tds.records'), products?.read);
  t.equal(sum(named('apply'), 'tds.records.new'), products?.new);
  t.match(named('apply')[0]?.facts, { 'tds.entity': 'products', 'tds.via': 'full' });
  const calls = trace.filter(({ name }) => name === 'remote call');
  t.equal(calls.length, products?.calls, 'each call has its span');
  t.ok(named('page').every((page) => below(page).some(({ name }) => name === 'remote call')), 'each page has the calls that brought it');
  t.match(calls.find(({ facts }) => String(facts['url.template']).endsWith('/items')), { kind: 3, facts: { 'tds.connection': 'inventory', 'http.request.method': 'GET', 'server.address': '127.0.0.1', 'http.response.status_code': 200 } });
  for (const span of trace) t.ok(BigInt(span.startTimeUnixNano) >= BigInt(run.startTimeUnixNano) && BigInt(span.endTimeUnixNano) <= BigInt(run.endTimeUnixNano), `${span.name} lies within its run`);

  t.not(runOf('gone').traceId, run.traceId, 'another run is another trace');
  t.equal(gone?.status, 'failed');
  t.match(runOf('gone'), { status: { code: 2 }, facts: { 'error.type': gone?.code } }, 'a failure is told by its code');

  const all = there.texts.join('\n');
  const { clientId, clientSecret, refreshToken, organizationId } = shop.sandbox.credentials;
  for (const secret of [clientId, clientSecret, refreshToken, organizationId, 'otlp-canary-token']) t.notMatch(all, secret, 'no secret is told');
  const rows = await shop.rows('SELECT item_id, name FROM erp.products LIMIT 50');
  t.ok(rows.length > 20);
  t.same(rows.filter(({ item_id: id, name }) => all.includes(String(id)) || all.includes(JSON.stringify(name))), [], 'nor any value of a record');
  t.ok(there.spans.every(({ status, events }) => (status?.message ?? '') === '' && (events ?? []).length === 0), 'nor the words of an error, which may hold one');
  t.equal(there.headers[0]?.authorization, 'Bearer otlp-canary-token');
  t.match(await shop.runtime.operations.metrics().then(({ text }) => text), `tds_trace_spans_total{outcome="sent"} ${there.spans.length}`);
});

t.test('a receiver that is away costs spans, which are counted and told once, and never a run', async (t) => {
  const there = await receiver(t);
  there.status = 403;
  const log = collectingLog();
  const metrics = createMetrics();
  const options = { url: there.url, headers: {}, share: 1, timeout: 2_000 };
  const deps = { options, metrics: metrics.traces, clock: new TestClock(), log, redact: (text: string) => text, version: '1', nodeId: 'n' };
  const tracing = await openTracing(deps);
  t.equal(await tracing.run({}, async () => 'done'), 'done');
  await t.rejects(tracing.run({}, async () => { throw new RangeError('a value of a record'); }), RangeError);
  const spans = async (): Promise<MetricSample[]> => metrics.registry.samples(new Set(['tds_trace_spans_total']));
  await tracing.stop();
  await until('they are given up', async () => (await spans()).length > 0);
  t.same(await spans(), [{ name: 'tds_trace_spans_total', labels: { outcome: 'failed' }, value: 2 }]);
  t.match(log.lines.filter((line) => line.includes('receiver of the traces')), [/^warn the receiver of the traces is away/]);
  await tracing.stop();
  t.pass('a second stop does nothing');

  there.status = 200;
  const none = await openTracing({ ...deps, options: { ...options, share: 0 } });
  await none.run({}, async () => traced('page', () => ({}), async () => undefined));
  await none.stop();
  t.equal(there.spans.length, 0, 'what is not sampled is not sent');
});

t.test('more spans than may wait are dropped and counted', async (t) => {
  const there = await receiver(t);
  const metrics = createMetrics();
  const tracing = await openTracing({ options: { url: there.url, headers: {}, share: 1, timeout: 5_000 }, metrics: metrics.traces, clock: new TestClock(), log: collectingLog(), redact: (text) => text, version: '1', nodeId: 'n' });
  await tracing.run({}, async () => { for (let span = 0; span < 10_000; span++) await traced('map', () => ({}), async () => undefined); });
  const { value } = (await metrics.registry.samples(new Set(['tds_trace_spans_total']))).find(({ labels }) => labels['outcome'] === 'dropped') as MetricSample;
  t.ok(value > 0 && value <= 10_001 - 8192, `${value} were dropped`);
  await tracing.stop();
});

t.test('a start without an address loads nothing of OpenTelemetry, and spans cost nothing there', async (t) => {
  const main = new URL('../../core/main.ts', import.meta.url).href;
  const program = `
    import { registerHooks } from 'node:module';
    const loaded = [];
    registerHooks({ load(url, context, next) { if (/opentelemetry.(?!api)/.test(url)) loaded.push(url); return next(url, context); } });
    const { loadProject } = await import(${JSON.stringify(main)});
    const { openTracing } = await import(${JSON.stringify(new URL('../../core/monitor/tracing.ts', import.meta.url).href)});
    await openTracing({ options: { url: '' } });
    const before = loaded.length;
    await openTracing({ options: { url: 'http://127.0.0.1:9/v1/traces', headers: {}, share: 1, timeout: 1000 }, version: '1', nodeId: 'n', clock: {}, log: {} });
    console.log(JSON.stringify({ before, after: loaded.length > 0, known: typeof loadProject }));
    process.exit(0);`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
  t.same(JSON.parse(stdout || `"${stderr}"`), { before: 0, after: true, known: 'function' });
  t.equal(await noTracing.run({}, async () => traced('page', () => t.fail('the facts of a span that nobody wants are not asked for') as never, async () => 7)), 7);
});

t.test('of an address only plain words are told', async (t) => {
  t.equal(templateOf('/books/v3/invoices/982000000567114?organization_id=1'), '/books/v3/invoices/{id}');
  t.equal(templateOf('/services/T0ABC/XyZ/secretToken'), '/services/{id}/{id}/{id}');
  t.equal(templateOf('/inventory/v1/items'), '/inventory/v1/items');
});
