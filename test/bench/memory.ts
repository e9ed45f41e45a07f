/** Peak memory of the runtime process, for a short and for a long read. */
import path from 'node:path';
import type { Bench } from './bench.ts';
import { startRuntime, startSandbox } from './processes.ts';
import { megabytes, whole } from './report.ts';

const fewItems = 20_000;
const wanted = 1.25;

/** Compares the peak of a process that read 20,000 items with one that read `many`. */
export async function measureMemory(bench: Bench, many: number): Promise<void> {
  const few = await peakOf(bench, fewItems);
  const lots = await peakOf(bench, many);
  bench.report.add({
    part: 'memory', name: `peak memory, ${whole(many)} items`, value: `${megabytes(lots)}, ${(lots / few).toFixed(2)} × that of ${whole(fewItems)} (${megabytes(few)})`, target: `≤ ${wanted} ×`, met: lots / few <= wanted,
    figures: { items: many, bytes: lots, few: fewItems, fewBytes: few, factor: lots / few },
  });
}

async function peakOf({ server, directory, report }: Bench, items: number): Promise<number> {
  const sandbox = await startSandbox(items);
  try {
    const runtime = await startRuntime({ url: await server.create('memory'), sandbox, directory: path.join(directory, 'data') });
    const result = await runtime.sync('full');
    await runtime.stop();
    if (result.run.new !== items) throw new Error(`${result.run.new} of ${items} items arrived`);
    report.say(`${whole(items)} items in ${result.seconds.toFixed(1)} s (${whole(items / result.seconds)} rows/s), ${megabytes(result.peak)}`);
    return result.peak;
  } finally {
    await sandbox.stop();
    await server.drop('memory');
  }
}
