import { isRecord, StreamUnavailableError, type JsonValue, type SourceRecord } from 'tds/sdk';
import type { ZohoApi } from './api.ts';
import { unlessGone, type FanOut } from './fan-out.ts';
import { wholeList } from './list.ts';
import type { Readable } from './scan.ts';
import { fields } from './stream-catalogue.ts';

export const rateKey = ['pricebook_id', 'item_id'] as const;

export const rateFields = fields(`pricebook_id item_id pricebook_item_id pricebook_rate:number pricebook_name currency_id currency_code
  sales_or_purchase_type pricing_scheme price_brackets:array name sku`);

/** Rates of items in price lists. A list of price lists that holds them costs no further call; else it is a call per price list. */
export function ratesFanOut(api: ZohoApi, pricebooks: Readable, scope: string): FanOut {
  return {
    parents: pricebooks,
    chunk: 20,
    async children(parents, signal) {
      const records: SourceRecord[] = [];
      let observedAt = api.now();
      for (const pricebook of parents) {
        const held = entriesIn(pricebook.pricebook_items);
        if (held.length > 0 || !mayHaveRates(pricebook)) {
          records.push(...held.map((entry) => rateOf(pricebook, entry)));
          continue;
        }
        const listed = Array.isArray(pricebook.pricebook_items);
        const asked = await unlessGone(askRates(api, String(pricebook.pricebook_id), scope, listed, signal));
        if (asked && asked.sentAt < observedAt) observedAt = asked.sentAt;
        records.push(...(asked?.records ?? []).map((entry) => rateOf(pricebook, entry)));
      }
      return { records, observedAt };
    },
  };
}

/** A price list that is a percentage of all prices has no rates of its own. */
function mayHaveRates(pricebook: SourceRecord): boolean {
  return pricebook.pricebook_type !== 'fixed_percentage';
}

function entriesIn(value: JsonValue | undefined): SourceRecord[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

async function askRates(api: ZohoApi, id: string, scope: string, listed: boolean, signal: AbortSignal): Promise<{ records: SourceRecord[]; sentAt: Date }> {
  try {
    return await wholeList(api, { path: 'pricebooks/items', recordKey: 'items', idField: 'item_id', scope, query: { pricebook_id: id } }, signal);
  } catch (error) {
    // Without this address, what the list of price lists says is all there is; where it says nothing, nothing is known.
    if (error instanceof StreamUnavailableError && listed) return { records: [], sentAt: api.now() };
    throw error;
  }
}

function rateOf(pricebook: SourceRecord, entry: SourceRecord): SourceRecord {
  return {
    ...entry,
    pricebook_rate: entry.pricebook_rate ?? entry.rate ?? '',
    pricebook_id: pricebook.pricebook_id ?? '',
    pricebook_name: pricebook.name ?? pricebook.pricebook_name ?? '',
    currency_id: pricebook.currency_id ?? '',
    currency_code: pricebook.currency_code ?? '',
    sales_or_purchase_type: pricebook.sales_or_purchase_type ?? '',
  };
}
