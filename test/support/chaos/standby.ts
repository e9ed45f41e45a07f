/** A second PostgreSQL that follows another one, to be promoted when that one has gone. */
import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { chownSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { startEmbeddedPostgres } from '../../../core/store/embedded-postgres.ts';
import type { TestScope } from '../database.ts';
import { until } from '../processes.ts';
import type { OwnServer } from './own-server.ts';

export interface Standby {
  readonly url: string;
  readonly port: number;
  /** From now on it takes writes. Resolves when it does. */
  promote(): Promise<void>;
}

/**
 * Copies the data of a running server as PostgreSQL's manual has it ("Making a Base Backup Using the Low Level API") and starts another one
 * on the copy, which follows the first. From then on the first one says of no commit that it has landed before it is here as well.
 */
export async function standbyOf(scope: TestScope, primary: OwnServer): Promise<Standby> {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'tds-chaos-standby-'));
  // Made once by itself, so that its place has owner and rights; then its data are the other one's.
  const empty = await startEmbeddedPostgres({ dataDirectory, durable: false });
  const { directory } = empty;
  await empty.stop('immediate');
  const data = join(directory, 'data');
  const { uid, gid } = statSync(data);
  await rm(data, { recursive: true });
  await withServer(primary.url, async (admin) => {
    await admin.query(`select pg_backup_start('standby', true)`);
    await cp(join(primary.directory, 'data'), data, { recursive: true, preserveTimestamps: true, filter: (path) => !/postmaster\.(pid|opts)$/.test(path) });
    const { rows: [made] } = await admin.query<{ labelfile: string }>('select labelfile from pg_backup_stop(false)');
    await writeFile(join(data, 'backup_label'), made?.labelfile ?? '');
    await writeFile(join(data, 'standby.signal'), '');
    // what was written to the log since the copy of it
    await cp(join(primary.directory, 'data', 'pg_wal'), join(data, 'pg_wal'), { recursive: true });
  });
  await cp(join(primary.directory, 'password'), join(directory, 'password'));
  await giveTo(data, uid, gid);
  const { password } = new URL(primary.url);
  const server = await startEmbeddedPostgres({
    dataDirectory, durable: false, settings: { primary_conninfo: `host=127.0.0.1 port=${primary.port} user=tds password=${password}`, wal_retrieve_retry_interval: '100ms' },
  });
  scope.teardown(async () => {
    await server.stop('immediate');
    for (const each of [server.directory, dataDirectory]) await rm(each, { recursive: true, force: true });
  });
  await withServer(primary.url, async (admin) => {
    await admin.query(`alter system set synchronous_standby_names = '*'`);
    await admin.query('select pg_reload_conf()');
    await until('the standby follows', async () => (await admin.query(`select from pg_stat_replication where sync_state = 'sync'`)).rows.length === 1);
  });
  return {
    url: server.url, port: server.port,
    promote: () => withServer(server.url, async (admin) => void await admin.query('select pg_promote(true)')),
  };
}

async function giveTo(directory: string, uid: number, gid: number): Promise<void> {
  chownSync(directory, uid, gid);
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) chownSync(join(entry.parentPath, entry.name), uid, gid);
}

async function withServer<T>(url: string, work: (admin: Client) => Promise<T>): Promise<T> {
  const admin = new Client({ connectionString: url });
  admin.on('error', () => {});
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.end();
  }
}
