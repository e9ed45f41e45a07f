/** How long each read of the API takes while a full sync runs, over a long history. */
import { Agent, get } from 'node:http';
import path from 'node:path';
import type { Bench } from './bench.ts';
import { fillHistory } from './history.ts';
import { startRuntime, startSandbox } from './processes.ts';
import { percent, whole } from './report.ts';

const perSecond = 50;
const wantedMs = 100;
const items = 100_000;
/** Full syncs go on, one after the other, until each read was asked so often: of fewer the slowest one alone would be the 99th of a hundred. */
const timesEach = 120;

/** Every read that the API has but the live view, and of the long lists the filters that cost most: those that few or no rows fit. */
const reads = [
  '/', '/healthz', '/readyz', '/openapi.json', '/docs', '/metrics', '/v1/health', '/v1/config', '/v1/config/diff', '/v1/entities', '/v1/entities/products', '/v1/connections', '/v1/connections/books', '/v1/connections/books/streams', '/v1/quota', '/v1/connections/books/quota', '/v1/plugins',
  '/v1/runs', '/v1/runs?status=failed', '/v1/runs?entity=products&limit=500', '/v1/runs?sort=oldest', '/v1/runs?trigger=nobody', '/v1/runs?mode=retry', '/v1/runs?since=10d&until=9d', '/v1/runs/1',
  '/v1/dead-letters', '/v1/dead-letters?status=open&entity=products', '/v1/dead-letters?status=discarded', '/v1/dead-letters?code=none', '/v1/dead-letters?kind=job', '/v1/dead-letters/1', '/v1/dead-letter-groups',
  '/v1/healing', '/v1/healing?outcome=failed', '/v1/healing/rules', '/v1/alerts', '/v1/alerts?state=firing', '/v1/alert-rules', '/v1/silences', '/v1/schedules', '/v1/ticks', '/v1/ticks?status=failed', '/v1/reports',
  '/v1/webhooks', '/v1/webhooks?outcome=dropped', '/v1/webhooks?event=deleted', '/v1/webhook-stats', '/v1/webhooks/1', '/v1/cache', '/v1/nodes', '/v1/jobs', '/v1/job-stats', '/v1/audit', '/v1/audit?outcome=refused', '/v1/audit?source=cli', '/v1/tokens', '/v1/session',
] as const;

/** Asks at a steady rate whatever the answers take, so that a stall is not hidden by who waits for it. `history` rows lie in each list. */
export async function measureApi({ server, directory, report }: Bench, history: number): Promise<void> {
  const sandbox = await startSandbox(items);
  try {
    const url = await server.create('api');
    const runtime = await startRuntime({ url, sandbox, directory: path.join(directory, 'data'), variables: { TDS_BENCH_API: '1' } });
    const { api, token } = runtime;
    if (api === undefined || token === undefined) throw new Error('the runtime process serves no API');
    await fillHistory(url, history);
    const caller: Caller = { api, headers: { Authorization: `Bearer ${token}` }, agent: new Agent({ keepAlive: true, maxSockets: 64 }) };
    for (const read of [...reads, ...reads]) await ask(caller, read); // a first round, in which statements are planned and pages read
    let [syncs, standstill, rate] = [0, 0, 0];
    const asking = { over: false };
    const sync = (async () => {
      do {
        const { run, seconds, loop } = await runtime.sync('full');
        [syncs, standstill] = [syncs + 1, Math.max(standstill, loop.most)];
        if (syncs === 1) rate = run.read / seconds;
        if (syncs === 1) report.say(`event loop of the first sync: p50 ${loop.p50.toFixed(0)} ms, p99 ${loop.p99.toFixed(0)} ms, at most ${loop.most.toFixed(0)} ms late`);
      } while (!asking.over);
    })();
    const took = await askOften(caller, reads.length * timesEach).finally(() => (asking.over = true));
    await sync;
    await runtime.stop();
    caller.agent.destroy();
    const all = [...took.values()].flat();
    const slowest = [...took].map(([read, times]) => ({ read, p99: quantile(times, 0.99), count: times.length })).sort((one, other) => other.p99 - one.p99);
    const worst = slowest[0] ?? { read: '', p99: Number.NaN, count: 0 };
    report.add({
      part: 'api', name: `reads at ${perSecond}/s during a full sync, ${whole(history)} rows of history`, value: `p99 of the slowest ${worst.p99.toFixed(0)} ms (${worst.read}, ${worst.count} times), of all ${quantile(all, 0.99).toFixed(0)} ms, median ${quantile(all, 0.5).toFixed(1)} ms`,
      target: `≤ ${wantedMs} ms`, met: worst.p99 <= wantedMs, figures: { history, syncs, rowsPerSecond: rate, loopMost: standstill, asked: all.length, p99: quantile(all, 0.99), p50: quantile(all, 0.5), worst: worst.p99, worstRead: worst.read },
    });
    for (const { read, p99, count } of slowest.slice(0, 8)) report.say(`${read.padEnd(48)} p99 ${p99.toFixed(0)} ms of ${count}`);
    report.say(`within ${wantedMs} ms: ${percent(all.filter((ms) => ms <= wantedMs).length / all.length)}`);
  } finally {
    await sandbox.stop();
    await server.drop('api');
  }
}

interface Caller { api: string; headers: Record<string, string>; agent: Agent }

/** Milliseconds of each answer, by what was asked. A status other than 200 breaks it off. */
async function askOften(caller: Caller, times: number): Promise<Map<string, number[]>> {
  const took = new Map<string, number[]>(reads.map((read) => [read, []]));
  const asked: Promise<unknown>[] = [];
  const began = performance.now();
  for (let at = 0; at < times; at += 1) {
    const due = began + (at * 1000) / perSecond;
    const wait = due - performance.now();
    if (wait > 0) await new Promise((resolve) => { setTimeout(resolve, wait); });
    const read = reads[at % reads.length] as string;
    // from when it was due, so that a stall counts for all that would have come in it
    asked.push(ask(caller, read).then(() => took.get(read)?.push(performance.now() - due), (error: unknown) => error));
  }
  const failed = (await Promise.all(asked)).find((outcome) => outcome instanceof Error);
  if (failed !== undefined) throw failed;
  return took;
}

/** A connection that the server closed while it was idle, in the moment it was taken for this, is no answer: it is asked again. */
async function ask(caller: Caller, read: string): Promise<void> {
  const status = await statusOf(caller, read) ?? await statusOf(caller, read);
  if (status !== 200) throw new Error(`${read} answered ${String(status)}`);
}

function statusOf({ api, agent, headers }: Caller, read: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const request = get(`${api}${read}`, { agent, headers }, (answer) => void answer.resume().once('end', () => resolve(answer.statusCode)));
    request.once('error', (error: NodeJS.ErrnoException) => (request.reusedSocket && error.code === 'ECONNRESET' ? resolve(undefined) : reject(error)));
  });
}

function quantile(times: readonly number[], share: number): number {
  return times.toSorted((one, other) => one - other)[Math.min(times.length - 1, Math.floor(times.length * share))] ?? Number.NaN;
}
