/** What people and programs see of webhooks. */
import { readFile } from 'node:fs/promises';
import t from 'tap';
import { callCli } from '../cli/support.ts';
import { fakeOperations } from '../api/fake-operations.ts';
import { startApi } from '../api/support.ts';
import type { WebhookOperations } from '../../core/operations/webhooks.ts';
import { openHooked, post, secret, signed, webhookConfig } from './support.ts';

const message = { id: '7', receivedAt: new Date(), connection: 'books', entity: 'invoices', event: 'changed' as const, key: '1', modifiedAt: null, outcome: 'refused' as const, duplicate: true, code: 'check.min', how: 'payload' as const, appliedAt: new Date(), attempts: 0, notBefore: null, size: 20 };
const asked: unknown[] = [];
const webhooks: WebhookOperations = {
  ...fakeOperations().webhooks,
  async list(filter) { asked.push(filter); return [message]; },
  show: async () => ({ ...message, hash: 'h', headers: { 'user-agent': 'zoho' }, body: '{"a":1}' }),
  stats: async () => [{ entity: 'invoices', connection: 'books', apply: 'auto', counts: { applied: 90, lost: 10 }, waiting: 3, oldestSeconds: 2, firstAt: new Date(), lastAt: new Date(), latency: { p50: 12, p99: 80 }, lossRate: 0.1, pollingFactor: 0.25 }],
  async replay(choice) { asked.push(choice); return 58; },
  planReplay: async () => ({ messages: 1, counts: { change: 1 }, cut: false, differences: [{ id: '7', entity: 'invoices', key: '1', event: 'changed', would: 'change', changes: [{ field: 'total', from: 1, to: 2 }] }] }),
  urls: (base) => [{ rule: { entity: 'invoices', stream: 'invoices', event: 'changed', url: `${base}/webhooks/books/invoices/changed` }, connection: 'books', steps: ['Open Settings'], canRegister: false }],
};
const operations = fakeOperations({ webhooks });

t.test('commands list, show, count, replay and tell the addresses', async (t) => {
  const cli = (...args: string[]): ReturnType<typeof callCli> => callCli(['webhooks', ...args], { operations });
  t.match((await cli('--entity', 'invoices', '--outcome', 'refused', '--since', '24h')).out, /invoices.*refused, doubled \(check\.min\)/);
  t.match(asked.pop(), { entity: 'invoices', outcome: 'refused', since: Date, limit: 20 });
  t.match((await cli('show', '7')).out, /user-agent +zoho[^]*\{"a":1\}/);
  t.match((await cli('stats')).out, /invoices.*10\.0 %, read more often/);
  t.match((await cli('urls', '--base', 'https://hooks.example.com')).out, /https:\/\/hooks\.example\.com\/webhooks\/books\/invoices\/changed\n +1\. Open Settings/);
  t.match((await cli('replay', '--outcome', 'refused', '--dry-run')).out, /1 would change a record[^]*total: 1 → 2/);
  t.match((await cli('replay', '7', '8')).out, /58 messages/);
  t.match(asked.pop(), { filter: { ids: ['7', '8'] }, all: false });
  t.match((await cli('register')).out, /no entity takes messages/);
  t.match((await callCli(['webhooks', 'register', '--base', 'https://hooks.example.com'], { operations: fakeOperations({ webhooks: { ...webhooks, async register(base) {
    return { connections: [{ connection: 'shop', rules: [{ entity: 'orders', stream: 'orders', event: 'changed', url: `${base}/x`, id: 'r7', created: true }] }], byHand: webhooks.urls(base).map(({ rule, connection, steps }) => ({ rule, connection, steps })) };
  } } }) })).out, /shop: orders, changed: https:\/\/hooks\.example\.com\/x made \(r7\)\nbooks: its service has no call that makes rules\. Make this one by hand:\n.*books\/invoices\/changed\n +1\. Open Settings/);
  for (const args of [[], ['show', '7'], ['stats'], ['urls'], ['replay', '--all'], ['register']]) t.equal((await cli(...args, '--json')).json.length, 1, `webhooks ${args.join(' ')} --json`);
  t.match((await callCli(['webhooks', '--outcome', 'stale'])).out, /^no such messages$/m);
  for (const name of ['lost', 'unreadable']) t.match((await callCli(['webhooks', name])).out, /^none$/m);
  t.equal((await cli('--outcome', 'eaten')).exit, 2);
});

t.test('routes answer the same', async (t) => {
  const api = await startApi(t, operations);
  t.match((await api.call('/v1/webhooks?entity=invoices&limit=1')).body, { messages: [{ id: '7' }], next: null });
  t.match((await api.call('/v1/webhooks/7')).body, { body: '{"a":1}' });
  t.match((await api.call('/v1/webhook-stats')).body, { entities: [{ lossRate: 0.1 }] });
  t.match(await api.post('/v1/webhooks/replay', { outcome: 'refused', dryRun: true }), { status: 200, body: { counts: { change: 1 } } });
  t.match(await api.post('/v1/webhooks/replay', { outcome: 'refused' }), { status: 202, headers: { location: '/v1/webhooks?outcome=waiting' }, body: { messages: 58 } });
  t.equal((await api.call('/v1/webhooks?outcome=eaten')).status, 400);
});

t.test('a dry run tries no more than its caller can wait for, and says so', async (t) => {
  const tries = (tried: number) => ({ entities: [{ entity: 'invoices', tried, pass: 0, refused: 0, dropped: 0, overtaken: 0, inbox: 0, faults: [], still: [] }], tried, pass: 0, jobs: 0, skipped: [] });
  const { post } = await startApi(t, fakeOperations({
    webhooks: { ...webhooks, planReplay: async ({ most = 0 }) => ({ messages: most, counts: {}, differences: [], cut: false }) },
    tryDeadLetters: async ({ most = 0 }) => tries(most),
  }));
  t.match((await post('/v1/webhooks/replay', { all: true, dryRun: true })).body, { messages: 10_000, cut: true });
  t.match((await post('/v1/webhooks/replay', { all: true, dryRun: true, most: 10 })).body, { messages: 10, cut: false });
  t.match((await post('/v1/dead-letters/retry', { all: true, dryRun: true })).body, { tried: 2000, cut: true });
  t.match((await post('/v1/dead-letters/retry', { all: true, dryRun: true, most: 10 })).body, { tried: 10, cut: false });
});

t.test('a message to oneself is signed, is taken, and changes nothing', async (t) => {
  const shop = await openHooked(t, { sandbox: { scale: 'small' } });
  await shop.sync(['invoices']);
  const { webhooks: real } = shop.runtime.operations;
  const { path, headers, body } = await real.compose({ entity: 'invoices', event: 'changed' });
  t.equal((await fetch(`${shop.url}${path}`, { method: 'POST', headers, body })).status, 202);
  await shop.applied();
  t.match(await real.list({ limit: 5 }), [{ outcome: 'stale', entity: 'invoices' }]);
  t.notMatch(JSON.stringify([await real.list({ limit: 5 }), await real.show('1'), real.urls('http://x'), await real.stats(), shop.lines]), secret, 'the secret is nowhere');
  const asked = await post(shop.url, '/v1/webhooks/send', JSON.stringify({ entity: 'invoices' }), 'POST', { 'Content-Type': 'application/json' });
  t.match(asked, { status: 202, headers: { location: '/v1/webhooks?entity=invoices' }, body: { path, bytes: Buffer.byteLength(body) } }, 'by the API too: it is taken as one that its service has sent');
  await shop.applied();
  await t.rejects(real.compose({ entity: 'customers', event: 'changed' }), { code: 'webhook.unknown' });
  await t.rejects(real.show('999'), { code: 'operation.unknown_message' });
});

/** A connector whose service lets rules be made by its API; it remembers in a file what it was asked for. */
const registering = `
import { createHmac } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { definePlugin, SDK_VERSION, type StreamInfo } from 'tds/sdk';

const things: StreamInfo = { name: 'things', description: 'things', key: ['id'], modifiedField: 'at', incremental: 'none', details: 'none', provesGone: false };

export default definePlugin<{ file: string }>({
  id: 'registering', version: '1.0.0', sdk: SDK_VERSION, kind: 'connector', description: 'Makes rules.',
  configSchema: { type: 'object', additionalProperties: false, properties: { file: { type: 'string' } } },
  create: ({ settings: { file } }) => ({
    check: async () => [],
    source: { streams: () => [things], describe: () => things, async *read() { yield { records: [], observedAt: new Date(), end: { complete: true } }; } },
    webhook: {
      signatureHeader: 'x-mine', supports: (stream, event) => event === 'changed', sign: ({ body }, secret) => createHmac('sha256', secret).update(body).digest('hex'),
      read: ({ body }) => ({ record: body as Record<string, string> }), write: ({ record }) => record as never, steps: () => ['by hand'],
      async register({ rules, secret }) {
        const there = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
        const made = rules.map((rule) => ({ ...rule, id: 'rule ' + rule.entity, created: !(rule.url in there) }));
        writeFileSync(file, JSON.stringify({ ...there, ...Object.fromEntries(rules.map(({ url }) => [url, secret])) }));
        return made;
      },
    },
  }),
});
`;

t.test('rules are made where the plugin has a way, once; the others are told with their steps', async (t) => {
  const file = `${t.testdir()}/rules.json`;
  const entity = (id: string): string => `  ${id}: { from: { connection: mine, stream: things }, to: { connection: erp, table: ${id} }, key: id, fields: { id: id, name: name } }\n`;
  const shop = await openHooked(t, {
    sandbox: { scale: 'none' }, files: { 'my-plugins/registering.ts': registering },
    config: `plugins: [./my-plugins]\n${webhookConfig.replace('  erp:', `  mine: { plugin: registering, with: { file: ${JSON.stringify(file)} }, webhooks: { secret: thesecretofmine } }\n  erp:`)}${entity('one')}${entity('two')}`,
  });
  const { webhooks: real } = shop.runtime.operations;
  const ask = (...entities: string[]) => real.register(shop.url, entities, AbortSignal.timeout(120_000));
  const { connections, byHand } = await ask();
  t.match(connections, [{ connection: 'mine', rules: [{ entity: 'one', id: 'rule one', created: true, url: `${shop.url}/webhooks/mine/one/changed` }, { entity: 'two', created: true }] }], 'one call for all rules of a connection');
  t.same(byHand.map(({ rule, connection }) => `${connection} ${rule.entity} ${rule.event}`), ['books invoices changed', 'books invoices deleted', 'books contacts changed', 'books contacts deleted'], 'Zoho has none');
  t.match(await ask('one'), { connections: [{ rules: [{ entity: 'one', created: false }] }], byHand: [] }, 'again: they are there');
  await t.rejects(ask('nothing'), { code: 'webhook.unknown' });

  // what was registered is taken, by the secret and at the address that the service was given
  const rules = JSON.parse(await readFile(file, 'utf8')) as Record<string, string>;
  for (const [url, by] of Object.entries(rules)) {
    const body = JSON.stringify({ id: '1', name: url.split('/').at(-2), at: '2026-06-01T08:00:00Z' });
    t.equal((await fetch(url, { method: 'POST', headers: { 'x-mine': signed(body, by) }, body })).status, 202);
  }
  await shop.applied();
  t.same(await shop.rows('SELECT name FROM erp.one UNION ALL SELECT name FROM erp.two'), [{ name: 'one' }, { name: 'two' }]);
});
