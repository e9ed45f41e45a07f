/** The SQL that makes a managed table fit its mapping. It creates, adds and widens; it never drops. */
import type { ColumnSpec, TableFinding, TableSpec } from 'tds/sdk';
import { hasUniqueKey, type TableFacts } from './catalog.ts';
import { canonicalType, fitOf } from './column-types.ts';
import { faultsOfTable, unfilledColumns, wantedColumns } from './compare.ts';
import { quoteName, quoteTable, showTable, type TableName } from './identifiers.ts';

/** What has to be done, and what can't be. */
export interface Plan {
  readonly statements: readonly string[];
  readonly findings: readonly TableFinding[];
}

/** The plan for a table that does not exist. The key's order is the index's, so that the rows of one parent lie together. */
export function planCreation(spec: TableSpec, name: TableName): Plan {
  const table = quoteTable(name);
  const columns = wantedColumns(spec);
  const lines = columns.map((column) => `${quoteName(column.name)} ${canonicalType(column.type)}`);
  if (spec.key.length > 0) lines.push(`primary key (${spec.key.map(quoteName).join(', ')})`);
  const statements = [`create table ${table} (${lines.join(', ')})`];
  if (spec.description) statements.push(commentOn(`table ${table}`, spec.description));
  for (const column of columns) if (column.description) statements.push(commentOn(`column ${table}.${quoteName(column.name)}`, column.description));
  return { statements, findings: [] };
}

/** The plan for a table that exists: empty where it fits already. */
export function planChanges(spec: TableSpec, facts: TableFacts): Plan {
  const findings = faultsOfTable(spec, facts);
  if (findings.some(({ code }) => code === 'table.not_a_table')) return { statements: [], findings };
  const statements: string[] = [];
  const table = quoteTable(facts.name);
  for (const column of wantedColumns(spec)) planColumn(facts, column, statements, findings);
  if (!hasUniqueKey(facts, spec.key)) {
    if (facts.uniqueKeys.some(({ primary }) => primary)) findings.push(keyChanged(spec, facts));
    else statements.push(`alter table ${table} add primary key (${spec.key.map(quoteName).join(', ')})`);
  }
  findings.push(...unfilledColumns(spec, facts));
  // What a person wrote as a comment stays where the mapping says nothing.
  if (spec.description && facts.comment !== spec.description && facts.owned) statements.push(commentOn(`table ${table}`, spec.description));
  if (statements.length > 0 && !facts.owned) {
    findings.push({ severity: 'error', code: 'table.not_owned', message: `${showTable(facts.name)} has to be changed, and only its owner may do that`, suggestion: 'Give the table to the user of the connection (ALTER TABLE … OWNER TO …), or use manage: false.' });
  }
  return { statements, findings };
}

function planColumn(facts: TableFacts, column: ColumnSpec, statements: string[], findings: TableFinding[]): void {
  const table = quoteTable(facts.name);
  const name = quoteName(column.name);
  const type = canonicalType(column.type);
  const real = facts.columns.find((candidate) => candidate.name === column.name);
  if (!real) {
    statements.push(`alter table ${table} add column ${name} ${type}`);
  } else if (real.generated) {
    findings.push({ severity: 'error', code: 'table.column_generated', column: column.name, message: `${showTable(facts.name)}.${column.name} is computed by PostgreSQL and can't be written`, suggestion: 'Take it out of the mapping, or use another column name.' });
  } else if (!['same', 'fits'].includes(fitOf(column.type, real.type).kind)) {
    if (fitOf(real.type, column.type).kind === 'fits') statements.push(`alter table ${table} alter column ${name} type ${type}`);
    else findings.push(typeChanged(facts, column, real.type));
  }
  if (column.description && real?.comment !== column.description && facts.owned) {
    statements.push(commentOn(`column ${table}.${name}`, column.description));
  }
}

function typeChanged(facts: TableFacts, column: ColumnSpec, realType: string): TableFinding {
  return {
    severity: 'error', code: 'table.column_type', column: column.name,
    message: `${showTable(facts.name)}.${column.name} is ${realType}, the mapping now says ${column.type}, and the values there may not survive the change`,
    suggestion: `Map into a new column name, keep type: ${JSON.stringify(realType)}, or change the column yourself: ALTER TABLE … ALTER COLUMN … TYPE ${column.type} USING ….`,
  };
}

function keyChanged(spec: TableSpec, facts: TableFacts): TableFinding {
  const primary = facts.uniqueKeys.find(({ primary }) => primary)?.columns.join(', ') ?? '';
  return {
    severity: 'error', code: 'table.no_unique_key',
    message: `${showTable(facts.name)} has the primary key (${primary}), the mapping's key is (${spec.key.join(', ')})`,
    suggestion: 'Map into a new table, or change the primary key yourself.',
  };
}

/** COMMENT takes no parameters. `E''` reads the same whatever standard_conforming_strings says. */
function commentOn(what: string, text: string): string {
  return `comment on ${what} is E'${text.replaceAll('\0', '').replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
