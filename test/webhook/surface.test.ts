/** What people and programs see of webhooks. */
import t from 'tap';
import { callCli } from '../cli/support.ts';
import { fakeOperations } from '../api/fake-operations.ts';
import { startApi } from '../api/support.ts';
import type { WebhookOperations } from '../../core/operations/webhooks.ts';
import { openHooked, secret } from './support.ts';

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
  t.match((await cli('register')).out, /by hand/);
  for (const args of [[], ['show', '7'], ['stats'], ['urls'], ['replay', '--all'], ['register']]) t.equal((await cli(...args, '--json')).json.length, 1, `webhooks ${args.join(' ')} --json`);
  t.equal((await cli('--outcome', 'eaten')).exit, 2);
});

t.test('routes answer the same', async (t) => {
  const api = await startApi(t, operations);
  t.match((await api.call('/v1/webhooks?entity=invoices&limit=1')).body, { messages: [{ id: '7' }], next: null });
  t.match((await api.call('/v1/webhooks/7')).body, { body: '{"a":1}' });
  t.match((await api.call('/v1/webhook-stats')).body, { entities: [{ lossRate: 0.1 }] });
  t.match(await api.post('/v1/webhooks/replay', { outcome: 'refused', dryRun: true }), { status: 200, body: { counts: { change: 1 } } });
  t.match(await api.post('/v1/webhooks/replay', { outcome: 'refused' }), { status: 202, body: { messages: 58 } });
  t.equal((await api.call('/v1/webhooks?outcome=eaten')).status, 400);
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
  await t.rejects(real.compose({ entity: 'customers', event: 'changed' }), { code: 'webhook.unknown' });
  await t.rejects(real.show('999'), { code: 'operation.unknown_message' });
});
