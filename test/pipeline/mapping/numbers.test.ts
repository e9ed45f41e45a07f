import * as fc from 'fast-check';
import t from 'tap';
import { compileCoercer } from '../../../core/pipeline/mapping/coerce.ts';
import { parseColumnType } from '../../../core/pipeline/mapping/column-type.ts';
import { compareDecimals, parseDecimal, toPlain } from '../../../core/pipeline/mapping/decimal.ts';
import { Refusal } from '../../../core/pipeline/mapping/refusal.ts';

/** The cell, or the code of the refusal. */
function cast(type: string, value: unknown): unknown {
  const cell = compileCoercer(parseColumnType(type))(value);
  return cell instanceof Refusal ? cell.code : cell;
}
function raw(digits: string): unknown {
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(digits);
}

t.test('whole numbers are taken in every form and given in one', async (t) => {
  for (const value of [12, '12', ' 12 ', '12.0', '+12', '1.2e1', '012', raw('12')]) t.equal(cast('integer', value), 12, JSON.stringify(value));
  t.equal(cast('integer', -0), 0);
  t.equal(cast('integer', '12.5'), 'map.not_whole');
  t.equal(cast('integer', 12.5), 'map.not_whole');
  for (const value of ['abc', '1,000', '0x10', 'NaN', 'Infinity', '1e', '', '.', true, [], {}, Number.NaN]) t.equal(cast('integer', value), 'map.not_a_number', JSON.stringify(value));
  t.equal(cast('smallint', 32_768), 'map.out_of_range');
  t.equal(cast('smallint', -32_768), -32_768);
  t.equal(cast('integer', '2147483648'), 'map.out_of_range');
});

t.test('bigint keeps digits that a double would lose', async (t) => {
  t.equal(cast('bigint', '460000000000000123'), '460000000000000123');
  t.equal(cast('bigint', raw('9223372036854775807')), '9223372036854775807');
  t.equal(cast('bigint', '9223372036854775808'), 'map.out_of_range');
  t.equal(cast('bigint', '-9223372036854775808'), '-9223372036854775808');
  t.equal(cast('bigint', '1e999999999999'), 'map.out_of_range');
});

t.test('any whole number as text is the same number, or out of range', async () => {
  fc.assert(fc.property(fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }), (value) => {
    const expected = value >= -(2n ** 63n) && value < 2n ** 63n;
    const cell = cast('bigint', value.toString());
    return expected ? BigInt(cell as string | number) === value : cell === 'map.out_of_range';
  }));
});

t.test('numeric keeps every digit and refuses what would overflow', async (t) => {
  t.equal(cast('numeric', '12.50'), '12.50');
  t.equal(cast('numeric(15,4)', 0.1), '0.1');
  t.equal(cast('numeric(15,4)', '+7.25'), '7.25');
  t.equal(cast('numeric', raw('12345678901234567890.123456789')), '12345678901234567890.123456789');
  t.equal(cast('numeric(5,2)', '999.994'), '999.994', 'more decimals than the scale are left to PostgreSQL to round');
  t.equal(cast('numeric(5,2)', '999.995'), 'map.out_of_range', 'rounding would make it 1000.00');
  t.equal(cast('numeric(5,2)', 999.995), 'map.out_of_range');
  t.equal(cast('numeric(5,2)', '-1000'), 'map.out_of_range');
  t.equal(cast('numeric(3,5)', '0.00999'), '0.00999');
  t.equal(cast('numeric(3,5)', '0.01'), 'map.out_of_range');
  t.equal(cast('numeric(2,-3)', '98999'), '98999');
  t.equal(cast('numeric(2,-3)', '99500'), 'map.out_of_range');
  for (const value of ['NaN', 'Infinity', '-', '1.2.3', '1,5', true]) t.equal(cast('numeric', value), 'map.not_a_number', String(value));
});

t.test('exponents are written out, or refused before they can hurt', async (t) => {
  t.equal(cast('numeric', '1.5e3'), '1500');
  t.equal(cast('numeric', 1e-7), '0.0000001');
  t.equal(cast('numeric', 1e21), '1000000000000000000000');
  t.equal(cast('numeric(10,2)', '1e-999999999'), '0');
  t.equal(cast('numeric(10,2)', '1e999999999'), 'map.out_of_range');
  t.equal(cast('numeric', raw('1e999999999999999999')), 'map.out_of_range');
  t.equal(cast('numeric', '1e-99999'), 'map.out_of_range');
  const start = performance.now();
  t.equal(cast('numeric(10,2)', '9'.repeat(5_000_000)), 'map.not_a_number');
  t.equal(cast('numeric', `${'1'.repeat(140_000)}x`), 'map.not_a_number');
  t.ok(performance.now() - start < 2000, 'however long the digits are');
});

t.test('overflow of numeric(p,s) agrees with exact arithmetic for any number', async () => {
  fc.assert(fc.property(fc.bigInt({ min: -(10n ** 12n), max: 10n ** 12n }), fc.integer({ min: 0, max: 14 }), fc.integer({ min: 1, max: 10 }), fc.integer({ min: -3, max: 12 }), (unscaled, decimals, size, scale) => {
    const text = withPoint(unscaled, decimals);
    // |round(unscaled / 10^decimals, scale)| in units of 10^-scale, half away from zero, must stay below 10^size.
    const size10 = 10n ** BigInt(size);
    const magnitude = unscaled < 0n ? -unscaled : unscaled;
    const shift = decimals - scale;
    const units = shift <= 0 ? magnitude * 10n ** BigInt(-shift) : (magnitude + 5n * 10n ** BigInt(shift - 1)) / 10n ** BigInt(shift);
    const refused = cast(`numeric(${size},${scale})`, text) === 'map.out_of_range';
    return refused === (units >= size10);
  }), { numRuns: 5000 });
});

t.test('decimals compare exactly and survive being taken apart', async () => {
  const decimal = fc.tuple(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), fc.integer({ min: 0, max: 40 }));
  fc.assert(fc.property(decimal, decimal, ([a, scaleA], [b, scaleB]) => {
    const left = parseDecimal(withPoint(a, scaleA));
    const right = parseDecimal(withPoint(b, scaleB));
    if (left === undefined || right === undefined) return false;
    const difference = a * 10n ** BigInt(scaleB) - b * 10n ** BigInt(scaleA);
    const expected = difference === 0n ? 0 : difference < 0n ? -1 : 1;
    const again = parseDecimal(toPlain(left));
    return compareDecimals(left, right) === expected && again !== undefined && compareDecimals(left, again) === 0;
  }), { numRuns: 2000 });
});

t.test('any double goes into numeric and back without loss', async () => {
  fc.assert(fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
    const text = cast('numeric', value) as string;
    return !/[eE]/u.test(text) && Number(text) === value;
  }));
});

t.test('floats are refused where PostgreSQL refuses them', async (t) => {
  t.equal(cast('double precision', '1.5'), 1.5);
  t.equal(cast('double precision', '1e400'), 'map.out_of_range');
  t.equal(cast('double precision', '1e-400'), 'map.out_of_range');
  t.equal(cast('real', 1e39), 'map.out_of_range');
  t.equal(cast('real', 1e-50), 'map.out_of_range');
  t.equal(cast('real', '0'), 0);
  t.equal(cast('double precision', 'abc'), 'map.not_a_number');
});

function withPoint(unscaled: bigint, decimals: number): string {
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(decimals + 1, '0');
  const point = digits.length - decimals;
  return `${unscaled < 0n ? '-' : ''}${digits.slice(0, point)}${decimals > 0 ? `.${digits.slice(point)}` : ''}`;
}
