import path from 'node:path';
import type { Logger } from '../sdk/index.ts';
import { startEmbeddedPostgres } from './embedded-postgres.ts';
import { databaseErrorKind, StoreError } from './errors.ts';
import { migrate, migrateQueue } from './migrate.ts';
import { createPool, type Pool } from './pool.ts';

/** TDS's own database, brought up to date. */
export interface OpenedDatabase {
  pool: Pool;
  /** For looks alone, so that they never wait behind the work. */
  reads: Pool;
  /** For who tells people what is wrong, so that it can tell too that all others are in use. */
  alarm: Pool;
  /** With its password. */
  url: string;
  password: string;
  /** For people: which database that is, without its password. */
  label: string;
  embedded: boolean;
  /** Ends the pool, and lets go of the embedded server. */
  close(): Promise<void>;
}

export interface OpenDatabaseOptions {
  /** Empty: the embedded PostgreSQL below `dataDirectory`. */
  url: string;
  schema: string;
  poolSize: number;
  /** What its connections are called at the server, and no other process's. Default `tds`, of which there may be many. */
  applicationName?: string;
  /** Milliseconds to wait for a connection. Default 10,000. */
  connectTimeout?: number;
  dataDirectory: string;
  /** The folder of the migrations. */
  migrations: string;
  log: Logger;
  /** False: as it is, or empty; for a backup and a restore, which bring a shape of their own. Default true. */
  migrated?: boolean;
}

/** Where the embedded PostgreSQL lies. */
export function embeddedDirectory(dataDirectory: string): string {
  return path.join(dataDirectory, 'postgres');
}

/** Connections of who tells people: one holds the lock, one writes, one notes how the sending went. What it asks is small. */
const [mostAlarm, alarmMs] = [3, 20_000];
/** Connections for looks. What the API answers in some milliseconds needs few of them. */
const mostReads = 4;
/** A process that is paused in a transaction holds its locks for so long at most, in ms: twice the time after which the others take it for dead. */
const standstillMs = 10_000;

/** Starts or reaches the database and migrates it. @throws StoreError */
export async function openDatabase({ url, schema, poolSize, applicationName, connectTimeout = 10_000, dataDirectory, migrations, log, migrated = true }: OpenDatabaseOptions): Promise<OpenedDatabase> {
  if (url !== '') checkAddress(url);
  const embedded = url === '' ? await startEmbeddedPostgres({ dataDirectory: embeddedDirectory(dataDirectory), log }) : undefined;
  const address = embedded?.url ?? url;
  const options = { url: address, schema, ...(applicationName === undefined ? {} : { applicationName, exclusive: true }), connectTimeout, idleInTransactionTimeout: standstillMs, onError: (error: Error) => log.debug('an idle database connection broke', { error }) };
  const pool = createPool({ ...options, max: poolSize });
  const reads = createPool({ ...options, max: mostReads, readOnly: true });
  const alarm = createPool({ ...options, max: mostAlarm, statementTimeout: alarmMs });
  const close = async (): Promise<void> => {
    await Promise.all([pool.end(), reads.end(), alarm.end()]);
    await embedded?.stop();
  };
  try {
    if (migrated) {
      await migrate({ pool, directory: migrations, schema, log });
      await migrateQueue({ pool, log });
    } else await pool.query('SELECT 1');
  } catch (error) {
    await close();
    throw error instanceof StoreError ? error : unreachable(address, error);
  }
  const label = embedded ? `embedded PostgreSQL in ${path.relative('', embedded.directory) || '.'}${embedded.owned ? '' : ' (of another process)'}` : masked(address);
  return { pool, reads, alarm, url: address, password: decodeURIComponent(new URL(address).password), label, embedded: embedded !== undefined, close };
}

/** Nothing of the address is repeated, as it holds the password. @throws StoreError `store.address` */
export function checkAddress(url: string): void {
  const several = /^postgres(?:ql)?:\/\/(?:[^/]*@)?[^/?]*,/.test(url) || (URL.canParse(url) && new URL(url).searchParams.get('host')?.includes(',') === true);
  if (several) {
    throw new StoreError('store.address', 'The address of the database (TDS_DATABASE_URL) names several hosts.',
      'Name one that leads to whichever server takes writes now: a proxy that checks for it, a virtual IP, or a DNS name that moves. See docs/database.md.');
  }
  if (URL.canParse(url) && /^postgres(?:ql)?:$/.test(new URL(url).protocol)) return;
  throw new StoreError('store.address', 'What TDS_DATABASE_URL holds is not the address of a PostgreSQL.',
    'Write postgres://user:password@host:5432/database; special characters in the password are percent-encoded (@ as %40).');
}

function unreachable(url: string, cause: unknown): unknown {
  if (databaseErrorKind(cause) !== 'unavailable') return cause;
  return new StoreError('store.unreachable', `The database ${masked(url)} can't be reached: ${(cause as Error).message}.`, 'Check TDS_DATABASE_URL, and that the server runs and lets this machine in.', { cause });
}

/** `user@host:port/name`, without the password and the parameters. */
function masked(url: string): string {
  const { username, host, pathname } = new URL(url);
  return `PostgreSQL ${username}@${host}${pathname}`;
}
