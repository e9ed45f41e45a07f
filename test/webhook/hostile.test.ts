/** What strangers send: forged, huge, slow, no JSON, to nowhere, too much. */
import { connect } from 'node:net';
import t from 'tap';
import { hash } from 'node:crypto';
import { until } from '../support/processes.ts';
import { openHooked, post, signed, webhookConfig } from './support.ts';

const good = JSON.stringify({ invoice: { invoice_id: '1', invoice_number: 'A', total: 1, last_modified_time: '2026-06-01T08:00:00Z' } });
const path = '/webhooks/books/invoices/changed';

t.test('what is not right is refused in the words of the API, and nothing of it is kept but a look', async (t) => {
  const shop = await openHooked(t, { sandbox: { scale: 'none' } }, { timeouts: { headers: 300, request: 300, interval: 30 } });
  const status = async (...given: Parameters<typeof shop.send>): Promise<string> => {
    const { status: code, body } = await shop.send(...given);
    return `${code} ${String(body['code'])}`;
  };
  t.equal(await status(path, good, { sign: signed(good, 'anothersecretofsomebody') }), '401 webhook.signature');
  t.equal(await status(path, good, { sign: '' }), '401 webhook.signature');
  t.equal(await status(path, `${good} `, { sign: signed(good) }), '401 webhook.signature', 'a byte more');
  t.equal(await status(`${path}?a=1`, good), '401 webhook.signature', 'parameters are signed too');
  t.equal(await status(`${path}?b=2&a=1`, good, { sign: signed(`a1b2${good}`) }), '202 undefined');
  t.equal(await status('/webhooks/books/nothing/changed', good), '404 webhook.unknown');
  t.equal(await status('/webhooks/inventory/invoices/changed', good), '404 webhook.unknown');
  t.equal(await status('/webhooks/books/invoices/exploded', good), '404 webhook.unknown');
  t.equal(await status('/webhooks/books/invoices/changed/more', good), '404 webhook.unknown');
  t.equal(await status('/webhooks/', good), '404 webhook.unknown');
  t.equal(await status(path, '', { method: 'GET' }), '405 api.method');
  for (const body of ['{"invoice":', 'x=1', Buffer.from([0x22, 0xff, 0x22]), '', `${'['.repeat(50_000)}`]) t.equal(await status(path, body), '400 webhook.not_json');
  t.equal(await status(path, 'JSONString=1', { headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, sign: signed('JSONString1') }), '400 webhook.not_json', 'data is taken from a JSON body alone');
  t.equal(await status(path, '{"invoice":{"invoice_id":"+1"}}', { headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, sign: signed('{"invoice":{"invoice_id":" 1"}}') }), '400 webhook.not_json', 'other text may have the same parameters');
  const kept = await shop.rows('SELECT count(*) AS n, max(octet_length(body)) AS longest FROM webhook_unreadable');
  t.same(kept, [{ n: '7', longest: '16384' }]);
  t.match(await shop.runtime.operations.webhooks.unreadable(3), [{ body: /invoice_id/ }, { entity: 'invoices', size: 12, body: 'JSONString=1' }, { size: 50_000, body: /^\[{16384}$/ }], 'and can be looked at');
  // JSON that is hostile in itself: it is taken, and does no harm
  for (const body of ['null', '[]', '{"__proto__":{"invoice_id":"9"}}', `{"invoice":{"invoice_id":"\\u0000","x":"\\ud800"}}`, `{"invoice":${'{"a":'.repeat(3000)}1${'}'.repeat(3000)}}`]) t.equal(await status(path, body), '202 undefined');
  t.equal(await status(path, good, { headers: { 'User-Agent': 'x'.repeat(2000) } }), '202 undefined');
  await shop.applied();
  t.same(await shop.rows(`SELECT outcome, count(*) AS n FROM webhook_inbox GROUP BY 1 ORDER BY 1`), [{ outcome: 'applied', n: '2' }, { outcome: 'refused', n: '4' }, { outcome: 'unchanged', n: '1' }]);
  t.equal((await shop.rows('SELECT count(*) AS n FROM erp.invoices'))[0]?.['n'], '2', 'a record is a record, whatever it stands under');
  const stats = (await shop.runtime.operations.webhooks.stats()).find(({ entity }) => entity === 'invoices');
  t.match(stats?.counts, { signature: 4, not_json: 7 });
  t.notMatch(JSON.stringify(await shop.rows('SELECT headers FROM webhook_inbox')), signed(good), 'no signature is kept');

  await t.test('a body of 100 MB is refused unread', async (t) => {
    const before = process.memoryUsage().rss;
    const huge = await flood(shop.url, 'Content-Length: 100000000\r\n');
    t.match(huge.answer, /^HTTP\/1\.1 413 .*api\.too_large/s);
    t.ok(huge.written < 20_000_000, `the sender was cut off after ${huge.written} bytes`);
    const chunked = await flood(shop.url, 'Transfer-Encoding: chunked\r\n', `${(65_536).toString(16)}\r\n`);
    t.match(chunked.answer, /^HTTP\/1\.1 413 .*api\.too_large/s);
    t.ok(process.memoryUsage().rss - before < 60_000_000, 'memory stays flat');
  });

  await t.test('a slow sender is told so and cut off, and holds nobody up', async (t) => {
    const slow = connect(Number(new URL(shop.url).port), '127.0.0.1');
    let answer = '';
    slow.setEncoding('utf8').on('data', (text: string) => (answer += text));
    slow.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n{"in`);
    t.equal((await shop.send(path, good)).status, 202);
    await new Promise((resolve) => void slow.once('close', resolve));
    t.match(answer, /^HTTP\/1\.1 408 /);
    const counts = async (): Promise<Record<string, number>> => (await shop.runtime.operations.webhooks.stats()).find(({ entity }) => entity === 'invoices')?.counts ?? {};
    await until('what broke off is counted', async () => (await counts())['broken_off'] === 1);
    t.match(await counts(), { too_large: 2 });
  });
});

t.test('more than can be saved is answered 503, nothing that was accepted is lost', async (t) => {
  const shop = await openHooked(t, { sandbox: { scale: 'none' }, config: `${webhookConfig}\npolicies: { webhooks: { maxWaiting: 10 } }\n` });
  const lock = await shop.database.pool.connect();
  await lock.query('BEGIN');
  await lock.query('LOCK TABLE webhook_inbox IN ACCESS EXCLUSIVE MODE');
  const over: unknown[] = [];
  const answers = Array.from({ length: 40 }, async (_, n) => {
    const { status, headers } = await post(shop.url, path, body(n), 'POST', { 'X-Zoho-Webhook-Signature': signed(body(n)) });
    if (status === 503) over.push(headers['retry-after']);
    return status;
  });
  await until('thirty are refused', () => over.length === 30);
  t.same([...new Set(over)], ['1'], 'and told when to come again');
  await lock.query('COMMIT');
  lock.release();
  const all = await Promise.all(answers);
  const taken = all.filter((status) => status === 202).length;
  t.same([taken, all.filter((status) => status === 503).length], [10, 30]);
  await shop.applied();
  t.equal(Number((await shop.rows('SELECT count(*) AS n FROM erp.invoices'))[0]?.['n']), taken);
});

function body(n: number): string {
  return JSON.stringify({ invoice: { invoice_id: `i${n}`, invoice_number: hash('sha256', String(n)), total: n, last_modified_time: '2026-06-01T08:00:00Z' } });
}

/** Sends on and on until it is answered or cut off. */
function flood(url: string, header: string, chunk = ''): Promise<{ answer: string; written: number }> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    const piece = Buffer.concat([Buffer.from(chunk), Buffer.alloc(65_536, 32), Buffer.from(chunk === '' ? '' : '\r\n')]);
    let answer = '';
    let written = 0;
    const push = (): void => {
      if (written >= 100_000_000 || answer !== '' || socket.destroyed) return;
      written += piece.length;
      if (socket.write(piece)) setImmediate(push);
      else socket.once('drain', push);
    };
    socket.setEncoding('utf8').on('data', (text: string) => (answer += text)).on('error', () => undefined).once('close', () => resolve({ answer, written }));
    socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\n${header}\r\n`);
    push();
  });
}
