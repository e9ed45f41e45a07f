/**
 * A TDS process of its own, for tests that kill it. Its arguments are the config file, the node's id, the clock of its connections (default:
 * the machine's) and times of the queue, both as JSON; all else comes from the environment. `advance 1000` on standard input moves that
 * clock, and is answered.
 */
import { createInterface } from 'node:readline';
import { loadProject, openRuntime, projectRoot } from '../../core/main.ts';
import { renderFinding } from '../../core/config/index.ts';
import { createLogger } from '../../core/monitor/log.ts';
import { Redactor } from '../../core/monitor/redact.ts';
import type { QueueTimings } from '../../core/queue/index.ts';
import { fastClock, type ClockOrigin } from './fast-clock.ts';

const [, , file = '', nodeId, origin, queueTimings] = process.argv;
const redactor = new Redactor();
const log = createLogger({ level: 'info', pretty: false, redactor });
const { env } = process;
const { speed, ...rest } = JSON.parse(origin ?? '{}') as Partial<ClockOrigin>;
const clock = speed === undefined ? undefined : fastClock(speed, { speed, ...rest } as ClockOrigin);
const project = await loadProject({ env, cwd: projectRoot, log, file });
if (!project.config) throw new Error(project.findings.map(renderFinding).join('\n'));
const runtime = await openRuntime(project, { role: 'node', log, redactor, env, ...(nodeId ? { nodeId } : {}), ...(clock ? { clock: clock.tds } : {}), ...(queueTimings ? { queueTimings: JSON.parse(queueTimings) as Partial<QueueTimings> } : {}) });
process.once('SIGTERM', () => void runtime.stop({ drainMs: 2000 }).then(() => process.exit(0)));
let moves = 0;
if (clock) createInterface({ input: process.stdin }).on('line', (line) => {
  clock.sandbox.advance(Number(line.replace('advance ', '')));
  console.log(`moved ${++moves}`);
});
console.log('ready');
