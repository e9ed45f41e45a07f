/**
 * What the metrics cost: the first load without them, and with them, scraped for each second of CPU and with the alert rules evaluated, in pairs. Judged by
 * the CPU seconds of the process: the machine is busy throughout the load, so they are the rate, and others on it disturb them far less than the wall.
 */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Bench } from './bench.ts';
import { home, startRuntime, startSandbox, type SyncResult } from './processes.ts';
import { whole } from './report.ts';

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
    const sides: { without: Load[]; with: Load[] } = { without: [], with: [] };
    for (let round = 0; round < rounds; round += 1) {
      // who goes first changes, so that what grows slower or faster over the rounds hits both
      for (const measured of round % 2 === 0 ? [false, true] : [true, false]) sides[measured ? 'with' : 'without'].push(await load(measured));
    }
    const cpu = { without: middle(sides.without.map((one) => one.cpu)), with: middle(sides.with.map((one) => one.cpu)) };
    const loss = Math.max(0, 1 - cpu.without / cpu.with);
    const best = Math.min(...sides.with.map(({ seconds }) => seconds));
    report.add({
      part: 'metrics', name: `metrics, scraped for each CPU second, ${whole(items)} rows`, value: `${whole(items / best)} rows/s; ${cpu.with.toFixed(2)} CPU s against ${cpu.without.toFixed(2)} without, a loss of ${(loss * 100).toFixed(1)} %`, target: `≤ ${wantedLoss * 100} %`, met: loss <= wantedLoss,
      figures: { items, cpuWithout: cpu.without, cpuWith: cpu.with, loss, bestWithout: items / Math.min(...sides.without.map(({ seconds }) => seconds)), bestWith: items / best },
    });
  } finally {
    await sandbox.stop();
  }
}

/** The median. */
function middle(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[half] ?? 0) : ((sorted[half - 1] ?? 0) + (sorted[half] ?? 0)) / 2;
}
