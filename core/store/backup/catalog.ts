/** What a backup must know of a database beside its rows. Read in the backup's own snapshot. */
import type { Applied } from '../migrate.ts';
import type { Queryable } from '../pool.ts';
import { quoteIdentifier as quoted } from '../sql.ts';

/** Which schema a table belongs to: TDS's, the queue's, or one of the user's, where managed tables lie. */
export type Home = 'own' | 'queue' | 'managed';

export interface TableName { schema: string; table: string }

/** A table whose rows are in the backup. */
export interface TableHead extends TableName { in: Home; columns: string[] }

export interface Column { name: string; type: string; notNull: boolean; default: string | null; generated: string | null; identity: 'always' | 'by default' | null; collation: string | null; comment: string | null }

/** A managed table as it is made again where it is missing. */
export interface ManagedTable extends TableName { /** As PostgreSQL writes it. */ fullName: string; columns: Column[]; /** `PRIMARY KEY (id)`, with their names. */ constraints: { name: string; definition: string; /** The other table of a foreign key. */ refers: string | null }[]; indexes: string[]; comment: string | null }

export interface Partition { name: string; of: string; bound: string; triggers: string[] }

export interface Sequence { in: 'own' | 'queue'; name: string; lastValue: string; isCalled: boolean }

export interface BackupHeader {
  /** Version of TDS. */
  tds: string;
  madeAt: string;
  /** Version of PostgreSQL. */
  postgres: string;
  migrations: Applied[];
  /** The last migration of graphile-worker. */
  queue: number;
  partitions: Partition[];
  sequences: Sequence[];
  managed: ManagedTable[];
  /** What is not in it, in words. */
  leftOut: string[];
}

/** Tables of TDS that are worth nothing elsewhere: who lives, who is signed in, what nodes measured a moment ago. `migrations` is made by the restore itself. */
const momentary = new Set(['migrations', 'nodes', 'api_sessions', 'alert_samples']);
/** Of graphile-worker's. */
const queueTables = ['_private_job_queues', '_private_tasks', '_private_jobs', '_private_known_crontabs'];

/** The tables of TDS whose rows are kept, those that others point to before them. Partitions are read through the table that they belong to. */
export async function ownTables(client: Queryable, schema: string): Promise<TableHead[]> {
  const { rows } = await client.query<{ name: string; needs: string[] }>(
    `SELECT c.relname::text AS name, array(SELECT f.relname::text FROM pg_constraint k JOIN pg_class f ON f.oid = k.confrelid WHERE k.conrelid = c.oid AND k.contype = 'f' AND f.oid <> c.oid) AS needs
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1`, [schema]);
  const sorted: string[] = [];
  const visit = (name: string): void => {
    const row = rows.find((each) => each.name === name);
    if (!row || sorted.includes(name)) return;
    for (const need of row.needs) visit(need);
    sorted.push(name);
  };
  for (const { name } of rows) visit(name);
  return headsOf(client, 'own', sorted.filter((name) => !momentary.has(name)).map((table) => ({ schema, table })));
}

export async function queueHeads(client: Queryable, schema: string): Promise<TableHead[]> {
  return headsOf(client, 'queue', queueTables.map((table) => ({ schema, table })));
}

/** Tables with the columns that can be written; one that is not there is left out. */
export async function headsOf(client: Queryable, home: Home, tables: readonly TableName[]): Promise<TableHead[]> {
  const heads: TableHead[] = [];
  for (const { schema, table } of tables) {
    const { rows } = await client.query<{ name: string }>(
      `SELECT a.attname::text AS name FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY a.attnum`, [schema, table]);
    if (rows.length > 0) heads.push({ in: home, schema, table, columns: rows.map(({ name }) => name) });
  }
  return heads;
}

/** The partitions of TDS's tables, with the triggers that each has of its own. The search path must be TDS's schema, so that names come without it. */
export async function partitionsOf(client: Queryable, schema: string): Promise<Partition[]> {
  const { rows } = await client.query<Partition>(
    `SELECT c.relname::text AS name, p.relname::text AS of, pg_get_expr(c.relpartbound, c.oid) AS bound,
            array(SELECT pg_get_triggerdef(t.oid, true) FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgparentid = 0) AS triggers
       FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = $1 AND c.relispartition AND c.relkind = 'r' ORDER BY 1`, [schema]);
  return rows;
}

/** Where the sequences stand. They know no snapshot: what is read after it was taken is never below the rows in it. */
export async function sequencesOf(client: Queryable, home: 'own' | 'queue', schema: string): Promise<Sequence[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT c.relname::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind = 'S' ORDER BY 1`, [schema]);
  const found: Sequence[] = [];
  for (const { name } of rows) {
    const { rows: [at] } = await client.query<{ lastValue: string; isCalled: boolean }>(`SELECT last_value::text AS "lastValue", is_called AS "isCalled" FROM ${quoted(schema)}.${quoted(name)}`);
    if (at) found.push({ in: home, name, ...at });
  }
  return found;
}

/** One managed table; undefined where it was not made yet. The search path must be empty, so that names come with their schemas. */
export async function managedTable(client: Queryable, { schema, table }: TableName): Promise<ManagedTable | undefined> {
  const { rows: [found] } = await client.query<{ oid: string; fullName: string; comment: string | null }>(
    `SELECT c.oid::text AS oid, c.oid::regclass::text AS "fullName", obj_description(c.oid, 'pg_class') AS comment FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p')`, [schema, table]);
  if (!found) return undefined;
  const { rows: columns } = await client.query<Column>(
    `SELECT a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS "notNull",
            CASE WHEN a.attgenerated = '' AND a.attidentity = '' AND d.serial IS NULL THEN d.text END AS default, CASE WHEN a.attgenerated <> '' THEN d.text END AS generated,
            CASE WHEN a.attidentity = 'a' THEN 'always' WHEN a.attidentity = 'd' OR d.serial IS NOT NULL THEN 'by default' END AS identity,
            (SELECT quote_ident(n.nspname) || '.' || quote_ident(o.collname) FROM pg_collation o JOIN pg_namespace n ON n.oid = o.collnamespace JOIN pg_type t ON t.oid = a.atttypid WHERE o.oid = a.attcollation AND a.attcollation <> t.typcollation) AS collation,
            col_description(a.attrelid, a.attnum) AS comment
       FROM pg_attribute a LEFT JOIN LATERAL (SELECT pg_get_expr(f.adbin, f.adrelid) AS text, pg_get_serial_sequence($2, a.attname) AS serial FROM pg_attrdef f WHERE f.adrelid = a.attrelid AND f.adnum = a.attnum) d ON true
      WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`, [found.oid, `${quoted(schema)}.${quoted(table)}`]);
  const { rows: constraints } = await client.query<ManagedTable['constraints'][number]>(
    `SELECT conname::text AS name, pg_get_constraintdef(oid) AS definition, CASE WHEN contype = 'f' THEN confrelid::regclass::text END AS refers FROM pg_constraint WHERE conrelid = $1::oid AND contype IN ('p', 'u', 'c', 'x', 'f') ORDER BY contype = 'f', conname`, [found.oid]);
  const { rows: indexes } = await client.query<{ definition: string }>(
    `SELECT pg_get_indexdef(indexrelid) AS definition FROM pg_index i WHERE indrelid = $1::oid AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.conrelid = i.indrelid) ORDER BY 1`, [found.oid]);
  return { schema, table, fullName: found.fullName, columns, constraints, indexes: indexes.map(({ definition }) => definition), comment: found.comment };
}

