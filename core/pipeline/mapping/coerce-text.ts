import type { CellValue } from '../../sdk/index.ts';
import { parseDecimal } from './decimal.ts';
import { isRawNumber } from './raw-number.ts';
import { Refusal } from './refusal.ts';
import type { Coercer } from './coerce-number.ts';

const tooDeep = new Refusal('map.too_deep', 'is nested too deep');
const nulInJson = new Refusal('map.nul_character', 'holds the character NUL, which jsonb cannot store');
const brokenInJson = new Refusal('map.broken_text', 'holds half of a character, which jsonb cannot store');
const endlessInJson = new Refusal('map.out_of_range', 'holds a number with more digits than jsonb can store');
/** No number without such a stretch of digits can be beyond jsonb. The walk through the value is spared to all others. */
const maybeEndless = /[eE][+-]?\d{4}|\d{4000}/u;
const mostDecimals = 16_000;
const notAUuid = new Refusal('map.not_a_uuid', 'is no UUID');
const notAList = new Refusal('map.not_a_list', 'is no list');
/** PostgreSQL reads JSON recursively and gives up at some thousands of levels. */
const deepest = 1000;

/** `text` and every type that only PostgreSQL knows: text as it is, numbers by their digits, lists and objects as JSON. */
export function coerceText(value: unknown): CellValue | Refusal {
  if (typeof value === 'string') return value.includes('\0') || !value.isWellFormed() ? mendText(value) : value;
  if (typeof value !== 'object' || value === null) return String(value);
  return isRawNumber(value) ? value.rawJSON : jsonText(value);
}

function mendText(value: string): Refusal {
  const clean = value.replaceAll('\0', '');
  return clean.length < value.length
    ? new Refusal('map.nul_character', 'holds the character NUL, which was left out', clean.toWellFormed())
    : new Refusal('map.broken_text', 'holds half of a character, which was replaced by U+FFFD', clean.toWellFormed());
}

/** `varchar(n)` and `char(n)`: refused when longer, but for blanks at the end, which PostgreSQL cuts. */
export function sizedTextCoercer(size: number): Coercer {
  const tooLong = new Refusal('map.too_long', `is longer than ${size} characters`);
  return (value) => {
    const text = coerceText(value);
    if (typeof text !== 'string') return text instanceof Refusal && text.use !== undefined && exceeds(text.use, size) ? tooLong : text;
    return text.length > size && exceeds(text, size) ? tooLong : text;
  };
}

function exceeds(text: string, size: number): boolean {
  let index = 0;
  for (let count = 0; index < text.length && count < size; count += 1) index += (text.codePointAt(index) as number) > 0xffff ? 2 : 1;
  for (; index < text.length; index += 1) if (text.charCodeAt(index) !== 32) return true;
  return false;
}

/** `json`: the value as JSON text, each number with its digits. Text becomes a JSON string; it is not read as JSON. */
export function coerceJson(value: unknown): CellValue | Refusal {
  return jsonText(value);
}

/** `jsonb`: like `json`, without the characters and the numbers that jsonb refuses. */
export function coerceJsonb(value: unknown): CellValue | Refusal {
  const text = jsonText(value);
  if (typeof text !== 'string') return text;
  if (text.includes('\\u')) {
    const bad = badEscape(text);
    if (bad !== undefined) return bad;
  }
  return maybeEndless.test(text) && hasEndlessNumber(value) ? endlessInJson : text;
}

/** Numbers in jsonb are PostgreSQL's numeric, with at most 16,383 decimals. Only a number that a double cannot hold can be beyond. */
function hasEndlessNumber(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (!isRawNumber(value)) return Object.values(value).some(hasEndlessNumber);
  const decimal = parseDecimal(value.rawJSON);
  return decimal === undefined || decimal.digits.length + Math.abs(decimal.point) > mostDecimals;
}

function jsonText(value: unknown): string | Refusal {
  let text: string;
  try {
    text = JSON.stringify(value);
  } catch {
    // A RangeError: the stack ended before the value did.
    return tooDeep;
  }
  return text.length > deepest * 2 && isDeep(text) ? tooDeep : text;
}

function isDeep(text: string): boolean {
  let depth = 0;
  let quoted = false;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === 34) quoted = !quoted;
    else if (code === 92) index += 1;
    else if (quoted) continue;
    else if (code === 91 || code === 123) { depth += 1; if (depth > deepest) return true; }
    else if (code === 93 || code === 125) depth -= 1;
  }
  return false;
}

/** JSON.stringify writes `\u` for control characters and lone surrogates alone; `\\u` is a backslash and a letter. */
function badEscape(text: string): Refusal | undefined {
  for (let index = text.indexOf('\\'); index !== -1; index = text.indexOf('\\', index + 2)) {
    if (text.charCodeAt(index + 1) !== 117) continue;
    const code = text.slice(index + 2, index + 6).toLowerCase();
    if (code === '0000') return nulInJson;
    if (code.startsWith('d')) return brokenInJson;
  }
  return undefined;
}

const uuid = /^\{?([\da-f]{8})-?([\da-f]{4})-?([\da-f]{4})-?([\da-f]{4})-?([\da-f]{12})\}?$/iu;

/** `uuid`, in one form whatever form it came in. */
export function coerceUuid(value: unknown): CellValue | Refusal {
  const found = typeof value === 'string' && value.length <= 64 ? uuid.exec(value.trim()) : null;
  return found === null ? notAUuid : found.slice(1).join('-').toLowerCase();
}

/** A list type: PostgreSQL's array literal. The first element that does not fit refuses the list. */
export function listCoercer(element: Coercer, emptyIsNull: boolean): Coercer {
  return (value) => {
    if (!Array.isArray(value)) return notAList;
    let mended: Refusal | undefined;
    const parts: string[] = [];
    for (const item of value as unknown[]) {
      let cell = item === null || item === undefined || (item === '' && emptyIsNull) ? null : element(item);
      if (cell instanceof Refusal) {
        if (cell.use === undefined) return new Refusal(cell.code, `has an element that ${cell.message}`);
        mended = cell;
        cell = cell.use;
      }
      parts.push(literal(cell));
    }
    const text = `{${parts.join(',')}}`;
    return mended === undefined ? text : new Refusal(mended.code, `has an element that ${mended.message}`, text);
  };
}

function literal(cell: CellValue): string {
  if (cell === null) return 'NULL';
  return typeof cell === 'string' ? `"${cell.replaceAll(/["\\]/gu, '\\$&')}"` : String(cell);
}
