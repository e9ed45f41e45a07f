import type { CellValue, ColumnSpec, TableSpec } from '../destination.ts';
import type { DatabaseAccess, SqlSession } from '../services.ts';

/** Looks at tables by plain SQL, so that a destination is judged by what stands in them. */
export interface Tables {
  readonly schema: string;
  /** The table's name for a spec: `schema.table`, quoted where need be. */
  name(table: string): string;
  /** The table's name for SQL. */
  sql(table: string): string;
  run(statement: string): Promise<Record<string, unknown>[]>;
  /** All rows as text in the order of the key; columns as given, else those of the spec. */
  rows(spec: TableSpec, table: string, columns?: readonly string[]): Promise<(string | null)[][]>;
  /** Row versions: they change with every write, also with one that changes no value. */
  versions(table: string): Promise<string[]>;
  /** Names and types of the columns, in order. */
  columns(table: string): Promise<string[]>;
}

/** Looks through a database of the suite's own. */
export function createTables(database: DatabaseAccess, schema: string): Tables {
  const run = (statement: string): Promise<Record<string, unknown>[]> => database.transaction(async (session: SqlSession) => (await session.query(statement)).rows);
  const sql = (table: string): string => `${quote(schema)}.${quote(table)}`;
  return {
    schema,
    name: (table) => [schema, table].map((part) => (/[."]/.test(part) ? quote(part) : part)).join('.'),
    sql,
    run,
    async rows(spec, table, columns = spec.columns.map(({ name }) => name)) {
      const list = columns.map((name, index) => `${quote(name)}::text as c${index}`).join(', ');
      const found = await run(`select ${list} from ${sql(table)} order by ${spec.key.map((name) => `${quote(name)}::text collate "C"`).join(', ')}`);
      return found.map((row) => columns.map((_, index) => row[`c${index}`] as string | null));
    },
    async versions(table) {
      return (await run(`select (xmin::text || ' ' || ctid::text) as version from ${sql(table)} order by 1`)).map((row) => String(row['version']));
    },
    async columns(table) {
      const found = await run(`select a.attname || ' ' || format_type(a.atttypid, a.atttypmod) as shown from pg_attribute a where a.attrelid = '${sql(table).replaceAll("'", "''")}'::regclass and a.attnum > 0 and not a.attisdropped order by a.attnum`);
      return found.map((row) => String(row['shown']));
    },
  };
}

/** A name for SQL. */
export function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A managed table of `id` and the given columns, `name text` where none are given. */
export function specOf(tables: Tables, table: string, more: Partial<TableSpec> & { columns?: readonly ColumnSpec[] } = {}): TableSpec {
  return { table: tables.name(table), managed: true, key: ['id'], columns: [{ name: 'id', type: 'bigint' }, { name: 'name', type: 'text' }], ...more };
}

/** Rows `[id, name]` from ids. */
export function rowsOf(ids: readonly number[], name: (id: number) => CellValue): CellValue[][] {
  return ids.map((id) => [String(id), name(id)]);
}
