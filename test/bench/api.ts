/** How long each read of the API takes while a full sync runs, over a long history. */
import { Agent, get } from 'node:http';
import path from 'node:path';
import type { Bench } from './bench.ts';
import { withClient } from './database.ts';
import { startRuntime, startSandbox } from './processes.ts';
import { percent, whole } from './report.ts';

const perSecond = 50;
const wantedMs = 100;
const items = 100_000;

/** Every read that a page or a program makes again and again; each with the filters that cost most. */
const reads = [
  '/', '/readyz', '/v1/config', '/v1/entities', '/v1/entities/products', '/v1/connections', '/v1/plugins', '/v1/runs', '/v1/runs?status=failed', '/v1/runs?entity=products&limit=500', '/v1/runs?sort=oldest', '/v1/runs/1',
  '/v1/runs?trigger=nobody', '/v1/dead-letters', '/v1/dead-letters?status=open&entity=products', '/v1/dead-letter-groups', '/v1/healing', '/v1/healing/rules', '/v1/nodes', '/v1/jobs', '/v1/audit', '/v1/audit?outcome=refused', '/v1/tokens', '/v1/session', '/openapi.json',
] as const;

/** Asks at a steady rate whatever the answers take, so that a stall is not hidden by who waits for it. `history` rows lie in each list. */
export async function measureApi({ server, directory, report }: Bench, history: number): Promise<void> {
  const sandbox = await startSandbox(items);
  try {
    const url = await server.create('api');
    const runtime = await startRuntime({ url, sandbox, directory: path.join(directory, 'data'), variables: { TDS_BENCH_API: '1' } });
    const { api } = runtime;
    if (api === undefined) throw new Error('the runtime process serves no API');
    await fillHistory(url, history);
    await askAll(api, 40); // a first round, in which statements are planned and pages read
    let syncing = true;
    const sync = runtime.sync('full').finally(() => (syncing = false));
    const took = await askWhile(api, () => syncing);
    await sync;
    await runtime.stop();
    const all = [...took.values()].flat();
    const slowest = [...took].map(([read, times]) => ({ read, p99: quantile(times, 0.99), count: times.length })).sort((one, other) => other.p99 - one.p99);
    const worst = slowest[0] ?? { read: '', p99: Number.NaN, count: 0 };
    report.add({
      part: 'api', name: `reads at ${perSecond}/s during a full sync, ${whole(history)} rows of history`, value: `p99 of the slowest ${worst.p99.toFixed(0)} ms (${worst.read}, ${worst.count} times), of all ${quantile(all, 0.99).toFixed(0)} ms, median ${quantile(all, 0.5).toFixed(1)} ms`,
      target: `≤ ${wantedMs} ms`, met: worst.p99 <= wantedMs, figures: { history, asked: all.length, p99: quantile(all, 0.99), p50: quantile(all, 0.5), worst: worst.p99, worstRead: worst.read },
    });
    for (const { read, p99, count } of slowest.slice(0, 8)) report.say(`${read.padEnd(48)} p99 ${p99.toFixed(0)} ms of ${count}`);
    report.say(`within ${wantedMs} ms: ${percent(all.filter((ms) => ms <= wantedMs).length / all.length)}`);
  } finally {
    await sandbox.stop();
    await server.drop('api');
  }
}

/** Runs, dead letters, acts of healing, audit and versions of records, as years would leave them. */
async function fillHistory(url: string, rows: number): Promise<void> {
  await withClient(url, async (client) => {
    await client.query(`SET search_path TO tds`);
    await client.query(`INSERT INTO runs (entity, mode, trigger, status, code, queued_at, started_at, ended_at, read)
      SELECT (ARRAY['products', 'customers', 'invoices', 'stock'])[1 + n % 4], (ARRAY['incremental', 'full', 'details', 'replay'])[1 + n / 4 % 4], 'schedule', CASE WHEN n % 1000 = 0 THEN 'failed' ELSE 'succeeded' END, NULL, t, t, t, n % 5000
        FROM generate_series(1, $1::int) AS n, LATERAL (SELECT now() - ($1::int - n) * interval '30 seconds' AS t) AS at`, [rows]);
    await client.query(`INSERT INTO dead_letters (entity, key, via, code, message, fingerprint, status, identity) SELECT 'products', n::text, 'full', 'map.not_a_number', 'is no number', md5((n % 50)::text), CASE WHEN n % 20 = 0 THEN 'open' ELSE 'resolved' END, NULL FROM generate_series(1, $1::int / 10) AS n`, [rows]);
    await client.query(`INSERT INTO healing_acts (rule, fingerprint, seen, done, outcome, node, at, ended_at) SELECT 'stuck-jobs', n::text, 'seen', 'done', 'healed', 'n', now(), now() FROM generate_series(1, $1::int / 10) AS n`, [rows]);
    await client.query(`INSERT INTO audit (source, actor, kind, action, outcome) SELECT 'api', 'ci', 'token', 'POST /v1/runs', CASE WHEN n % 5000 = 0 THEN 'refused' ELSE 'done' END FROM generate_series(1, $1::int) AS n`, [rows]);
    await client.query('ANALYZE');
  });
}

async function askAll(api: string, rounds: number): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  for (let at = 0; at < rounds; at += 1) await ask(api, reads[at % reads.length] as string, agent);
  agent.destroy();
}

/** Milliseconds of each answer, by what was asked. */
async function askWhile(api: string, more: () => boolean): Promise<Map<string, number[]>> {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const took = new Map<string, number[]>();
  const asked: Promise<void>[] = [];
  const began = performance.now();
  for (let at = 0; more(); at += 1) {
    const due = began + (at * 1000) / perSecond;
    const wait = due - performance.now();
    if (wait > 0) await new Promise((resolve) => { setTimeout(resolve, wait); });
    const read = reads[at % reads.length] as string;
    // from when it was due, so that a stall counts for all that would have come in it
    asked.push(ask(api, read, agent).then(() => void took.set(read, [...(took.get(read) ?? []), performance.now() - due])));
  }
  await Promise.all(asked);
  agent.destroy();
  return took;
}

function ask(api: string, read: string, agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    get(`${api}${read}`, { agent }, (answer) => {
      answer.resume().once('end', () => (answer.statusCode === 200 ? resolve() : reject(new Error(`${read} answered ${String(answer.statusCode)}`))));
    }).once('error', reject);
  });
}

function quantile(times: readonly number[], share: number): number {
  return times.toSorted((one, other) => one - other)[Math.min(times.length - 1, Math.floor(times.length * share))] ?? Number.NaN;
}
