import { asText, leave, number, text, truth } from './expr-values.ts';

/** A function of JSONata as plain code. With fewer arguments than `least` JSONata takes the context as the first one: not compiled. */
export interface SubsetFunction {
  readonly least: number;
  readonly most: number;
  readonly run: (a: unknown, b: unknown, c: unknown, count: number) => unknown;
}

function ofText(run: (value: string) => unknown): SubsetFunction {
  return { least: 1, most: 1, run: (a) => {
    const value = text(a);
    return value === undefined ? undefined : run(value);
  } };
}

function ofNumber(run: (value: number) => number): SubsetFunction {
  return { least: 1, most: 1, run: (a) => {
    const value = number(a);
    return value === undefined ? undefined : run(value);
  } };
}

function ofTexts(run: (value: string, other: string) => unknown): SubsetFunction {
  return { least: 2, most: 2, run: (a, b) => {
    if (typeof b !== 'string') return leave();
    const value = text(a);
    return value === undefined ? undefined : run(value, b);
  } };
}

/** The functions whose meaning is plain for single values. What they do is word for word what JSONata 2.2 does. */
export const subsetFunctions: ReadonlyMap<string, SubsetFunction> = new Map<string, SubsetFunction>([
  ['exists', { least: 1, most: 1, run: (a) => a !== undefined }],
  ['not', { least: 1, most: 1, run: (a) => (a === undefined ? undefined : !truth(a)) }],
  ['boolean', { least: 1, most: 1, run: (a) => (a === undefined ? undefined : truth(a)) }],
  ['string', { least: 1, most: 1, run: (a) => (a === undefined ? undefined : asText(a)) }],
  ['number', { least: 1, most: 1, run: toNumber }],
  ['lowercase', ofText((value) => value.toLowerCase())],
  ['uppercase', ofText((value) => value.toUpperCase())],
  ['trim', ofText(trim)],
  ['length', ofText(characters)],
  ['contains', ofTexts((value, part) => value.includes(part))],
  ['substringBefore', ofTexts((value, part) => {
    const at = value.indexOf(part);
    return at === -1 ? value : value.slice(0, at);
  })],
  ['substringAfter', ofTexts((value, part) => {
    const at = value.indexOf(part);
    return at === -1 ? value : value.slice(at + part.length);
  })],
  ['substring', { least: 2, most: 3, run: substring }],
  ['abs', ofNumber(Math.abs)],
  ['floor', ofNumber(Math.floor)],
  ['ceil', ofNumber(Math.ceil)],
  ['round', { least: 1, most: 2, run: round }],
]);

function toNumber(value: unknown): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  // Hexadecimal and the like, and what is no number at all, are JSONata's own affair.
  if (typeof value !== 'string' || !/^-?[0-9]+(?:\.[0-9]+)?(?:[Ee][-+]?[0-9]+)?$/u.test(value)) return leave();
  const result = Number.parseFloat(value);
  return Number.isFinite(result) ? result : leave();
}

function trim(value: string): string {
  const single = value.replaceAll(/[ \t\n\r]+/gu, ' ');
  const start = single.startsWith(' ') ? single.slice(1) : single;
  return start.endsWith(' ') ? start.slice(0, -1) : start;
}

function characters(value: string): number {
  let count = 0;
  for (const _ of value) count += 1;
  return count;
}

function substring(a: unknown, b: unknown, c: unknown, count: number): string | undefined {
  if (typeof b !== 'number' || (count > 2 && typeof c !== 'number')) return leave();
  const value = text(a);
  if (value === undefined) return undefined;
  const all = Array.from(value);
  const start = all.length + b < 0 ? 0 : b;
  if (typeof c !== 'number') return all.slice(start).join('');
  if (c <= 0) return '';
  return all.slice(start, start >= 0 ? start + c : all.length + start + c).join('');
}

/** Half to even, as JSONata rounds. Decimals are shifted in the text of the number, so that no binary error comes in. */
function round(a: unknown, b: unknown, _: unknown, count: number): number | undefined {
  if (count > 1 && !(typeof b === 'number' && Number.isInteger(b))) return leave();
  const value = number(a);
  if (value === undefined) return undefined;
  const places = typeof b === 'number' ? b : 0;
  const shifted = places === 0 ? value : shift(value, places);
  let result = Math.round(shifted);
  if (Math.abs(result - shifted) === 0.5 && Math.abs(result % 2) === 1) result -= 1;
  if (places !== 0) result = shift(result, -places);
  return Object.is(result, -0) ? 0 : result;
}

function shift(value: number, places: number): number {
  const [digits, exponent] = String(value).split('e');
  return Number(`${digits}e${exponent === undefined ? places : Number(exponent) + places}`);
}
