import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import t from 'tap';
import { createApi } from '../../core/api/index.ts';
import { quotaForecast } from '../../core/monitor/metrics/connections.ts';
import { createMetrics, type MetricSample } from '../../core/monitor/metrics/index.ts';
import { silentLogger } from '../../core/monitor/log.ts';
import { openShop, shopConnections } from '../support/shop.ts';

// without alerts nobody has read the figures of the database before the scrape does
const entities = `
alerts: { enabled: false }
entities:
  products:
    from: { connection: inventory, stream: items }
    to: { connection: erp, table: products }
    key: item_id
    fields: { item_id: item_id, name: name, price: { from: rate, type: numeric } }
    checks: [{ field: price, min: 1000000000, onFail: quarantine }]
  currencies:
    from: { connection: books, stream: currencies }
    to: { connection: erp, table: currencies }
    key: currency_id
    fields: { currency_id: currency_id, code: currency_code }
`;

/** Of the text that Prometheus reads. */
function figuresOf(text: string): Map<string, number> {
  return new Map(text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).map((line) => {
    const at = line.lastIndexOf(' ');
    return [line.slice(0, at), Number(line.slice(at + 1))];
  }));
}

t.test('what a node does is counted, and /metrics tells it as Prometheus reads it', async (t) => {
  const shop = await openShop(t, { config: shopConnections + entities });
  const [products, currencies] = await shop.sync(['products', 'currencies']);
  const api = createApi({ operations: shop.runtime.operations, log: silentLogger, version: '1.2.3', host: '127.0.0.1', port: 0 });
  t.teardown(() => api.stop());
  const { url } = await api.start();
  const answer = await fetch(`${url}/metrics`);
  t.match(answer.headers.get('content-type'), /^text\/plain; version=0\.0\.4/);
  const text = await answer.text();
  const value = figuresOf(text);

  await t.test('rows by entity and outcome are those of the runs', async (t) => {
    t.equal(value.get('tds_run_records_total{entity="products",outcome="refused"}'), products?.refused);
    t.equal(value.get('tds_run_records_total{entity="currencies",outcome="new"}'), currencies?.new);
    t.ok((products?.refused ?? 0) > 100 && (currencies?.new ?? 0) > 0);
    t.equal(value.get('tds_runs_total{entity="products",mode="full",state="succeeded"}'), 1);
    t.equal(value.get('tds_run_duration_seconds_count{mode="full"}'), 2);
    t.equal(value.get('tds_events_total{event="run.finished"}'), 2);
  });

  await t.test('each line of the log that a run wrote has its ids', async (t) => {
    const lines = shop.lines.map((line) => JSON.parse(line) as Record<string, unknown>).filter(({ run }) => run === products?.id);
    t.ok(lines.length >= 2, 'it began and ended');
    for (const line of lines) t.match(line, { run: products?.id, job: products?.jobId, task: 'run', entity: 'products', connection: 'inventory' }, String(line['msg']));
  });

  await t.test('calls are those that the remote has seen', async (t) => {
    const calls = [...value].filter(([name]) => name.startsWith('tds_remote_calls_total')).reduce((sum, [, count]) => sum + count, 0);
    t.equal(calls, Number((await shop.rows('SELECT sum(calls) AS calls FROM tds.runs'))[0]?.['calls']));
    t.ok((value.get('tds_remote_call_duration_seconds_sum{connection="inventory"}') ?? 0) > 0);
    t.equal(value.get('tds_connection_breaker_open{connection="inventory"}'), 0);
    t.equal(value.get('tds_quota_limit_calls{connection="inventory"}'), 100_000_000);
    t.notOk([...value.keys()].some((name) => name.includes('connection="erp"')), 'a connection without a remote has none');
  });

  await t.test('what stands in the database is told as it is', async (t) => {
    t.equal(value.get('tds_dead_letters{entity="products",kind="record"}'), products?.refused);
    t.equal(value.get('tds_dead_letters_recent{entity="products",kind="record"}'), products?.refused);
    t.equal(value.get('tds_entity_last_run_failed{entity="products"}'), 0);
    t.ok((value.get('tds_entity_freshness_seconds{entity="currencies"}') ?? -1) >= 0);
    t.equal(value.get('tds_nodes'), 1);
    t.equal(value.get('tds_database_up'), 1);
    t.ok((value.get('tds_database_size_bytes') ?? 0) > 1_000_000);
    t.ok((value.get('tds_token_expires_seconds{account="' + [...value.keys()].find((name) => name.startsWith('tds_token_expires_seconds'))?.split('"')[1] + '"}') ?? 0) > 0);
    t.ok((value.get('tds_jobs_total{task="run",outcome="done"}') ?? 0) >= 2);
  });

  await t.test('the process tells of itself', async (t) => {
    for (const name of ['process_resident_memory_bytes', 'nodejs_heap_size_used_bytes', 'tds_memory_limit_bytes', 'tds_memory_used_ratio', 'process_cpu_seconds_total', 'tds_database_pool_limit_connections']) t.ok((value.get(name) ?? 0) > 0, name);
    for (const name of ['nodejs_eventloop_lag_seconds', 'nodejs_eventloop_lag_max_seconds']) t.ok((value.get(name) ?? -1) >= 0, name);
    t.notOk([...value.values()].some(Number.isNaN), 'every figure is a number');
  });

  await t.test('Prometheus\' own check of names and units finds nothing', async (t) => {
    const check = promisify(execFile)('promtool', ['check', 'metrics']);
    check.child.stdin?.on('error', () => {}).end(text);
    try {
      t.equal((await check).stderr, '');
    } catch (error) {
      const { code, stderr } = error as NodeJS.ErrnoException & { stderr?: string };
      if (code === 'ENOENT' || code === 'EACCES') t.pass('names', { skip: 'promtool is not installed (Debian: prometheus): THE NAMES WERE NOT CHECKED' });
      else t.fail(stderr ?? String(error));
    }
  });
});

t.test('every metric says what it is, in a unit of the convention', async (t) => {
  const { declared } = createMetrics().registry;
  t.ok(declared.length > 40);
  t.equal(new Set(declared.map(({ name }) => name)).size, declared.length);
  for (const { name, help, type, labels } of declared) {
    t.match(name, /^(?:tds|process|nodejs)_[a-z_]+$/, name);
    t.match(help, /^\S.*\.$/, `${name} has a sentence`);
    t.equal(name.endsWith('_total'), type === 'counter', `${name}: _total`);
    t.ok(labels.length <= 3, `${name} has few labels`);
  }
});

t.test('a source that fails hides its own figures and nobody else\'s', async (t) => {
  const { registry, data } = createMetrics();
  const errors: unknown[] = [];
  registry.onError = (error) => errors.push(error);
  const full = { deadLetters: [{ entity: 'a', kind: 'record', open: 3, recent: 1 }], entities: [], runs: [], nodes: 2, healing: [], tokens: [], connections: [], alerts: [], notifiers: [], database: { sizeBytes: 1, connections: 1, limit: 9 } };
  let broken = false;
  registry.onCollect(() => {
    data.atScrape(broken ? undefined : full);
    if (broken) throw new Error('no database');
  });
  const named = async (name: string): Promise<MetricSample[]> => registry.samples(new Set([name]));
  t.same(await named('tds_dead_letters'), [{ name: 'tds_dead_letters', labels: { entity: 'a', kind: 'record' }, value: 3 }]);
  broken = true;
  t.same(await named('tds_dead_letters'), []);
  t.same(await named('tds_nodes'), []);
  t.same(await named('tds_database_up'), [{ name: 'tds_database_up', labels: {}, value: 0 }]);
  t.equal(errors.length, 3);
});

t.test('what connections and the database say of them is told as it is', async (t) => {
  const { registry, connections, data } = createMetrics();
  const shop = { id: 'shop', waiting: 2, inFlight: 3, quota: { used: 900, limit: 1000, elapsed: 0.9 } };
  const figures = {
    deadLetters: [], entities: [{ entity: 'stock', ageSeconds: 90, lastState: 'succeeded', lastSeconds: 4, overdueSeconds: -30 }, { entity: 'new', ageSeconds: null, lastState: null, lastSeconds: null, overdueSeconds: null }],
    connections: [{ connection: 'shop', breaker: 'half-open' as const, denied: true }, { connection: 'bank', breaker: 'open' as const, denied: false }],
    runs: [], nodes: 1, healing: [], tokens: [{ account: 'shop', expiresSeconds: 60, ageSeconds: 3540 }], alerts: [], notifiers: [], database: { sizeBytes: 1, connections: 1, limit: 9 },
  };
  for (const hits of [3, 5]) connections.atScrape([{ ...shop, cache: { hits, misses: 1 } }]);
  data.atScrape(figures);
  const value = figuresOf(await registry.text());
  for (const [name, wanted] of Object.entries({
    'tds_connection_cache_lookups_total{connection="shop",outcome="hit"}': 5, 'tds_connection_cache_lookups_total{connection="shop",outcome="miss"}': 1, 'tds_connection_calls_waiting{connection="shop"}': 2, 'tds_quota_left_calls{connection="shop"}': 100,
    'tds_connection_breaker_open{connection="shop"}': 0.5, 'tds_connection_breaker_open{connection="bank"}': 1, 'tds_connection_sign_in_refused{connection="shop"}': 1, 'tds_connection_sign_in_refused{connection="bank"}': 0,
    'tds_entity_overdue_seconds{entity="stock"}': -30, 'tds_entity_overdue_seconds{entity="new"}': undefined, 
    'tds_token_age_seconds{account="shop"}': 3540, 'tds_entity_freshness_seconds{entity="stock"}': 90,
  })) t.equal(value.get(name), wanted, name);
});

t.test('the forecast of the quota doubles at most', async (t) => {
  t.equal(quotaForecast({ used: 300, limit: 1000, elapsed: 0.01 }), 0.6, 'a busy night is no alarm');
  t.equal(quotaForecast({ used: 600, limit: 1000, elapsed: 0.3 }), 1.2);
  t.equal(quotaForecast({ used: 900, limit: 1000, elapsed: 0.95 }).toFixed(2), '0.95');
});
