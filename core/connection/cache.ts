/**
 * Records that were asked for by their keys, kept for a while. An answer is served again only to who knows of no change since it was
 * asked for, so age alone never decides. Several who want the same at once cause one call.
 */
import { isTdsError, type CacheRequest, type Clock, type DetailResult, type JsonObject, type Logger, type RecordCache } from '../sdk/index.ts';
import { LRUCache } from 'lru-cache';
import type { CacheStore } from './cache-store.ts';
import { parseJson } from './json-lossless.ts';

export interface CacheStatus {
  /** Records that were served without a call, those that another call under way brought among them. */
  hits: number;
  /** Records that were asked for. */
  misses: number;
  /** Held by this process; absent where Redis holds them. */
  entries?: number;
  bytes?: number;
}

export interface ConnectionCache extends RecordCache {
  /** Drops a record, of which a message said that it changed. What is under way is not kept either. */
  invalidate(stream: string, key: string): Promise<void>;
  /** Drops all; what is under way is not kept either. */
  clear(): Promise<void>;
  status(): CacheStatus;
}

export interface CacheDeps {
  store: CacheStore;
  clock: Clock;
  log: Logger;
  /** Milliseconds by stream; a stream that is not here is not kept. */
  times: Readonly<Record<string, number>>;
  /** Streams whose records are those of another one, by which they are kept. */
  sameAs: Readonly<Record<string, string>>;
}

/** A load under way. What it brings was asked for at `since` or later. */
interface Flight { since: number; results: Promise<DetailResult[]> }

/** Records whose invalidation is remembered, so that an answer from before it is not kept. */
const mostDropped = 10_000;

export function createCache({ store, clock, log, times, sameAs }: CacheDeps): ConnectionCache {
  const flights = new Map<string, Flight>();
  const dropped = new LRUCache<string, number>({ max: mostDropped });
  const longest = Math.max(1, ...Object.values(times));
  let hits = 0;
  let misses = 0;
  let clearedAt = -1;

  const nameOf = (stream: string, key: string): string => `${sameAs[stream] ?? stream}/${key}`;

  /** A cache that is away costs calls, nothing else. */
  async function tolerant<T>(work: Promise<T>, otherwise: T): Promise<T> {
    try {
      return await work;
    } catch (error) {
      log.debug('the cache did not answer', { error });
      return otherwise;
    }
  }

  async function keep(stream: string, results: readonly DetailResult[]): Promise<void> {
    const entries = results.flatMap((result) => {
      const name = nameOf(stream, result.key);
      if (!('record' in result) || result.observedAt.getTime() <= Math.max(clearedAt, dropped.get(name) ?? -1)) return [];
      const text = textOf(result.record);
      return text === undefined ? [] : [[name, `${result.observedAt.getTime()} ${text}`] as const];
    });
    if (entries.length > 0) await tolerant(store.set(entries, longest), undefined);
  }

  function load(stream: string, keys: readonly string[], ask: (keys: readonly string[]) => Promise<DetailResult[]>): Promise<DetailResult[]> {
    misses += keys.length;
    const results = (async () => {
      const answers = await ask(keys);
      await keep(stream, answers);
      return answers;
    })();
    const flight = { since: clock.now().getTime(), results };
    const names = keys.map((key) => nameOf(stream, key));
    for (const name of names) flights.set(name, flight);
    const end = (): void => {
      for (const name of names) if (flights.get(name) === flight) flights.delete(name);
    };
    results.then(end, end);
    return results;
  }

  async function read({ stream, keys, seenAt }: CacheRequest, ask: (keys: readonly string[]) => Promise<DetailResult[]>): Promise<DetailResult[]> {
    const time = times[stream] ?? 0;
    if (time <= 0) return ask(keys);
    const oldest = clock.now().getTime() - time;
    const since = (key: string): number => Math.max(oldest, seenAt?.get(key)?.getTime() ?? Infinity);
    const asked = keys.filter((key) => since(key) !== Infinity);
    const texts = await tolerant(store.get(asked.map((key) => nameOf(stream, key))), []);
    const found = new Map(asked.flatMap((key, index) => {
      const kept = entryOf(key, texts[index]);
      return kept && kept.observedAt.getTime() >= since(key) ? [[key, kept] as const] : [];
    }));
    hits += found.size;
    // From here to the start of the own load nothing is awaited: whoever comes next finds it under way.
    const others = new Map<Flight, string[]>();
    const own: string[] = [];
    for (const key of keys.filter((key) => !found.has(key))) {
      const flight = flights.get(nameOf(stream, key));
      if (flight && flight.since >= since(key)) others.set(flight, [...(others.get(flight) ?? []), key]);
      else own.push(key);
    }
    const waits = [...others].map(([flight, wanted]) => join(flight, stream, wanted, ask));
    const loads = own.length > 0 ? [load(stream, own, ask)] : [];
    return [...found.values(), ...(await Promise.all([...loads, ...waits])).flat()];
  }

  /** What another caller's load brings; where that caller was cancelled, its own. */
  async function join(flight: Flight, stream: string, keys: readonly string[], ask: (keys: readonly string[]) => Promise<DetailResult[]>): Promise<DetailResult[]> {
    try {
      const results = await flight.results;
      hits += keys.length;
      return results.filter(({ key }) => keys.includes(key));
    } catch (error) {
      if (isTdsError(error)) throw error;
      return load(stream, keys, ask);
    }
  }

  return {
    read,
    async invalidate(stream, key) {
      const name = nameOf(stream, key);
      dropped.set(name, clock.now().getTime());
      flights.delete(name);
      await tolerant(store.drop(name), undefined);
    },
    async clear() {
      clearedAt = clock.now().getTime();
      flights.clear();
      await tolerant(store.clear(), undefined);
    },
    status: () => ({ hits, misses, ...store.size() }),
  };
}

/** As `keep` wrote it; undefined where it is something else. */
function entryOf(key: string, text: string | undefined): Extract<DetailResult, { record: unknown }> | undefined {
  const blank = text?.indexOf(' ') ?? -1;
  if (text === undefined || blank < 1) return undefined;
  try {
    return { key, record: parseJson(text.slice(blank + 1)) as JsonObject, observedAt: new Date(Number(text.slice(0, blank))) };
  } catch {
    return undefined;
  }
}

/** Undefined for a record that is nested too deeply to be written as text. */
function textOf(record: JsonObject): string | undefined {
  try {
    return JSON.stringify(record);
  } catch {
    return undefined;
  }
}
