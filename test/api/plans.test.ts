/**
 * How PostgreSQL answers each list of the API over ten million rows: never by reading a table from its begin to its end.
 *
 * Ten million rows would take minutes to make. The tables hold some thousands, spread as they would be, and the planner is told that there
 * are ten million (`reltuples`). Tables and indexes are then as small on disk as they are, so a sequential scan looks better than it would
 * be; where an index is chosen all the same, it is chosen for real. `npm run bench -- --only api --history 10000000` measures.
 */
import t from 'tap';
import { Client } from 'pg';
import { createApi } from '../../core/api/index.ts';
import { allRoutes } from '../../core/api/routes/index.ts';
import { silentLogger } from '../../core/monitor/log.ts';
import { maintainAudit } from '../../core/store/audit.ts';
import { maintainPartitions } from '../../core/store/partitions.ts';
import { databaseAccess } from '../../core/store/session.ts';
import { openShop, shopConnections, type Shop } from '../support/shop.ts';

const rows = 4000;
const pretended = 10_000_000;
/** Reading ten million rows one by one costs the planner above 100,000. */
const dear = 20_000;

const config = `${shopConnections}
entities:
  taxes: { from: { connection: books, stream: taxes }, to: { connection: erp, table: taxes }, key: tax_id, fields: { tax_id: tax_id, name: tax_name } }
  items: { from: { connection: inventory, stream: items }, to: { connection: erp, table: items }, key: item_id, fields: { item_id: item_id, name: name } }
schedules: { often: { every: 1h, run: sync } }
`;

/** Questions for each route that looks something up, each with the filters that cost most. An empty list: it reads no table that grows, for the reason beside it. */
const questions: Record<string, readonly string[]> = {
  '/v1/runs': ['', '?status=failed', '?status=waiting', '?status=succeeded&sort=oldest', '?entity=taxes', '?entity=gone', '?mode=retry', '?trigger=nobody', '?since=24h', '?until=2020-01-01', '?before=2000', '?entity=taxes&status=failed&mode=full', '?sort=oldest&after=100'],
  '/v1/runs/:id': ['/v1/runs/17'],
  '/v1/dead-letters': ['', '?status=open', '?status=discarded', '?entity=taxes&status=open', '?code=rare.code', '?kind=job', '?fingerprint=f1', '?since=24h', '?entity=taxes&key=7', '?field=rate', '?before=2000'],
  '/v1/dead-letter-groups': ['', '?entity=taxes'],
  '/v1/dead-letters/:id': ['/v1/dead-letters/17'],
  '/v1/healing': ['', '?rule=breakers', '?outcome=told', '?outcome=failed&rule=tokens'],
  '/v1/healing/rules': [''],
  '/v1/alerts': ['', '?state=firing', '?state=acknowledged', '?state=resolved'],
  '/v1/silences': [''],
  '/v1/ticks': ['', '?schedule=often', '?status=failed', '?status=running', '?schedule=often&status=skipped'],
  '/v1/reports': ['', '?before=500'],
  '/v1/reports/:id': ['/v1/reports/latest', '/v1/reports/17'],
  '/v1/webhooks': ['', '?entity=taxes', '?outcome=waiting', '?outcome=refused', '?outcome=dropped', '?since=1h', '?entity=taxes&key=7', '?event=deleted', '?before=2000'],
  '/v1/webhooks/:id': ['/v1/webhooks/17'],
  '/v1/job-attempts': ['', '?outcome=lost', '?task=run', '?job=17', '?run=17', '?since=24h', '?until=2020-01-01', '?sort=oldest&task=run', '?before=1767603600000000-1-17', '?sort=oldest&after=1767603600000000-1-17&outcome=failed'],
  '/v1/webhook-stats': [''], '/v1/webhook-unreadable': [''], '/v1/webhook-lost': ['', '?entity=taxes', '?since=24h', '?until=2020-01-01', '?before=1767603600000000-17', '?entity=taxes&sort=oldest&after=1767603600000000-17'],
  '/v1/records/:entity/:key': ['/v1/records/taxes/7'],
  '/v1/audit': ['', '?actor=ann', '?outcome=refused', '?source=cli', '?action=tds%20backup', '?since=24h', '?before=2000'],
  '/v1/schedules': [''], '/v1/schedules/:id': ['/v1/schedules/often'],
  '/v1/health': [''], '/v1/nodes': [''], '/v1/quota': [''], '/v1/connections': [''], '/v1/connections/:id': ['/v1/connections/books'], '/v1/connections/:id/quota': ['/v1/connections/books/quota'], '/v1/tokens': [''], '/metrics': [''], '/v1/cache': [''], '/v1/jobs': [], '/v1/job-stats': [], '/v1/jobs/:id': [], // of jobs that wait: the table holds no others
  '/v1/entities': [], '/v1/entities/:id': [], // they count every record, seldom: see `recent.ts`
};
const readsNothing = ['/', '/healthz', '/readyz', '/docs', '/openapi.json', '/v1/config', '/v1/config/diff', '/v1/connections/:id/streams', '/v1/plugins', '/v1/alert-rules', '/v1/runs/:id/events', '/v1/schedules/:id/next', '/v1/session', '/v1/webhook-urls'];

interface Node { 'Node Type': string; 'Relation Name'?: string; 'Total Cost': number; Plans?: Node[] }
interface Statement { text: string; values: unknown[] }

function* walk(node: Node): Generator<Node> {
  yield node;
  for (const inner of node.Plans ?? []) yield* walk(inner);
}

/** Notes what this process asks of any PostgreSQL while `work` lasts. */
async function statementsOf(work: () => Promise<void>): Promise<Statement[]> {
  const asked: Statement[] = [];
  const real = Client.prototype.query;
  Client.prototype.query = function query(this: Client, ...given: unknown[]) {
    const [first, values] = given as [string | { text?: string; values?: unknown[] }, unknown[] | undefined];
    const text = typeof first === 'string' ? first : first.text;
    if (text !== undefined) asked.push({ text, values: (typeof first === 'string' ? values : first.values ?? values) ?? [] });
    return (real as (...all: unknown[]) => unknown).apply(this, given) as never;
  } as never;
  try {
    await work();
  } finally {
    Client.prototype.query = real;
  }
  return asked;
}

void t.test('no list of the API reads a table of ten million rows from begin to end', async (t) => {
  const shop = await openShop(t, { config, role: 'client', sandbox: { customers: 2, daysOfOrders: 0 } });
  const large = await fill(shop);
  const api = createApi({ operations: shop.runtime.operations, log: silentLogger, version: '1', host: '127.0.0.1', port: 0 });
  t.teardown(() => api.stop());
  const { url } = await api.start();

  const looks = allRoutes({ operations: shop.runtime.operations, version: '1', doors: {} as never }).filter(({ method }) => method === 'GET').map(({ path }) => path);
  t.same(looks.filter((path) => !Object.hasOwn(questions, path) && !readsNothing.includes(path)), [], 'every route that looks something up is asked here');

  const faults: string[] = [];
  let explained = 0;
  for (const [path, asks] of Object.entries(questions)) {
    for (const ask of asks) {
      const where = ask.startsWith('/') ? ask : `${path}${ask}`;
      const statements = await statementsOf(async () => {
        const answer = await fetch(`${url}${where}`);
        const body = await answer.text();
        if (answer.status !== 200) throw new Error(`${where} answered ${answer.status}: ${body.slice(0, 300)}`);
      });
      for (const { text, values } of statements.filter((one) => /^\s*(WITH\b[\s\S]*\bSELECT|SELECT|\(SELECT)\b[\s\S]*\bFROM\b/i.test(one.text) && !/\bpg_|INSERT|UPDATE|DELETE/.test(one.text))) {
        const { rows: [row] } = await shop.database.pool.query<{ 'QUERY PLAN': { Plan: Node }[] }>({ text: `EXPLAIN (FORMAT JSON) ${text}`, values });
        const plan = row?.['QUERY PLAN'][0]?.Plan as Node;
        explained += 1;
        for (const node of walk(plan)) {
          if (node['Node Type'] === 'Seq Scan' && large.has(node['Relation Name'] ?? '')) faults.push(`${where}: reads all of ${node['Relation Name']}: ${text.replaceAll(/\s+/g, ' ').slice(0, 160)}`);
        }
        if (plan['Total Cost'] > dear) faults.push(`${where}: costs ${Math.round(plan['Total Cost'])}: ${text.replaceAll(/\s+/g, ' ').slice(0, 160)}`);
      }
    }
  }
  t.ok(explained > 60, `${explained} statements`);
  t.same(faults, []);

  const { rows: [wholly] } = await shop.database.pool.query<{ 'QUERY PLAN': { Plan: Node }[] }>(`EXPLAIN (FORMAT JSON) SELECT * FROM runs WHERE reason = 'x'`);
  t.match(wholly?.['QUERY PLAN'][0]?.Plan, { 'Node Type': /Seq Scan|Gather/ }, 'the planner does choose such a scan where nothing else helps');
  t.ok((wholly?.['QUERY PLAN'][0]?.Plan['Total Cost'] ?? 0) > dear, 'and knows that it is dear');
});

/** Rows as years would leave them, and the word that there are ten million in each table. */
async function fill({ database: { pool } }: Shop): Promise<Set<string>> {
  const access = databaseAccess(pool);
  await access.transaction(async (session) => {
    const now = new Date();
    await maintainPartitions(session, now, { rawHistory: 1e12, runs: 1e12, webhooks: 1e12, quota: 1e12 });
    await maintainAudit(session, now, new Date(0));
  });
  const many = (text: string): Promise<unknown> => pool.query(text.replaceAll('MANY', `generate_series(1, ${rows}) AS n`));
  await many(`INSERT INTO runs (entity, mode, trigger, status, queued_at, started_at, ended_at, updated_at)
    SELECT (ARRAY['taxes', 'items', 'bills', 'stock'])[1 + n % 4], (ARRAY['incremental', 'full', 'details', 'replay'])[1 + n / 4 % 4], (ARRAY['schedule', 'run', 'person'])[1 + n % 3], CASE WHEN n % 100 = 0 THEN 'failed' ELSE 'succeeded' END, at, at, at, at FROM MANY, LATERAL (SELECT now() - (${rows} - n) * interval '10 minutes' AS at) x`);
  await many(`INSERT INTO dead_letters (entity, key, kind, via, code, message, field, fingerprint, status, first_at, last_at)
    SELECT (ARRAY['taxes', 'items'])[1 + n % 2], n::text, 'record', 'full', 'map.not_a_number', 'is no number', 'price', 'f' || n % 50, CASE WHEN n % 1000 = 0 THEN 'open' ELSE 'resolved' END, at, at FROM MANY, LATERAL (SELECT now() - (${rows} - n) * interval '10 minutes' AS at) x`);
  await many(`INSERT INTO dead_letter_attempts (letter_id, via, code, message) SELECT n, 'full', 'c', 'm' FROM MANY`);
  await many(`INSERT INTO healing_acts (rule, fingerprint, seen, done, outcome, node, at, ended_at) SELECT (ARRAY['stuck-jobs', 'dead-letters'])[1 + n % 2], n::text, 's', 'd', 'healed', 'n', now() - n * interval '10 minutes', now() FROM MANY`);
  await many(`INSERT INTO alerts (rule, fingerprint, severity, state, summary, help, since, seen_at, resolved_at) SELECT 'r', n::text, 'warning', 'resolved', 's', 'h', now(), now(), now() FROM MANY`);
  await many(`INSERT INTO alert_events (name, detail, at) SELECT 'e', '{}', now() - n * interval '1 minute' FROM MANY`);
  await many(`INSERT INTO ticks (schedule, planned, trigger, work, status, due_at, enqueued_at, ended_at) SELECT (ARRAY['often', 'night'])[1 + n % 2], at, 'time', 'sync', CASE WHEN n % 100 = 0 THEN 'failed' WHEN n % 50 = 1 THEN 'skipped' ELSE 'succeeded' END, at, at, at FROM MANY, LATERAL (SELECT now() - n * interval '1 hour' AS at) x`);
  await many(`INSERT INTO reports (schedule, from_at, to_at, made_at, summary, text, html) SELECT 's', now(), now() - n * interval '1 day', now(), '{}', 't', 'h' FROM MANY`);
  await many(`INSERT INTO webhook_inbox (received_at, connection, entity, event, key, hash, body, outcome, applied_at) SELECT now() - n * interval '1 second', 'books', (ARRAY['taxes', 'items', 'bills'])[1 + n % 3], 'changed', n::text, md5(n::text), '{}', CASE WHEN n % 500 = 0 THEN 'refused' ELSE 'applied' END, now() FROM MANY`);
  await many(`INSERT INTO webhook_gaps (entity, key, modified_at, found_at, verdict) SELECT (ARRAY['taxes', 'items'])[1 + n % 2], n::text, now(), now() - n * interval '1 minute', CASE WHEN n % 10 < 3 THEN 'lost' ELSE 'late' END FROM MANY`);
  await many(`INSERT INTO audit (source, actor, kind, action, outcome) SELECT CASE WHEN n % 1000 = 0 THEN 'cli' ELSE 'api' END, 'ci', 'token', 'POST /v1/runs', CASE WHEN n % 500 = 0 THEN 'refused' ELSE 'done' END FROM MANY`);
  await many(`INSERT INTO job_history (ended_at, job_id, task, payload, run_id, attempt, outcome) SELECT now() - n * interval '5 minutes', n, (ARRAY['run', 'notify'])[1 + n % 2], '{}', n::text, 1, CASE WHEN n % 100 = 0 THEN 'failed' ELSE 'done' END FROM MANY`);
  await pool.query(`CREATE TABLE records_taxes PARTITION OF records FOR VALUES IN ('taxes')`);
  await many(`INSERT INTO records (entity, key, observed_at, mapping, via, raw, run_id) SELECT 'taxes', n::text, now(), 1, 'full', '{}', n FROM MANY`);
  await many(`INSERT INTO record_history (entity, key, version, observed_at, via, written_at, raw, run_id) SELECT 'taxes', n::text, 1, now(), 'full', now(), '{}', n FROM MANY`);
  await pool.query('ANALYZE');
  const { rows: told } = await pool.query<{ name: string }>(
    `UPDATE pg_class SET reltuples = ${pretended} FROM pg_namespace n WHERE n.oid = relnamespace AND n.nspname = 'tds' AND relkind IN ('r', 'p') AND reltuples >= $1 RETURNING relname::text AS name`, [rows / 40]);
  return new Set(told.map(({ name }) => name));
}
