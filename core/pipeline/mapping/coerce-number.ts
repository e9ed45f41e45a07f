import type { CellValue } from '../../sdk/index.ts';
import type { ColumnType } from './column-type.ts';
import { isWhole, overflowsNumeric, parseDecimal, toPlain, type Decimal } from './decimal.ts';
import { isRawNumber } from './raw-number.ts';
import { Refusal } from './refusal.ts';

/** Makes a cell of a value that is there (neither undefined nor null), or says why it cannot. */
export type Coercer = (value: unknown) => CellValue | Refusal;

const notANumber = new Refusal('map.not_a_number', 'is no number');
const notWhole = new Refusal('map.not_whole', 'has decimals, and the column takes whole numbers');
/** Longer numbers than PostgreSQL's numeric can hold anyway (131,072 digits before the point, 16,383 after). */
const longest = 150_000;
const mostWhole = 131_072;
const mostDecimals = 16_383;
/** Above this many digits an exponent is left to PostgreSQL instead of being written out. */
const writtenOut = 2000;

/** The digits of a number, whether it came as a number, as text, or as a number that a double cannot hold. */
function numberText(value: unknown): string | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : undefined;
  if (typeof value === 'string') return value.length > longest ? undefined : value.trim();
  if (typeof value === 'object' && value !== null && isRawNumber(value) && value.rawJSON.length <= longest) return value.rawJSON;
  return undefined;
}

/** Whole numbers within `min` and `max`. `12.0` and `"12"` are 12. A number where a double is exact, else digits as text: one form per value, whatever form it came in. */
export function integerCoercer(min: bigint, max: bigint, name: string): Coercer {
  const low = Number(min < -9_007_199_254_740_991n ? -9_007_199_254_740_991n : min);
  const high = Number(max > 9_007_199_254_740_991n ? 9_007_199_254_740_991n : max);
  const outOfRange = new Refusal('map.out_of_range', `does not fit ${name} (${min} to ${max})`);
  return (value) => {
    if (typeof value === 'number' && value >= low && value <= high && Number.isInteger(value)) return value === 0 ? 0 : value;
    const text = numberText(value);
    const decimal = text === undefined ? undefined : parseDecimal(text);
    if (decimal === undefined) return notANumber;
    if (!isWhole(decimal)) return notWhole;
    if (decimal.point > 19) return outOfRange;
    const whole = BigInt(toPlain(decimal));
    if (whole < min || whole > max) return outOfRange;
    const short = Number(whole);
    return Number.isSafeInteger(short) ? short : whole.toString();
  };
}

/** Decimal numbers as text, with every digit that came. Rounding to the scale is PostgreSQL's; what would overflow is refused here. */
export function numericCoercer(type: ColumnType): Coercer {
  const { size, scale = 0 } = type;
  // Numbers below this cannot overflow, not even by rounding: they need no closer look.
  const surely = size === undefined ? Number.MAX_SAFE_INTEGER : 10 ** Math.min(15, size - scale) - 1;
  const outOfRange = new Refusal('map.out_of_range', size === undefined
    ? 'has more digits than PostgreSQL can hold' : `has more than ${size - scale} digits before the decimal point`);
  return (value) => {
    if (typeof value === 'number' && value < surely && value > -surely) {
      const text = String(value);
      if (value >= 1e-6 || value <= -1e-6 || value === 0) return text;
    }
    const text = numberText(value);
    const decimal = text === undefined ? undefined : parseDecimal(text);
    if (text === undefined || decimal === undefined) return notANumber;
    if (size === undefined ? tooManyDigits(decimal) : overflowsNumeric(decimal, size, scale)) return outOfRange;
    return withoutExponent(text, decimal, size === undefined ? undefined : scale);
  };
}

function tooManyDigits(decimal: Decimal): boolean {
  return decimal.point > mostWhole || decimal.digits.length - decimal.point > mostDecimals;
}

function withoutExponent(text: string, decimal: Decimal, scale: number | undefined): string {
  if (!/[eE]/u.test(text)) return text.startsWith('+') ? text.slice(1) : text;
  if (Math.abs(decimal.point) <= writtenOut) return toPlain(decimal);
  // So small that nothing is left of it at this scale.
  return scale === undefined || decimal.point >= -scale ? text : '0';
}

/** `real` and `double precision`: the nearest double; refused where PostgreSQL refuses (too large, or so small that it became 0). */
export function floatCoercer(single: boolean): Coercer {
  const outOfRange = new Refusal('map.out_of_range', `does not fit ${single ? 'real' : 'double precision'}`);
  return (value) => {
    let number = value;
    if (typeof number !== 'number') {
      const text = numberText(value);
      const decimal = text === undefined ? undefined : parseDecimal(text);
      if (text === undefined || decimal === undefined) return notANumber;
      number = Number(text);
      if (number === 0 && decimal.digits !== '') return outOfRange;
    }
    const kept = number as number;
    if (Number.isNaN(kept)) return notANumber;
    if (!Number.isFinite(kept)) return outOfRange;
    if (single && (!Number.isFinite(Math.fround(kept)) || (Math.fround(kept) === 0 && kept !== 0))) return outOfRange;
    return kept === 0 ? 0 : kept;
  };
}

const words: ReadonlyMap<string, boolean> = new Map([
  ['true', true], ['t', true], ['yes', true], ['y', true], ['on', true], ['1', true],
  ['false', false], ['f', false], ['no', false], ['n', false], ['off', false], ['0', false],
]);
const notABoolean = new Refusal('map.not_a_boolean', 'is neither true nor false');

/** true and false, also as 1 and 0 and as the words that PostgreSQL knows. */
export function coerceBoolean(value: unknown): CellValue | Refusal {
  if (typeof value === 'boolean') return value;
  if (value === 1) return true;
  if (value === 0) return false;
  if (typeof value === 'string' && value.length <= 20) return words.get(value.trim().toLowerCase()) ?? notABoolean;
  return notABoolean;
}
