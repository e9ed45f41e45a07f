import { RecordGoneError, RetryLaterError, isRecord, readPath, type DetailResult, type JsonObject, type SourceRecord } from 'tds/sdk';
import type { ZohoApi } from './api.ts';
import { recordsOf } from './list.ts';
import type { StreamEntry } from './stream-catalogue.ts';

/** Items that one call for details may name (Zoho API docs, "Bulk fetch item details"). */
export const itemsPerCall = 100;

/** Details by way of the connection's cache. `seenAt` as in the request for them. */
export type AskDetails = (entry: StreamEntry, keys: readonly string[], seenAt: ReadonlyMap<string, Date> | undefined) => Promise<DetailResult[]>;

/** Whole records, or the proof that they are gone. Keys that Zoho says nothing about are left out. */
export async function readDetails(api: ZohoApi, entry: StreamEntry, keys: readonly string[], signal: AbortSignal): Promise<DetailResult[]> {
  if (entry.detail?.kind === 'items') return readItems(api, entry, keys, signal);
  const results: DetailResult[] = [];
  for (const key of keys) results.push(await readOne(api, entry, key, signal));
  return results;
}

/** Details of items, a hundred a call. An item that the answer leaves out is asked for by itself: only that proves it gone. */
async function readItems(api: ZohoApi, entry: StreamEntry, keys: readonly string[], signal: AbortSignal): Promise<DetailResult[]> {
  const results: DetailResult[] = [];
  for (let start = 0; start < keys.length; start += itemsPerCall) {
    const chunk = keys.slice(start, start + itemsPerCall);
    const { records, sentAt } = await fetchItems(api, entry.scope, chunk, signal);
    const found = new Map(records.map((record) => [String(record.item_id), record]));
    for (const key of chunk) {
      const record = found.get(key);
      results.push(record ? { key, record, observedAt: sentAt } : await readOne(api, entry, key, signal));
    }
  }
  return results;
}

/** `/itemdetails` for up to a hundred ids. When Zoho refuses the whole call for one id that is gone, the others are asked for in halves. */
export async function fetchItems(api: ZohoApi, scope: string, ids: readonly string[], signal?: AbortSignal): Promise<{ records: SourceRecord[]; sentAt: Date }> {
  try {
    const { body, sentAt } = await api.get({ path: 'itemdetails', query: { item_ids: ids.join(',') }, scope, signal });
    return { records: recordsOf(body, { path: 'itemdetails', recordKey: 'items', idField: 'item_id' }), sentAt };
  } catch (error) {
    if (!(error instanceof RecordGoneError)) throw error;
    if (ids.length === 1) return { records: [], sentAt: new Date(0) };
    const middle = ids.length >> 1;
    const first = await fetchItems(api, scope, ids.slice(0, middle), signal);
    const second = await fetchItems(api, scope, ids.slice(middle), signal);
    // The older of the two times is true of both halves.
    const times = [first, second].filter((half) => half.records.length > 0).map((half) => half.sentAt.getTime());
    return { records: [...first.records, ...second.records], sentAt: new Date(times.length === 0 ? 0 : Math.min(...times)) };
  }
}

async function readOne(api: ZohoApi, entry: StreamEntry, key: string, signal: AbortSignal): Promise<DetailResult> {
  // Where a record that is gone has no answer, the moment before the call is what it is known to be gone since.
  const asked = api.now();
  try {
    const { body, sentAt } = await api.get({ path: `${entry.detail?.path ?? entry.path}/${encodeURIComponent(key)}`, scope: entry.scope, signal });
    const record = recordIn(body, entry, key);
    if (!record) throw new RetryLaterError('zoho.detail_unreadable', `The detail of ${entry.name} ${key} came without a record in it; it has: ${Object.keys(body).join(', ')}.`);
    return { key, record, observedAt: sentAt };
  } catch (error) {
    if (error instanceof RecordGoneError) return { key, gone: true, observedAt: asked };
    throw error;
  }
}

/** Zoho puts the record under a key of its own for each resource, sometimes in a list of one, sometimes at the root. */
export function recordIn(body: JsonObject, entry: StreamEntry, id: string): SourceRecord | undefined {
  const candidates = [...(entry.detail?.recordKeys ?? []).map((key) => body[key]), ...Object.values(body), body];
  const records = candidates.map((value) => (Array.isArray(value) ? value[0] : value)).filter(isRecord);
  const exact = records.find((record) => String(readPath(record, entry.idField) ?? '') === id);
  if (exact) return exact;
  const named = (entry.detail?.recordKeys ?? []).map((key) => body[key]).find(isRecord);
  // The detail may name its id otherwise than the list does.
  return named && readPath(named, entry.idField) === undefined ? named : undefined;
}
