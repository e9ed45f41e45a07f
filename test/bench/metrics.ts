/** What the metrics cost: the first load without them, and with them, scraped each second and with the alert rules evaluated, by turns. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Bench } from './bench.ts';
import { home, startRuntime, startSandbox } from './processes.ts';
import { whole } from './report.ts';

const items = 20_000;
const wantedLoss = 0.02;

/** Each side's best round counts: what others do on the machine can only slow one down. */
export async function measureMetrics({ server, directory, report }: Bench, rounds: number): Promise<void> {
  const sandbox = await startSandbox(items);
  const config = path.join(directory, 'without-metrics.yaml');
  await writeFile(config, `include: ${JSON.stringify([path.relative(directory, path.join(home, 'tds.config.yaml'))])}\nmetrics: { enabled: false }\nalerts: { enabled: false }\n`);
  const load = async (measured: boolean): Promise<number> => {
    const runtime = await startRuntime({ url: await server.create('metrics'), sandbox, directory: path.join(directory, 'data'), ...(measured ? { variables: { TDS_BENCH_SCRAPE: '1' } } : { config }) });
    try {
      const { seconds } = await runtime.sync('full');
      report.say(`${measured ? 'with' : 'without'} metrics: ${whole(items / seconds)} rows/s`);
      return seconds;
    } finally {
      await runtime.stop();
      await server.drop('metrics');
    }
  };
  try {
    await load(true); // the sandbox is warm from then on
    const best = { without: Infinity, with: Infinity };
    for (let round = 0; round < rounds; round += 1) {
      best.without = Math.min(best.without, await load(false));
      best.with = Math.min(best.with, await load(true));
    }
    const loss = Math.max(0, 1 - best.without / best.with);
    report.add({
      part: 'metrics', name: `metrics, scraped each second, ${whole(items)} rows`, value: `${whole(items / best.with)} rows/s, ${(loss * 100).toFixed(1)} % less than without`, target: `≤ ${wantedLoss * 100} %`, met: loss <= wantedLoss,
      figures: { items, without: items / best.without, with: items / best.with, loss },
    });
  } finally {
    await sandbox.stop();
  }
}
