/** The writing side: keeps the life of tables and batches together; the SQL is made in the files beside this one. */
import { PermanentError, type DatabaseAccess, type Destination, type SqlSession, type TableFinding, type TableSpec, type TableWrite } from 'tds/sdk';
import { readSchema, readTable, type TableFacts } from './catalog.ts';
import { canonicalType } from './column-types.ts';
import { compareOwn, wantedColumns } from './compare.ts';
import { nearest, parseTable, quoteName, quoteTable, showTable, type TableName } from './identifiers.ts';
import { planChanges, planCreation, type Plan } from './manage.ts';
import { writeTable } from './write.ts';

/** What the destination works with. */
export interface DestinationDeps {
  /** Where the tables are. */
  readonly database: DatabaseAccess;
  /** True for TDS's own database. */
  readonly transactional: boolean;
  /** Names the database where it is not TDS's own. */
  readonly place?: string | undefined;
  /** The schema of tables that name none. */
  readonly schema: string;
  readonly createSchema: boolean;
}

/** The destination of one connection. Errors of PostgreSQL leave it as `pg` made them: their `code` tells the host what to do. */
export function createDestination({ database, transactional, place, schema, createSchema }: DestinationDeps): Destination {
  const known = new Map<string, TableFacts>();
  const nameOf = (spec: TableSpec): TableName => checkSpec(spec, schema);

  const write = async (writes: readonly TableWrite[], session: SqlSession): Promise<void> => {
    try {
      for (const each of writes) await writeTable(session, each, await factsFor(session, nameOf(each.spec)));
    } catch (error) {
      // The table may have been changed under us; the next attempt looks again.
      known.clear();
      throw error;
    }
  };
  const factsFor = async (session: SqlSession, name: TableName): Promise<TableFacts> => {
    const id = quoteTable(name);
    const facts = known.get(id) ?? (await readTable(session, name));
    if (!facts) throw missingTable(name);
    known.set(id, facts);
    return facts;
  };

  return {
    transactional,
    locate: (spec) => ({ ...nameOf(spec), ...(place === undefined ? {} : { database: place }) }),
    inspect: (spec) => guardSpec(() => {
      const name = nameOf(spec);
      return database.transaction((session) => inspect(session, spec, name, createSchema));
    }),
    async prepare(spec) {
      const name = nameOf(spec);
      await database.transaction(async (session) => {
        if (!spec.managed) return;
        // The look without the lock is what a run costs whose table fits already.
        const facts = await readTable(session, name);
        if (facts && isDone(planChanges(spec, facts))) return;
        await mend(session, spec, name, createSchema);
      });
      known.delete(quoteTable(name));
    },
    async write(writes, session) {
      if (session) await write(writes, session);
      else await database.transaction((own) => write(writes, own));
    },
  };
}

/** Refuses a spec that no SQL can be made of, before anything is sent. */
function checkSpec(spec: TableSpec, schema: string): TableName {
  const name = parseTable(spec.table, schema);
  const columns = new Set<string>();
  for (const column of wantedColumns(spec)) {
    quoteName(column.name);
    canonicalType(column.type);
    if (columns.has(column.name)) throw new PermanentError('postgres.duplicate_column', `${spec.table} has the column ${JSON.stringify(column.name)} twice`);
    columns.add(column.name);
  }
  const stray = [...spec.key, ...(spec.parentKey ?? [])].find((column) => !spec.columns.some((each) => each.name === column));
  if (spec.key.length === 0 || stray !== undefined) {
    throw new PermanentError('postgres.bad_key', stray === undefined ? `${spec.table} has no key` : `the key column ${JSON.stringify(stray)} of ${spec.table} is not among its columns`);
  }
  return name;
}

/** At validation a name or type that can't be is a finding like any other. */
async function guardSpec(use: () => Promise<TableFinding[]>): Promise<TableFinding[]> {
  try {
    return await use();
  } catch (error) {
    if (!(error instanceof PermanentError)) throw error;
    return [{ severity: 'error', code: error.code, message: error.message, ...(error.suggestion === undefined ? {} : { suggestion: error.suggestion }) }];
  }
}

async function inspect(session: SqlSession, spec: TableSpec, name: TableName, createSchema: boolean): Promise<TableFinding[]> {
  const facts = await readTable(session, name);
  if (facts) return spec.managed ? [...planChanges(spec, facts).findings] : compareOwn(spec, facts);
  if (!spec.managed) return [await missingFinding(session, name)];
  const { exists, creatable } = await readSchema(session, name.schema);
  if (!exists && !createSchema) return [noSchema(name)];
  return creatable ? [] : [{ severity: 'error', code: 'table.not_creatable', message: `the database user may not create ${exists ? showTable(name) : `the schema ${name.schema}`}`, suggestion: exists ? `Run: GRANT USAGE, CREATE ON SCHEMA ${quoteName(name.schema)} TO the user of the connection.` : 'Create the schema and give its user CREATE on it, or grant CREATE on the database.' }];
}

async function missingFinding(session: SqlSession, name: TableName): Promise<TableFinding> {
  const { rows } = await session.query(`select n.nspname::text as schema, c.relname::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'p') and n.nspname not like 'pg\\_%' and n.nspname <> 'information_schema'`);
  const tables = rows.map((row) => ({ schema: String(row['schema']), table: String(row['name']) }));
  const elsewhere = tables.find(({ table }) => table === name.table);
  const near = nearest(name.table, tables.filter(({ schema }) => schema === name.schema).map(({ table }) => table));
  const meant = near === undefined ? elsewhere : { schema: name.schema, table: near };
  return { severity: 'error', code: 'table.missing', message: `there is no table ${showTable(name)}`, suggestion: meant ? `Did you mean "${showTable(meant)}"?` : 'Create it, or let TDS make it with manage: true.' };
}

function noSchema(name: TableName): TableFinding {
  return { severity: 'error', code: 'table.no_schema', message: `there is no schema ${JSON.stringify(name.schema)}, and createSchema is off`, suggestion: `Run: CREATE SCHEMA ${quoteName(name.schema)}.` };
}

function missingTable(name: TableName): PermanentError {
  return new PermanentError('postgres.table_missing', `there is no table ${showTable(name)}`, { suggestion: 'Run tds validate; a managed table is made at the start of the next sync.' });
}

function isDone({ statements, findings }: Plan): boolean {
  return statements.length === 0 && findings.every(({ severity }) => severity === 'warning');
}

/** Under a lock, because two nodes may come for the same table at once; what the first one did, the second finds done. */
async function mend(session: SqlSession, spec: TableSpec, name: TableName, createSchema: boolean): Promise<void> {
  await session.query(`select pg_advisory_xact_lock(hashtextextended($1, 0))`, [`tds.prepare ${quoteTable(name)}`]);
  const facts = await readTable(session, name);
  if (!facts) await ensureSchema(session, name, createSchema);
  const { statements, findings } = facts ? planChanges(spec, facts) : planCreation(spec, name);
  const fault = findings.find(({ severity }) => severity === 'error');
  if (fault) throw prepareError(fault);
  for (const statement of statements) await session.query(statement);
}

async function ensureSchema(session: SqlSession, name: TableName, createSchema: boolean): Promise<void> {
  // Not CREATE SCHEMA IF NOT EXISTS alone: it asks for the privilege also where there is nothing to create.
  if ((await readSchema(session, name.schema)).exists) return;
  const fault = noSchema(name);
  if (!createSchema) throw prepareError(fault);
  await session.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`tds.prepare schema ${name.schema}`]);
  await session.query(`create schema if not exists ${quoteName(name.schema)}`);
}

/** What `inspect` tells as a finding, `prepare` throws. */
const prepareCodes: Readonly<Record<string, string>> = {
  'table.column_type': 'postgres.column_type_changed', 'table.no_unique_key': 'postgres.key_changed', 'table.no_schema': 'postgres.no_schema', 'table.not_owned': 'postgres.not_owned',
};

function prepareError(fault: TableFinding): PermanentError {
  return new PermanentError(prepareCodes[fault.code] ?? 'postgres.table_unfit', fault.message, { ...(fault.suggestion === undefined ? {} : { suggestion: fault.suggestion }), details: { column: fault.column, finding: fault.code } });
}
