import * as fc from 'fast-check';
import { t } from 'tap';
import { mayLoseDigits, parseJson } from '../../core/connection/json-lossless.ts';

/** A number's value without any rounding, as one text. */
function exact(text: string): string {
  const [, sign, whole = '', fraction = '', power = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([-+]?\d+))?$/.exec(text) ?? [];
const digits = `${whole}${fraction}`.replace(/^0+/, '');
  const end = digits.replace(/0+$/, '');
  return end === '' ? '0' : `${sign}${end}*10^${Number(power) - fraction.length + digits.length - end.length}`;
}

/** All number literals of a JSON text, in order. */
function numbersOf(json: string): string[] {
  return [...json.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""').matchAll(/-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/g)].map((match) => exact(match[0]));
}

const digits = fc.stringMatching(/^[0-9]{1,30}$/);
const numberText = fc
  .tuple(fc.boolean(), digits, fc.option(digits), fc.option(fc.tuple(fc.constantFrom('e', 'E', 'e+', 'E-', 'e-'), fc.integer({ min: 0, max: 500 }))))
  .map(([minus, whole, fraction, power]) => `${minus ? '-' : ''}${whole.replace(/^0+(?=\d)/, '')}${fraction === null ? '' : `.${fraction}`}${power === null ? '' : power.join('')}`);
const space = fc.constantFrom('', ' ', '\n', '\t', '\r\n  ');
const jsonText: fc.Arbitrary<string> = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    numberText,
    fc.json({ maxDepth: 0 }),
    fc.string({ unit: 'grapheme' }).map((text) => JSON.stringify(text)),
    fc.tuple(space, fc.array(fc.tuple(space, tie('value')))).map(([blank, items]) => `[${items.map(([before, item]) => before + item).join(`${blank},`)}${blank}]`),
    fc.tuple(space, fc.dictionary(fc.string({ unit: 'grapheme' }), tie('value'))).map(([blank, map]) => `{${Object.entries(map).map(([name, value]) => `${JSON.stringify(name)}${blank}:${blank}${value}`).join(',')}${blank}}`),
  ),
})).value;

t.test('each number keeps its value when a text is read and written again', (t) => {
  fc.assert(fc.property(jsonText, (text) => {
    const names = JSON.stringify(JSON.parse(text));
    const again = JSON.stringify(parseJson(text));
    t.equal(JSON.stringify(parseJson(text, mayLoseDigits(Buffer.from(text)))), again, 'as UTF-8 as well');
    // Integer-like names are moved to the front by JavaScript, so the order is compared without them.
    if (/"\d+":/.test(names)) t.strictSame(numbersOf(again).sort(), numbersOf(text).sort());
    else t.strictSame(numbersOf(again), numbersOf(text));
  }), { numRuns: 2000 });
  t.end();
});

t.test('a text without long numbers reads as JSON.parse reads it', (t) => {
  fc.assert(fc.property(fc.json(), (text) => t.strictSame(JSON.stringify(parseJson(text)), JSON.stringify(JSON.parse(text)))));
  t.end();
});

t.test('numbers that a double cannot hold keep every digit, wherever they stand', (t) => {
  for (const number of ['460000000012345678', '0.1234567890123456789', '1e400', '-1e-400', '99999999999999999999999999.01', '1E+309', '123456789.123456789']) {
    for (const text of [number, `[${number}]`, `[1,${number}]`, `{"a":${number}}`, `{"a": ${number}\n}`, `{"عربي":"قيمة","a":1,"b":${number},"c":"x"}`, `${' '.repeat(3)}${number}`]) {
      t.ok(JSON.stringify(parseJson(text)).includes(number), text);
    }
  }
  t.equal(JSON.stringify(parseJson('[1.10, 2.50e0, 0.30000000000000004]')), '[1.1,2.5,0.30000000000000004]', 'those that it holds stay plain numbers');
  t.type((parseJson('[1.50000000000000000000]') as unknown[])[0], 'number');
  t.end();
});

t.test('texts that are larger than the scratch space are looked through as well', (t) => {
  const long = `[${'1,'.repeat(700_000)}1234567890123456789]`;
  t.ok(JSON.stringify(parseJson(long)).endsWith(',1234567890123456789]'));
  t.end();
});

t.test('a key __proto__ is data like any other', (t) => {
  for (const text of ['{"__proto__":{"admin":true},"a":1}', '{"__proto__":{"admin":true},"a":1234567890123456789}']) {
    const value = parseJson(text) as Record<string, unknown>;
    t.ok(Object.hasOwn(value, '__proto__'));
    t.equal(Object.getPrototypeOf(value), Object.prototype);
    t.equal(value['admin'], undefined);
  }
  t.end();
});

t.test('a broken text is a SyntaxError', (t) => {
  for (const text of ['', '<html>', '{"a":1234567890123456789', '[1,]', 'e', '-']) t.throws(() => parseJson(text), SyntaxError, text);
  t.end();
});
