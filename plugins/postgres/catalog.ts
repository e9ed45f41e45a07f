/** What a real table is like, by PostgreSQL's catalog: one query, one JSON answer, so that no driver setting can bend it. */
import type { SqlSession } from 'tds/sdk';
import type { TableName } from './identifiers.ts';

/** One column as it is. */
export interface ColumnFacts {
  readonly name: string;
  /** As declared, with size; of a domain, the type below it. */
  readonly type: string;
  /** The type without size, for casts: a cast with a size would cut and round silently. */
  readonly castType: string;
  readonly kind: 'plain' | 'enum' | 'other';
  readonly notNull: boolean;
  /** A default, an identity or a generated value: can be left out of an insert. */
  readonly hasDefault: boolean;
  /** Computed by PostgreSQL: refuses any written value. */
  readonly generated: boolean;
  readonly comment: string | null;
}

/** One unique index that `ON CONFLICT` can go by. */
export interface UniqueKey {
  readonly primary: boolean;
  readonly columns: readonly string[];
}

/** What the session's role may do with the table. */
export interface Privileges { readonly select: boolean; readonly insert: boolean; readonly update: boolean; readonly delete: boolean }

/** A table as it is. */
export interface TableFacts {
  readonly name: TableName;
  /** `r` table, `p` partitioned, `v` view, `m` materialized view, `f` foreign table. */
  readonly kind: string;
  readonly partition: boolean;
  /** Whether the session's role owns it, which changing its columns needs. */
  readonly owned: boolean;
  readonly comment: string | null;
  readonly privileges: Privileges;
  readonly columns: readonly ColumnFacts[];
  readonly uniqueKeys: readonly UniqueKey[];
}

/** A schema as it is for the session's role. */
export interface SchemaFacts {
  readonly exists: boolean;
  readonly usable: boolean;
  /** Whether tables may be made in it, or, where it is missing, whether it may be made itself. */
  readonly creatable: boolean;
}

const tableQuery = `
select json_build_object(
  'kind', c.relkind, 'partition', c.relispartition, 'owned', pg_has_role(c.relowner, 'USAGE'), 'comment', obj_description(c.oid, 'pg_class'),
  'privileges', json_build_object(
    'select', has_table_privilege(c.oid, 'SELECT'), 'insert', has_table_privilege(c.oid, 'INSERT'),
    'update', has_table_privilege(c.oid, 'UPDATE'), 'delete', has_table_privilege(c.oid, 'DELETE')),
  'columns', coalesce((
    select json_agg(json_build_object(
      'name', a.attname,
      'type', case when t.typtype = 'd' then format_type(t.typbasetype, t.typtypmod) else format_type(a.atttypid, a.atttypmod) end,
      'castType', format_type(case when t.typtype = 'd' then t.typbasetype else a.atttypid end, -1),
      'kind', case t.typtype when 'b' then 'plain' when 'd' then 'plain' when 'e' then 'enum' else 'other' end,
      'notNull', a.attnotnull or (t.typtype = 'd' and t.typnotnull),
      'hasDefault', a.atthasdef or a.attidentity <> '' or t.typdefault is not null,
      'generated', a.attgenerated <> '' or a.attidentity = 'a',
      'comment', col_description(c.oid, a.attnum)) order by a.attnum)
    from pg_attribute a join pg_type t on t.oid = a.atttypid
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped), '[]'),
  'uniqueKeys', coalesce((
    select json_agg(json_build_object('primary', i.indisprimary, 'columns', (
      select json_agg(a.attname order by k.place)
      from unnest(i.indkey::int2[]) with ordinality as k (number, place)
      join pg_attribute a on a.attrelid = c.oid and a.attnum = k.number
      where k.place <= i.indnkeyatts)))
    from pg_index i
    where i.indrelid = c.oid and i.indisunique and i.indisvalid and i.indimmediate and i.indpred is null and i.indexprs is null), '[]')
)::text as facts
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = $1 and c.relname = $2 and c.relkind in ('r', 'p', 'v', 'm', 'f')`;

/** The table's facts, or undefined where there is no such table. */
export async function readTable(session: SqlSession, name: TableName): Promise<TableFacts | undefined> {
  const { rows } = await session.query(tableQuery, [name.schema, name.table]);
  const facts = rows[0]?.['facts'];
  return typeof facts === 'string' ? { name, ...(JSON.parse(facts) as Omit<TableFacts, 'name'>) } : undefined;
}

/** What the session's role may do in a schema. */
export async function readSchema(session: SqlSession, schema: string): Promise<SchemaFacts> {
  const { rows } = await session.query(
    `select json_build_object('exists', n.oid is not null, 'usable', coalesce(has_schema_privilege(n.oid, 'USAGE'), false),
       'creatable', coalesce(has_schema_privilege(n.oid, 'CREATE'), has_database_privilege(current_database(), 'CREATE')))::text as facts
     from (select $1::text as wanted) w left join pg_namespace n on n.nspname = w.wanted`,
    [schema],
  );
  return JSON.parse(String(rows[0]?.['facts'])) as SchemaFacts;
}

/** Whether a unique index stands over exactly these columns, in any order. */
export function hasUniqueKey(facts: TableFacts, key: readonly string[]): boolean {
  return facts.uniqueKeys.some(({ columns }) => columns.length === key.length && key.every((name) => columns.includes(name)));
}

/** The same key written in another order finds its index all the same, but only an index that begins with it helps to look for a parent. */
export function hasLeadingKey(facts: TableFacts, key: readonly string[]): boolean {
  return facts.uniqueKeys.some(({ columns }) => key.every((name) => columns.slice(0, key.length).includes(name)));
}
