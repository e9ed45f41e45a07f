/** A decimal number without loss: ± 0.`digits` × 10^`point`. No leading and no trailing zeros in `digits`; zero is empty. */
export interface Decimal { readonly negative: boolean; readonly digits: string; readonly point: number }

// Written so that it cannot backtrack: values come from outside and may be megabytes of digits.
const form = /^([+-]?)(?:(\d+)(?:\.(\d*))?|\.(\d+))(?:[eE]([+-]?\d+))?$/u;
const farExponent = 1e12;

/** Reads a number as text, or undefined when it is none. Accepts what PostgreSQL's numeric does, but for NaN and Infinity. */
export function parseDecimal(text: string): Decimal | undefined {
  const found = form.exec(text);
  if (found === null) return undefined;
  const whole = found[2] ?? '';
  const decimals = found[3] ?? found[4] ?? '';
  const exponent = found[5] === undefined ? 0 : Math.max(-farExponent, Math.min(farExponent, Number(found[5])));
  const all = whole + decimals;
  let start = 0;
  while (start < all.length && all.charCodeAt(start) === 48) start += 1;
  let end = all.length;
  while (end > start && all.charCodeAt(end - 1) === 48) end -= 1;
  if (start === end) return { negative: false, digits: '', point: 0 };
  return { negative: found[1] === '-', digits: all.slice(start, end), point: whole.length - start + exponent };
}

/** -1, 0 or 1, exactly. */
export function compareDecimals(a: Decimal, b: Decimal): number {
  const signA = sign(a);
  const signB = sign(b);
  if (signA !== signB) return signA < signB ? -1 : 1;
  const size = a.point === b.point ? compareText(a.digits, b.digits) : compareNumbers(a.point, b.point);
  return size === 0 ? 0 : size * signA;
}

/** Whether a number has decimals. */
export function isWhole(value: Decimal): boolean {
  return value.digits.length <= value.point || value.digits === '';
}

/**
 * Whether PostgreSQL refuses the number for `numeric(precision, scale)`: after rounding to `scale` decimals (half away
 * from zero) more than `precision - scale` digits stand before the point.
 */
export function overflowsNumeric(value: Decimal, precision: number, scale: number): boolean {
  const room = precision - scale;
  if (value.digits === '' || value.point < room) return false;
  if (value.point > room) return true;
  // Rounding carries into a further digit only from 9…9 followed by 5 or more.
  const next = value.digits.charCodeAt(precision);
  return value.digits.length > precision && next >= 53 && /^9*$/u.test(value.digits.slice(0, precision));
}

/** Digits without an exponent. The caller sees to it that `point` is of a sane size. */
export function toPlain(value: Decimal): string {
  const { digits, point } = value;
  const minus = value.negative ? '-' : '';
  if (digits === '') return '0';
  if (point <= 0) return `${minus}0.${'0'.repeat(-point)}${digits}`;
  if (point >= digits.length) return minus + digits + '0'.repeat(point - digits.length);
  return `${minus}${digits.slice(0, point)}.${digits.slice(point)}`;
}

function sign(value: Decimal): number {
  if (value.digits === '') return 0;
  return value.negative ? -1 : 1;
}

function compareNumbers(a: number, b: number): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

// Digits without trailing zeros after the same point compare like text.
function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
