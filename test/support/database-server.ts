/**
 * The PostgreSQL that all test processes of this checkout share, as a process of its own. `database.ts` starts it. It says one line when
 * the server runs, and ends, data and all, when nobody has been attached for some seconds.
 * Arguments: the directory, and the milliseconds to wait for somebody.
 */
import { rmSync } from 'node:fs';
import { startEmbeddedPostgres } from '../../core/store/embedded-postgres.ts';

const [, , dataDirectory = '', idleLimit = ''] = process.argv;

let idle = setTimeout(() => {}, 0);
let finish = (): void => {};
const count = (attached: number): void => {
  clearTimeout(idle);
  if (attached === 0) idle = setTimeout(() => finish(), Number(idleLimit));
};

const server = await startEmbeddedPostgres({ dataDirectory, durable: false, onAttached: count, settings: { max_connections: '300' } });
if (server.owned) {
  setInterval(() => {}, 1 << 30); // the server alone does not keep its process alive
  finish = () => {
    server.stop('immediate').then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(signal, finish);
  process.once('exit', () => rmSync(server.directory, { recursive: true, force: true }));
  count(0);
}
process.stdout.on('error', () => {});
process.stdout.write('ready\n');
