/**
 * An answer's body as JSON, with the bytes of each record of a page beside it, so that what is kept as raw is what came, and need
 * not be written out again.
 */
import { isUtf8 } from 'node:buffer';
import { RetryLaterError, type JsonObject, type JsonValue } from '../sdk/index.ts';
import { mayLoseDigits, parseJson } from './json-lossless.ts';
import { AskedNames, lateRecord, parseRecord } from './late-record.ts';

/** By the name of their list; those of the first lists that came, which are all but in a program that makes names up. */
const askedNames = new Map<string, AskedNames>();
const mostLists = 200;

/**
 * The value of a body, each number without loss. Throws SyntaxError as JSON.parse does; the records of a page are found to be whole
 * objects, but read when somebody asks.
 */
export function parseAnswer(body: Buffer): JsonValue {
  const page = findPage(body);
  return (page && parsePage(body, page)) ?? parseJson(body.toString('utf8'), mayLoseDigits(body));
}

/** Where the records of a page may lie: `starts` of each one, and the `end` of the last. */
interface Page { name: string; starts: number[]; end: number }

/** Stands in the place of each record while the rest of the page is parsed. */
const standIn = 5e-324;
/** A longer one may be nested more deeply than PostgreSQL parses; such are looked at as values first. */
const longestRecord = 32 * 1024;
const [quote, backslash, openBrace, closeBrace, openBracket, closeBracket] = [...Buffer.from('"\\{}[]')] as [number, number, number, number, number, number];

/**
 * Guesses where the records of `{ …, "name": [{"first": …},{"first": …}], … }` begin: those of one list begin with the same name.
 * That a guess was right shows when each piece parses, and the rest with stand-ins in their place.
 */
function findPage(body: Buffer): Page | undefined {
  const colon = body.indexOf(':[{"');
  if (colon < 2 || body[colon - 1] !== quote) return undefined;
  const nameStart = body.lastIndexOf(quote, colon - 2) + 1;
  const start = colon + 2;
  const firstEnd = body.indexOf(quote, start + 2);
  if (nameStart === 0 || firstEnd === -1) return undefined;
  const between = Buffer.concat([Buffer.from('},'), body.subarray(start, firstEnd + 1), Buffer.from(':')]);
  const starts = [start];
  for (let at = body.indexOf(between, start); at !== -1; at = body.indexOf(between, at + 2)) starts.push(at + 2);
  const end = endOfObject(body, starts.at(-1) as number);
  return body[end] === closeBracket ? { name: body.toString('utf8', nameStart, colon - 1), starts, end } : undefined;
}

/** The place after the object that begins at `start`; the body's end when it is not closed. */
function endOfObject(body: Buffer, start: number): number {
  let depth = 0;
  for (let at = start; at < body.length; at += 1) {
    const byte = body[at];
    if (byte === quote) {
      at += 1;
      while (at < body.length && body[at] !== quote) at += body[at] === backslash ? 2 : 1;
    } else if (byte === openBrace || byte === openBracket) depth += 1;
    else if (byte === closeBrace || byte === closeBracket) {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  return body.length;
}

/** Undefined when the guess was wrong. */
function parsePage(body: Buffer, { name, starts, end }: Page): JsonValue | undefined {
  const rest = `${body.toString('utf8', 0, starts[0])}${starts.map(() => standIn).join(',')}${body.toString('utf8', end)}`;
  const keepBytes = isUtf8(body);
  // Of members with one name JSON takes the last, which need not be the one that was found; an escape may hide the name.
  if (rest.includes('\\') || rest.split(`"${name}":`).length !== 2) return undefined;
  try {
    const value = parseJson(rest) as JsonObject | null;
    const places = Object.hasOwn(value ?? {}, name) ? value?.[name] : undefined;
    if (!Array.isArray(places) || places.length !== starts.length || places.some((place) => place !== standIn)) return undefined;
    const asked = namesAskedOf(name);
    for (let index = 0; index < starts.length; index += 1) {
      const from = starts[index] as number;
      // the comma between two records belongs to neither
      const bytes = body.subarray(from, index + 1 < starts.length ? (starts[index + 1] as number) - 1 : end);
      const record = lateRecord(bytes, asked);
      if (record === undefined) return undefined;
      places[index] = keepBytes && bytes.length <= longestRecord ? record : parseRecord(bytes);
    }
    return value;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RetryLaterError) return undefined;
    throw error;
  }
}

function namesAskedOf(list: string): AskedNames {
  let asked = askedNames.get(list);
  if (asked) return asked;
  asked = new AskedNames();
  if (askedNames.size < mostLists) askedNames.set(list, asked);
  return asked;
}
