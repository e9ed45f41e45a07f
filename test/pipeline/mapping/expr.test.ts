import * as fc from 'fast-check';
import jsonata from 'jsonata';
import t from 'tap';
import { compileExpr, left, runSubset } from '../../../core/pipeline/mapping/expr.ts';
import { mayExplode } from '../../../core/pipeline/mapping/pattern.ts';
import { Refusal } from '../../../core/pipeline/mapping/refusal.ts';

function run(source: string, input: unknown, parent?: unknown): unknown {
  const { subset } = compileExpr(source);
  return subset === undefined ? 'not compiled' : runSubset(subset, { input, parent });
}

t.test('common expressions need no JSONata', async (t) => {
  t.equal(run("status = 'active'", { status: 'active' }), true);
  t.equal(run('rate * quantity', { rate: 2.5, quantity: 4 }), 10);
  t.equal(run("first & ' ' & last", { first: 'A', last: 'B' }), 'A B');
  t.equal(run("status in ['paid', 'sent'] ? 'yes' : 'no'", { status: 'paid' }), 'yes');
  t.equal(run("$uppercase($trim(name))", { name: '  a  b ' }), 'A B');
  t.equal(run('contact.name ?? "none"', { contact: {} }), 'none');
  t.equal(run('$parent.currency', {}, { currency: 'IQD' }), 'IQD');
  t.equal(run('0.1 + 0.2 & ""', {}), '0.3');
});

t.test('what is more than the compiled part is left to JSONata', async (t) => {
  t.equal(compileExpr('$sum(lines.rate)').subset, undefined);
  t.equal(compileExpr('lines[0].rate').subset, undefined);
  t.equal(run('lines.rate', { lines: [{ rate: 1 }, { rate: 2 }] }), left);
  t.equal(run('a < 1', { a: null }), left);
});

t.test('numbers beyond a double are near enough for an expression, in both ways', async (t) => {
  const rate = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON('12345678901234567890');
  t.equal(run('rate > 1', { rate }), true);
  t.equal(await compileExpr('$sum([rate, 0])').evaluate({ input: { rate }, parent: undefined }), 12_345_678_901_234_567_000);
});

type Nodes = { number: string; text: string; truth: string; any: string };
function oneOf(...kinds: fc.Arbitrary<string>[]): fc.Arbitrary<string> {
  return fc.oneof({ maxDepth: 4, depthSize: 'small' }, ...kinds);
}
// Mostly expressions whose types fit, so that they come to an end; now and then one that does not.
const source = fc.letrec<Nodes>((tie: fc.LetrecTypedTie<Nodes>) => ({
  number: oneOf(
    fc.constantFrom('n', 'm', 'd.n', 'd.d.m', '$.n', '$$.d.n', '$parent.n', '0', '1', '-2', '2.5', '10', '1e300', 'missing'),
    fc.tuple(tie('number'), fc.constantFrom('+', '-', '*', '/', '%'), tie('number')).map(([a, op, b]) => `(${a} ${op} ${b})`),
    tie('number').map((a) => `(-${a})`),
    fc.tuple(fc.constantFrom('abs', 'floor', 'ceil', 'round', 'number'), tie('number')).map(([name, a]) => `$${name}(${a})`),
    fc.tuple(tie('number'), fc.integer({ min: -3, max: 5 })).map(([a, places]) => `$round(${a}, ${places})`),
    tie('text').map((a) => `$length(${a})`), tie('text').map((a) => `$number(${a})`), tie('truth').map((a) => `$number(${a})`), tie('any')),
  text: oneOf(
    fc.constantFrom('s', 'u', 'd.s', 'd.d.u', '`__proto__`.s', 'constructor', '"a"', '"10"', '""', '"é😀b"', "' x '", 'missing'),
    fc.tuple(tie('any'), tie('any')).map(([a, b]) => `(${a} & ${b})`),
    fc.tuple(fc.constantFrom('lowercase', 'uppercase', 'trim'), tie('text')).map(([name, a]) => `$${name}(${a})`),
    fc.tuple(fc.constantFrom('substringBefore', 'substringAfter'), tie('text'), tie('text')).map(([name, a, b]) => `$${name}(${a}, ${b})`),
    fc.tuple(tie('text'), fc.double({ min: -5, max: 5, noNaN: true }), fc.integer({ min: -2, max: 5 })).map(([a, b, c]) => `$substring(${a}, ${b.toFixed(1)}, ${c})`),
    fc.tuple(tie('text'), tie('number')).map(([a, b]) => `$substring(${a}, ${b})`), tie('any').map((a) => `$string(${a})`)),
  truth: oneOf(
    fc.constantFrom('true', 'false', 'b', 'd.b', 'missing', 'null'),
    fc.tuple(tie('number'), fc.constantFrom('<', '<=', '>', '>='), tie('number')).map(([a, op, b]) => `(${a} ${op} ${b})`),
    fc.tuple(tie('text'), fc.constantFrom('<', '<=', '>', '>='), tie('text')).map(([a, op, b]) => `(${a} ${op} ${b})`),
    fc.tuple(tie('any'), fc.constantFrom('=', '!=', 'and', 'or', 'in'), tie('any')).map(([a, op, b]) => `(${a} ${op} ${b})`),
    fc.tuple(tie('any'), fc.array(tie('any'), { maxLength: 3 })).map(([a, list]) => `(${a} in [${list.join(', ')}])`),
    fc.tuple(fc.constantFrom('not', 'exists', 'boolean'), tie('any')).map(([name, a]) => `$${name}(${a})`),
    fc.tuple(tie('text'), tie('text')).map(([a, b]) => `$contains(${a}, ${b})`)),
  any: oneOf(
    fc.constantFrom('n', 's', 'b', 'x', 'd.x', 'd', '$', '$parent'), tie('number'), tie('text'), tie('truth'),
    fc.tuple(tie('truth'), tie('any'), tie('any')).map(([a, b, c]) => `(${a} ? ${b} : ${c})`),
    fc.tuple(tie('truth'), tie('any')).map(([a, b]) => `(${a} ? ${b})`),
    fc.tuple(tie('any'), fc.constantFrom('?:', '??'), tie('any')).map(([a, op, b]) => `(${a} ${op} ${b})`)),
})).any;
const number = fc.oneof(fc.constantFrom(0, 1, -2, 2.5, 3.5, -0.5, 0.1, 1e300, 1e-7, 1e21), fc.double({ noNaN: true, noDefaultInfinity: true }));
const text = fc.oneof(fc.constantFrom('a', '10', '', 'é😀b', '-1.5', '0x1F', ' x  y ', '1e5', 'active'), fc.string({ maxLength: 4 }));
const odd = fc.oneof(number, text, fc.boolean(), fc.constantFrom<unknown>(null, [], [1, 'a'], {}, { n: 1 }));
const flat = fc.record({ n: number, m: number, s: text, u: text, b: fc.boolean(), x: odd }, { requiredKeys: ['n', 's'] });
const record = fc.tuple(flat, flat, flat).map(([top, middle, bottom]) => ({ ...top, d: { ...middle, d: bottom } }));

t.test('the compiled part and JSONata agree about every expression and record', async (t) => {
  let compared = 0;
  const runs = 8000;
  await fc.assert(fc.asyncProperty(source, record, flat, async (written, input, parent) => {
    const expr = compileExpr(written);
    if (expr.subset === undefined) throw new Error(`not compiled: ${written}`);
    const value = runSubset(expr.subset, { input, parent });
    if (value === left) return;
    compared += 1;
    const expected: unknown = await jsonata(written).evaluate(input, { parent });
    if (!Object.is(value, expected)) throw new Error(`${written}: ${String(value)} instead of ${String(expected)}`);
  }), { numRuns: runs });
  t.ok(compared > runs / 4, `${compared} of ${runs} were compared, the others left`);
});

t.test('an expression that never ends is ended', async (t) => {
  const limits = { milliseconds: 100, depth: 200, items: 10_000 };
  for (const endless of ['($f := function($n){ $f($n + 1) }; $f(0))', '($f := function($n){ 1 + $f($n + 1) }; $f(0))', '[1..9999999]']) {
    const outcome = await compileExpr(endless, limits).evaluate({ input: {}, parent: undefined });
    t.match(outcome, { code: 'map.expr_limit' }, endless);
    t.ok(outcome instanceof Refusal);
  }
});

t.test('a regular expression that explodes is stopped', async (t) => {
  const start = performance.now();
  const outcome = await compileExpr('$contains(a, /^(a+)+$/)').evaluate({ input: { a: `${'a'.repeat(40)}!` }, parent: undefined });
  t.match(outcome, { code: 'map.expr_limit' });
  t.ok(performance.now() - start < 5000);
  t.equal(await compileExpr("$replace(a, /\\d+/, 'n')").evaluate({ input: { a: 'x12y3' }, parent: undefined }), 'xnyn');
});

t.test('patterns that may explode are known', async (t) => {
  for (const pattern of ['(a+)+$', '(a|a)*', '(?:x*)*', '(.)\\1+', 'a*b*c*', '([a-z]+\\d)*', '.*a.*b']) t.equal(mayExplode(pattern), true, pattern);
  for (const pattern of ['^[A-Z]{3}$', '^\\d+$', '(a+)?', '[(+)*]+', '^\\S+@\\S+$', '\\(\\+\\)']) t.equal(mayExplode(pattern), false, pattern);
});

t.test('an expression fails in words', async (t) => {
  t.match(await compileExpr('a + "x"').evaluate({ input: { a: 1 }, parent: undefined }), { code: 'map.expr_failed' });
  t.match(await compileExpr('$eval(a)').evaluate({ input: { a: '1' }, parent: undefined }), { code: 'map.expr_failed', message: /not allowed/u });
  t.match(await compileExpr('$uppercase').evaluate({ input: {}, parent: undefined }), { code: 'map.expr_failed', message: /function/u });
  t.throws(() => compileExpr('a ='), { code: 'map.bad_expr', message: /at character/u });
});

t.test('it is told by an expression what of the record it looks at', async (t) => {
  const reads = (source: string): string => {
    const { own } = compileExpr(source).reads;
    return [...own.paths].sort().join(' ') + (own.whole ? ' *' : '');
  };
  const cases: [string, string][] = [
    ['billing_address.city', 'billing_address.city'],
    ["status = 'sent' and notes != '' ? terms : $uppercase(a.b)", 'a.b notes status terms'],
    ['$$.notes & $.terms', 'notes terms'],
    ['`odd name`.x', 'odd name.x'],
    ['$sum(line_items.(quantity * rate))', 'line_items'],
    ["line_items[item_id = $$.main].rate", 'line_items.rate main'],
    ['$map(line_items, function($l) { $l.rate * factor })', 'factor line_items'],
    ['line_items^(>rate)[0].name', 'line_items.name'],
    ['line_items{name: rate}', 'line_items'],
    ['{"a": notes, "b": [terms, -due]}', 'due notes terms'],
    ['($x := notes; $x.y & terms)', 'notes terms'],
    ['notes ~> $string()', 'notes'],
    ['items@$i.notes', 'items notes'],
    ["status in ['a', b]", 'b status'],
    ['a ?? b', 'a b'],
    ["'notes'", ''],
    ['$parent.notes', ''],
    ['*.city', ' *'], ['**.city', ' *'], ['$string($)', ' *'], ['$string()', ' *'], ["$lookup($$, 'x')", ' *'], ["$lookup('x')", ' *'], ['$ ~> |a|{"x": 1}|', ' *'], ['($r := $; $r.notes)', ' *'],
  ];
  for (const [source, wanted] of cases) t.equal(reads(source), wanted, source);
  t.equal(reads('items.%.notes').endsWith('*'), true);
  t.same([...compileExpr('rate * $parent.exchange.rate').reads.parent.paths], ['exchange.rate'], 'and what of the record around an element');
});
