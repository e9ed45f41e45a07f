/**
 * Records of a page that are read from their bytes when somebody asks: most records of most pages are unchanged, which their bytes
 * alone tell, and an object made of each would cost more than all else that is done with it.
 */
import { isAscii } from 'node:buffer';
import { RetryLaterError, type JsonObject, type JsonValue } from '../sdk/index.ts';
import { cureOf } from './codes.ts';
import { mayLoseDigits, parseJson } from './json-lossless.ts';

const [quote, backslash, openBrace, closeBrace, openBracket, closeBracket, comma, colon, blank] = [...Buffer.from('"\\{}[],: ')] as [number, number, number, number, number, number, number, number, number];

/** Asks a late record for its bytes, past all its names. */
const bytesWanted = Symbol('bytes');

/**
 * The bytes in UTF-8 that this very object stands for; undefined for any other object. They say nothing of what was done to its values
 * since.
 */
export function bytesOf(record: object): Buffer | undefined {
  return (record as { [bytesWanted]?: Buffer })[bytesWanted];
}

/**
 * The object in a record's bytes, which {@link isObject} found to be one.
 * @throws RetryLaterError `http.not_json` when they are no JSON after all: the other side, or what lies between, has damaged them
 */
export function parseRecord(bytes: Buffer): JsonObject {
  try {
    return parseJson(bytes.toString(isAscii(bytes) ? 'latin1' : 'utf8'), mayLoseDigits(bytes)) as JsonObject;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new RetryLaterError('http.not_json', 'A record of a page is not JSON.', { suggestion: cureOf('http.not_json') });
  }
}

/**
 * Names that records of one list are asked for, learned as they are asked: what these stand for is found while the end of a record is
 * looked for, so that its bytes are walked through once.
 */
export class AskedNames {
  readonly names: string[] = [];
  readonly bytes: Buffer[] = [];

  /** The place of a name among them; -1 when there are too many already. */
  place(name: string): number {
    const known = this.names.indexOf(name);
    if (known !== -1 || this.names.length >= mostAsked) return known;
    this.bytes.push(Buffer.from(name));
    return this.names.push(name) - 1;
  }
}

const mostAsked = 8;
/** Stands for a name that the record does not have. */
const missing = 0;

/**
 * Walks through the one object that the bytes should be, and notes where the values of the asked names begin (the last one of each, as
 * JSON takes it; 0 for none). Undefined when they are not one whole object; `odd` when a name is written with an escape, so that it
 * may be any. It looks at brackets and strings alone.
 */
export function walk(bytes: Buffer, asked: AskedNames): { starts: number[]; odd: boolean } | undefined {
  const { length } = bytes;
  const names = asked.bytes;
  const starts: number[] = [];
  for (let index = 0; index < names.length; index += 1) starts.push(missing);
  let odd = false;
  let depth = 1;
  let named = false;
  if (bytes[0] !== openBrace) return undefined;
  for (let at = 1; at < length; at += 1) {
    const byte = bytes[at] as number;
    if (byte === quote) {
      const from = at + 1;
      at = endOfString(bytes, from);
      if (depth === 1 && !named) {
        named = true;
        const size = at - from;
        for (let index = 0; index < names.length; index += 1) {
          const name = names[index] as Buffer;
          if (name.length === size && isAt(bytes, from, name)) starts[index] = at + 1;
        }
        odd ||= hasEscape(bytes, from, at);
      }
    } else if (byte === comma) {
      if (depth === 1) named = false;
    } else if (byte === openBrace || byte === openBracket) {
      depth += 1;
    } else if (byte === closeBrace || byte === closeBracket) {
      depth -= 1;
      if (depth === 0) return at === length - 1 ? { starts, odd } : undefined;
    }
  }
  return undefined;
}

/** The place of the quote that ends the string which begins at `at`; the end of the bytes when there is none. */
function endOfString(bytes: Buffer, at: number): number {
  for (let byte = bytes[at]; byte !== quote && byte !== undefined; byte = bytes[at]) at += byte === backslash ? 2 : 1;
  return at;
}

function isAt(bytes: Buffer, from: number, name: Buffer): boolean {
  for (let index = name.length - 1; index >= 0; index -= 1) if (bytes[from + index] !== name[index]) return false;
  return true;
}

function hasEscape(bytes: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at += 1) if (bytes[at] === backslash) return true;
  return false;
}

/** A record that is read when it is asked for more than a few plain values. To whoever uses it, it is an object like any other. */
class LateRecord implements ProxyHandler<JsonObject> {
  readonly #asked: AskedNames;
  #bytes: Buffer | undefined;
  /** Where the values of the asked names begin; undefined once they would not help. */
  #starts: number[] | undefined;
  #whole: JsonObject | undefined;

  constructor(bytes: Buffer, starts: number[] | undefined, asked: AskedNames) {
    this.#bytes = bytes;
    this.#starts = starts;
    this.#asked = asked;
  }

  #read(): JsonObject {
    return this.#whole ??= parseRecord(this.#bytes as Buffer);
  }

  /** Before it becomes another record than the one that came. */
  #change(): JsonObject {
    const whole = this.#read();
    this.#bytes = undefined;
    return whole;
  }

  get(_target: JsonObject, name: string | symbol): unknown {
    if (name === bytesWanted) return this.#bytes;
    if (this.#whole === undefined && typeof name === 'string') {
      const value = this.#plain(name);
      if (value !== undefined) return value;
    }
    return Reflect.get(this.#read(), name);
  }

  /** A text, number or literal without reading the whole; undefined when that is what it takes. */
  #plain(name: string): JsonValue | undefined {
    const bytes = this.#bytes as Buffer;
    const place = this.#starts === undefined ? -1 : this.#asked.place(name);
    if (place === -1) return undefined;
    if (place >= (this.#starts as number[]).length) this.#starts = walk(bytes, this.#asked)?.starts;
    let from = this.#starts?.[place] ?? missing;
    if (from === missing) return undefined;
    while (bytes[from] === colon || bytes[from] === blank) from += 1;
    return bytes[from] === quote ? plainText(bytes, from + 1) : plainInteger(bytes, from);
  }

  set(_target: JsonObject, name: string | symbol, value: unknown): boolean {
    return Reflect.set(this.#change(), name, value);
  }

  has(_target: JsonObject, name: string | symbol): boolean {
    return Reflect.has(this.#read(), name);
  }

  deleteProperty(_target: JsonObject, name: string | symbol): boolean {
    return Reflect.deleteProperty(this.#change(), name);
  }

  defineProperty(_target: JsonObject, name: string | symbol, descriptor: PropertyDescriptor): boolean {
    return Reflect.defineProperty(this.#change(), name, { configurable: true, ...descriptor }); // a proxy can't speak of any other
  }

  ownKeys(): (string | symbol)[] {
    return Reflect.ownKeys(this.#read());
  }

  getOwnPropertyDescriptor(_target: JsonObject, name: string | symbol): PropertyDescriptor | undefined {
    return Reflect.getOwnPropertyDescriptor(this.#read(), name);
  }

  preventExtensions(): boolean {
    return false;
  }
}

/** A string that stands in the bytes as it is; undefined for one with escapes, or with more than ASCII. */
function plainText(bytes: Buffer, from: number): string | undefined {
  let at = from;
  for (let byte = bytes[at]; byte !== quote; byte = bytes[++at]) if (byte === undefined || byte === backslash || byte >= 128 || byte < 32) return undefined;
  return bytes.toString('latin1', from, at);
}

/** An integer of up to 15 digits, which are those that a double holds; undefined for all else. */
function plainInteger(bytes: Buffer, from: number): number | undefined {
  let value = 0;
  let at = from;
  for (let byte = bytes[at] as number; byte >= 48 && byte <= 57; byte = bytes[++at] as number) value = value * 10 + byte - 48;
  const isPlain = at > from && at - from <= 15 && (bytes[at] === comma || bytes[at] === closeBrace) && (bytes[from] !== 48 || at === from + 1);
  return isPlain ? value : undefined;
}

/** The record in these bytes, read when somebody asks; undefined when they are not one whole object. */
export function lateRecord(bytes: Buffer, asked: AskedNames): JsonObject | undefined {
  const walked = walk(bytes, asked);
  return walked && new Proxy<JsonObject>({}, new LateRecord(bytes, walked.odd ? undefined : walked.starts, asked));
}
