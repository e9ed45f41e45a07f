/** A TDS process of its own, for tests that kill it. Its argument is the config file; all else comes from the environment. */
import { loadProject, openRuntime, projectRoot } from '../../core/main.ts';
import { renderFinding } from '../../core/config/index.ts';
import { createLogger } from '../../core/monitor/log.ts';
import { Redactor } from '../../core/monitor/redact.ts';

const [, , file = '', nodeId] = process.argv;
const redactor = new Redactor();
const log = createLogger({ level: 'info', pretty: false, redactor });
const { env } = process;
const project = await loadProject({ env, cwd: projectRoot, log, file });
if (!project.config) throw new Error(project.findings.map(renderFinding).join('\n'));
const runtime = await openRuntime(project, { role: 'node', log, redactor, env, ...(nodeId ? { nodeId } : {}) });
process.once('SIGTERM', () => void runtime.stop({ drainMs: 2000 }).then(() => process.exit(0)));
console.log('ready');
