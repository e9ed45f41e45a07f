/** Column types: what a mapping may ask for, in PostgreSQL's own spelling, and which type takes the values of which. */
import { PermanentError } from 'tds/sdk';

/** How values of one type get on in a column of another. */
export type Fit =
  /** The same type. */
  | { kind: 'same' }
  /** Every value fits without loss. */
  | { kind: 'fits' }
  /** Writing works, and may lose something: `loss` says what. */
  | { kind: 'lossy'; loss: string }
  /** Writing fails, or would for some values. */
  | { kind: 'unfit' };

interface ColumnType {
  readonly name: string;
  readonly size: readonly number[];
  readonly dimensions: number;
}

const aliases: Readonly<Record<string, string>> = {
  int: 'integer', int4: 'integer', int8: 'bigint', int2: 'smallint', bool: 'boolean', float: 'double precision', float8: 'double precision',
  float4: 'real', decimal: 'numeric', varchar: 'character varying', 'char varying': 'character varying', char: 'character', bpchar: 'character',
  timestamptz: 'timestamp with time zone', timestamp: 'timestamp without time zone', timetz: 'time with time zone', time: 'time without time zone',
  varbit: 'bit varying',
};
/** The names of more than one word; any other word after a type (`DEFAULT`, `PRIMARY KEY` …) is no part of a type. */
const longNames = /^(?:double precision|char(?:acter)? varying|bit varying|time(?:stamp)? with(?:out)? time zone)$/;
const shape = /^(?<name>[a-z_][a-z0-9_$]*(?: [a-z]+)?)(?:\((?<size>\d+(?:,-?\d+)?)\))?(?<zone> with(?:out)? time zone)?(?<dimensions>(?:\[\d*\])*)$/;
const qualified = /^[a-z_][a-z0-9_$]*\.[a-z_][a-z0-9_$]*(?:\[\])*$/;

/**
 * The type in PostgreSQL's own spelling (`int8` → `bigint`). What comes back holds letters, digits, `_`, `.`, brackets and blanks
 * between known words only, so it can stand in SQL as it is.
 * @throws PermanentError `postgres.bad_type`
 */
export function canonicalType(text: string): string {
  return showType(parseType(text));
}

function parseType(text: string): ColumnType {
  const tidy = text.trim().toLowerCase().replaceAll(/\s+/g, ' ').replaceAll(/\s*([(),[\]])\s*/g, '$1').replaceAll(/([)])(with)/g, '$1 $2');
  if (qualified.test(tidy)) return { name: tidy.replaceAll('[]', ''), size: [], dimensions: tidy.split('[').length - 1 };
  const found = shape.exec(tidy)?.groups;
  // Time zones are found in `timestamp with time zone` and in `timestamp(3) with time zone`, where the size stands between.
  const words = found && `${found['name'] ?? ''}${found['zone'] ?? ''}`;
  if (!found || words === undefined || (words.includes(' ') && !longNames.test(words))) {
    throw new PermanentError('postgres.bad_type', `${JSON.stringify(text)} is no column type`, {
      suggestion: 'Write a type of PostgreSQL, such as text, bigint, numeric(15,4), boolean, date, timestamptz or jsonb.',
    });
  }
  const size = found['size']?.split(',').map(Number) ?? [];
  const name = aliases[words] ?? words;
  return { name, size: fullSize(name, size), dimensions: (found['dimensions'] ?? '').split('[').length - 1 };
}

/** PostgreSQL shows `numeric(15)` as `numeric(15,0)` and `char` as `character(1)`. */
function fullSize(name: string, size: readonly number[]): readonly number[] {
  if (name === 'numeric' && size.length === 1) return [...size, 0];
  if (name === 'character' && size.length === 0) return [1];
  return size;
}

function showType({ name, size, dimensions }: ColumnType): string {
  const suffix = dimensions > 0 ? '[]' : '';
  if (size.length === 0) return name + suffix;
  // Only times take the size in the middle: `timestamp(3) with time zone`.
  const middle = name.startsWith('time') ? name.indexOf(' ') : name.length;
  return `${name.slice(0, middle)}(${size.join(',')})${name.slice(middle)}${suffix}`;
}

const integers = ['smallint', 'integer', 'bigint'];
const texts = ['text', 'character varying', 'character', 'citext', 'name'];

/** How the values of `from` get on in a column of type `to`; both in any spelling. */
export function fitOf(from: string, to: string): Fit {
  const [source, target] = [parseLoosely(from), parseLoosely(to)];
  if (source === undefined || target === undefined) return from.toLowerCase() === to.toLowerCase() ? { kind: 'same' } : { kind: 'unfit' };
  if (Math.min(source.dimensions, 1) !== Math.min(target.dimensions, 1)) return { kind: 'unfit' };
  if (showType(source) === showType(target) || lastName(source) === lastName(target)) return { kind: 'same' };
  return fitOfFamilies(source, target);
}

/** A type of the catalog may have a name that no mapping can ask for, such as one with capitals. */
function parseLoosely(text: string): ColumnType | undefined {
  try {
    return parseType(text);
  } catch {
    return undefined;
  }
}

/** `erp.status` and `status` are the same type where the search path says so, which only the database knows. */
function lastName(type: ColumnType): string {
  return type.size.length > 0 ? showType(type) : type.name.slice(type.name.indexOf('.') + 1);
}

function fitOfFamilies(from: ColumnType, to: ColumnType): Fit {
  if (texts.includes(to.name)) return intoText(from, to);
  if (integers.includes(from.name)) return fromInteger(from, to);
  if (from.name === 'numeric') return fromNumeric(from, to);
  if (from.name === to.name) return fromSameName(from, to);
  const pair = `${from.name} → ${to.name}`;
  return pairs[pair] ?? { kind: 'unfit' };
}

const fits: Fit = { kind: 'fits' };
const dropsZone: Fit = { kind: 'lossy', loss: 'the zone is dropped' };
const takesZone: Fit = { kind: 'lossy', loss: 'times are taken to be in the zone of the database session' };
const rounded: Fit = { kind: 'lossy', loss: 'digits beyond about 15 are rounded' };
const [stamp, stamptz] = ['timestamp without time zone', 'timestamp with time zone'];

const pairs: Readonly<Record<string, Fit>> = {
  [`${stamptz} → ${stamp}`]: dropsZone,
  [`${stamp} → ${stamptz}`]: takesZone,
  [`date → ${stamp}`]: fits,
  [`date → ${stamptz}`]: takesZone,
  [`${stamp} → date`]: { kind: 'lossy', loss: 'the time of day is dropped' },
  [`${stamptz} → date`]: { kind: 'lossy', loss: 'the time of day and the zone are dropped' },
  'json → jsonb': fits,
  'jsonb → json': fits,
  'real → double precision': fits,
  'double precision → real': { kind: 'lossy', loss: 'digits beyond about 6 are rounded' },
  'real → numeric': fits,
  'double precision → numeric': fits,
};

/** The same type with another size, such as `timestamp(3)` and `timestamp(6)`. */
function fromSameName(from: ColumnType, to: ColumnType): Fit {
  const room = to.size[0];
  if (room === undefined || (from.size[0] ?? Number.POSITIVE_INFINITY) <= room) return fits;
  return from.name.startsWith('time') ? { kind: 'lossy', loss: `fractions of seconds are rounded to ${room} digits` } : { kind: 'unfit' };
}

function intoText(from: ColumnType, to: ColumnType): Fit {
  if (!texts.includes(from.name)) return { kind: 'lossy', loss: 'values are stored as text' };
  const [have = Number.POSITIVE_INFINITY, room = Number.POSITIVE_INFINITY] = [from.size[0], to.size[0]];
  if (room < have) return { kind: 'lossy', loss: `a text of more than ${room} characters is refused` };
  return fits;
}

function fromInteger(from: ColumnType, to: ColumnType): Fit {
  if (integers.includes(to.name)) return integers.indexOf(from.name) <= integers.indexOf(to.name) ? fits : { kind: 'unfit' };
  if (to.name === 'numeric') {
    const digits = [5, 10, 19][integers.indexOf(from.name)] as number;
    const [precision = Number.POSITIVE_INFINITY, scale = 0] = to.size;
    return precision - scale >= digits ? fits : { kind: 'lossy', loss: `a number of more than ${precision - scale} digits is refused` };
  }
  if (to.name === 'double precision') return from.name === 'bigint' ? rounded : fits;
  return { kind: 'unfit' };
}

function fromNumeric(from: ColumnType, to: ColumnType): Fit {
  if (to.name === 'double precision') return rounded;
  if (to.name !== 'numeric') return { kind: 'unfit' };
  const [precision = Number.POSITIVE_INFINITY, scale = Number.POSITIVE_INFINITY] = from.size;
  const [room, places = 0] = to.size;
  if (room === undefined) return fits;
  if (scale > places) return { kind: 'lossy', loss: `numbers are rounded to ${places} places` };
  const whole = precision - scale;
  return Number.isNaN(whole) || room - places < whole ? { kind: 'lossy', loss: `a number of more than ${room - places} digits before the point is refused` } : fits;
}
