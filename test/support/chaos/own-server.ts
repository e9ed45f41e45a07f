/** A PostgreSQL of a test's own, to be stopped, started and filled up; with TDS's tables. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../../core/store/embedded-postgres.ts';
import { migrate, migrateQueue } from '../../../core/store/migrate.ts';
import { createPool, type Pool } from '../../../core/store/pool.ts';
import type { TestScope } from '../database.ts';

export interface OwnServer {
  readonly url: string;
  readonly port: number;
  /** Where its data is. */
  readonly directory: string;
  readonly pool: Pool;
  /** A crash on purpose. */
  stop(): Promise<void>;
  /** On the same port. */
  start(): Promise<void>;
}

export async function ownServer(scope: TestScope, place?: string): Promise<OwnServer> {
  const dataDirectory = place ?? (await mkdtemp(join(tmpdir(), 'tds-chaos-pg-')));
  const start = (port?: number): Promise<EmbeddedPostgres> => startEmbeddedPostgres({ dataDirectory, durable: false, ...(port === undefined ? {} : { port }) });
  let server = await start();
  const pool = createPool({ url: server.url, schema: 'tds', max: 5, connectTimeout: 3_000, applicationName: 'tds test' });
  scope.teardown(async () => {
    pool.end().catch(() => {});
    await server.stop('immediate');
    for (const directory of [server.directory, dataDirectory]) await rm(directory, { recursive: true, force: true });
  });
  await migrate({ pool, directory: fileURLToPath(new URL('../../../core/store/migrations', import.meta.url)) });
  await migrateQueue({ pool });
  return {
    url: server.url, port: server.port, directory: server.directory, pool, stop: () => server.stop('immediate'),
    async start() {
      server = await start(server.port);
    },
  };
}
