/** A full sync under a limit of calls per minute, against the time that the limit itself imposes. Takes minutes: nothing can shorten a minute. */
import path from 'node:path';
import type { Bench } from './bench.ts';
import { startRuntime, startSandbox } from './processes.ts';
import { seconds } from './report.ts';

const perMinute = 100;
const pages = 250;
const wanted = 1.03;

/** Reads 250 pages at 100 calls a minute. */
export async function measureLimits({ server, directory, report }: Bench): Promise<void> {
  const sandbox = await startSandbox(pages * 200 - 400);
  try {
    await sandbox.admin('POST', 'limits', { enabled: true, perMinute, concurrency: 10, perDay: { books: 1e9, inventory: 1e9 }, reset: true });
    const runtime = await startRuntime({ url: await server.create('limits'), sandbox, directory: path.join(directory, 'data'), variables: { ZOHO_CALLS_PER_MINUTE: String(perMinute) } });
    const { seconds: took, run } = await runtime.sync('full');
    await runtime.stop();
    const { byPath } = await sandbox.admin<{ byPath: Record<string, number> }>('GET', 'calls');
    const { refused } = await sandbox.admin<{ refused: number }>('GET', 'limits');
    const calls = byPath['GET /inventory/v1/items'] ?? 0;
    // a process that stood still lost its job, and asked again for the pages that it had not saved: then the time says nothing of the limit
    const again = run.attempts > 1 ? `, in ${run.attempts} attempts: ${calls - pages} of the calls asked for a page again` : '';
    const imposed = Math.floor((calls - 1) / perMinute) * 60;
    report.add({
      part: 'limits', name: `full sync of ${calls} calls at ${perMinute} a minute`, value: `${seconds(took)}, ${(took / imposed).toFixed(3)} × the ${imposed} s that the limit imposes${again}`, target: `≤ ${wanted} ×`, met: took / imposed <= wanted,
      figures: { calls, attempts: run.attempts, perMinute, seconds: took, imposed, factor: took / imposed },
    });
    report.add({ part: 'limits', name: '  answers 429', value: String(refused), target: '0', met: refused === 0, figures: { refused } });
  } finally {
    await sandbox.stop();
    await server.drop('limits');
  }
}
