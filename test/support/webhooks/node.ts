/** A TDS process with its API, for tests that kill it. Its argument is the config file; all else comes from the environment. */
import { flushCompileCache } from 'node:module';
import { createApi } from '../../../core/api/index.ts';
import { renderFinding } from '../../../core/config/index.ts';
import { loadProject, openRuntime, projectRoot } from '../../../core/main.ts';
import { createLogger } from '../../../core/monitor/log.ts';
import { Redactor } from '../../../core/monitor/redact.ts';

const [, , file = '', port = '0'] = process.argv;
const redactor = new Redactor();
const log = createLogger({ level: 'warn', pretty: false, redactor });
const { env } = process;
const project = await loadProject({ env, cwd: projectRoot, log, file });
if (!project.config) throw new Error(project.findings.map(renderFinding).join('\n'));
const runtime = await openRuntime(project, { role: 'node', log, redactor, env });
const api = createApi({ operations: runtime.operations, log, version: 'test', host: '127.0.0.1', port: Number(port) });
const { url } = await api.start();
process.once('SIGTERM', () => void api.stop().then(() => runtime.stop({ drainMs: 2000 })).then(() => process.exit(0)));
console.log(JSON.stringify({ url }));
flushCompileCache(); // most of these processes come to no orderly end
