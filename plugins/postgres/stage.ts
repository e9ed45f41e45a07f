/** The staging table of a session: rows are copied into it, and merged from there into the real table by one statement. */
import { createHash } from 'node:crypto';
import type { SqlSession, TableSpec } from 'tds/sdk';
import type { TableFacts } from './catalog.ts';
import { quoteName, quoteTable } from './identifiers.ts';

/** A staging table, empty. */
export interface Stage {
  /** Quoted, ready for SQL. */
  readonly name: string;
}

/** The staging column for the column at this place of the spec. Plain names, so that the SQL stays short. */
export function stageColumn(index: number): string {
  return `c${index}`;
}

/**
 * The session's staging table for this spec, made where it is missing. It has the real table's own types, so that a value is read
 * in the same way as by a COPY into the real table; its name changes with them, so that a stale one is never used.
 * It lives as long as the database session, and a commit empties it: making and dropping one per batch would bloat the catalog.
 */
export async function createStage(session: SqlSession, spec: TableSpec, facts: TableFacts): Promise<Stage> {
  const name = `pg_temp.${stageName(spec, facts)}`;
  const columns = spec.columns.map((column, index) => `${quoteName(column.name)} as ${stageColumn(index)}`).join(', ');
  await session.query(`create temporary table if not exists ${stageName(spec, facts)} on commit delete rows as select ${columns} from ${quoteTable(facts.name)} with no data`);
  // An earlier batch of this same transaction may have left its rows here. On an empty table this costs next to nothing.
  await session.query(`delete from ${name}`);
  return { name };
}

function stageName(spec: TableSpec, facts: TableFacts): string {
  const types = spec.columns.map(({ name }) => [name, facts.columns.find((column) => column.name === name)?.type]);
  return `tds_stage_${createHash('sha256').update(JSON.stringify([facts.name, types])).digest('hex').slice(0, 24)}`;
}
