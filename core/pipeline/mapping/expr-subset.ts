import { subsetFunctions } from './expr-functions.ts';
import { concatenated, leave, number, truth } from './expr-values.ts';
import { propertyReader } from './path.ts';
import { isRawNumber } from './raw-number.ts';

/** What an expression sees beside its input. */
export interface ExprScope { readonly input: unknown; /** `$parent`: the record around an element of a list. */ readonly parent: unknown }
/** An expression as plain code. Throws {@link leave}'s signal when a value leaves the part of JSONata that it knows. */
export type SubsetExpr = (scope: ExprScope) => unknown;

/** A node of JSONata's tree; only what is read here. */
interface Node { readonly type: string; readonly value?: unknown; readonly [property: string]: unknown }

const harmless: ReadonlySet<string> = new Set(['type', 'value', 'position', 'name']);

/**
 * Compiles the part of JSONata whose meaning is plain: paths over objects, literals, operators, conditions and some
 * functions. Undefined when the expression uses more. Whatever JSONata would treat in a way of its own at run time
 * (lists, errors, numbers without end) leaves, so that JSONata itself decides: the two never differ.
 */
export function compileSubset(tree: unknown): SubsetExpr | undefined {
  const run = compile(tree as Node);
  if (run === undefined) return undefined;
  return (scope) => {
    if (Array.isArray(scope.input)) return leave();
    const result = run(scope);
    return typeof result === 'object' && result !== null ? leave() : result;
  };
}

function compile(node: Node): SubsetExpr | undefined {
  switch (node.type) {
    case 'string':
    case 'number':
    case 'value': return has(node) ? literal(node.value) : undefined;
    case 'variable': return has(node) ? variable(node.value) : undefined;
    case 'path': return has(node, 'steps') ? path(node['steps'] as Node[]) : undefined;
    case 'block': return has(node, 'expressions') ? block(node['expressions'] as Node[]) : undefined;
    case 'unary': return node.value === '-' && has(node, 'expression') ? negated(node['expression'] as Node) : undefined;
    case 'binary': return has(node, 'lhs', 'rhs') ? binary(node) : undefined;
    case 'condition': return has(node, 'condition', 'then', 'else') ? condition(node) : undefined;
    case 'function': return has(node, 'arguments', 'procedure') ? call(node) : undefined;
    default: return undefined;
  }
}

/** Whether a node carries nothing beyond these: a predicate, a grouping or a `[]` behind it changes its meaning. */
function has(node: Node, ...properties: string[]): boolean {
  return Object.keys(node).every((name) => harmless.has(name) || properties.includes(name));
}

function literal(value: unknown): SubsetExpr {
  return () => value;
}

function variable(name: unknown): SubsetExpr | undefined {
  if (name === '' || name === '$') return (scope) => plain(scope.input);
  if (name === 'parent') return (scope) => plain(scope.parent);
  return undefined;
}

function path(steps: readonly Node[]): SubsetExpr | undefined {
  let run: SubsetExpr = (scope) => scope.input;
  for (const [index, step] of steps.entries()) {
    if (!has(step)) return undefined;
    if (index === 0 && step.type === 'variable') {
      const start = variable(step.value);
      if (start === undefined) return undefined;
      run = start;
    } else if (step.type === 'name' && typeof step.value === 'string') {
      run = property(run, step.value);
    } else {
      return undefined;
    }
  }
  return run;
}

function property(source: SubsetExpr, name: string): SubsetExpr {
  const read = propertyReader(name);
  return (scope) => plain(read(source(scope)));
}

/** Lists leave; a number that a double cannot hold becomes the nearest double, as in the copy that JSONata gets. */
function plain(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return leave();
  return isRawNumber(value) ? Number(value.rawJSON) : value;
}

function block(expressions: readonly Node[]): SubsetExpr | undefined {
  return expressions.length === 1 ? compile(expressions[0] as Node) : undefined;
}

function negated(node: Node): SubsetExpr | undefined {
  const run = compile(node);
  if (run === undefined) return undefined;
  return (scope) => {
    const value = number(run(scope));
    return value === undefined ? undefined : -value;
  };
}

function condition(node: Node): SubsetExpr | undefined {
  const test = compile(node['condition'] as Node);
  const then = compile(node['then'] as Node);
  const otherwise = node['else'] === undefined ? literal(undefined) : compile(node['else'] as Node);
  if (test === undefined || then === undefined || otherwise === undefined) return undefined;
  return (scope) => (truth(test(scope)) ? then(scope) : otherwise(scope));
}

function call(node: Node): SubsetExpr | undefined {
  const procedure = node['procedure'] as Node;
  if (procedure.type !== 'variable' || !has(procedure)) return undefined;
  const known = subsetFunctions.get(String(procedure.value));
  const given = node['arguments'] as Node[];
  if (known === undefined || given.length < known.least || given.length > known.most) return undefined;
  const [first, second, third] = given.map(compile);
  if (first === undefined || (given.length > 1 && second === undefined) || (given.length > 2 && third === undefined)) return undefined;
  const { run } = known;
  if (second === undefined) return (scope) => run(first(scope), undefined, undefined, 1);
  if (third === undefined) return (scope) => run(first(scope), second(scope), undefined, 2);
  return (scope) => run(first(scope), second(scope), third(scope), 3);
}

function binary(node: Node): SubsetExpr | undefined {
  const left = compile(node['lhs'] as Node);
  if (left === undefined) return undefined;
  if (node.value === 'in') return included(left, node['rhs'] as Node);
  const right = compile(node['rhs'] as Node);
  if (right === undefined) return undefined;
  switch (node.value) {
    case 'and': return (scope) => truth(left(scope)) && truth(right(scope));
    case 'or': return (scope) => truth(left(scope)) || truth(right(scope));
    case '&': return (scope) => concatenated(left(scope)) + concatenated(right(scope));
    case '=': return (scope) => equality(left(scope), right(scope), true);
    case '!=': return (scope) => equality(left(scope), right(scope), false);
    case '<': return comparison(left, right, (a, b) => a < b);
    case '<=': return comparison(left, right, (a, b) => a <= b);
    case '>': return comparison(left, right, (a, b) => a > b);
    case '>=': return comparison(left, right, (a, b) => a >= b);
    case '+': return arithmetic(left, right, (a, b) => a + b);
    case '-': return arithmetic(left, right, (a, b) => a - b);
    case '*': return arithmetic(left, right, (a, b) => a * b);
    case '/': return arithmetic(left, right, (a, b) => a / b);
    case '%': return arithmetic(left, right, (a, b) => a % b);
    default: return undefined;
  }
}

function equality(a: unknown, b: unknown, wanted: boolean): boolean {
  if (a === undefined || b === undefined) return false;
  if ((typeof a === 'object' && a !== null) || (typeof b === 'object' && b !== null)) return leave();
  return (a === b) === wanted;
}

function comparison(left: SubsetExpr, right: SubsetExpr, compare: (a: string | number, b: string | number) => boolean): SubsetExpr {
  return (scope) => {
    const a = left(scope);
    const b = right(scope);
    if (!isComparable(a) || !isComparable(b)) return leave();
    if (a === undefined || b === undefined) return undefined;
    return typeof a === typeof b ? compare(a, b) : leave();
  };
}

function isComparable(value: unknown): value is string | number | undefined {
  return value === undefined || typeof value === 'string' || typeof value === 'number';
}

function arithmetic(left: SubsetExpr, right: SubsetExpr, operate: (a: number, b: number) => number): SubsetExpr {
  return (scope) => {
    const a = number(left(scope));
    const b = number(right(scope));
    return a === undefined || b === undefined ? undefined : operate(a, b);
  };
}

function included(left: SubsetExpr, node: Node): SubsetExpr | undefined {
  const isList = node.type === 'unary' && node.value === '[' && has(node, 'expressions');
  const items = (isList ? node['expressions'] as Node[] : [node]).map(compile);
  if (!items.every((item) => item !== undefined)) return undefined;
  return (scope) => {
    const value = left(scope);
    let found = false;
    // Every item is evaluated, because one of them may leave.
    for (const item of items) {
      const other = item(scope);
      if (typeof other === 'object' && other !== null) return leave();
      if (value !== undefined && other === value) found = true;
    }
    return typeof value === 'object' && value !== null ? leave() : found;
  };
}
