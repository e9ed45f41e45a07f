import type { CellValue } from '../../sdk/index.ts';
import { compareDecimals, parseDecimal, toPlain } from './decimal.ts';
import type { MappingCode } from './codes.ts';
import type { ColumnType } from './column-type.ts';
import { compileExpr } from './expr.ts';
import { execWithin, mayExplode, PatternLimitError } from './pattern.ts';
import { Refusal } from './refusal.ts';
import { mappingFault, type Column, type CompileContext } from './row.ts';
import { truth } from './expr-values.ts';
import type { Session, Slot } from './session.ts';
import type { CheckMapping, OnFail } from './types.ts';

/** The fault of a cell, or undefined when the rule is kept. */
type Rule = (cell: CellValue) => string | undefined;

/** A check made ready: a rule about one cell, or an expression over the row. */
export interface Check {
  readonly code: MappingCode;
  readonly onFail: OnFail;
  readonly message: string | undefined;
  readonly field: string | undefined;
  /** Place of the column in the row; -1 without a column. */
  readonly index: number;
  readonly rule: Rule | undefined;
  readonly slot: Slot | undefined;
}

const numeric: ReadonlySet<ColumnType['kind']> = new Set(['smallint', 'integer', 'bigint', 'numeric', 'real', 'double']);

/** Compiles `checks`. Without a value every rule but `required` and `expr` is kept, as in SQL. */
export function compileChecks(checks: readonly CheckMapping[], columns: readonly Column[], context: CompileContext): Check[] {
  return checks.map((check) => compileCheck(check, columns, context));
}

function compileCheck(check: CheckMapping, columns: readonly Column[], context: CompileContext): Check {
  const index = check.field === undefined ? -1 : columns.findIndex((column) => column.name === check.field);
  if (index === -1 && check.field !== undefined) throw mappingFault('map.unknown_column', `a check names the column "${check.field}", which is not in the fields`);
  const base = { onFail: check.onFail ?? 'quarantine', message: check.message, field: check.field, index };
  if (check.expr !== undefined) return { ...base, code: 'check.expr', rule: undefined, slot: context.slot(compileExpr(check.expr, context.limits)) };
  const column = columns[index];
  if (column === undefined) throw mappingFault('map.bad_check', 'a check needs a `field`; only `expr` may do without');
  return { ...base, ...compileRule(check, column), slot: undefined };
}

function compileRule(check: CheckMapping, column: Column): { code: MappingCode; rule: Rule } {
  if (check.min !== undefined) return { code: 'check.min', rule: bound(check.min, -1, 'is below') };
  if (check.max !== undefined) return { code: 'check.max', rule: bound(check.max, 1, 'is above') };
  if (check.minLength !== undefined) return { code: 'check.min_length', rule: shorter(check.minLength) };
  if (check.maxLength !== undefined) return { code: 'check.max_length', rule: longer(check.maxLength) };
  if (check.pattern !== undefined) return { code: 'check.pattern', rule: matching(check.pattern) };
  if (check.oneOf !== undefined) return { code: 'check.one_of', rule: among(check.oneOf, column) };
  if (check.required === true) return { code: 'check.required', rule: (cell) => (cell === null || cell === '' ? 'has no value' : undefined) };
  throw mappingFault('map.bad_check', `the check of "${column.name}" has no rule`);
}

/** Compares exactly: a double is only asked where both sides are short enough for it to be exact. */
function bound(limit: number, forbidden: -1 | 1, words: string): Rule {
  const exact = parseDecimal(String(limit));
  if (exact === undefined) throw mappingFault('map.bad_check', `the limit ${limit} of a check is no number`);
  const fault = `${words} ${limit}`;
  return (cell) => {
    if (cell === null || cell === '') return undefined;
    if (typeof cell === 'number') return (forbidden < 0 ? cell < limit : cell > limit) ? fault : undefined;
    const value = typeof cell === 'string' ? parseDecimal(cell) : undefined;
    if (value === undefined) return 'is no number, and the check compares numbers';
    return compareDecimals(value, exact) === forbidden ? fault : undefined;
  };
}

function shorter(limit: number): Rule {
  return (cell) => (cell !== null && countTo(String(cell), limit) < limit ? `is shorter than ${limit} characters` : undefined);
}

function longer(limit: number): Rule {
  return (cell) => (cell !== null && countTo(String(cell), limit + 1) > limit ? `is longer than ${limit} characters` : undefined);
}

/** Characters of a text, counted no further than needed. */
function countTo(text: string, enough: number): number {
  let count = 0;
  for (const _ of text) {
    count += 1;
    if (count >= enough) break;
  }
  return count;
}

function matching(source: string): Rule {
  let pattern: RegExp;
  try {
    pattern = new RegExp(source, 'u');
  } catch (error) {
    throw mappingFault('map.bad_check', `the pattern ${source.slice(0, 100)} is no regular expression: ${(error as Error).message}`);
  }
  const risky = mayExplode(source);
  return (cell) => {
    if (cell === null) return undefined;
    try {
      return execWithin(pattern, String(cell), risky) === null ? `does not match ${source.slice(0, 100)}` : undefined;
    } catch (error) {
      if (error instanceof PatternLimitError) return `cannot be matched: ${error.message}`;
      throw error;
    }
  };
}

function among(values: readonly unknown[], column: Column): Rule {
  const allowed = new Set(values.map((value) => {
    const cell = value === null ? null : column.coerce(value);
    if (cell instanceof Refusal) throw mappingFault('map.bad_check', `a value of \`oneOf\` for "${column.name}" ${cell.message}`);
    return sameText(cell, column.type);
  }));
  return (cell) => (cell === null || allowed.has(sameText(cell, column.type)) ? undefined : 'is none of the allowed values');
}

/** 12.50 and 12.5 are the same number. */
function sameText(cell: CellValue, type: ColumnType): CellValue {
  if (type.kind !== 'numeric' || type.list || typeof cell !== 'string') return cell;
  const decimal = parseDecimal(cell);
  return decimal === undefined || Math.abs(decimal.point) > 2000 ? cell : toPlain(decimal);
}

/** What the checks say of a row. Problems and warnings go into the session. */
export function runChecks(checks: readonly Check[], row: readonly CellValue[], columns: readonly Column[], session: Session): 'quarantine' | 'drop' | undefined {
  let action: 'quarantine' | 'drop' | undefined;
  // What an earlier step refused stands as null in the row: no rule may speak about it.
  const refused = new Set(session.problems.map((problem) => problem.field));
  let view: Record<string, unknown> | undefined;
  for (const check of checks) {
    if (check.slot === undefined && refused.has(check.field)) continue;
    if (check.slot !== undefined && refused.size > 0) continue;
    const cell = check.index === -1 ? undefined : row[check.index] as CellValue;
    const fault = check.slot === undefined ? check.rule?.(cell as CellValue) : exprFault(session.run(check.slot, view ??= viewOf(row, columns), undefined, 0));
    if (fault === undefined || session.waiting) continue;
    const subject = check.field ?? 'the row';
    const at = { ...(check.field === undefined ? {} : { field: check.field }), ...(cell === undefined || cell === null ? {} : { value: cell }) };
    const message = check.message ?? `${subject} ${fault}`;
    if (check.onFail === 'warn') {
      session.warn(check.code, message, at);
      continue;
    }
    session.refuse(check.code, message, at);
    if (action !== 'drop') action = check.onFail;
  }
  return action;
}

function exprFault(value: unknown): string | undefined {
  if (value instanceof Refusal) return `was given to an expression that ${value.message}`;
  return isTrue(value) ? undefined : 'does not keep the rule';
}

function isTrue(value: unknown): boolean {
  return typeof value === 'object' && value !== null ? Object.keys(value).length > 0 : !Number.isNaN(value) && value !== Infinity && value !== -Infinity && truth(value);
}

/** The mapped row as an expression sees it: numbers as numbers, JSON as what it stands for, all else as text. */
function viewOf(row: readonly CellValue[], columns: readonly Column[]): Record<string, unknown> {
  const view: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const [index, column] of columns.entries()) {
    const cell = row[index] as CellValue;
    if (typeof cell !== 'string' || column.type.list) view[column.name] = cell;
    else if (numeric.has(column.type.kind)) view[column.name] = Number(cell);
    else if (column.type.kind === 'json' || column.type.kind === 'jsonb') view[column.name] = JSON.parse(cell) as unknown;
    else view[column.name] = cell;
  }
  return view;
}
