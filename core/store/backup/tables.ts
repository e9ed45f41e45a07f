/** Managed tables as a restore makes them: emptied where they are, made where they are not. */
import type { Client } from 'pg';
import { quoteIdentifier, quoteLiteral, quoteQualified } from '../sql.ts';
import type { Column, ManagedTable } from './catalog.ts';

/** Makes the tables ready for their rows. One that is there keeps its indexes, rights and views, and gets the columns that it lacks. */
export async function makeManaged(client: Client, tables: readonly ManagedTable[]): Promise<void> {
  for (const schema of new Set(tables.map((table) => table.schema))) {
    const { rows } = await client.query('SELECT FROM pg_namespace WHERE nspname = $1', [schema]);
    if (rows.length === 0) await client.query(`CREATE SCHEMA ${quoteIdentifier(schema)}`);
  }
  const present = [];
  for (const table of tables) {
    const name = quoteQualified(table.schema, table.table);
    const { rows } = await client.query<{ name: string }>('SELECT attname::text AS name FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped', [name]);
    if (rows.length === 0) {
      await client.query(`CREATE TABLE ${name} (${table.columns.map(declared).join(', ')})`);
      await comment(client, table);
      continue;
    }
    present.push(name);
    const there = new Set(rows.map((row) => row.name));
    for (const column of table.columns) if (!there.has(column.name)) await client.query(`ALTER TABLE ${name} ADD COLUMN ${declared({ ...column, notNull: false })}`);
  }
  // All at once, as they may point at one another.
  if (present.length > 0) await client.query(`TRUNCATE ${present.join(', ')}`);
}

/** Keys, indexes and counters, once the rows are in: that is quicker, and no order of rows is in the way. */
export async function finishManaged(client: Client, tables: readonly ManagedTable[]): Promise<void> {
  for (const foreign of [false, true]) {
    for (const table of tables) {
      const name = quoteQualified(table.schema, table.table);
      const { rows } = await client.query<{ name: string }>('SELECT conname::text AS name FROM pg_constraint WHERE conrelid = $1::regclass', [name]);
      const there = new Set(rows.map((row) => row.name));
      for (const each of table.constraints) if ((each.refers !== null) === foreign && !there.has(each.name)) await client.query(`ALTER TABLE ${name} ADD CONSTRAINT ${quoteIdentifier(each.name)} ${each.definition}`);
    }
  }
  for (const table of tables) {
    for (const index of table.indexes) await client.query(index.replace(/^CREATE (UNIQUE )?INDEX /, 'CREATE $1INDEX IF NOT EXISTS '));
    for (const { name, identity } of table.columns) if (identity) await client.query(
      `SELECT setval(pg_get_serial_sequence($1, $2), coalesce((SELECT max(${quoteIdentifier(name)}) FROM ${quoteQualified(table.schema, table.table)}), 0) + 1, false)`, [quoteQualified(table.schema, table.table), name]);
  }
}

function declared({ name, type, notNull, default: value, generated, identity, collation }: Column): string {
  return [
    quoteIdentifier(name), type, collation === null ? '' : `COLLATE ${collation}`, generated === null ? '' : `GENERATED ALWAYS AS (${generated}) STORED`,
    identity === null ? '' : `GENERATED ${identity} AS IDENTITY`, value === null ? '' : `DEFAULT ${value}`, notNull && identity === null ? 'NOT NULL' : '',
  ].filter(Boolean).join(' ');
}

async function comment(client: Client, table: ManagedTable): Promise<void> {
  const name = quoteQualified(table.schema, table.table);
  if (table.comment !== null) await client.query(`COMMENT ON TABLE ${name} IS ${quoteLiteral(table.comment)}`);
  for (const column of table.columns) if (column.comment !== null) await client.query(`COMMENT ON COLUMN ${name}.${quoteIdentifier(column.name)} IS ${quoteLiteral(column.comment)}`);
}
