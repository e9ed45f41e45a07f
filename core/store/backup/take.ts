/** Takes a backup: one snapshot of TDS's schema, its queue and the managed tables, streamed into a file. */
import type { Client } from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { StoreError } from '../errors.ts';
import type { Applied } from '../migrate.ts';
import { dedicatedClient, type Pool } from '../pool.ts';
import { quoteIdentifier, quoteQualified } from '../sql.ts';
import { headsOf, managedTable, ownTables, partitionsOf, queueHeads, sequencesOf, type BackupHeader, type ManagedTable, type TableHead, type TableName } from './catalog.ts';
import { BackupWriter, type TableSum } from './container.ts';

export interface TakeOptions {
  pool: Pool;
  /** TDS's schema, and the queue's. */
  schema: string;
  queueSchema: string;
  /** Where the managed tables lie. */
  managed: readonly TableName[];
  /** What the caller knows is not in it. */
  leftOut: readonly string[];
  /** The file; what stood there is replaced when the backup is whole. */
  place: string;
  version: string;
  now: Date;
  signal?: AbortSignal;
  onTable?: (table: TableHead, sum: TableSum) => void;
}

export interface Taken { place: string; bytes: number; tables: number; rows: number; header: BackupHeader }

/**
 * Writes the backup. Nodes may go on working meanwhile: all is read as it stood at one moment.
 * @throws StoreError `store.backup_empty`, `store.backup_place`; nothing is left of a backup that failed
 */
export async function takeBackup(options: TakeOptions): Promise<Taken> {
  const { pool, place, signal } = options;
  const client = await dedicatedClient(pool, { statementTimeout: 0, queryTimeout: 0, idleInTransactionTimeout: 0, applicationName: 'tds backup' });
  const writer = new BackupWriter(place);
  const stop = (): void => void client.end().catch(() => {});
  signal?.addEventListener('abort', stop, { once: true });
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    // One form of values, whatever the user's own settings are.
    for (const setting of ['extra_float_digits = 3', `datestyle = 'ISO, MDY'`, `intervalstyle = 'postgres'`, `timezone = 'UTC'`, `client_encoding = 'UTF8'`, 'row_security = off', 'synchronize_seqscans = off', 'max_parallel_workers_per_gather = 0']) await client.query(`SET LOCAL ${setting}`);
    const { header, tables } = await describe(client, options);
    await writer.begin(header);
    let rows = 0;
    for (const table of tables) {
      const sum = await copyOut(client, writer, table);
      rows += sum.rows;
      options.onTable?.(table, sum);
    }
    await client.query('COMMIT');
    return { place, bytes: await writer.end(), tables: tables.length, rows, header };
  } catch (error) {
    await writer.abandon();
    signal?.throwIfAborted();
    if (/^E(ACCES|PERM|ROFS|NOENT|ISDIR|NOTDIR|NOSPC|DQUOT)$/.test((error as { code?: string }).code ?? '')) throw new StoreError('store.backup_place', `No backup can be written to ${place}: ${(error as Error).message}.`, 'Name another file or folder.', { cause: error });
    throw error;
  } finally {
    signal?.removeEventListener('abort', stop);
    await client.end().catch(() => {});
  }
}

async function describe(client: Client, { schema, queueSchema, managed, leftOut, version, now }: TakeOptions): Promise<{ header: BackupHeader; tables: TableHead[] }> {
  await client.query(`SELECT set_config('search_path', $1, true)`, [quoteIdentifier(schema)]);
  const { rows: [there] } = await client.query<{ own: boolean; queue: boolean; postgres: string }>(
    `SELECT to_regclass($1) IS NOT NULL AS own, to_regclass($2) IS NOT NULL AS queue, current_setting('server_version') AS postgres`, [quoteQualified(schema, 'migrations'), quoteQualified(queueSchema, 'migrations')]);
  if (!there?.own || !there.queue) throw new StoreError('store.backup_empty', `The database holds no TDS in the schema "${schema}".`, 'Check TDS_DATABASE_URL and TDS_DATA.');
  const { rows: migrations } = await client.query<Applied>(`SELECT number, name, checksum FROM migrations ORDER BY number`);
  const { rows: [queue] } = await client.query<{ id: number }>(`SELECT max(id)::int AS id FROM ${quoteQualified(queueSchema, 'migrations')}`);
  const partitions = await partitionsOf(client, schema);
  const sequences = [...await sequencesOf(client, 'own', schema), ...await sequencesOf(client, 'queue', queueSchema)];
  await client.query(`SELECT set_config('search_path', '', true)`);
  const notes = [...leftOut];
  const made: ManagedTable[] = [];
  for (const name of managed) {
    const table = await managedTable(client, name);
    if (table) made.push(table);
    else notes.push(`${name.schema}.${name.table}: not made yet`);
  }
  // A key that points at what is not in the backup could not be made again.
  for (const table of made) {
    const [kept, others] = [(refers: string | null) => refers === null || made.some(({ fullName }) => fullName === refers), table.constraints];
    table.constraints = others.filter(({ refers }) => kept(refers));
    notes.push(...others.filter(({ refers }) => !kept(refers)).map(({ name, refers }) => `${table.fullName}: the foreign key ${name} to ${refers}`));
  }
  const tables = [...await ownTables(client, schema), ...await queueHeads(client, queueSchema), ...await headsOf(client, 'managed', made)];
  return { tables, header: { tds: version, madeAt: now.toISOString(), postgres: there.postgres, migrations, queue: queue?.id ?? 0, partitions, sequences, managed: made, leftOut: notes } };
}

async function copyOut(client: Client, writer: BackupWriter, table: TableHead): Promise<TableSum> {
  const columns = table.columns.map(quoteIdentifier).join(', ');
  const stream = client.query(copyTo(`COPY (SELECT ${columns} FROM ${quoteQualified(table.schema, table.table)}) TO STDOUT`));
  return writer.table(table, stream as AsyncIterable<Buffer>, () => stream.rowCount);
}
