/** Names of tables and columns: whatever the YAML says, it ends as one quoted identifier or as an error. */
import { PermanentError } from 'tds/sdk';

/** Where a table lies. */
export interface TableName {
  readonly schema: string;
  readonly table: string;
}

/** PostgreSQL cuts longer names off silently, so that two different names could become one. */
const longestName = 63;

/**
 * The name as a quoted identifier.
 * @throws PermanentError `postgres.bad_name` where PostgreSQL could not have such a name.
 */
export function quoteName(name: string): string {
  const fault = faultOfName(name);
  if (fault !== undefined) throw badName(name, fault);
  return `"${name.replaceAll('"', '""')}"`;
}

/** `"schema"."table"`. */
export function quoteTable(name: TableName): string {
  return `${quoteName(name.schema)}.${quoteName(name.table)}`;
}

/** The name for people, quoted only where it would be misread without. */
export function showTable(name: TableName): string {
  return [name.schema, name.table].map((part) => (/[."]/.test(part) ? `"${part.replaceAll('"', '""')}"` : part)).join('.');
}

/**
 * Reads `table` or `schema.table`. A part that begins with `"` goes to its closing quote (`""` stands for one quote), so that
 * `"a.b".c` names table `c` in schema `a.b`; any other part is taken letter by letter up to the next dot.
 * @throws PermanentError `postgres.bad_name`
 */
export function parseTable(text: string, defaultSchema: string): TableName {
  const parts = splitParts(text);
  for (const part of parts) {
    const fault = faultOfName(part);
    if (fault !== undefined) throw badName(text, fault);
  }
  const [first = '', second] = parts;
  if (parts.length > 2) throw badName(text, `has ${parts.length} parts; only "table" and "schema.table" are possible`);
  return second === undefined ? { schema: defaultSchema, table: first } : { schema: first, table: second };
}

function splitParts(text: string): string[] {
  const parts: string[] = [];
  let at = 0;
  for (;;) {
    const quoted = /^"((?:[^"]|"")*)"(?=\.|$)/.exec(text.slice(at));
    if (quoted) {
      parts.push((quoted[1] as string).replaceAll('""', '"'));
      at += quoted[0].length;
    } else {
      const dot = text.indexOf('.', at);
      const end = dot === -1 ? text.length : dot;
      parts.push(text.slice(at, end));
      at = end;
    }
    if (at >= text.length) return parts;
    at += 1; // the dot
  }
}

function faultOfName(name: string): string | undefined {
  if (name === '') return 'has an empty part';
  if (name.includes('\0')) return 'holds a NUL character';
  if (!name.isWellFormed()) return 'is not valid Unicode';
  const bytes = Buffer.byteLength(name);
  return bytes > longestName ? `is ${bytes} bytes long; PostgreSQL keeps ${longestName}` : undefined;
}

function badName(name: string, fault: string): PermanentError {
  const shown = JSON.stringify(name.length > 100 ? `${name.slice(0, 100)}…` : name);
  return new PermanentError('postgres.bad_name', `the name ${shown} ${fault}`, {
    suggestion: 'Give it another name in the mapping; a dot inside a table\'s name needs double quotes: \'schema."my.table"\'.',
    details: { name },
  });
}

/** The nearest of `candidates`, for "did you mean"; undefined where none is near. */
export function nearest(name: string, candidates: readonly string[]): string | undefined {
  const wanted = plain(name);
  let best: string | undefined;
  let bestDistance = Math.floor(Math.max(wanted.length, 3) / 3) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(wanted, plain(candidate), bestDistance);
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[\s_-]/g, '').slice(0, 63);
}

/** Edits between two words, a swap of neighbours counted as one. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const same = a[row - 1] === b[column - 1];
      let cost = Math.min(at(previous, column) + 1, at(current, column - 1) + 1, at(previous, column - 1) + (same ? 0 : 1));
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (swapped) cost = Math.min(cost, at(before, column - 2) + 1);
      current.push(cost);
    }
    before = previous;
    previous = current;
  }
  return at(previous, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY;
}
