/** A large list in parts, by ranges of the modified time, for several to read side by side. */
import { isRecord, readPath, type Division, type JsonObject, type JsonValue, type SourceRecord } from 'tds/sdk';
import { lateMs, settledTime } from './clocks.ts';
import { fullPage, listPage, type ListAnswer } from './list.ts';
import { fullPlan } from './plans.ts';
import { judge } from './probe.ts';
import type { Readable, ScanDeps } from './scan.ts';
import { instantOf, offsetOf, stampOf } from './times.ts';
import { inOrder, timesOf } from './verify.ts';

/** A part: records modified at `from` or later and before `until`; null: without that bound. */
export interface Part { from: string | null; until: string | null }

/** A part has so many pages at least: fewer are read sooner than divided. */
const leastPages = 25;
/** More pages no list has: one that never ends heeds no page numbers. */
const mostPages = 131_072;

/** The part of a request, or undefined where the whole list is to be read. */
export function partOf(value: JsonValue | undefined): Part | undefined {
  return isRecord(value) && 'from' in value && 'until' in value ? value as unknown as Part : undefined;
}

/**
 * Finds the times at which a list falls into parts of about one size, by looking at some of its pages: about 15 calls for 5,000 pages, 2
 * where there are too few. Only a list that is sorted and filtered by its modified time can be divided so: whoever is edited meanwhile leaves
 * its range for the newest end alone, which is the last part, read after all others. That is looked at here, and by each part again.
 */
export async function divide(deps: ScanDeps, list: Readable, mostParts: number, signal: AbortSignal): Promise<Division | undefined> {
  const { resource, fields } = list;
  const { modified } = fields;
  const traits = await deps.traits.get(resource.path, list.traits);
  if (resource.unpaged || modified === undefined || !fullPlan(traits).keyset) return undefined;
  const sorted = (page: number, order: 'A' | 'D' = 'A'): Promise<ListAnswer> => listPage(deps.api, resource, { page, per_page: fullPage, sort_column: 'last_modified_time', sort_order: order }, signal);
  const timeOf = (record: SourceRecord | undefined): string | undefined => {
    const time = record && readPath(record, modified);
    return instantOf(time) === undefined ? undefined : time as string;
  };
  const pages = new Pages(async (page) => {
    const { records } = await sorted(page);
    return isSorted(records, modified, 'A') ? timeOf(records[0]) : undefined;
  });
  const far = await pages.at(2 * leastPages);
  // the same again: all of one time, or a list that knows no pages
  if (far === undefined || far === await pages.at(1)) return undefined;
  const newest = await sorted(1, 'D');
  const latest = timeOf(newest.records[0]);
  if (latest === undefined || !isSorted(newest.records, modified, 'D')) return undefined;
  // what is written from now on bears this time or a later one; a record may be stamped ahead of the source's clock
  const begin = stampOf(Math.min((instantOf(latest) as number) - lateMs, settledTime(newest, latest) ?? Infinity), offsetOf(latest));

  const count = await pages.count(2 * leastPages);
  if (count === undefined) return undefined;
  const parts = Math.min(mostParts, Math.floor(count / leastPages));
  const bounds: string[] = [];
  for (let n = 1; n < parts; n++) {
    const bound = await pages.at(Math.floor((count * n) / parts));
    if (bound !== undefined && isBetween(bound, bounds.at(-1), begin)) bounds.push(bound);
  }
  const [middle] = bounds.slice(bounds.length >> 1);
  if (middle === undefined || !(await filters(deps, list, middle, signal))) return undefined;
  const ranges = [...bounds, begin].map((until, at): Part => ({ from: bounds[at - 1] ?? null, until }));
  return { parts: ranges.map(asJson), last: asJson({ from: begin, until: null }) };
}

/** The pages of a list, by the time of the first record of each. */
class Pages {
  readonly #ask: (page: number) => Promise<string | undefined>;
  readonly #seen = new Map<number, string | undefined>();

  constructor(ask: (page: number) => Promise<string | undefined>) {
    this.#ask = ask;
  }

  /** The time with which a page begins; undefined beyond the end of the list. */
  async at(page: number): Promise<string | undefined> {
    if (!this.#seen.has(page)) this.#seen.set(page, await this.#ask(page));
    return this.#seen.get(page);
  }

  /** How many there are, to an eighth; `some` of them are known to be. Undefined: they have no end. */
  async count(some: number): Promise<number | undefined> {
    let low = some;
    let high = 2 * some;
    for (; await this.at(high) !== undefined; high *= 2) {
      if (high >= mostPages) return undefined;
      low = high;
    }
    while (high - low > Math.max(1, low / 8)) {
      const middle = (low + high) >> 1;
      if (await this.at(middle) === undefined) high = middle;
      else low = middle;
    }
    return low;
  }
}

/** Whether the list obeys the filter on which parts rest; looked at once more where it is known, as one call is little. */
async function filters({ api, traits }: ScanDeps, { resource, fields }: Readable, since: string, signal: AbortSignal): Promise<boolean> {
  const { records, more } = await listPage(api, resource, { page: 1, per_page: fullPage, sort_column: 'last_modified_time', sort_order: 'A', last_modified_time: since }, signal);
  const works = judge(timesOf(records, fields.modified), instantOf(since) as number, more);
  if (works !== undefined) await traits.set(resource.path, 'modifiedFilter', works);
  return works === true;
}

function isSorted(records: readonly SourceRecord[], modified: string, order: 'A' | 'D'): boolean {
  const times = timesOf(records, modified);
  return times !== undefined && inOrder(times, order);
}

function isBetween(time: string, low: string | undefined, high: string): boolean {
  const instant = instantOf(time) as number;
  return instant > (instantOf(low) ?? -Infinity) && instant < (instantOf(high) as number);
}

function asJson(part: Part): JsonObject {
  return { ...part };
}
