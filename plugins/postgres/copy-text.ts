/** Rows as the text format of COPY (PostgreSQL manual, "COPY", File Formats). The hot path of every load: keep it plain. */
import { PermanentError, type CellValue, type TableSpec } from 'tds/sdk';

const special = /[\\\n\r\t\0]/;

/**
 * The rows, each as one text; the host joins them. All of them at once, because the same texts may be sent twice: straight into the
 * table and, where a key exists already, into the staging table.
 * @throws PermanentError `postgres.nul_character`, naming column and row: PostgreSQL keeps no NUL in a text.
 */
export function encodeRows(spec: TableSpec, rows: readonly (readonly CellValue[])[]): string[] {
  const lines: string[] = [];
  const width = spec.columns.length;
  for (let index = 0; index < rows.length; index += 1) {
    const row = rows[index] as readonly CellValue[];
    if (row.length !== width) throw wrongWidth(spec, row, index);
    let text = '';
    for (let column = 0; column < width; column += 1) {
      if (column > 0) text += '\t';
      const value = row[column];
      if (value === null || value === undefined) text += '\\N';
      else if (typeof value !== 'string') text += String(value);
      else if (!special.test(value)) text += value;
      else text += escapeText(value, spec, row, index, column);
    }
    lines.push(`${text}\n`);
  }
  return lines;
}

function escapeText(value: string, spec: TableSpec, row: readonly CellValue[], index: number, column: number): string {
  if (value.includes('\0')) {
    const name = spec.columns[column]?.name ?? String(column);
    throw new PermanentError('postgres.nul_character', `column ${name} of row ${index + 1} (${showKey(spec, row)}) holds a NUL character, which PostgreSQL can't store in a text`, {
      suggestion: 'Take it out in the mapping with an expression, or leave the field out.',
      details: { table: spec.table, column: name, row: index, key: keyOf(spec, row) },
    });
  }
  return value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r').replaceAll('\t', '\\t');
}

function wrongWidth(spec: TableSpec, row: readonly CellValue[], index: number): PermanentError {
  return new PermanentError('postgres.row_width', `row ${index + 1} for ${spec.table} has ${row.length} values for ${spec.columns.length} columns`);
}

function keyOf(spec: TableSpec, row: readonly CellValue[]): CellValue[] {
  return spec.key.map((name) => row[spec.columns.findIndex((column) => column.name === name)] ?? null);
}

function showKey(spec: TableSpec, row: readonly CellValue[]): string {
  return spec.key.map((name, index) => `${name} ${String(keyOf(spec, row)[index])}`).join(', ').slice(0, 200);
}
