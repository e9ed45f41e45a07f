import { isRecord, joinKey, splitKey, type DetailResult, type JsonObject, type SourceRecord } from 'tds/sdk';
import type { ZohoApi } from './api.ts';
import { fetchItems, itemsPerCall, type AskDetails } from './details.ts';
import type { FanOut } from './fan-out.ts';
import type { Readable } from './scan.ts';
import type { StreamEntry } from './stream-catalogue.ts';
import { fields } from './stream-catalogue.ts';

/** Key of a stock record. */
export const stockKey = ['item_id', 'location_id'] as const;

export const stockFields = fields(`item_id location_id location_name sku name unit status is_primary:boolean
  location_stock_on_hand:number location_available_stock:number location_actual_available_stock:number item_last_modified_time:time`);

/** Stock by item and location, out of the items' details: a list call per 200 items and a call per 100. */
export function stockFanOut(api: ZohoApi, items: Readable, scope: string): FanOut {
  return {
    parents: items,
    chunk: itemsPerCall,
    async children(parents, signal) {
      const ids = parents.map((item) => String(item.item_id));
      const { records, sentAt } = await fetchItems(api, scope, ids, signal);
      return { records: records.flatMap(stockOf), observedAt: sentAt };
    },
  };
}

/** The stock records in an item's details. Older organizations say warehouses where newer ones say locations. */
export function stockOf(item: SourceRecord): SourceRecord[] {
  const locations = Array.isArray(item.locations) ? item.locations : Array.isArray(item.warehouses) ? item.warehouses : [];
  return locations.filter(isRecord).map((location) => {
    const renamed: JsonObject = {};
    for (const [name, value] of Object.entries(location)) renamed[name.replace(/^warehouse_/, 'location_')] = value;
    return {
      ...renamed,
      item_id: item.item_id ?? '',
      sku: item.sku ?? '',
      name: item.name ?? item.item_name ?? '',
      unit: item.unit ?? '',
      ...(item.last_modified_time === undefined ? {} : { item_last_modified_time: item.last_modified_time }),
    };
  });
}

/** The stock of given items at given locations; gone when the item is, or when it is not kept there any more. */
export async function readStock(ask: AskDetails, items: StreamEntry, keys: readonly string[], seenAt: ReadonlyMap<string, Date> | undefined): Promise<DetailResult[]> {
  const ids = [...new Set(keys.map((key) => splitKey(key, 2)[0] as string))];
  const results: DetailResult[] = [];
  for (const item of await ask(items, ids, seenAt && itemsSeenAt(keys, seenAt))) {
    const { observedAt } = item;
    const stock = new Map(('record' in item ? stockOf(item.record) : []).map((record) => [joinKey(stockKey.map((name) => String(record[name] ?? ''))), record]));
    for (const key of keys.filter((key) => splitKey(key, 2)[0] === item.key)) {
      const record = stock.get(key);
      results.push(record ? { key, record, observedAt } : { key, gone: true, observedAt });
    }
  }
  return results;
}

/** An item's answer must be as new as its newest stock record; where one of them is not known, only a new call will do. */
function itemsSeenAt(keys: readonly string[], seenAt: ReadonlyMap<string, Date>): Map<string, Date> {
  const items = new Map<string, Date>();
  for (const [item, ofItem] of Map.groupBy(keys, (key) => splitKey(key, 2)[0] as string)) {
    const times = ofItem.map((key) => seenAt.get(key)?.getTime());
    if (times.every((time) => time !== undefined)) items.set(item, new Date(Math.max(...times)));
  }
  return items;
}
