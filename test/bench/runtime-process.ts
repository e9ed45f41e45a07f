/** The process that is measured: the whole of TDS over the sample config, told by messages what to sync. Started by `processes.ts`. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createApi } from '../../core/api/index.ts';
import { loadProject, openRuntime, version } from '../../core/main.ts';
import { createLogger } from '../../core/monitor/log.ts';
import { Redactor } from '../../core/monitor/redact.ts';
import type { SyncResult } from './processes.ts';

const log = createLogger({ level: 'error' });
const project = await loadProject({ env: process.env, cwd: process.cwd(), log });
if (!project.config) throw new Error(`the sample config has errors: ${JSON.stringify(project.findings)}`);
const runtime = await openRuntime(project, { role: 'node', log, redactor: new Redactor(), env: process.env });

// As a Prometheus in a hurry would: for each second that this process has had of a CPU. By the wall, others on the machine would add scrapes and no rows.
if (process.env['TDS_BENCH_SCRAPE'] === '1') {
  let scrapedAt = 0;
  setInterval(() => {
    const { user, system } = process.cpuUsage();
    if (user + system < scrapedAt + 1e6) return;
    scrapedAt = user + system;
    void runtime.operations.metrics();
  }, 50).unref();
}

process.on('message', (message) => void act(message as string));
process.on('disconnect', () => void stop());
const api = process.env['TDS_BENCH_API'] === '1' ? createApi({ operations: runtime.operations, log, version, host: '127.0.0.1', port: 0 }) : undefined;
const token = api && (await runtime.operations.access.createToken({ name: 'bench', scope: 'admin', expiresAt: null, by: 'bench' })).secret;
process.send?.({ api: (await api?.start())?.url, token });

async function act(message: string): Promise<void> {
  if (message === 'stop') return stop();
  process.send?.(await sync(message as 'full' | 'incremental'));
}

async function sync(mode: 'full' | 'incremental'): Promise<SyncResult> {
  const before = process.cpuUsage();
  const delay = monitorEventLoopDelay({ resolution: 2 });
  delay.enable();
  const [asked] = await runtime.operations.sync({ entities: ['products'], mode, trigger: 'bench' });
  if (!asked) throw new Error('no run was made');
  for (;;) {
    const run = await runtime.operations.run(asked.run.id);
    if (run.endedAt) {
      if (run.status !== 'succeeded') throw new Error(`the run ended as ${run.status}: ${String(run.reason)}`);
      const { user, system } = process.cpuUsage(before);
      return { run, seconds: (run.endedAt.getTime() - run.queuedAt.getTime()) / 1000, cpu: (user + system) / 1e6, peak: process.resourceUsage().maxRSS * 1024, loop: { p50: delay.percentile(50) / 1e6, p99: delay.percentile(99) / 1e6, most: delay.max / 1e6 } };
    }
    await new Promise((resolve) => { setTimeout(resolve, 100); });
  }
}

async function stop(): Promise<void> {
  await api?.stop();
  await runtime.stop({ drainMs: 0 });
  process.disconnect?.();
  process.exit(0);
}
