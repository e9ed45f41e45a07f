/**
 * What the metrics cost: the first load without them, and with them, scraped for each second of CPU and with the alert rules evaluated, in pairs. Judged by
 * the CPU seconds of the process: the machine is busy throughout the load, so they are the rate, and others on it disturb them far less than the wall.
 *
 * Each pair is a ratio of its own, since a machine grows slower or faster over minutes, but hardly within one pair. The median of the ratios counts. One
 * pair alone is some percent off to either side, so the median itself is known between two of the ratios only, nineteen times out of twenty (by the sign
 * test, which takes nothing for granted about how they are spread). Where what is wanted lies between these two, more rounds are wanted (`--rounds 15`). A scrape a CPU second is some fifteen times what Prometheus usually asks; who asks less often pays less.
 */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Bench } from './bench.ts';
import { home, startRuntime, startSandbox, type SyncResult } from './processes.ts';
import { tenths, whole } from './report.ts';

/** A load of some ten seconds: what a start costs once is no part of a rate. */
const items = 100_000;
const wantedLoss = 0.02;

type Load = Pick<SyncResult, 'seconds' | 'cpu'>;

export async function measureMetrics({ server, directory, report }: Bench, rounds: number): Promise<void> {
  const sandbox = await startSandbox(items);
  const config = path.join(directory, 'without-metrics.yaml');
  await writeFile(config, `include: ${JSON.stringify([path.relative(directory, path.join(home, 'tds.config.yaml'))])}\nmetrics: { enabled: false }\nalerts: { enabled: false }\n`);
  const load = async (measured: boolean): Promise<Load> => {
    const runtime = await startRuntime({ url: await server.create('metrics'), sandbox, directory: path.join(directory, 'data'), ...(measured ? { variables: { TDS_BENCH_SCRAPE: '1' } } : { config }) });
    try {
      const { seconds, cpu } = await runtime.sync('full');
      report.say(`${measured ? 'with' : 'without'} metrics: ${whole(items / seconds)} rows/s, ${cpu.toFixed(2)} CPU s`);
      return { seconds, cpu };
    } finally {
      await runtime.stop();
      await server.drop('metrics');
    }
  };
  try {
    await load(true); // the sandbox is warm from then on
    const pairs: { without: Load; with: Load }[] = [];
    for (let round = 0; round < rounds; round += 1) {
      // who goes first changes, so that what grows slower or faster hits both
      const first = await load(round % 2 === 1);
      const second = await load(round % 2 === 0);
      pairs.push(round % 2 === 0 ? { without: first, with: second } : { without: second, with: first });
    }
    const losses = pairs.map((pair) => 1 - pair.without.cpu / pair.with.cpu);
    const loss = quantile(losses, 0.5);
    const [low, high] = medianBounds(losses);
    const cpu = { without: quantile(pairs.map((pair) => pair.without.cpu), 0.5), with: quantile(pairs.map((pair) => pair.with.cpu), 0.5) };
    const best = (side: 'with' | 'without'): number => items / Math.min(...pairs.map((pair) => pair[side].seconds));
    // pairs that say now this, now that are no measurement
    const isSharp = high <= wantedLoss || low > wantedLoss;
    report.add({
      part: 'metrics', name: `metrics, scraped for each CPU second, ${whole(items)} rows`, value: `a loss of ${tenths(loss)} by ${pairs.length} pairs${Number.isFinite(high) ? `, and 19 to 1 between ${tenths(low)} and ${tenths(high)}` : ''}; ${cpu.with.toFixed(2)} CPU s against ${cpu.without.toFixed(2)} without, ${whole(best('with'))} rows/s${isSharp ? '' : '; too far apart, or too few, to tell: more rounds are wanted'}`,
      target: `≤ ${wantedLoss * 100} %`, ...(isSharp ? { met: loss <= wantedLoss } : {}),
      figures: { items, pairs: pairs.length, cpuWithout: cpu.without, cpuWith: cpu.with, loss, low, high, bestWithout: best('without'), bestWith: best('with') },
    });
  } finally {
    await sandbox.stop();
  }
}

/** Between which of the values the median of all that could be measured lies, at 19 to 1; without bounds where they are too few. */
function medianBounds(values: readonly number[]): [number, number] {
  const sorted = values.toSorted((a, b) => a - b);
  // of n fair coins, how likely at most k heads are
  const tail = (k: number): number => Array.from({ length: k + 1 }, (_, heads) => choose(sorted.length, heads)).reduce((sum, ways) => sum + ways, 0) / 2 ** sorted.length;
  let outside = -1;
  while (2 * tail(outside + 1) <= 0.05) outside += 1;
  return outside < 0 ? [-Infinity, Infinity] : [sorted[outside] as number, sorted[sorted.length - 1 - outside] as number];
}

function choose(n: number, k: number): number {
  let ways = 1;
  for (let at = 1; at <= k; at += 1) ways = (ways * (n - k + at)) / at;
  return ways;
}

/** The value below which this share of them lies, between two of them where it falls there; 0.5: the median. */
function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const [below, above] = [sorted[Math.floor(at)] ?? Number.NaN, sorted[Math.ceil(at)] ?? Number.NaN];
  return below + (above - below) * (at - Math.floor(at));
}
