/** Writes one batch in sets: deletions, replaced children, upserts, one after the other, inside the caller's transaction. */
import type { CellValue, SqlSession, TableSpec, TableWrite } from 'tds/sdk';
import type { ColumnFacts, TableFacts } from './catalog.ts';
import { encodeRows } from './copy-text.ts';
import { quoteName, quoteTable, showTable } from './identifiers.ts';
import { createStage, stageColumn, type Stage } from './stage.ts';

/** Applies the writes of one table. Throws pg's own errors; the transaction is then the caller's to roll back. */
export async function writeTable(session: SqlSession, write: TableWrite, facts: TableFacts): Promise<void> {
  const { spec, upserts, deletes } = write;
  const rows = upserts?.rows ?? [];
  const parents = write.replaceParents ?? [];
  // Encoded before the first statement: a row that can't be encoded costs nothing but itself.
  const chunks = encodeRows(spec, rows);
  if (deletes && deletes.keys.length > 0) await deleteKeys(session, spec, facts, deletes.keys, deletes.mode === 'mark' ? deletes.at : undefined);
  // Rows that are all new stay out of the way of one another: whatever their parents have now is old.
  if (parents.length > 0 && (rows.length === 0 || upserts?.allNew)) await deleteChildren(session, spec, facts, parents);
  if (rows.length === 0) return;
  if (upserts?.allNew && (await insertDirectly(session, spec, facts, chunks))) return;
  const stage = await createStage(session, spec, facts);
  await session.copyFrom(`copy ${stage.name} from stdin`, chunks);
  if (parents.length > 0 && !upserts?.allNew) await deleteChildren(session, spec, facts, parents, stage);
  await session.query(mergeStatement(spec, facts, stage));
}

/** COPY straight into the table. False, and nothing written, where a row's key exists after all. */
async function insertDirectly(session: SqlSession, spec: TableSpec, facts: TableFacts, chunks: readonly string[]): Promise<boolean> {
  await session.query('savepoint tds_insert');
  try {
    await session.copyFrom(`copy ${quoteTable(facts.name)} (${spec.columns.map(({ name }) => quoteName(name)).join(', ')}) from stdin`, chunks);
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    await session.query('rollback to savepoint tds_insert');
    await session.query('release savepoint tds_insert');
    return false;
  }
  await session.query('release savepoint tds_insert');
  return true;
}

function isUniqueViolation(error: unknown): boolean {
  return error instanceof Error && (error as { code?: unknown }).code === '23505';
}

/** A row that is there with the same values is left alone: no new version of it, no trigger. */
function mergeStatement(spec: TableSpec, facts: TableFacts, stage: Stage): string {
  const columns = spec.columns.map(({ name }) => name);
  const others = columns.filter((name) => !spec.key.includes(name));
  const sets = others.map((name) => `${quoteName(name)} = excluded.${quoteName(name)}`);
  const pairs = others.map((name) => [comparable(facts, name, 't'), comparable(facts, name, 'excluded')]);
  // Written again means that it exists again.
  if (spec.deletedColumn !== undefined && !columns.includes(spec.deletedColumn)) {
    sets.push(`${quoteName(spec.deletedColumn)} = null`);
    pairs.push([`t.${quoteName(spec.deletedColumn)}`, 'null']);
  }
  // One pair at a time: a row comparison with a lone value and null would not say which type the null has.
  const differs = pairs.map(([left, right]) => `${left} is distinct from ${right}`).join(' or ');
  const action = sets.length === 0 ? 'nothing' : `update set ${sets.join(', ')} where ${differs}`;
  return `insert into ${quoteTable(facts.name)} as t (${columns.map(quoteName).join(', ')})
    select ${columns.map((_, index) => stageColumn(index)).join(', ')} from ${stage.name}
    on conflict (${spec.key.map(quoteName).join(', ')}) do ${action}`;
}

/** Types that have no equality, or one that takes different values for equal, are compared by what they look like. */
const comparedAsText = /^(?:json|xml|citext|interval|point|line|lseg|box|path|polygon|circle)(?:\[\])?$/;

function comparable(facts: TableFacts, column: string, row: string): string {
  const type = factsOf(facts, column)?.castType.replace(/^.*\./, '') ?? 'text';
  return `${row}.${quoteName(column)}${comparedAsText.test(type) ? '::text' : ''}`;
}

async function deleteKeys(session: SqlSession, spec: TableSpec, facts: TableFacts, keys: readonly (readonly CellValue[])[], at?: readonly Date[]): Promise<void> {
  const marks = spec.deletedColumn === undefined ? undefined : at;
  const values: unknown[] = keyArrays(spec.key, keys);
  const wanted = keySource(facts, spec.key, marks !== undefined);
  const table = quoteTable(facts.name);
  let statement = `delete from ${table} t using ${wanted} where ${sameKey(spec.key)}`;
  if (marks !== undefined && spec.deletedColumn !== undefined) {
    const deleted = quoteName(spec.deletedColumn);
    values.push(marks.map((at) => at.toISOString()));
    statement = `update ${table} t set ${deleted} = wanted.marked from ${wanted} where ${sameKey(spec.key)} and t.${deleted} is null`;
  }
  const { rowCount } = await byIndex(session, () => session.query(statement, values));
  if (rowCount < keys.length) await refuseKept(session, spec, facts, keys, marks !== undefined);
}

/** Of rows that a policy of row security keeps from being changed PostgreSQL says nothing: it looks as if they were not there. What a trigger of the user does with a deletion is its own matter. */
class RowKeptError extends Error {
  /** PostgreSQL's own code for rows that a check option refuses: by it the host knows that a row is at fault. */
  readonly code = '44000';
}

async function refuseKept(session: SqlSession, spec: TableSpec, facts: TableFacts, keys: readonly (readonly CellValue[])[], isMark: boolean): Promise<void> {
  const [table, columns] = [quoteTable(facts.name), keyArrays(spec.key, keys)];
  const unmarked = isMark && spec.deletedColumn !== undefined ? ` and t.${quoteName(spec.deletedColumn)} is null` : '';
  const { rows } = await byIndex(session, () => session.query(
    `select count(*)::int as kept from ${table} t, ${keySource(facts, spec.key)} where ${sameKey(spec.key)}${unmarked} and row_security_active($${columns.length + 1}::regclass)`, [...columns, table]));
  const kept = Number(rows[0]?.['kept']);
  if (kept > 0) throw new RowKeptError(`a row security policy of ${showTable(facts.name)} keeps ${kept === 1 ? 'a row' : `${kept} rows`} from being ${isMark ? 'marked as deleted' : 'deleted'}`);
}

/**
 * Takes the rows of these parents away, those excepted that the stage brings again. They are looked for first, since mostly there
 * are none. `offset 0` keeps the inner query whole, so that it runs once per parent and goes by the index.
 */
async function deleteChildren(session: SqlSession, spec: TableSpec, facts: TableFacts, parents: readonly (readonly CellValue[])[], stage?: Stage): Promise<void> {
  const parentKey = spec.parentKey ?? [];
  const names = spec.key.map(quoteName);
  const again = names.map((name, index) => `s.${stageColumn(spec.columns.findIndex((column) => column.name === spec.key[index]))} = old.${name}`);
  const { rows } = await session.query(
    `select ${names.map((name, index) => `old.${name}::text as k${index}`).join(', ')}
     from ${keySource(facts, parentKey)} cross join lateral (select ${names.map((name) => `t.${name}`).join(', ')} from ${quoteTable(facts.name)} t where ${sameKey(parentKey)} offset 0) old
     ${stage === undefined ? '' : `where not exists (select from ${stage.name} s where ${again.join(' and ')})`}`,
    keyArrays(parentKey, parents),
  );
  if (rows.length > 0) await deleteKeys(session, spec, facts, rows.map((row) => names.map((_, index) => String(row[`k${index}`]))));
}

/** The keys as one array per column, so that the statement is the same for any number of them. */
function keyArrays(names: readonly string[], keys: readonly (readonly CellValue[])[]): unknown[][] {
  return names.map((_, index) => keys.map((key) => key[index] ?? null));
}

/** The wanted keys as a table; with `marked` a time beside each, which comes behind the arrays of the keys. */
function keySource(facts: TableFacts, names: readonly string[], marked = false): string {
  const arrays = names.map((name, index) => `$${index + 1}::${factsOf(facts, name)?.castType ?? 'text'}[]`);
  const columns = names.map((_, index) => `k${index}`);
  return `unnest(${[...arrays, ...(marked ? [`$${names.length + 1}::timestamptz[]`] : [])].join(', ')}) as wanted (${[...columns, ...(marked ? ['marked'] : [])].join(', ')})`;
}

function sameKey(names: readonly string[]): string {
  return names.map((name, index) => `t.${quoteName(name)} = wanted.k${index}`).join(' and ');
}

function factsOf(facts: TableFacts, column: string): ColumnFacts | undefined {
  return facts.columns.find(({ name }) => name === column);
}

const planSettings = ['enable_hashjoin', 'enable_mergejoin', 'enable_seqscan'] as const;

/**
 * Runs a statement that looks for some keys in a large table. PostgreSQL knows nothing about a table that was filled a minute ago,
 * and may guess that reading all of it is cheaper; so it is told to go by the index.
 */
async function byIndex<T>(session: SqlSession, use: () => Promise<T>): Promise<T> {
  const { rows } = await session.query(`select ${planSettings.map((name) => `current_setting('${name}') as ${name}`).join(', ')}`);
  await session.query(`select ${planSettings.map((name) => `set_config('${name}', 'off', true)`).join(', ')}`);
  const result = await use();
  // Not in a `finally`: after an error the transaction is over, and the settings with it.
  await session.query(`select ${planSettings.map((name, index) => `set_config('${name}', $${index + 1}, true)`).join(', ')}`, planSettings.map((name) => rows[0]?.[name]));
  return result;
}
