/** Puts a backup back: all of it in one transaction, or nothing. */
import { existsSync } from 'node:fs';
import type { Client } from 'pg';
import { StoreError } from '../errors.ts';
import { applyMigration, appliedMigrations, checkMigrations, migrateQueue, readMigrations, underMigrationLock, type Migration } from '../migrate.ts';
import { copyFrom, type Pool } from '../pool.ts';
import { quoteIdentifier, quoteQualified } from '../sql.ts';
import type { BackupHeader, TableHead } from './catalog.ts';
import { BackupReader, type TableSum } from './container.ts';
import { clearOwn, refuseUnfit } from './target.ts';
import { finishManaged, makeManaged } from './tables.ts';

export interface PutBackOptions {
  pool: Pool;
  schema: string;
  queueSchema: string;
  place: string;
  /** The folder of the migrations. */
  migrations: string;
  /** What the database holds is thrown away. Otherwise it must be empty. */
  replace: boolean;
  signal?: AbortSignal;
  onTable?: (table: TableHead, sum: TableSum) => void;
}

export interface PutBack { header: BackupHeader; tables: number; rows: number }

/**
 * Fills a database from a backup, and brings the schema up to this version.
 * @throws StoreError `store.backup_unreadable`, `store.backup_newer`, `store.restore_*`, `store.migration_*`; the database is then as before
 */
export async function putBack(options: PutBackOptions): Promise<PutBack> {
  const { pool, schema, queueSchema, place, signal } = options;
  const files = await readMigrations(options.migrations);
  const reader = openBackup(place);
  try {
    const header = await reader.header<BackupHeader>();
    checkAge(header, files);
    const { rows: [before] } = await pool.query<{ queue: boolean }>('SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1) AS queue', [queueSchema]);
    await migrateQueue({ pool, schema: queueSchema });
    const done = await underMigrationLock(pool, async (client) => {
      const stop = (): void => void client.end().catch(() => {});
      signal?.addEventListener('abort', stop, { once: true });
      try {
        await client.query('BEGIN');
        for (const setting of [`datestyle = 'ISO, MDY'`, `intervalstyle = 'postgres'`, `timezone = 'UTC'`]) await client.query(`SET LOCAL ${setting}`);
        const filled = await fill(client, reader, header, files, options);
        await client.query('COMMIT');
        return filled;
      } catch (error) {
        await client.query('ROLLBACK').catch(() => {});
        if (before?.queue === false) await dropQueue(client, schema, queueSchema).catch(() => {});
        signal?.throwIfAborted();
        throw error;
      } finally {
        signal?.removeEventListener('abort', stop);
      }
    });
    // What was just filled is unknown to the planner until it is looked at.
    for (const name of [...header.managed, { schema, table: 'records' }, { schema, table: 'runs' }]) await pool.query(`ANALYZE ${quoteQualified(name.schema, name.table)}`);
    return done;
  } finally {
    reader.close();
  }
}

/** Reads a backup through, comparing every checksum; needs no database. */
export async function checkBackup(place: string, onTable?: (table: TableHead, sum: TableSum) => void): Promise<PutBack> {
  const reader = openBackup(place);
  try {
    const header = await reader.header<BackupHeader>();
    return await readThrough(reader, header, async (_table, told) => {
      for await (const _ of reader.rows(told)) { /* the sums are what is wanted */ }
    }, onTable);
  } finally {
    reader.close();
  }
}

function openBackup(place: string): BackupReader {
  if (!existsSync(place)) throw new StoreError('store.backup_place', `There is no backup ${place}.`, 'Check the name.');
  return new BackupReader(place);
}

/** A backup of a schema that this TDS does not know would lose what it does not know. */
function checkAge({ tds, migrations }: BackupHeader, files: readonly Migration[]): void {
  try {
    checkMigrations(files, migrations, 'of the backup');
  } catch (cause) {
    if (!(cause instanceof StoreError) || cause.code !== 'store.migration_newer') throw cause;
    throw new StoreError('store.backup_newer', `The backup was made by TDS ${tds} with the migration ${migrations.at(-1)?.name}; this one knows up to ${files.at(-1)?.name}.`, 'Restore it with that version of TDS, or a later one.', { cause });
  }
}

async function readThrough(reader: BackupReader, header: BackupHeader, take: (table: TableHead, told: (sum: TableSum) => void) => Promise<void>, onTable: PutBackOptions['onTable']): Promise<PutBack> {
  let [tables, rows] = [0, 0];
  for (let table = await reader.next<TableHead>(); table; table = await reader.next<TableHead>()) {
    const head = table;
    await take(head, (sum) => {
      tables += 1;
      rows += sum.rows;
      onTable?.(head, sum);
    });
  }
  return { header, tables, rows };
}

/** What this restore made outside of its transaction, as graphile-worker wants. A TDS that has begun to work here meanwhile keeps it. */
async function dropQueue(client: Client, schema: string, queueSchema: string): Promise<void> {
  const { rows: [own] } = await client.query<{ there: boolean }>('SELECT to_regclass($1) IS NOT NULL AS there', [quoteQualified(schema, 'migrations')]);
  if (own?.there === false) await client.query(`DROP SCHEMA ${quoteIdentifier(queueSchema)} CASCADE`);
}

async function checkQueue(client: Client, queueSchema: string, { tds, queue }: BackupHeader): Promise<void> {
  const { rows: [here] } = await client.query<{ id: number }>(`SELECT max(id)::int AS id FROM ${quoteQualified(queueSchema, 'migrations')}`);
  if (queue > (here?.id ?? 0)) throw new StoreError('store.backup_newer', `The backup was made by TDS ${tds} with the queue's migration ${queue}; this one knows up to ${here?.id ?? 0}.`, 'Restore it with that version of TDS, or a later one.');
}

async function fill(client: Client, reader: BackupReader, header: BackupHeader, files: readonly Migration[], options: PutBackOptions): Promise<PutBack> {
  const { schema, queueSchema, replace, onTable } = options;
  await checkQueue(client, queueSchema, header);
  await refuseUnfit(client, { schema, queueSchema, header, replace });
  await clearOwn(client, { schema, queueSchema, files });
  const path = quoteIdentifier(schema);
  await appliedMigrations(client, schema);
  const last = header.migrations.at(-1)?.number ?? 0;
  for (const file of files.filter(({ number }) => number <= last)) await applyMigration(client, path, file);
  await makePartitions(client, header);
  await makeManaged(client, header.managed);
  await client.query(`SELECT set_config('search_path', $1, true)`, [path]);
  const homes = { own: schema, queue: queueSchema };
  const done = await readThrough(reader, header, async (table, told) => {
    const where = table.in === 'managed' ? table.schema : homes[table.in];
    await copyFrom(client, `COPY ${quoteQualified(where, table.table)} (${table.columns.map(quoteIdentifier).join(', ')}) FROM STDIN`, reader.rows(told));
  }, onTable);
  for (const { in: home, name, lastValue, isCalled } of header.sequences) await client.query('SELECT setval($1::regclass, $2::bigint, $3)', [quoteQualified(homes[home], name), lastValue, isCalled]);
  await freeJobs(client, queueSchema);
  await finishManaged(client, header.managed);
  for (const file of files.filter(({ number }) => number > last)) await applyMigration(client, path, file);
  return done;
}

async function makePartitions(client: Client, { partitions }: BackupHeader): Promise<void> {
  for (const { name, of, bound, triggers } of partitions) {
    const { rows } = await client.query('SELECT to_regclass($1) AS there', [quoteIdentifier(name)]);
    if (rows[0]?.there !== null) continue; // the default ones come with the migrations
    await client.query(`CREATE TABLE ${quoteIdentifier(name)} PARTITION OF ${quoteIdentifier(of)} ${bound}`);
    for (const trigger of triggers) await client.query(trigger);
  }
}

/** What was under way as the backup was taken is free again, with its attempt unused. */
async function freeJobs(client: Client, queueSchema: string): Promise<void> {
  await client.query(`UPDATE ${quoteQualified(queueSchema, '_private_jobs')} SET locked_at = NULL, locked_by = NULL, attempts = greatest(0, attempts - 1) WHERE locked_by IS NOT NULL`);
  await client.query(`UPDATE ${quoteQualified(queueSchema, '_private_job_queues')} SET locked_at = NULL, locked_by = NULL WHERE locked_by IS NOT NULL`);
}
