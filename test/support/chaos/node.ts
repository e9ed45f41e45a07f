/**
 * A whole TDS in a process of its own, for tests that kill, pause and cut it off. Its argument is JSON. It says `loaded`, waits for a
 * line on its input where it is told to, says `ready`, and answers the line `health` with one of JSON.
 */
import { flushCompileCache } from 'node:module';
import { createInterface } from 'node:readline';
import { loadProject, openRuntime, projectRoot } from '../../../core/main.ts';
import { renderFinding } from '../../../core/config/index.ts';
import { createLogger } from '../../../core/monitor/log.ts';
import { Redactor } from '../../../core/monitor/redact.ts';
import type { QueueTimings } from '../../../core/queue/index.ts';

export interface ChaosNodeOptions { file: string; nodeId: string; waits: boolean; timings: Partial<QueueTimings> | undefined }

const { file, nodeId, waits, timings } = JSON.parse(process.argv[2] ?? '{}') as ChaosNodeOptions;
const { env } = process;
const redactor = new Redactor();
const log = createLogger({ level: 'info', pretty: false, redactor });
const lines = createInterface({ input: process.stdin });
console.log('loaded');
if (waits) await new Promise<void>((resolve) => void lines.once('line', () => resolve()));
const project = await loadProject({ env, cwd: projectRoot, log, file });
if (!project.config) throw new Error(project.findings.map(renderFinding).join('\n'));
const runtime = await openRuntime(project, { role: 'node', log, redactor, env, nodeId, watchdog: { pretty: false }, ...(timings ? { queueTimings: timings } : {}) });
process.once('SIGTERM', () => void runtime.stop().then(() => process.exit(0)));
lines.on('line', (line) => {
  if (line.startsWith('health')) void runtime.operations.health().then((health) => console.log(`${line} ${JSON.stringify(health)}`));
});
console.log('ready');
flushCompileCache(); // most of these processes come to no orderly end
