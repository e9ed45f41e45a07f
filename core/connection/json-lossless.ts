/** JSON in which no digit of a number is lost. */
import type { JsonValue } from '../sdk/index.ts';

const json = JSON as unknown as {
  parse(text: string, reviver: (this: unknown, name: string, value: unknown, context: { source?: string }) => unknown): JsonValue;
  rawJSON(text: string): JsonValue;
};

/**
 * The value of a JSON text; a number that a double can't hold arrives as `JSON.rawJSON(digits)`. `__proto__` is a name like any
 * other. Whoever has the text's bytes at hand says by `mayLose` what {@link mayLoseDigits} found there, which is faster. Throws
 * SyntaxError as JSON.parse does.
 */
export function parseJson(text: string, mayLose: boolean = mayLoseDigits(bytesOf(text))): JsonValue {
  if (!mayLose) return JSON.parse(text) as JsonValue;
  return json.parse(text, keepDigits);
}

const scratch = new Uint8Array(1 << 20);

/** The text in one byte per character. One beyond Latin-1 shows as some other byte, but never stands beside a number. */
function bytesOf(text: string): Uint8Array {
  const buffer = Buffer.from(text.length <= scratch.length ? scratch.buffer : new ArrayBuffer(text.length));
  return new Uint8Array(buffer.buffer, 0, buffer.write(text, 'latin1'));
}

/** 1: part of a number; 2: the `e` of an exponent. */
const numeric = new Uint8Array(256);
for (const sign of '0123456789.+-') numeric[sign.charCodeAt(0)] = 1;
for (const sign of 'eE') numeric[sign.charCodeAt(0)] = 2;
/** What may stand before a number outside of a string. */
const opening = new Uint8Array(256);
for (const sign of ':,[ \n\r\t') opening[sign.charCodeAt(0)] = 1;
const quote = 34;

/**
 * Whether a number of a JSON text (as UTF-8 or Latin-1) has an exponent or more than 15 digits: all others fit a double. Looks at
 * every fifth byte, since no such number is shorter than five (`1e400`); what stands inside a string after a comma or a blank may
 * count too, which costs time, not truth.
 */
export function mayLoseDigits(bytes: Uint8Array): boolean {
  const { length } = bytes;
  for (let at = Math.min(4, length - 1); at < length; at += 5) {
    const byte = bytes[at] as number;
    // Most bytes are letters: those beyond `e` go first, and of the rest only an `e` after a digit may belong to a number.
    if (byte > 101) continue;
    if (byte > 57 ? (byte !== 101 && byte !== 69) || numeric[bytes[at - 1] as number] !== 1 : numeric[byte] === 0) continue;
    let before = at - 1;
    while (before >= 0 && numeric[bytes[before] as number] !== 0) before--;
    let end = at + 1;
    if (bytes[before] === quote) {
      // A string that begins like a number, such as an id or a time: on to its end (or to an escaped quote, which is no harm).
      while (end < length && bytes[end] !== quote) end++;
    } else {
      while (end < length && numeric[bytes[end] as number] !== 0) end++;
      if (before < 0 || opening[bytes[before] as number] === 1) {
        if (end - before > 16) return true;
        for (let each = before + 1; each < end; each++) if (numeric[bytes[each] as number] === 2) return true;
      }
    }
    at = end;
  }
  return false;
}

function keepDigits(this: unknown, _name: string, value: unknown, context: { source?: string }): unknown {
  if (typeof value !== 'number' || context.source === undefined) return value;
  return holdsExactly(value, context.source) ? value : json.rawJSON(context.source);
}

/** Whether writing the double out again gives the number that stood in the text. */
function holdsExactly(value: number, source: string): boolean {
  const written = String(value);
  if (written === source) return true;
  if (!Number.isFinite(value)) return false;
  return decimal(written) === decimal(source);
}

/** A number's text in one form: sign, digits without zeros at either end, exponent. */
function decimal(text: string): string {
  const [, sign = '', whole = '', fraction = '', power = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([-+]?\d+))?$/.exec(text) ?? [];
  const all = (whole + fraction).replace(/^0+/, '');
  const digits = all.replace(/0+$/, '');
  if (digits === '') return '0';
  return `${sign}${digits}e${BigInt(power) - BigInt(fraction.length) + BigInt(all.length - digits.length)}`;
}
