/** List calls of an incremental sync, by how much has changed. */
import path from 'node:path';
import type { Bench } from './bench.ts';
import { startRuntime, startSandbox } from './processes.ts';

const items = 5_000;
const page = 200;
const pauseMs = 300_000;

/** Changes some records at the source, syncs, and counts the calls that reached it. */
export async function measureIncremental({ server, directory, report }: Bench): Promise<void> {
  const sandbox = await startSandbox(items);
  try {
    const runtime = await startRuntime({ url: await server.create('incremental'), sandbox, directory: path.join(directory, 'data') });
    await runtime.sync('full');
    for (const changed of [0, 1, page, 500]) {
      // Minutes pass, so that a sync does not look at the last seconds of the one before again; but never the hour after which a token ends.
      await sandbox.admin('POST', 'clock', { advance: pauseMs });
      const { records } = await sandbox.admin<{ records: Record<string, unknown> }>('GET', 'records/items?ids=1');
      await sandbox.admin('POST', 'change', { resource: 'items', edit: Object.keys(records).slice(0, changed).map((id) => ({ id, fields: { rate: 1000 + changed } })) });
      await sandbox.admin('POST', 'clock', { advance: pauseMs });
      await sandbox.admin('DELETE', 'calls');
      const { run } = await runtime.sync('incremental');
      const { byPath } = await sandbox.admin<{ byPath: Record<string, number> }>('GET', 'calls');
      const calls = byPath['GET /inventory/v1/items'] ?? 0;
      const most = 1 + Math.ceil(changed / page);
      if (run.changed !== changed) throw new Error(`${run.changed} of ${changed} changes arrived`);
      report.add({
        part: 'incremental', name: `incremental sync, ${changed} changed`, value: `${calls} list ${calls === 1 ? 'call' : 'calls'}`, target: `≤ ${most}`, met: calls <= most, figures: { changed, calls, most },
      });
    }
    await runtime.stop();
  } finally {
    await sandbox.stop();
    await server.drop('incremental');
  }
}
