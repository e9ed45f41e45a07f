import { PermanentError, type CellValue, type StreamField } from '../../sdk/index.ts';
import { mappingCodes, type MappingCode } from './codes.ts';
import { compileCoercer, keepsEmpty, type Coercer } from './coerce.ts';
import { parseColumnType, type ColumnType } from './column-type.ts';
import { compileExpr, type ExprLimits } from './expr.ts';
import { compilePath, propertyReader, type PathReader } from './path.ts';
import { Refusal, shorten } from './refusal.ts';
import type { Session, Slot } from './session.ts';
import type { FieldMapping } from './types.ts';

/** What compiling needs beside the fields themselves. */
export interface CompileContext {
  readonly fields: readonly StreamField[];
  readonly limits: ExprLimits;
  /** Gives an expression its number. */
  slot(expr: Slot['expr']): Slot;
}

/** One column made ready. */
export interface Column {
  readonly name: string;
  /** As written, or as the stream declares it. */
  readonly typeText: string;
  readonly type: ColumnType;
  readonly description: string | undefined;
  /** Where the value comes from, for people. */
  readonly origin: string;
  readonly read: PathReader;
  /** The value is given by the config and read nowhere. */
  readonly constant: boolean;
  readonly slot: Slot | undefined;
  readonly coerce: Coercer;
  readonly emptyIsNull: boolean;
  readonly required: boolean;
  /** What stands in for a missing value. */
  readonly fallback: CellValue;
}

/** Where a row comes from. */
export interface RowSource {
  readonly source: unknown;
  /** The record around an element; undefined for the record itself. */
  readonly parent: unknown;
  /** 0: the record itself; from 1: elements of a list. */
  readonly row: number;
  /** Before the field's name in a problem: `lines.`. */
  readonly fieldPrefix: string;
  /** Before the path in a problem: `line_items.3.`. */
  readonly pathPrefix: string;
}

/** Compiles the fields of a table. `at` is the path of the list in the record, '' for the record itself. */
export function compileColumns(fields: Readonly<Record<string, FieldMapping>>, at: string, context: CompileContext): Column[] {
  return Object.entries(fields).map(([name, field]) => compileColumn(name, field, at, context));
}

function compileColumn(name: string, field: FieldMapping, at: string, context: CompileContext): Column {
  const typeText = field.type ?? declaredType(name, field, at, context.fields);
  const type = parseColumnType(typeText);
  const coerce = compileCoercer(type);
  return {
    name, typeText, type, coerce, description: field.description,
    origin: field.from ?? (field.expr === undefined ? name : ''),
    read: reader(name, field, coerce),
    constant: field.value !== undefined,
    slot: field.expr === undefined ? undefined : context.slot(compileExpr(field.expr, context.limits)),
    emptyIsNull: field.empty === undefined ? !keepsEmpty(type) : field.empty === 'null' || !keepsEmpty(type),
    required: field.required ?? false,
    fallback: constant(name, 'default', field.default, coerce),
  };
}

function reader(name: string, field: FieldMapping, coerce: Coercer): PathReader {
  if (field.value !== undefined) {
    const value = constant(name, 'value', field.value, coerce);
    return () => value;
  }
  return field.from === undefined ? propertyReader(name) : compilePath(field.from);
}

function constant(name: string, what: string, value: unknown, coerce: Coercer): CellValue {
  if (value === undefined || value === null) return null;
  const cell = coerce(value);
  if (!(cell instanceof Refusal)) return cell;
  throw mappingFault('map.bad_constant', `the \`${what}\` of the column "${name}", ${shorten(value)}, ${cell.message}`);
}

const declaredTypes: Readonly<Record<StreamField['type'], string>> = {
  string: 'text', number: 'numeric', boolean: 'boolean', date: 'date', time: 'timestamptz', object: 'jsonb', array: 'jsonb',
};

function declaredType(name: string, field: FieldMapping, at: string, known: readonly StreamField[]): string {
  if (field.expr !== undefined || field.value !== undefined) return 'text';
  const path = field.from ?? name;
  const names = at === '' ? [path] : [`${at}.${path}`, `${at}[].${path}`];
  const declared = known.find((each) => names.includes(each.path));
  return declared === undefined ? 'text' : declaredTypes[declared.type];
}

/** Maps one row. What does not fit is noted in the session and stands as null in the row. */
export function mapRow(columns: readonly Column[], from: RowSource, session: Session, row: CellValue[], offset: number): void {
  const { source } = from;
  for (let index = 0; index < columns.length; index += 1) {
    const column = columns[index] as Column;
    const value = column.slot === undefined ? column.read(source) : session.run(column.slot, source, from.parent, from.row);
    if (value === undefined || value === null || (value === '' && column.emptyIsNull)) {
      row[offset + index] = column.fallback;
      if (column.required && column.fallback === null) note(column, 'map.required', 'has no value', undefined, from, session);
      continue;
    }
    const cell = value instanceof Refusal ? value : column.coerce(value);
    row[offset + index] = cell instanceof Refusal ? settle(column, cell, value, from, session) : cell;
  }
}

function settle(column: Column, refusal: Refusal, value: unknown, from: RowSource, session: Session): CellValue {
  if (refusal.use !== undefined) {
    session.warn(refusal.code, `${from.fieldPrefix}${column.name} ${refusal.message}`, place(column, value, from));
    return refusal.use;
  }
  note(column, refusal.code, refusal.message, value instanceof Refusal ? undefined : value, from, session);
  return null;
}

function note(column: Column, code: MappingCode, message: string, value: unknown, from: RowSource, session: Session): void {
  const subject = column.slot !== undefined && (code === 'map.expr_failed' || code === 'map.expr_limit') ? 'the expression of ' : '';
  session.refuse(code, `${subject}${from.fieldPrefix}${column.name} ${message}`, place(column, value, from));
}

function place(column: Column, value: unknown, from: RowSource): { field: string; path?: string; value?: unknown } {
  const field = from.fieldPrefix + column.name;
  return column.origin === '' ? { field, value } : { field, path: from.pathPrefix + column.origin, value };
}

/** A fault of the mapping itself. */
export function mappingFault(code: MappingCode, message: string): PermanentError {
  return new PermanentError(code, message, { suggestion: mappingCodes[code].cure });
}
