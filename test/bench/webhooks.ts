/** What messages of a service cost: taken, applied, and more of them than can be taken. */
import { fork, type ChildProcess } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
// @ts-expect-error it is plain JavaScript, as the launcher is
import { nodeFlags } from '../../core/cli/supervise.js';
import type { Bench } from './bench.ts';
import { ask, withClient } from './database.ts';
import { megabytes, percent, seconds, whole } from './report.ts';
import { makeMessages, secret, sendLoad, type LoadResult } from './webhook-load.ts';
import { measureRival } from './webhook-rival.ts';

const script = fileURLToPath(new URL('webhook-process.ts', import.meta.url));
const address = '/webhooks/books/invoices/changed';
const records = 5000;
const wantedRate = 1000;

/** The parts of a run, in seconds: short, as they are repeated by turns. */
const acceptSeconds = 4;
const steadySeconds = 10;

interface Server { url: string; memory(): Promise<number>; stop(): Promise<void> }

/** Measures everything on one database. */
export async function measureWebhooks(bench: Bench): Promise<void> {
  const url = await bench.server.create('webhooks');
  const config = path.join(bench.directory, 'webhooks.yaml');
  await writeFile(config, configOf());
  const env = { ...process.env, TDS_DATABASE_URL: url, TDS_DATA: bench.directory, TDS_SECRET_KEY: 'a key of the bench, long enough to be one', TDS_CONFIG: config };
  try {
    await accept(bench, url, env);
    await steady(bench, url, env);
    await applied(bench, url, env);
    await overload(bench, url, env);
  } finally {
    await bench.server.drop('webhooks');
  }
}

/** The rate at which messages are taken, by turns with a bare server; no worker applies meanwhile, as none does there. */
async function accept({ report }: Bench, url: string, env: NodeJS.ProcessEnv): Promise<void> {
  const best = { tds: 0, bare: 0 };
  const messages = makeMessages(60_000, records, address);
  for (let round = 0; round < 2; round += 1) {
    for (const kind of ['bare', 'tds'] as const) {
      const server = await start(kind, { ...env, TDS_BENCH_ROLE: 'client' });
      await sendLoad({ url: server.url, path: address, connections: 64, messages, seconds: 0.5 });
      const result = await sendLoad({ url: server.url, path: address, connections: 64, messages, seconds: acceptSeconds });
      best[kind] = Math.max(best[kind], result.taken / result.seconds);
      report.say(`${kind} took ${whole(result.taken / result.seconds)} a second, p99 ${result.p99.toFixed(0)} ms`);
      await server.stop();
    }
    await empty(url);
  }
  report.add({ part: 'webhooks', name: 'bare server, a row per request', value: `${whole(best.bare)} messages/s`, figures: { perSecond: best.bare } });
  report.add({ part: 'webhooks', name: 'messages taken', value: `${whole(best.tds)}/s, ${percent(best.tds / best.bare)} of the bare server`, target: '≥ 70 %', met: best.tds / best.bare >= 0.7, figures: { perSecond: best.tds, share: best.tds / best.bare } });
}

async function steady({ report }: Bench, url: string, env: NodeJS.ProcessEnv): Promise<void> {
  const server = await start('tds', env);
  await sendLoad({ url: server.url, path: address, connections: 50, messages: makeMessages(3000, records, address), seconds: 2, rate: wantedRate });
  await drained(url);
  await empty(url);
  const result = await sendLoad({ url: server.url, path: address, connections: 100, messages: makeMessages(wantedRate * (steadySeconds + 1), records, address, 10_000), seconds: steadySeconds, rate: wantedRate });
  await drained(url);
  const lag = await ask<{ p50: number; p99: number }>(url, `SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) AS p50, percentile_cont(0.99) WITHIN GROUP (ORDER BY ms) AS p99 FROM (SELECT extract(epoch FROM applied_at - received_at)::float8 * 1000 AS ms FROM tds.webhook_inbox) t`);
  await server.stop();
  const rate = result.taken / result.seconds;
  report.add({ part: 'webhooks', name: `taken at ${whole(wantedRate)}/s, and applied`, value: `${whole(rate)}/s, p50 ${result.p50.toFixed(1)} ms, p99 ${result.p99.toFixed(1)} ms`, target: 'p99 ≤ 50 ms', met: result.p99 <= 50 && rate > wantedRate * 0.97, figures: { perSecond: rate, p50: result.p50, p99: result.p99 } });
  report.add({ part: 'webhooks', name: '  from arrival to applied', value: `p50 ${whole(lag.p50)} ms, p99 ${whole(lag.p99)} ms`, target: 'p99 ≤ 1,000 ms', met: lag.p99 <= 1000, figures: { p50: lag.p50, p99: lag.p99 } });
}

/** A backlog applied in sets, against a job for each message. */
async function applied({ report }: Bench, url: string, env: NodeJS.ProcessEnv): Promise<void> {
  await empty(url);
  const backlog = await fill(url, env, 20_000);
  const begin = performance.now();
  const server = await start('tds', env);
  const ready = performance.now();
  await drained(url);
  const took = (performance.now() - ready) / 1000;
  await server.stop();
  report.say(`the node was up after ${seconds((ready - begin) / 1000)}`);
  const rate = backlog / took;
  await empty(url);
  const few = await fill(url, env, 1500);
  const rival = few / await measureRival(url, env);
  report.add({ part: 'webhooks', name: 'a job per message', value: `${whole(rival)} messages/s`, figures: { perSecond: rival } });
  report.add({ part: 'webhooks', name: 'applied in sets', value: `${whole(rate)} messages/s, ${(rate / rival).toFixed(1)} × a job per message`, target: '≥ 10 ×', met: rate / rival >= 10, figures: { perSecond: rate, factor: rate / rival } });
}

/** Takes messages without a worker. */
async function fill(url: string, env: NodeJS.ProcessEnv, count: number): Promise<number> {
  const server = await start('tds', { ...env, TDS_BENCH_ROLE: 'client' });
  const result = await sendLoad({ url: server.url, path: address, connections: 64, messages: makeMessages(count, records * 4, address, 100_000), seconds: count / 1000 });
  await server.stop();
  const { n } = await ask<{ n: number }>(url, 'SELECT count(*)::int AS n FROM tds.webhook_inbox');
  if (n !== result.taken) throw new Error(`${result.taken} were taken and ${n} are there`);
  return n;
}

/**
 * Ten times what is promised; and as many senders at once as it takes who never pause, whatever they are told. These have no target: 4,000 of them who each
 * have one request under way wait 4,000 / rate seconds on the average, in whatever order they are answered, and sender, server and database share the
 * machine. Far more than that means that some were not taken up: dropped by the kernel (`ListenOverflows` in
 * /proc/net/netstat), or by a loop with long turns, since Node takes one new connection in each.
 */
async function overload(bench: Bench, url: string, env: NodeJS.ProcessEnv): Promise<void> {
  await overloaded(bench, url, env, { connections: 1000, rate: wantedRate * 10, name: `overload, ${whole(wantedRate * 10)}/s by 1,000 senders`, target: 250 });
  await overloaded(bench, url, env, { connections: 4000, name: 'overload, 4,000 senders without a pause' });
}

async function overloaded({ report }: Bench, url: string, env: NodeJS.ProcessEnv, { connections, rate, name, target }: { connections: number; rate?: number; name: string; target?: number }): Promise<void> {
  await empty(url);
  const server = await start('tds', env);
  const messages = makeMessages(120_000, records, address, 200_000);
  const warm = await sendLoad({ url: server.url, path: address, connections: 100, messages: messages.slice(0, 2000), seconds: 2 });
  const before = await server.memory();
  let top = before;
  const look = async (): Promise<void> => { top = Math.max(top, await server.memory()); };
  const watch = setInterval(() => void look(), 200);
  const result: LoadResult = await sendLoad({ url: server.url, path: address, connections, messages: messages.slice(2000), seconds: 6, ...(rate === undefined ? {} : { rate }) });
  clearInterval(watch);
  await drained(url);
  await server.stop();
  const { n } = await ask<{ n: number }>(url, `SELECT count(*)::int AS n FROM tds.webhook_inbox`);
  const all = (result.taken + result.refused + result.failed) / result.seconds;
  report.add({ part: 'webhooks', name, value: `${whole(all)} requests/s, ${whole(result.taken / result.seconds)}/s taken, ${whole(result.refused / result.seconds)}/s answered 503, ${result.failed} unanswered, of those taken p50 ${result.p50.toFixed(0)} ms, p99 ${result.p99.toFixed(0)} ms`, ...(target === undefined ? {} : { target: `p99 ≤ ${target} ms`, met: result.p99 <= target && result.failed === 0 }), figures: { perSecond: all, taken: result.taken, refused: result.refused, failed: result.failed, p99: result.p99 } });
  report.add({ part: 'webhooks', name: '  memory', value: `${megabytes(before)} before, ${megabytes(top)} at most`, target: '≤ 200 MB more', met: top - before <= 2e8, figures: { before, top } });
  const lost = warm.taken + result.taken - n;
  report.add({ part: 'webhooks', name: '  taken and not there', value: String(Math.max(0, lost)), target: '0', met: lost <= 0, figures: { lost } });
}

async function start(kind: 'tds' | 'bare', env: NodeJS.ProcessEnv): Promise<Server> {
  // as `tds start` runs it
  const execArgv = [...process.execArgv, ...(kind === 'tds' ? [...(nodeFlags as string[]), ...(process.env['TDS_BENCH_NODE_OPTIONS'] ?? '').split(' ').filter(Boolean)] : [])];
  const child = fork(script, [kind], { env, execArgv, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const { url } = await told<{ url: string }>(child);
  return {
    url,
    async memory() {
      child.send('memory');
      return (await told<{ rss: number }>(child)).rss;
    },
    stop: () => new Promise((resolve) => {
      child.once('exit', () => resolve());
      child.send('stop');
    }),
  };
}

function told<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null): void => reject(new Error(`the process ended with code ${String(code)}`));
    child.once('exit', onExit);
    child.once('message', (message) => {
      child.off('exit', onExit);
      resolve(message as T);
    });
  });
}

async function drained(url: string): Promise<void> {
  await withClient(url, async (client) => {
    while ((await client.query('SELECT 1 FROM tds.webhook_inbox WHERE outcome IS NULL LIMIT 1')).rows.length > 0) await new Promise((resolve) => { setTimeout(resolve, 20); });
  });
}

async function empty(url: string): Promise<void> {
  await withClient(url, (client) => client.query(`TRUNCATE tds.webhook_inbox, tds.records, tds.record_history, tds.webhook_counts, tds.webhook_entities; DO $$ BEGIN IF to_regclass('bare') IS NOT NULL THEN TRUNCATE bare; END IF; END $$`));
}

function configOf(): string {
  return `
database: { url: "\${TDS_DATABASE_URL}" }
connections:
  books:
    plugin: zoho-books
    webhooks: { secret: ${secret} }
    with: { organizationId: "1", clientId: c, clientSecret: s, refreshToken: r, apiUrl: "http://127.0.0.1:1", accountsUrl: "http://127.0.0.1:1" }
  erp: { plugin: postgres, with: { schema: erp } }
entities:
  invoices:
    from: { connection: books, stream: invoices }
    to: { connection: erp, table: invoices }
    key: invoice_id
    fields: { invoice_id: invoice_id, number: invoice_number, status: status, customer_id: customer_id, date: { from: date, type: date }, total: { from: total, type: "numeric(18,4)" }, modified_at: { from: last_modified_time, type: timestamptz } }
`;
}
