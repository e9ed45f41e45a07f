import type { ColumnSpec, TableFinding, TableSpec } from '../destination.ts';
import type { WithDestination } from './destination-scope.ts';
import type { TestScope } from './options.ts';
import { specOf } from './tables.ts';

interface InspectCase {
  title: string;
  /** The user's table: what stands between the brackets, or a whole statement. */
  table: string | undefined;
  statement?: string;
  spec?: Partial<TableSpec>;
  expected: readonly Partial<Record<keyof TableFinding, string | RegExp>>[];
}

const columns = (...more: ColumnSpec[]): ColumnSpec[] => [{ name: 'id', type: 'bigint' }, ...more];

const cases: readonly InspectCase[] = [
  { title: 'a table that fits', table: 'id bigint primary key, name text', expected: [] },
  { title: 'a table with further columns that may stay empty', table: "id bigint primary key, name varchar, note text, at timestamptz not null default now(), n int generated always as identity", expected: [] },
  { title: 'a wider column', table: 'id bigint primary key, name numeric', spec: { columns: columns({ name: 'name', type: 'integer' }) }, expected: [] },
  { title: 'a table that is not there', table: undefined, expected: [{ severity: 'error', code: 'table.missing', message: /inspect_/ }] },
  { title: 'a column that is not there', table: 'id bigint primary key, nmae text', expected: [{ severity: 'error', code: 'table.column_missing', column: 'name', suggestion: /nmae/ }] },
  { title: 'a column of another type', table: 'id bigint primary key, name integer', expected: [{ severity: 'error', code: 'table.column_type', column: 'name', message: /integer.*text/ }] },
  { title: 'a column that is too narrow', table: 'id integer primary key, name text', expected: [{ severity: 'error', code: 'table.column_type', column: 'id', message: /integer.*bigint/ }] },
  { title: 'a column that loses the zone', table: 'id bigint primary key, at timestamp', spec: { columns: columns({ name: 'at', type: 'timestamptz' }) }, expected: [{ severity: 'warning', code: 'table.column_type', column: 'at', message: /timestamp.*timestamptz.*zone/ }] },
  { title: 'a column that must be filled and is not', table: 'id bigint primary key, name text, sku text not null', expected: [{ severity: 'error', code: 'table.column_not_filled', column: 'sku' }] },
  { title: 'a computed column', table: 'id bigint primary key, name text generated always as (id::text) stored', expected: [{ severity: 'error', code: 'table.column_generated', column: 'name' }] },
  { title: 'no unique key', table: 'id bigint, name text', expected: [{ severity: 'error', code: 'table.no_unique_key' }] },
  { title: 'a unique key over more columns', table: 'id bigint, name text, unique (id, name)', expected: [{ severity: 'error', code: 'table.no_unique_key', message: /id, name/ }] },
  { title: 'a unique key over the same columns in another order', table: 'id bigint, name text, unique (name, id)', spec: { key: ['id', 'name'] }, expected: [] },
  { title: 'a deferrable unique key', table: 'id bigint unique deferrable, name text', expected: [{ severity: 'error', code: 'table.no_unique_key' }] },
  { title: 'a partial unique index', table: undefined, statement: 'create table TABLE (id bigint, name text); create unique index on TABLE (id) where name is not null', expected: [{ severity: 'error', code: 'table.no_unique_key' }] },
  { title: 'a view', table: undefined, statement: 'create view TABLE as select 1::bigint as id, null::text as name', expected: [{ severity: 'error', code: 'table.not_a_table', message: /view/ }] },
  { title: 'a partitioned table', table: undefined, statement: 'create table TABLE (id bigint primary key, name text) partition by hash (id)', expected: [] },
  { title: 'a missing column for deletions', table: 'id bigint primary key, name text', spec: { deletedColumn: 'deleted_at' }, expected: [{ severity: 'error', code: 'table.column_missing', column: 'deleted_at' }] },
  { title: 'several faults at once', table: 'id bigint, name boolean', spec: { columns: columns({ name: 'name', type: 'text' }, { name: 'price', type: 'numeric' }) }, expected: [{ code: 'table.column_type' }, { code: 'table.column_missing' }, { code: 'table.no_unique_key' }] },
];

/** What `inspect` must tell of a table that belongs to the user. */
export async function testInspect(t: TestScope, withDestination: WithDestination): Promise<void> {
  for (const [index, { title, table, statement, spec, expected }] of cases.entries()) {
    await t.test(title, (t) => withDestination(async ({ destination, tables }) => {
      const name = `inspect_${index}`;
      const setUp = statement ?? (table === undefined ? undefined : `create table TABLE (${table})`);
      if (setUp) for (const each of setUp.split('; ')) await tables.run(each.replaceAll('TABLE', tables.sql(name)));
      const found = await destination.inspect(specOf(tables, name, { managed: false, ...spec }));
      t.match(found, expected, JSON.stringify(found));
      t.equal(found.length, expected.length, 'that and nothing else');
      t.ok(found.every(({ message, suggestion }) => message !== '' && suggestion !== ''), 'with words for a person');
    }));
  }
}
