import jsonata from 'jsonata';
import { PermanentError } from '../../sdk/index.ts';
import { mappingCodes } from './codes.ts';
import { LimitedRegExp, PatternLimitError } from './pattern.ts';
import { readsOf, type ExprReads } from './expr-reads.ts';
import { compileSubset, type ExprScope, type SubsetExpr } from './expr-subset.ts';
import { leaveSignal } from './expr-values.ts';
import { isRawNumber } from './raw-number.ts';
import { Refusal } from './refusal.ts';

/** Limits of one evaluation. A user's expression may loop without end; the host must not. */
export interface ExprLimits { readonly milliseconds: number; readonly depth: number; readonly items: number }

export const defaultLimits: ExprLimits = { milliseconds: 1000, depth: 500, items: 1_000_000 };

/** An expression made ready. */
export interface Expr {
  /** The compiled form; undefined when the expression is more than the compiled part of JSONata. */
  readonly subset: SubsetExpr | undefined;
  /** What it looks at. */
  readonly reads: ExprReads;
  /** JSONata itself, with limits. Resolves with the value, or with a Refusal; never rejects. */
  evaluate(scope: ExprScope): Promise<unknown>;
}

/** Compiles a JSONata expression. Throws PermanentError `map.bad_expr` with the position. */
export function compileExpr(source: string, limits: ExprLimits = defaultLimits): Expr {
  const expression = parse(source, limits);
  // Runs text from a record as code, outside all limits.
  expression.registerFunction('eval', () => { throw new Error('$eval is not allowed'); });
  const tree: unknown = expression.ast();
  return {
    subset: compileSubset(tree),
    reads: readsOf(tree),
    async evaluate(scope) {
      try {
        const value: unknown = await expression.evaluate(copy(scope.input, 0), { parent: copy(scope.parent, 0) });
        return isFunction(value) ? new Refusal('map.expr_failed', 'gives a function, not a value') : value;
      } catch (error) {
        return failure(error);
      }
    },
  };
}

/** What {@link runSubset} gives when the record is for JSONata itself. */
export const left: unique symbol = Symbol('left');

/** Runs the compiled form. */
export function runSubset(run: SubsetExpr, scope: ExprScope): unknown {
  try {
    return run(scope);
  } catch (error) {
    // A RangeError: the stack ended, or a text grew beyond what can be.
    if (error === leaveSignal || error instanceof RangeError) return left;
    throw error;
  }
}

function parse(source: string, limits: ExprLimits): jsonata.Expression {
  try {
    return jsonata(source, { timeout: limits.milliseconds, stack: limits.depth, sequence: limits.items, RegexEngine: LimitedRegExp as unknown as RegExpConstructor });
  } catch (error) {
    const { position } = error as { position?: number };
    const at = typeof position === 'number' ? ` at character ${position}` : '';
    throw new PermanentError('map.bad_expr', `the expression "${source.slice(0, 100)}" is no JSONata${at}: ${messageOf(error)}`, { cause: error, suggestion: mappingCodes['map.bad_expr'].cure });
  }
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function' || (typeof value === 'object' && value !== null && ('_jsonata_function' in value || '_jsonata_lambda' in value));
}

const limitCodes: ReadonlySet<unknown> = new Set(['D1011', 'D1012', 'D2014', 'D2015']);

function failure(error: unknown): Refusal {
  const { code } = error as { code?: unknown };
  const limited = limitCodes.has(code) || error instanceof PatternLimitError || error instanceof RangeError;
  return new Refusal(limited ? 'map.expr_limit' : 'map.expr_failed', `${limited ? 'ran into a limit' : 'failed'}: ${messageOf(error)}`);
}

function messageOf(error: unknown): string {
  const message = typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error);
  return message.length > 300 ? `${message.slice(0, 300).toWellFormed()}…` : message;
}

const deepest = 1000;

/**
 * A copy of a value for JSONata: raw numbers become the nearest double, and JSONata's own marks of a function, which a
 * hostile record might carry, are left out.
 */
function copy(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (isRawNumber(value)) return Number(value.rawJSON);
  if (depth > deepest) throw new RangeError('the record is nested too deep');
  if (Array.isArray(value)) return value.map((item) => copy(item, depth + 1));
  const result: Record<string, unknown> = {};
  for (const [name, item] of Object.entries(value)) {
    if (name === '_jsonata_function' || name === '_jsonata_lambda') continue;
    if (name === '__proto__') Object.defineProperty(result, name, { value: copy(item, depth + 1), enumerable: true, configurable: true, writable: true });
    else result[name] = copy(item, depth + 1);
  }
  return result;
}
