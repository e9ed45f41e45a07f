/** A real Prometheus scrapes a real node and takes its remote writes; its rules and those of TDS itself tell of seeded faults. */
import { spawnSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { createApi } from '../../core/api/index.ts';
import { silentLogger } from '../../core/monitor/log.ts';
import { notifierService } from '../support/notifier-service.ts';
import { Child, until } from '../support/processes.ts';
import { openShop, shopConnections } from '../support/shop.ts';

const isMissing = spawnSync('prometheus', ['--version']).error !== undefined;
const skip = isMissing ? { skip: 'prometheus is not installed (Debian: prometheus): NOTHING WAS SCRAPED BY A REAL ONE' } : {};
const root = join(import.meta.dirname, '../..');

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

t.test('a real Prometheus', { ...skip, timeout: 110_000 }, async (t) => {
  const port = await freePort();
  const prometheus = `http://127.0.0.1:${port}`;
  const slack = await notifierService(t, { fault: ({ body }) => (typeof body['text'] === 'string' ? undefined : 'no_text'), answers: Object.fromEntries(['well', 'busy', 'unwell', 'refuses', 'denies'].map((mood) => [mood, { status: 200, body: 'ok' }])) as never });
  const folder = t.testdir({
    // the waits of the rules are for people; here the fault stays as long as it is looked at
    'tds.rules.yaml': readFileSync(join(root, 'deploy/prometheus/tds.rules.yaml'), 'utf8').replaceAll(/^ +for: \d+m$/gm, '        for: 0s'),
    'prometheus.yaml': 'global: { scrape_interval: 1s, evaluation_interval: 1s }\nrule_files: [tds.rules.yaml]\nscrape_configs:\n  - job_name: tds\n    authorization: { credentials_file: tds.token }\n    file_sd_configs: [{ files: [targets.json] }]\n',
    'targets.json': '[]',
  });
  const server = new Child(t, 'prometheus', [`--config.file=${join(folder, 'prometheus.yaml')}`, `--storage.tsdb.path=${join(folder, 'data')}`, `--web.listen-address=127.0.0.1:${port}`, '--web.enable-remote-write-receiver'], { cwd: folder });
  const shop = await openShop(t, { config: `${shopConnections}
metrics: { remoteWrite: { url: "${prometheus}/api/v1/write", every: 1s, labels: { instance: pushed, job: tds-pushed } } }
alerts: { every: 1s, group: 0s, rules: { breaker-open: { for: 1s } } }
tracing: { url: "http://127.0.0.1:${await freePort()}/v1/traces", timeout: 1s }
schedules: { quick: { every: 10s, run: heal, rules: [orphaned-runs] } }
notifiers: { chat: { plugin: slack, with: { url: "${slack.url}/services/T0/B0/x" } } }
entities:
  products:
    from: { connection: inventory, stream: items }
    to: { connection: erp, table: products }
    key: item_id
    fields: { item_id: item_id, price: { from: rate, type: numeric } }
    webhook: { secret: thesecretofthescrape, apply: payload }
    checks: [{ field: price, min: 1000000000, onFail: quarantine }]
`, env: { TDS_SCHEDULES: '' } });
  const api = createApi({ operations: shop.runtime.operations, log: silentLogger, version: '1', host: '127.0.0.1', port: 0 });
  t.teardown(() => api.stop());
  const { url } = await api.start();
  // with a token, as on any server: nobody comes in without one from here on
  const { secret } = await shop.runtime.operations.access.createToken({ name: 'prometheus', scope: 'read', expiresAt: null, by: 'test' });
  await writeFile(join(folder, 'tds.token'), secret);
  await until('nobody comes in without one', async () => (await fetch(`${url}/metrics`)).status === 401);
  await writeFile(join(folder, 'targets.json'), JSON.stringify([{ targets: [new URL(url).host] }]));
  await server.said(/ready to receive web requests/);
  const ask = async (query: string): Promise<{ metric: Record<string, string>; value: [number, string] }[]> => {
    const answer = await fetch(`${prometheus}/api/v1/query?query=${encodeURIComponent(query)}`);
    const { status, error, data } = (await answer.json()) as { status: string; error?: string; data: { result: never[] } };
    if (status !== 'success') throw new Error(`${query}: ${error}`);
    return data.result;
  };

  const [run] = await shop.sync(['products']);
  const item = JSON.stringify({ item: { item_id: '1', rate: 2e9, last_modified_time: '2026-06-01T08:00:00Z' } });
  const send = async (secret: string): Promise<number> => (await fetch(`${url}/webhooks/inventory/products/changed`, { method: 'POST', headers: { 'X-Zoho-Webhook-Signature': createHmac('sha256', secret).update(item).digest('hex') }, body: item })).status;
  t.same([await send('thesecretofthescrape'), await send('thesecretofthescrape'), await send('forged')], [202, 202, 401]);
  await t.test('it scrapes us, and takes what we push', async (t) => {
    for (const job of ['tds', 'tds-pushed']) {
      await until(`${job} has the records of the run`, async () => Number((await ask(`tds_run_records_total{job="${job}",entity="products",outcome="refused"}`))[0]?.value[1]) === run?.refused);
      t.pass(job);
    }
    t.match(await ask('up{job="tds"}'), [{ value: [Number, '1'] }]);
    t.match(await ask('tds_info{job="tds-pushed"}'), [{ metric: { instance: 'pushed', version: /^\d/ } }]);
  });

  await t.test('its rules fire for the faults, and people hear of them from TDS itself', async (t) => {
    const { pool } = shop.database;
    await pool.query(`INSERT INTO runs (entity, mode, trigger, status, started_at, ended_at) VALUES ('products', 'full', 'test', 'failed', now(), now())`);
    await pool.query(`UPDATE entities SET last_read_at = now() - interval '27 hours'`);
    await pool.query(`INSERT INTO healing_acts (rule, fingerprint, seen, done, outcome, node, at) VALUES ('tokens', 'f', 's', 'd', 'told', 'n', now())`);
    await pool.query(`INSERT INTO healing_rules (rule, next_at, looked_at, looked_by) VALUES ('tokens', now(), now(), 'n') ON CONFLICT DO NOTHING`);
    await pool.query(`INSERT INTO breakers (connection, resumes_at, code) VALUES ('inventory', extract(epoch FROM now()) * 1000 + 3600000, 'http.status_503')`);
    await pool.query(`UPDATE tokens SET denied_at = now(), denied_code = 'x', denied_message = 'revoked'`);
    const wanted = ['TdsBreakerOpen', 'TdsDeadLettersGrowing', 'TdsFreshnessExceeded', 'TdsPersonWanted', 'TdsRunFailed', 'TdsTokenRevoked'];
    const firing = async (): Promise<string[]> => [...new Set((await ask('ALERTS{alertstate="firing"}')).map(({ metric }) => metric['alertname'] ?? ''))].toSorted();
    await until('all of them fire', async () => (await firing()).filter((name) => wanted.includes(name)).length === wanted.length);
    t.same((await firing()).filter((name) => !wanted.includes(name)), [], 'and no other one');
    const heard = new Map<string, number>();
    await until('people heard of each', async () => {
      for (const { body } of slack.taken()) {
        const rule = /– ([a-z-]+):/.exec(String(body['text']))?.[1] ?? '';
        heard.set(rule, (heard.get(rule) ?? 0) + 1);
      }
      return wanted.every((name) => heard.has(name.slice(3).replaceAll(/\B[A-Z]/g, (sign) => `-${sign}`).toLowerCase()));
    });
    t.ok([...heard.values()].every((times) => times === 1), `each once: ${JSON.stringify(Object.fromEntries(heard))}`);
    await until('each is noted as sent', async () => (await shop.rows(`SELECT id FROM tds.notifications WHERE state <> 'sent'`)).length === 0);
  });

  await t.test('it can read every query of the dashboard, and each has something to show', async (t) => {
    const { panels } = JSON.parse(readFileSync(join(root, 'deploy/grafana/dashboards/tds.json'), 'utf8')) as { panels: { title: string; targets?: { expr: string }[] }[] };
    const queries = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr.replaceAll('$__rate_interval', '1m')));
    let empty: string[] = [];
    await until('each has', async () => {
      const answers = await Promise.all(queries.map(ask));
      // only the embedded PostgreSQL has a disk that is ours
      empty = queries.filter((query, index) => answers[index]?.length === 0 && !query.includes('tds_disk_'));
      return empty.length === 0;
    }, 30_000).catch((error: unknown) => t.fail(`${String(error)}: ${empty.join('; ')}`));
    t.ok(queries.length > 40);
  });
});
