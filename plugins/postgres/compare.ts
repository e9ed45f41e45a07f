/** Holds a real table against its spec: the faults that a person must mend, and for a managed table the SQL that mends the rest. */
import type { ColumnSpec, TableFinding, TableSpec } from 'tds/sdk';
import { hasLeadingKey, hasUniqueKey, type ColumnFacts, type TableFacts } from './catalog.ts';
import { fitOf } from './column-types.ts';
import { nearest, showTable } from './identifiers.ts';

/** The type of the column that marks deletions. */
export const deletedType = 'timestamptz';

const kinds: Readonly<Record<string, string>> = { v: 'a view', m: 'a materialized view', f: 'a foreign table' };

/** The columns that the spec asks for, with the one that marks deletions. */
export function wantedColumns(spec: TableSpec): readonly ColumnSpec[] {
  if (spec.deletedColumn === undefined || spec.columns.some(({ name }) => name === spec.deletedColumn)) return spec.columns;
  return [...spec.columns, { name: spec.deletedColumn, type: deletedType, description: 'When the record was found to be deleted at the source; null while it exists.' }];
}

/** What is wrong with the table itself, whoever it belongs to. */
export function faultsOfTable(spec: TableSpec, facts: TableFacts): TableFinding[] {
  const table = showTable(facts.name);
  const kind = kinds[facts.kind];
  if (kind !== undefined) {
    return [{ severity: 'error', code: 'table.not_a_table', message: `${table} is ${kind}; rows can't be matched by key there`, suggestion: 'Write to a plain or partitioned table.' }];
  }
  const findings: TableFinding[] = [];
  if (facts.partition) {
    findings.push({ severity: 'warning', code: 'table.is_partition', message: `${table} is one partition of another table`, suggestion: 'Name the partitioned table itself; rows outside the partition\'s bounds are refused.' });
  }
  const { privileges } = facts;
  const missing = (['select', 'insert', 'update'] as const).filter((name) => !privileges[name]).map((name) => name.toUpperCase());
  const needsDelete = !privileges.delete && spec.parentKey !== undefined;
  if (needsDelete) missing.push('DELETE');
  if (missing.length > 0) {
    findings.push({ severity: 'error', code: 'table.not_writable', message: `the database user may not ${missing.join(', ')} on ${table}`, suggestion: `Run: GRANT SELECT, INSERT, UPDATE, DELETE ON ${table} TO the user of the connection.` });
  } else if (!privileges.delete && spec.deletedColumn === undefined) {
    findings.push({ severity: 'warning', code: 'table.no_delete', message: `the database user may not DELETE from ${table}; removing deleted records would fail`, suggestion: `Run: GRANT DELETE ON ${table} TO the user of the connection, or use deletes: { mode: keep }.` });
  }
  return findings;
}

/** The user's own table against the mapping. Nothing is changed, so everything that does not fit is told. */
export function compareOwn(spec: TableSpec, facts: TableFacts): TableFinding[] {
  const findings = faultsOfTable(spec, facts);
  if (findings.some(({ code }) => code === 'table.not_a_table')) return findings;
  for (const column of wantedColumns(spec)) {
    const finding = faultOfColumn(spec, facts, column);
    if (finding) findings.push(finding);
  }
  return [...findings, ...unfilledColumns(spec, facts), ...keyFaults(spec, facts)];
}

function faultOfColumn(spec: TableSpec, facts: TableFacts, column: ColumnSpec): TableFinding | undefined {
  const table = showTable(facts.name);
  const real = facts.columns.find(({ name }) => name === column.name);
  if (!real) {
    const near = nearest(column.name, facts.columns.map(({ name }) => name));
    const cure = column.name === spec.deletedColumn
      ? `Add it: ALTER TABLE ${table} ADD COLUMN … ${deletedType}; or choose another column or deletes: { mode: remove | keep }.`
      : `Add the column to the table, or take it out of the mapping.`;
    return { severity: 'error', code: 'table.column_missing', column: column.name, message: `${table} has no column ${JSON.stringify(column.name)}`, suggestion: near === undefined ? cure : `Did you mean ${JSON.stringify(near)}?` };
  }
  if (real.generated) {
    return { severity: 'error', code: 'table.column_generated', column: column.name, message: `${table}.${column.name} is computed by PostgreSQL (GENERATED ALWAYS) and can't be written`, suggestion: 'Take it out of the mapping.' };
  }
  return typeFault(table, column, real);
}

function typeFault(table: string, column: ColumnSpec, real: ColumnFacts): TableFinding | undefined {
  // A text that is one of an enum's words is what an enum takes; which words come is known at writing only.
  if (real.kind === 'enum' && fitOf(column.type, 'text').kind !== 'lossy') return undefined;
  const fit = fitOf(column.type, real.type);
  if (fit.kind === 'same' || fit.kind === 'fits') return undefined;
  const both = `${table}.${column.name} is ${real.type}, the mapping says ${column.type}`;
  if (fit.kind === 'lossy') return { severity: 'warning', code: 'table.column_type', column: column.name, message: `${both}: ${fit.loss}`, suggestion: `Write type: ${real.type} in the mapping if that is meant.` };
  return { severity: 'error', code: 'table.column_type', column: column.name, message: both, suggestion: `Write type: ${JSON.stringify(real.type)} in the mapping, or change the column.` };
}

/** Columns that would refuse every insert, because they must have a value and get none. */
export function unfilledColumns(spec: TableSpec, facts: TableFacts): TableFinding[] {
  const filled = new Set(spec.columns.map(({ name }) => name));
  const table = showTable(facts.name);
  return facts.columns
    .filter((column) => column.notNull && !column.hasDefault && !column.generated && !filled.has(column.name) && column.name !== spec.deletedColumn)
    .map(({ name }) => ({ severity: 'error', code: 'table.column_not_filled', column: name, message: `${table}.${name} is NOT NULL without a default, and the mapping does not fill it`, suggestion: 'Add it to the mapping (value: … gives every row the same value), or give the column a default.' }));
}

function keyFaults(spec: TableSpec, facts: TableFacts): TableFinding[] {
  const table = showTable(facts.name);
  const columns = spec.key.map((name) => JSON.stringify(name)).join(', ');
  const findings: TableFinding[] = [];
  if (!hasUniqueKey(facts, spec.key)) {
    const others = facts.uniqueKeys.map((key) => `(${key.columns.join(', ')})`).join(', ');
    findings.push({ severity: 'error', code: 'table.no_unique_key', message: `${table} has no unique key over exactly ${columns}${others ? `; its unique keys are ${others}` : ''}`, suggestion: `Run: ALTER TABLE ${table} ADD UNIQUE (${columns}); a partial, deferrable or expression index does not serve.` });
  }
  if (spec.parentKey !== undefined && spec.parentKey.length > 0 && !hasLeadingKey(facts, spec.parentKey)) {
    findings.push({ severity: 'warning', code: 'table.no_parent_index', message: `no unique key of ${table} begins with ${spec.parentKey.join(', ')}; replacing the rows of one parent reads the whole table unless another index helps`, suggestion: `Run: CREATE INDEX ON ${table} (${spec.parentKey.map((name) => JSON.stringify(name)).join(', ')}).` });
  }
  return findings;
}
