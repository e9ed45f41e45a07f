import { RecordGoneError, isRecord, readPath, type JsonObject, type JsonValue, type ReadPage, type SourceRecord } from 'tds/sdk';
import { scan, type Readable, type ScanDeps, type ScanRequest } from './scan.ts';

/** A stream whose records are reached through another list: stock through items, rates through price lists. */
export interface FanOut {
  parents: Readable;
  /** Parents that one page of children is made of. */
  chunk: number;
  /** The children of these parents. A parent that is gone has none. */
  children(parents: readonly SourceRecord[], signal: AbortSignal): Promise<{ records: SourceRecord[]; observedAt: Date }>;
}

/**
 * Reads the parents page by page and their children in chunks. The position is that of the parents' page before, with
 * the last parent done; when the page looks different after a restart, its parents are done once more.
 */
export async function* scanChildren(deps: ScanDeps, fan: FanOut, request: ScanRequest): AsyncGenerator<ReadPage> {
  const resumed = isRecord(request.position) ? request.position : undefined;
  let before: JsonValue | undefined = resumed?.parents ?? undefined;
  let done = typeof resumed?.done === 'string' ? resumed.done : undefined;
  for await (const page of scan(deps, fan.parents, { ...request, position: before })) {
    let parents = page.records;
    const at = done === undefined ? -1 : parents.findIndex((parent) => idOf(parent, fan) === done);
    parents = parents.slice(at + 1);
    done = undefined;
    // Without a first page there is nothing to resume from but the beginning.
    const start = before ?? null;
    for (let from = 0; from < parents.length; from += fan.chunk) {
      const chunk = parents.slice(from, from + fan.chunk);
      const { records, observedAt } = await fan.children(chunk, request.signal);
      const last = from + fan.chunk >= parents.length;
      yield {
        records,
        observedAt,
        position: last ? { parents: page.position } : place(start, idOf(chunk.at(-1) as SourceRecord, fan)),
        ...(last && page.end ? { end: page.end } : {}),
      };
    }
    if (parents.length === 0 && page.end) yield { records: [], observedAt: page.observedAt, position: { parents: page.position }, end: page.end };
    before = page.position;
  }
}

function place(parents: JsonValue, done: string): JsonObject {
  return { ...(parents === null ? {} : { parents }), done };
}

function idOf(parent: SourceRecord, fan: FanOut): string {
  return String(readPath(parent, fan.parents.fields.id) ?? '');
}

/** Undefined instead of an error when the parent went away between its list and this call. */
export async function unlessGone<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof RecordGoneError) return undefined;
    throw error;
  }
}
