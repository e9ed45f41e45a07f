/** The health of a real TDS, and a node that is killed: what people hear. */
import { join } from 'node:path';
import t from 'tap';
import { notifierService } from '../support/notifier-service.ts';
import { healthReport } from '../../core/operations/health-report.ts';
import { databaseAccess } from '../../core/store/session.ts';
import { Child, until } from '../support/processes.ts';
import { openShop, shopConnections } from '../support/shop.ts';

t.test('health follows what happens, and a killed node is told to people once', async (t) => {
  const well = { status: 200, body: '{"ok":true}' };
  const telegram = await notifierService(t, { fault: () => undefined, answers: { well, busy: well, unwell: well, refuses: well, denies: well } });
  const shop = await openShop(t, { config: `${shopConnections}
policies: { sync: { concurrency: 1 } }
alerts: { every: 500ms, group: 0s, rules: { pool-full: { for: 0s } } }
notifiers: { phone: { plugin: telegram, with: { token: "1:abc", chatId: "7", apiUrl: "${telegram.url}" } } }
entities:
  currencies:
    from: { connection: books, stream: currencies }
    to: { connection: erp, table: currencies }
    key: currency_id
    fields: { currency_id: currency_id, code: currency_code }
` });
  const { operations } = shop.runtime;
  const items = async (): Promise<string[]> => (await operations.healthReport()).items.map(({ area, state, text }) => `${area} ${state}: ${text}`);
  t.match(await items(), ['database ok: answers, and takes writes', 'nodes ok: 1 at work', /^queue ok/, 'entities warning: never read: currencies', 'dead letters ok: none', 'healing ok: nothing waits for a person', 'alerts ok: none fires', 'notifiers ok: phone', 'connections ok: books, inventory']);
  await shop.sync(['currencies']);
  t.ok((await items()).includes('entities ok: 1 of 1 fresh'));
  await shop.database.pool.query(`INSERT INTO runs (entity, mode, trigger, status, started_at, ended_at) VALUES ('currencies', 'full', 'test', 'failed', now(), now())`);
  t.match(await operations.healthReport(), { state: 'bad' });
  t.ok((await items()).includes('entities bad: the last run of currencies failed'));
  t.match(await operations.alerts.test('phone', AbortSignal.timeout(120_000)), [{ ok: true, plugin: 'telegram' }], 'by the guarded way out');

  const { pool } = shop.database;
  const breakers = async (): Promise<string[]> => [...(await operations.metrics()).text.matchAll(/^tds_connection_(?:breaker_open|sign_in_refused)\{connection="books"\} .*$/gm)].map(([line]) => line.replace(/.*\} /, ''));
  await until('both are closed', async () => String(await breakers()) === '0,0');
  await pool.query(`INSERT INTO breakers (connection, resumes_at, code) VALUES ('books', extract(epoch FROM now()) * 1000 + 60000, 'http.status_503')`);
  await pool.query(`UPDATE tokens SET denied_at = now(), denied_code = 'x', denied_message = 'revoked'`);
  await until('this node tells the breaker that another one opened, and the refused sign-in', async () => String(await breakers()) === '1,1');
  t.match((await items()).filter((line) => line.startsWith('connections')).join('; '), /sign-in of books was refused for good.*books rests: its calls kept failing/);
  await pool.query(`INSERT INTO schedules (schedule, definition, timing, cursor, failures, paused_at, paused_by) VALUES ('night', 'd', 't', now(), 3, now(), 'TDS')`);
  await pool.query(`UPDATE entities SET last_read_at = now() - interval '30 hours'; DELETE FROM runs WHERE status = 'failed'`);
  t.match((await items()).join('\n'), /entities warning: currencies was read 30 h ago, which is too long by its schedules[^]*schedules warning: night failed so often/);
  await pool.query(`UPDATE tokens SET denied_at = NULL, denied_code = NULL, denied_message = NULL; DELETE FROM breakers; DELETE FROM schedules; UPDATE entities SET last_read_at = now()`);
  await pool.query(`INSERT INTO runs (entity, mode, trigger, status, started_at, ended_at) VALUES ('currencies', 'full', 'test', 'failed', now(), now())`);

  await pool.query(`UPDATE nodes SET roles = ARRAY['worker'] WHERE concurrency > 0`);
  t.match((await items()).filter((line) => line.startsWith('nodes')), [/^nodes bad: none has the role scheduler/, /^nodes warning: none has the role api/]);
  await pool.query(`UPDATE nodes SET roles = NULL WHERE concurrency > 0`);

  await until('the rules are looked at', async () => (await pool.query('SELECT FROM alert_turns')).rowCount === 1);
  await pool.query(`UPDATE alert_turns SET looked_at = now() - interval '5 minutes', next_at = now() + interval '1 hour'`);
  t.match((await items()).join('\n'), /alerts bad: the rules were last looked at 5 min ago/);
  await pool.query(`UPDATE alert_turns SET next_at = now()`);

  // All connections of this process are in use, and one more is wanted.
  const end = new AbortController();
  // a transaction that stands still would be ended by the server
  const held = Array.from({ length: 16 }, () => shop.runtime.database.transaction(async (session) => {
    while (!end.signal.aborted) await session.query('SELECT pg_sleep(0.2)');
  }).catch(() => undefined));
  const words = (): string[] => telegram.taken().map(({ body }) => String(body['text']).split('\n')[0] ?? '');
  const before: string[] = [];
  await until('people hear of it, though they are all in use', () => {
    before.push(...words());
    return before.some((line) => line.includes('pool-full'));
  });
  t.match((await operations.metrics()).text, /^tds_database_up 1$/m, 'and a scrape is answered');
  end.abort();
  await Promise.all(held);

  const silent = await healthReport({
    config: { entities: {}, notifiers: {}, alerts: { enabled: true, every: 10_000 }, metrics: { enabled: false } } as never, database: databaseAccess(pool), plugins: [], overdue: () => 0, hearing: () => [], connections: async () => [], jobs: async () => [],
    health: async () => ({ ready: true, reasons: [], node: 'n', version: '1', database: 'up', queue: 'running' }),
  });
  t.match(silent.items.filter(({ area }) => area === 'alerts').at(-1), { state: 'warning', text: /metrics are switched off, so no rule on a figure can fire/ });

  const away = await healthReport({
    config: { entities: {}, notifiers: {}, alerts: { enabled: true, every: 10_000 }, metrics: { enabled: true } } as never, database: databaseAccess(pool), plugins: [{ id: 'bad', version: '', description: '', file: '', connections: [], failure: { code: 'host.threw', reason: 'it threw' } }],
    overdue: () => 0, hearing: () => [], jobs: async () => [], connections: () => Promise.reject(new Error('connect ECONNREFUSED')),
    health: async () => ({ ready: false, reasons: ["the database can't be reached"], node: 'n', version: '1', database: 'down', queue: 'running' }),
  });
  t.match(away, { state: 'bad', items: [{ area: 'database', text: /can't be reached/ }, { area: 'plugins', text: /bad failed to load/ }] }, 'without a database the rest is told');

  const node = new Child(t, process.execPath, [join(import.meta.dirname, '../support/shop-node.ts'), shop.file, 'the-other'], { env: { ...process.env, ...shop.env } });
  await node.said(/^ready$/m);
  node.process.kill('SIGKILL');
  await node.ended;
  const heard: string[] = before;
  await until('people hear of both', () => {
    heard.push(...words());
    return ['node-lost', 'run-failed'].every((rule) => heard.some((line) => line.includes(rule)));
  });
  t.equal(heard.filter((line) => line.includes('the node the-other ended without a word')).length, 1, heard.join('\n'));
  t.equal(heard.filter((line) => line.includes('run-failed')).length, 1, 'and of the run, once');
});
