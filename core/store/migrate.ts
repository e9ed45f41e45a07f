/**
 * Brings the database to the shape that this code expects.
 *
 * Files are `NNN-name.sql`, applied in the order of their numbers, each in a transaction of its own, so nothing in one may need to
 * stand outside (CREATE INDEX CONCURRENTLY, VACUUM). **Names in them are unqualified**: the search path holds TDS's schema alone, and
 * the schema exists already. A function made by a migration needs `SET search_path FROM CURRENT`. An applied file is never edited:
 * the next number mends it.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from 'pg';
import { withAdvisoryLock } from './advisory-lock.ts';
import { StoreError } from './errors.ts';
import { dedicatedClient, type Pool, type Queryable } from './pool.ts';
import { quoteIdentifier } from './sql.ts';

export interface MigrateOptions {
  /** From `createPool`; migrations run on a connection beside it, without timeouts. */
  readonly pool: Pool;
  /** Holds the `.sql` files. */
  readonly directory: string;
  /** Default `tds`. */
  readonly schema?: string;
  readonly log?: { info(text: string): void };
}

/** One file, read. */
export interface Migration {
  readonly number: number;
  readonly name: string;
  readonly sql: string;
  readonly checksum: string;
}

/** One that stands in the schema. */
export interface Applied {
  readonly number: number;
  readonly name: string;
  readonly checksum: string;
}

/** One lock for all migrations of a database, TDS's and the queue's: nodes that start at once go one after the other. */
const migrationLock = 'migrate';

/**
 * Applies what is missing. Several processes may call it at once. Called by every node at its start.
 * @returns the names of the files that this call applied
 * @throws StoreError `store.migration_*`
 */
export async function migrate(options: MigrateOptions): Promise<string[]> {
  const { pool, directory, schema = 'tds', log } = options;
  const wanted = await readMigrations(directory);
  const path = quoteIdentifier(schema);
  return underMigrationLock(pool, async (client) => {
    // Not CREATE SCHEMA IF NOT EXISTS: that asks for the right to create one even where it exists.
    const { rows } = await client.query<{ found: boolean }>('SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1) AS found', [schema]);
    if (rows[0]?.found !== true) await client.query(`CREATE SCHEMA ${path}`);
    const applied = await appliedMigrations(client, schema);
    checkMigrations(wanted, applied, schema);
    const done = new Set(applied.map((each) => each.number));
    const names: string[] = [];
    for (const migration of wanted) {
      if (done.has(migration.number)) continue;
      const milliseconds = await apply(client, path, migration);
      names.push(migration.name);
      log?.info(`migration ${migration.name} applied in ${milliseconds} ms`);
    }
    return names;
  }, { log });
}

/**
 * Brings graphile-worker's own schema up to date, under the same lock, since several nodes at once race in it (its issue #496).
 * @throws StoreError `store.migration_newer` where a newer graphile-worker has been here with a breaking change
 */
export async function migrateQueue(options: { readonly pool: Pool; readonly schema?: string; readonly log?: MigrateOptions['log'] }): Promise<void> {
  const { pool, schema = 'graphile_worker', log } = options;
  const { Logger, runMigrations } = await import('graphile-worker'); // 100 ms that only a start needs to pay
  const logger = new Logger(() => (level, message) => {
    if (level === 'error' || level === 'warning') log?.info(`graphile-worker: ${message}`);
  });
  const exitCode = process.exitCode;
  await underMigrationLock(pool, async () => {
    try {
      await runMigrations({ pgPool: pool, schema, logger });
    } catch (cause) {
      if (!(cause instanceof Error) || !cause.message.includes('breaking migration')) throw cause;
      process.exitCode = exitCode; // graphile-worker sets 57: how this process exits is for the caller to say
      throw new StoreError('store.migration_newer', `The queue's schema "${schema}" is of a newer version.`, 'Run the newer TDS, or restore a backup from before it.', { cause });
    }
  }, { log, elsewhere: true });
}

/** Which migrations a schema holds, in their order; makes the table that says so where there is none yet. */
export async function appliedMigrations(client: Queryable, schema: string): Promise<Applied[]> {
  const path = quoteIdentifier(schema);
  await client.query(`CREATE TABLE IF NOT EXISTS ${path}.migrations (
    number integer PRIMARY KEY, name text NOT NULL, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now(), milliseconds integer NOT NULL)`);
  return (await client.query<Applied>(`SELECT number, name, checksum FROM ${path}.migrations ORDER BY number`)).rows;
}

interface LockOptions {
  log?: MigrateOptions['log'] | undefined;
  /** The server ends a connection that holds the lock and asks nothing for so long. */
  silentMs?: number;
  /** The work is done over other connections: the one that holds the lock says by itself that it lives. */
  elsewhere?: boolean;
}

/** What a start says that waits for another one, after so many ms. */
const toldAfterMs = 5_000;

/**
 * Runs `work` on a connection of its own while no other process migrates or restores this database. A statement of a migration may last;
 * but a process that was cut off or stands still between two of them loses the lock after `silentMs`, so that no start waits for ever on
 * what it left.
 */
export async function underMigrationLock<T>(pool: Pool, work: (client: Client) => Promise<T>, { log, silentMs = 30_000, elsewhere = false }: LockOptions = {}): Promise<T> {
  const client = await dedicatedClient(pool, { statementTimeout: 0, queryTimeout: 0, idleInTransactionTimeout: silentMs, applicationName: 'tds migrate' });
  let sign: NodeJS.Timeout | undefined;
  const waits = setTimeout(() => log?.info('waiting for another process that brings the database up to date'), toldAfterMs);
  try {
    await client.query(`SELECT set_config('idle_session_timeout', $1, false)`, [String(silentMs)]);
    return await withAdvisoryLock(client, migrationLock, () => {
      clearTimeout(waits);
      let asking = false;
      if (elsewhere) sign = setInterval(() => {
        if (asking) return;
        asking = true;
        void client.query('SELECT').catch(() => {}).finally(() => (asking = false));
      }, silentMs / 4);
      return work(client);
    });
  } finally {
    clearTimeout(waits);
    clearInterval(sign);
    await client.end();
  }
}

/** The files of a folder, in their order. @throws StoreError `store.migration_name` */
export async function readMigrations(directory: string): Promise<Migration[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.sql')).sort();
  const migrations = await Promise.all(
    names.map(async (name) => {
      const number = Number(/^(\d{3})-[a-z0-9-]+\.sql$/.exec(name)?.[1] ?? 0);
      if (number === 0) throw new StoreError('store.migration_name', `${join(directory, name)} is not named like 001-name.sql.`, 'Rename it.');
      const sql = (await readFile(join(directory, name), 'utf8')).replaceAll('\r\n', '\n'); // git may change line ends
      return { number, name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    }),
  );
  for (const [index, each] of migrations.entries()) {
    const next = migrations[index + 1];
    if (next?.number === each.number) throw new StoreError('store.migration_name', `${each.name} and ${next.name} have the same number.`, 'Give one the next free number.');
  }
  return migrations;
}

/** Holds what a schema (or a backup) has against the files. @throws StoreError `store.migration_newer`, `_changed`, `_gap` */
export function checkMigrations(wanted: readonly Migration[], applied: readonly Applied[], schema: string): void {
  const last = wanted.at(-1)?.number ?? 0;
  const newest = applied.at(-1);
  if (newest && newest.number > last) {
    const cure = 'Run that version of TDS, or restore a backup from before it.';
    throw new StoreError('store.migration_newer', `The schema "${schema}" was migrated by a newer TDS, to ${newest.name}; this one knows up to ${last}.`, cure);
  }
  const byNumber = new Map(wanted.map((each) => [each.number, each]));
  for (const each of applied) {
    const file = byNumber.get(each.number);
    if (file?.checksum === each.checksum) continue;
    const what = file ? `has changed since it was applied to the schema "${schema}"` : `was applied to the schema "${schema}", and its file is missing`;
    throw new StoreError('store.migration_changed', `The migration ${each.name} ${what}.`, 'Restore the file, and put the change into a new migration.');
  }
  const done = new Set(applied.map((each) => each.number));
  const late = wanted.find((each) => newest && each.number < newest.number && !done.has(each.number));
  if (late) throw new StoreError('store.migration_gap', `${late.name} came after ${newest?.name} had been applied to the schema "${schema}".`, 'Give it a number above all others.');
}

async function apply(client: Queryable, path: string, migration: Migration): Promise<number> {
  await client.query('BEGIN');
  try {
    const milliseconds = await applyMigration(client, path, migration);
    await client.query('COMMIT');
    return milliseconds;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {});
    throw error;
  }
}

/** One file inside the transaction that is open. `path` is the schema's name, quoted. Answers ms. @throws StoreError `store.migration_failed` */
export async function applyMigration(client: Queryable, path: string, { number, name, sql, checksum }: Migration): Promise<number> {
  const start = performance.now();
  try {
    await client.query(`SET LOCAL search_path TO ${path}`);
    await client.query(sql);
    const milliseconds = Math.round(performance.now() - start);
    await client.query(`INSERT INTO ${path}.migrations (number, name, checksum, milliseconds) VALUES ($1, $2, $3, $4)`, [number, name, checksum, milliseconds]);
    return milliseconds;
  } catch (cause) {
    const { message, position } = cause as { message?: string; position?: string };
    const line = position === undefined ? '' : `:${sql.slice(0, Number(position) - 1).split('\n').length}`;
    throw new StoreError('store.migration_failed', `Migration ${name}${line} failed: ${message}.`, 'Nothing of it was kept; mend the cause and start again.', { cause });
  }
}
