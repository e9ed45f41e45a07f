import { joinKey, readPath } from '../json.ts';
import type { ReadPage, ReadRequest, Source, SourceRecord, StreamInfo } from '../source.ts';

/** A read to its end. */
export interface Collected {
  readonly pages: readonly ReadPage[];
  readonly records: readonly SourceRecord[];
  /** Keys of all records, in their order. */
  readonly keys: readonly string[];
}

/** Reads all pages. */
export async function collect(source: Source, info: StreamInfo, request: ReadRequest): Promise<Collected> {
  const pages: ReadPage[] = [];
  for await (const page of source.read(request)) pages.push(page);
  const records = pages.flatMap((page) => page.records);
  return { pages, records, keys: records.map((record) => keyOf(info, record)) };
}

/** The key of a record as the host makes it; a part that is missing shows as such. */
export function keyOf(info: StreamInfo, record: SourceRecord): string {
  return joinKey(info.key.map((path) => textOf(readPath(record, path))));
}

/** Whether all parts of a record's key are there. */
export function hasKey(info: StreamInfo, record: SourceRecord): boolean {
  return info.key.every((path) => {
    const value = readPath(record, path);
    return value !== undefined && value !== null && value !== '';
  });
}

/** A raw number keeps its digits. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  return JSON.stringify(value) ?? 'undefined';
}

/** Whether a value comes back from JSON as it was, which is how positions and cursors are stored. */
export function survivesJson(value: unknown): boolean {
  if (value === undefined) return false;
  return !holdsLostValue(value) && JSON.stringify(JSON.parse(JSON.stringify(value))) === JSON.stringify(value);
}

/** Values that JSON would change without a word. */
function holdsLostValue(value: unknown): boolean {
  if (typeof value === 'number') return !Number.isFinite(value);
  if (value === undefined || typeof value === 'bigint' || typeof value === 'function' || value instanceof Date || value instanceof Map || value instanceof Set) return true;
  if (typeof value !== 'object' || value === null) return false;
  return Object.values(value).some(holdsLostValue);
}

/** At most `count` of the items, spread from first to last. */
export function spread<T>(items: readonly T[], count: number): T[] {
  if (items.length <= count) return [...items];
  return Array.from({ length: count }, (_, index) => items[Math.round((index * (items.length - 1)) / Math.max(count - 1, 1))] as T);
}
