/** Secrets stay secret (promise 8), also when everything fails around them. */
import { createHmac } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { renderFinding } from '../../core/config/index.ts';
import { loadProject } from '../../core/main.ts';
import { createApi } from '../../core/api/index.ts';
import { createLogger, silentLogger } from '../../core/monitor/log.ts';
import type { Logger } from '../../core/sdk/index.ts';
import { backend } from '../../core/cli/backend.ts';
import { runCli } from '../../core/cli/program.ts';
import { serverUrl } from '../support/database.ts';
import { until } from '../support/processes.ts';
import { openShop, quickSample, type Shop } from '../support/shop.ts';

const planted = { clientSecret: 'planted-client-secret+/=%"x', refreshToken: '1000.planted-refresh-token', clientId: '1000.CLIENTID', organizationId: '870000001' };
const key = 'planted key that seals the tokens';
const apiKey = 'planted-key-of-a-careless-plugin';
const webhookSecret = 'plantedSecretOfTheWebhooks';
const slackPath = '/services/T00/planted-part-of-an-address';
/** What strangers and services send along. */
const stray = { header: 'planted-stray-header', query: 'planted-stray-query', body: 'planted-stray-body', bearer: 'planted-stray-bearer', cookie: 'planted-stray-cookie', signature: 'planted-stray-signature' };

/** A plugin that tells its secret wherever it can. */
const careless = `
import { definePlugin, PermanentError, RetryLaterError, SDK_VERSION } from 'tds/sdk';
const stream = { name: 'things', description: 'things', key: ['id'], incremental: 'none', details: 'none', provesGone: false };
export default definePlugin({
  id: 'careless', version: '1', sdk: SDK_VERSION, kind: 'connector', description: 'Tells.',
  configSchema: { type: 'object', additionalProperties: false, required: ['apiKey'], properties: { apiKey: { type: 'string', secret: true } } },
  create: ({ settings, log }) => {
    const told = \`signed in with \${settings.apiKey}\`;
    let calls = 0;
    return {
      check: async () => [{ probe: told, ok: false, message: told, code: 'careless.no' }],
      source: {
        streams: () => [stream], describe: () => stream,
        async *read() {
          log.warn(told, { settings, note: told, nested: [{ told }], error: new Error(told, { cause: new Error(told) }) });
          calls += 1;
          if (calls === 1) throw new RetryLaterError('careless.later', told, { details: { told }, suggestion: told, cause: new Error(told) });
          throw new PermanentError('careless.never', told, { details: { told }, suggestion: told, cause: new Error(told) });
        },
      },
    };
  },
});
`;

/** A plugin whose remote repeats in its refusals all that it was sent, and more. */
const echoing = `
import { definePlugin, SDK_VERSION } from 'tds/sdk';
const describe = (name) => ({ name, description: name, key: ['id'], incremental: 'none', details: 'none', provesGone: false });
export default definePlugin({
  id: 'echoing', version: '1', sdk: SDK_VERSION, kind: 'connector', description: 'Is told off.',
  configSchema: { type: 'object', additionalProperties: false, required: ['url', 'apiKey'], properties: { url: { type: 'string' }, apiKey: { type: 'string', secret: true } } },
  create: ({ settings, http }) => ({
    check: async () => [],
    source: {
      streams: () => ['refused', 'moved', 'broken'].map(describe), describe,
      async *read({ stream, signal }) {
        const answer = await http.send({
          url: settings.url + '/' + stream, query: { key: settings.apiKey }, form: { password: settings.apiKey }, method: stream === 'moved' ? 'GET' : 'POST', ...(stream === 'moved' ? { form: undefined } : {}), signal,
          authorize: async () => ({ authorization: 'Basic ' + Buffer.from('user:' + settings.apiKey).toString('base64'), 'x-session': 'planted-session-of-the-day' }),
        });
        answer.json();
      },
    },
  }),
});
`;

/** The remote of that plugin. */
async function echoRemote(scope: { teardown(action: () => unknown): unknown }): Promise<string> {
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text)).on('end', () => {
      const said = JSON.stringify({ headers: request.headers, url: request.url, decoded: decodeURIComponent(request.url ?? ''), body });
      if (request.url?.startsWith('/moved')) response.writeHead(302, { location: `http://127.0.0.1:9/${encodeURIComponent(said)}` }).end();
      else if (request.url?.startsWith('/broken')) response.end(`{"said": ${said.slice(1)}`);
      else response.writeHead(400, { 'content-type': 'application/json' }).end(said);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  scope.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const entityOf = (id: string, connection: string, stream: string): string => `  ${id}:
    from: { connection: ${connection}, stream: ${stream} }
    to: { connection: erp, table: ${id} }
    key: id
    fields: { id: id }
`;

/** All rows of all tables as text, the sealed tokens too. */
async function everyRow(shop: Shop): Promise<Map<string, string>> {
  const tables = await shop.rows(`SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname IN ('tds', 'graphile_worker', 'erp')`);
  const found = new Map<string, string>();
  for (const { name } of tables) found.set(String(name), (await shop.rows(`SELECT t::text AS row FROM ${String(name)} t`)).map((row) => row['row']).join('\n'));
  return found;
}

/** Every look that the API allows, with a token and a session; `secrets` are theirs. */
async function everyAnswer(shop: Shop, log: Logger, t: { teardown(action: () => unknown): unknown }): Promise<{ answers: Map<string, string>; secrets: string[] }> {
  const api = createApi({ operations: shop.runtime.operations, log, version: '0', host: '127.0.0.1', port: 0 });
  const { url } = await api.start();
  t.teardown(() => api.stop());
  const { secret } = await shop.runtime.operations.access.createToken({ name: 'canary', scope: 'admin', expiresAt: null, by: 'test' });
  const post = (path: string, headers: object, body: object): Promise<Response> => fetch(url + path, { method: 'POST', headers: { 'Content-Type': 'application/json', ...headers }, body: JSON.stringify(body) });
  const session = /tds_session=([^;]+)/.exec((await post('/v1/session', {}, { token: secret })).headers.get('set-cookie') ?? '')?.[1] ?? '';
  const headers = { Authorization: `Bearer ${secret}` };
  const answers = new Map<string, string>();
  // What goes wrong: without the proof, with what is none, a body that does not fit, a reason that holds the secret of another.
  for (const [at, given] of [{ Cookie: `tds_session=${session}` }, { Authorization: `Bearer ${secret.slice(0, -2)}` }, headers].entries()) answers.set(`refused ${at}`, await (await post('/v1/runs', given, { token: secret })).text());
  answers.set('act', await (await post('/v1/dead-letters/discard', headers, { ids: ['404'], reason: `known, ${apiKey}, ${secret}` })).text());
  await sendStray(url, headers, answers);
  const index = (await (await fetch(url, { headers })).json()) as { routes: { method: string; path: string }[] };
  const runs = await shop.rows('SELECT id FROM tds.runs');
  const paths = index.routes.filter(({ method }) => method === 'GET').flatMap(({ path }) => (path === '/v1/runs/:id' ? runs.map(({ id }) => `/v1/runs/${id}`) : path.includes(':') ? [path.replace(':id', 'products').replace(':entity', 'products').replace(':key', '1')] : [path]));
  for (const path of paths) answers.set(path, await (await fetch(url + path, { headers })).text());
  const checks = [];
  for await (const result of shop.runtime.operations.check([], AbortSignal.timeout(120_000))) checks.push(result);
  answers.set('notifiers', JSON.stringify(await shop.runtime.operations.alerts.test(undefined, AbortSignal.timeout(120_000)))).set('check', JSON.stringify(checks)).set('plugins', JSON.stringify(shop.runtime.operations.plugins()));
  return { answers, secrets: [secret.slice(17), session] };
}

/** Messages of a service, good ones and others, and questions that carry secrets where none belong. */
async function sendStray(url: string, mayAll: Record<string, string>, answers: Map<string, string>): Promise<void> {
  const body = JSON.stringify({ item: { item_id: '1', name: 'x', last_modified_time: '2026-01-01T00:00:00+0000' } });
  const sign = createHmac('sha256', webhookSecret).update(body).digest('hex');
  const headers = { 'Content-Type': 'application/json', Authorization: `Bearer ${stray.bearer}`, Cookie: `tds_session=${stray.cookie}`, 'X-Api-Key': stray.header };
  const told = async (name: string, answer: Promise<Response>): Promise<number> => {
    const { status, headers: said } = await answer.then(async (given) => (answers.set(name, `${await given.clone().text()} ${JSON.stringify([...given.headers])}`), given));
    answers.set(`${name} headers`, JSON.stringify([...said]));
    return status;
  };
  const message = (signature: string, text = body): Promise<Response> => fetch(`${url}/webhooks/inventory/products/changed`, { method: 'POST', headers: { ...headers, 'X-Zoho-Webhook-Signature': signature }, body: text });
  const statuses = [
    await told('message', message(sign)), await told('forged message', message(stray.signature)), await told('unreadable message', message(createHmac('sha256', webhookSecret).update('{').digest('hex'), '{')),
    await told('stray bearer', fetch(`${url}/v1/runs`, { headers })), await told('stray cookie', fetch(`${url}/v1/runs`, { headers: { Cookie: headers.Cookie } })),
    await told('stray query', fetch(`${url}/v1/runs?token=${stray.query}`, { headers: mayAll })), await told('stray member', fetch(`${url}/v1/runs`, { method: 'POST', headers: { ...mayAll, 'Content-Type': 'application/json', 'X-Api-Key': stray.header }, body: JSON.stringify({ entities: 'all', password: stray.body }) })),
    await told('stray sign-in', fetch(`${url}/v1/session`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ token: stray.body }) })),
  ];
  if (statuses.join() !== '202,401,400,401,401,400,400,401') throw new Error(`what was to be refused was not: ${statuses.join()}`);
}

void t.test('no secret stands in any log line, row or answer, whatever fails', async (t) => {
  const echoes = ['refused', 'moved', 'broken'];
  const connections = `  careless: { plugin: careless, with: { apiKey: "\${CARELESS_KEY}" } }\n  echoing: { plugin: echoing, with: { url: "\${ECHO_URL}", apiKey: "\${CARELESS_KEY}" }, retry: { attempts: 2, first: 10ms, max: 20ms } }\n`;
  const config = `${(await quickSample()).replace('entities:\n', `entities:\n${entityOf('told', 'careless', 'things')}${echoes.map((stream) => entityOf(`echo_${stream}`, 'echoing', stream)).join('')}`).replace('  erp:\n', `${connections}  erp:\n`)}\nplugins: [./plugins]\nnotifiers:\n  chat: { plugin: slack, with: { url: "\${SLACK_URL}" } }\n`;
  const echo = await echoRemote(t);
  const shop = await openShop(t, { config, level: 'debug', files: { 'plugins/careless.js': careless, 'plugins/echoing.js': echoing }, credentials: planted, env: { TDS_SECRET_KEY: key, CARELESS_KEY: apiKey, ECHO_URL: echo, SLACK_URL: `${echo}${slackPath}`, ZOHO_WEBHOOK_SECRET: webhookSecret }, sandbox: { scale: 'small', items: 210, daysOfOrders: 1, customers: 60 } });
  const { sandbox } = shop;
  await shop.sync(['products', 'told', 'echo_refused', 'echo_moved']); // one that succeeds, others that fail for good
  const [broken] = await shop.runtime.operations.sync({ entities: ['echo_broken'], mode: 'full', trigger: 'person' });
  await until('the broken answer has failed a run', async () => (await shop.runtime.operations.run(broken?.run.id ?? '')).code === 'http.not_json');
  await shop.runtime.operations.cancel(broken?.run.id ?? '');
  sandbox.tokens.revoke();
  sandbox.tokens.expireAll();
  await shop.sync(['products', 'locations']); // end with a refused refresh token
  sandbox.tokens.revoke(false);
  await shop.database.pool.query('UPDATE tds.tokens SET denied_at = NULL'); // as a new refresh token would have none
  for (const kind of ['unauthorized', 'html', 'error-500', 'cut-body', 'bad-json'] as const) sandbox.fault({ kind, match: /\/(books|inventory)\//, after: 1, times: 1 });
  sandbox.fault({ kind: 'html', match: '/oauth' });
  sandbox.fault({ kind: 'deny', match: '/contacts', times: Infinity });
  await shop.sync(['products', 'customers', 'invoices']);
  const runs = await shop.runtime.operations.runs({ limit: 50 });
  t.ok(runs.some((run) => run.code === 'careless.never') && runs.some((run) => run.code === 'zoho.refresh_token_refused') && runs.some((run) => run.code === 'zoho.not_authorized'), `what was to fail has failed: ${runs.map((run) => run.code).join()}`);
  t.ok(['http.refused', 'http.redirect'].every((code) => runs.some((run) => run.code === code)));
  t.ok(sandbox.tokens.issued > 0);

  const lines: string[] = [];
  const { answers, secrets: own } = await everyAnswer(shop, createLogger({ level: 'debug', destination: { write: (line) => void lines.push(line) } }), t);
  t.ok(answers.size > 20 && own.every((secret) => secret.length > 20));
  const secrets = [...own, ...Object.values(stray), webhookSecret, slackPath.slice(14), 'planted-session-of-the-day', planted.clientSecret, planted.refreshToken, key, apiKey, 'sandbox-access-', new URL(shop.database.url).password].filter((secret) => secret !== '');
  const forms = secrets.flatMap((secret) => [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1), Buffer.from(secret).toString('base64'), Buffer.from(secret).toString('hex'), encodeURIComponent(encodeURIComponent(secret)), JSON.stringify(JSON.stringify(secret)).slice(2, -2), Buffer.from(secret).toString('base64url'), secret.replaceAll('"', '&quot;').replaceAll('&', '&amp;'), ...[1, 2].map((before) => Buffer.from('x'.repeat(before) + secret).toString('base64').slice(4, -4))]);
  const leaks = (where: string, text: string): string[] => forms.filter((form) => text.includes(form)).map((form) => `${where}: ${form}`);
  t.ok(shop.lines.length > 20, `${shop.lines.length} lines were logged`);
  t.same([...shop.lines, ...lines].flatMap((line) => leaks(line, line)), []);
  const rows = await everyRow(shop);
  for (const table of ['tds.tokens', 'tds.api_tokens', 'tds.api_sessions', 'tds.runs', 'tds.records_1', 'graphile_worker._private_jobs']) t.ok(rows.has(table), `${table} was looked through`);
  t.match(rows.get('tds.runs'), /\[secret\]/, 'what was told stands there with the secret masked');
  t.same([...rows].flatMap(([table, text]) => leaks(table, text)), []);
  t.same([...answers].flatMap(([path, text]) => leaks(path, text)), []);
});

void t.test('a database that refuses is told of without its password', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'tds-secrets-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'config.yaml'), 'database: { url: "${TDS_DATABASE_URL}" }\nconnections: {}\nentities: {}\n');
  const password = 'planted/db+pass word';
  const server = new URL(await serverUrl());
  for (const [what, place] of [['nobody listens', '127.0.0.1:1/tds'], ['there is no such database', `${server.host}/tds_nowhere`]] as const) {
    for (const more of [[], ['--json']]) {
      let printed = '';
      const write = (text: string): void => void (printed += text);
      const env = { TDS_DATABASE_URL: `postgres://${server.username}:${encodeURIComponent(password)}@${place}`, TDS_DEBUG: '1', TDS_DATA: folder };
      const exit = await runCli(['status', '--config', join(folder, 'config.yaml'), ...more], { stdout: { write }, stderr: { write }, env, cwd: folder, interrupted: new AbortController().signal }, backend);
      t.not(exit, 0, `${what}: ${printed.slice(0, 200)}`);
      t.ok(printed.length > 20);
      for (const form of [password, encodeURIComponent(password), 'planted/db', 'planted%2Fdb', Buffer.from(password).toString('base64')]) t.notOk(printed.includes(form), `${what}: no ${form}`);
    }
  }
});

void t.test('a fault that a plugin words with its secret is told without it', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'tds-secrets-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'careless.js'), careless.replace('const told', "throw new PermanentError('careless.no', settings.apiKey, { suggestion: settings.apiKey }); const told"));
  await writeFile(join(folder, 'config.yaml'), 'plugins: .\nconnections: { careless: { plugin: careless, with: { apiKey: "${CARELESS_KEY}" } } }\nentities: {}\n');
  const { findings } = await loadProject({ file: join(folder, 'config.yaml'), env: { CARELESS_KEY: apiKey }, cwd: folder, log: silentLogger });
  const told = findings.map(renderFinding).join('\n');
  t.match(told, /careless\.no/);
  t.notMatch(told, apiKey);
});
