import type { Runtime } from '../../main.ts';
import { quoteIdentifier } from '../../store/sql.ts';
import type { Output } from '../io.ts';
import { table } from '../table.ts';
import { cell, count } from '../text.ts';
import type { DemoPlan } from './plan.ts';

/** What lies in the tables, read from the tables themselves. */
export interface DemoTables {
  counts: { table: string; rows: number }[];
  sample: Record<string, unknown>[];
}

/** Counts the rows of every table of the schema, and reads a few. */
export function readTables({ database }: Runtime, { show }: DemoPlan): Promise<DemoTables> {
  return database.transaction(async (session) => {
    const names = await session.query(`SELECT table_name::text AS name FROM information_schema.tables WHERE table_schema = $1 ORDER BY 1`, [show.schema]);
    const counts: DemoTables['counts'] = [];
    for (const { name } of names.rows as { name: string }[]) {
      const counted = await session.query(`SELECT count(*)::int AS rows FROM ${quoteIdentifier(show.schema)}.${quoteIdentifier(name)}`);
      counts.push({ table: `${show.schema}.${name}`, rows: counted.rows[0]?.['rows'] as number });
    }
    const sample = names.rows.length === 0 ? [] : (await session.query(show.query)).rows;
    return { counts, sample };
  });
}

/** Prints both. The counts stand in three columns, as there are many. */
export function printTables(out: Output, plan: DemoPlan, { counts, sample }: DemoTables): void {
  const [first] = sample;
  if (first) {
    out.line(`\n${out.paint('bold', plan.show.title)}, the ones changed last`);
    const names = Object.keys(first);
    for (const line of table(names.map((title) => ({ title })), sample.map((row) => names.map((name) => cell(row[name]))), out.width)) out.line(line);
  }
  out.line(`\n${out.paint('bold', 'rows by table')}`);
  const depth = Math.ceil(counts.length / 3);
  const rows = Array.from({ length: depth }, (_, at) => [0, 1, 2].flatMap((column) => {
    const one = counts[at + column * depth];
    return one ? [one.table, count(one.rows)] : ['', ''];
  }));
  const columns = [0, 1, 2].flatMap(() => [{ title: 'table' }, { title: 'rows', right: true }]);
  for (const line of table(columns, rows, out.width)) out.line(line);
}
