/**
 * The processes that the webhooks are measured on, told by their argument: `tds`, a whole node with its API; `bare`, a node:http server that
 * inserts one row per request. Each says its address, and answers messages.
 */
import { createServer } from 'node:http';
import { createApi } from '../../core/api/index.ts';
import { loadProject, openRuntime } from '../../core/main.ts';
import { createLogger } from '../../core/monitor/log.ts';
import { Redactor } from '../../core/monitor/redact.ts';
import { createPool } from '../../core/store/pool.ts';

const [, , kind = ''] = process.argv;
const stop = kind === 'bare' ? await startBare() : await startTds();
process.on('message', (message) => {
  if (message === 'stop') void stop().then(() => process.exit(0));
  else process.send?.({ rss: process.memoryUsage().rss, cpu: process.cpuUsage() });
});
process.on('disconnect', () => process.exit(0));

async function startTds(): Promise<() => Promise<void>> {
  const log = createLogger({ level: 'error' });
  const project = await loadProject({ env: process.env, cwd: process.cwd(), log, ...(process.env['TDS_CONFIG'] ? { file: process.env['TDS_CONFIG'] } : {}) });
  if (!project.config) throw new Error(JSON.stringify(project.findings));
  const runtime = await openRuntime(project, { role: process.env['TDS_BENCH_ROLE'] === 'client' ? 'client' : 'node', log, redactor: new Redactor(), env: process.env });
  const api = createApi({ operations: runtime.operations, log, version: 'bench', host: '127.0.0.1', port: 0 });
  process.send?.({ url: (await api.start()).url });
  return async () => {
    await api.stop();
    await runtime.stop({ drainMs: 500 });
  };
}

async function startBare(): Promise<() => Promise<void>> {
  const pool = createPool({ url: process.env['TDS_DATABASE_URL'] ?? '', max: 20 });
  await pool.query('CREATE TABLE IF NOT EXISTS bare (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, received_at timestamptz NOT NULL DEFAULT now(), body text NOT NULL)');
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => void chunks.push(chunk)).once('end', () => {
      pool.query({ name: 'bare', text: 'INSERT INTO bare (body) VALUES ($1)', values: [Buffer.concat(chunks).toString('utf8')] })
        .then(() => response.writeHead(202, { 'Content-Length': 0 }).end(), () => response.writeHead(503, { 'Content-Length': 0 }).end());
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', () => resolve()));
  process.send?.({ url: `http://127.0.0.1:${(server.address() as { port: number }).port}` });
  return async () => {
    server.closeAllConnections();
    server.close();
    await pool.end();
  };
}
