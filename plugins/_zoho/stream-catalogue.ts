import type { StreamField } from 'tds/sdk';
import type { Query } from './api.ts';
import type { TraitValue } from './traits.ts';

/** How a record's details are fetched. */
export interface DetailPlan {
  /** `single`: one call per record. `items`: up to a hundred items by `/itemdetails`. */
  kind: 'single' | 'items';
  /** Path of the detail where it is not the list's. */
  path?: string;
  /** Keys under which the record may stand in the answer, likeliest first. */
  recordKeys: readonly string[];
}

/** One stream, as a connector's catalogue declares it. */
export interface StreamEntry {
  /** The word that `from.stream` uses. */
  name: string;
  /** For people. */
  description: string;
  /** Below the API's root. */
  path: string;
  recordKey: string;
  idField: string;
  /** Last part but one of the OAuth scope. */
  scope: string;
  /** Undefined where the list's records carry none. */
  modified?: string;
  created?: string;
  modifiedFilter: TraitValue;
  modifiedSort: TraitValue;
  createdSort: TraitValue;
  unpaged?: boolean;
  query?: Query;
  /** Records of the list that belong to the stream: the field has this value. */
  only?: { field: string; value: string };
  detail?: DetailPlan;
  fields?: readonly StreamField[];
  /** A user's own filter was added: what is not in the list may exist. */
  narrowed?: boolean;
  /** Made of more than its list; see the readers of these names. */
  derived?: 'stock' | 'pricebook-rates' | 'contactpersons';
}

/** What an entry says beside its name, path, record key, id field and scope. */
export type StreamOptions = Partial<Omit<StreamEntry, 'name' | 'scope' | 'detail'>> & {
  /** Key of the record in the answer of the detail call; several where Zoho's description and its wire differ. */
  detail?: string | readonly string[];
  detailPath?: string;
  /** The records carry `created_time` and `last_modified_time`. Default true. */
  times?: boolean;
};

/**
 * Declares a document or master-data list: named after its path, ids `<record>_id`, its times in the list. What is not
 * documented about filters and orders is left to be found out.
 */
export function stream(name: string, idField: string, scope: string, description: string, options: StreamOptions = {}): StreamEntry {
  const { detail, detailPath, times = true, ...rest } = options;
  const recordKeys = typeof detail === 'string' ? [detail] : detail;
  return {
    name, idField, scope, description,
    path: name,
    recordKey: name,
    ...(times ? { modified: 'last_modified_time', created: 'created_time' } : {}),
    modifiedFilter: times ? 'try' : 'no',
    modifiedSort: times ? 'try' : 'no',
    createdSort: times ? 'try' : 'no',
    ...(recordKeys ? { detail: { kind: 'single', recordKeys, ...(detailPath ? { path: detailPath } : {}) } as const } : {}),
    ...rest,
  };
}

/** Fields in few words: `item_id rate:number line_items:array*`; `*` stands in the detail alone, `+` in the list alone. */
export function fields(words: string): StreamField[] {
  return words.trim().split(/\s+/).map((word) => {
    const [path = '', kind = 'string'] = word.replace(/[*+]$/, '').split(':');
    const only = word.endsWith('*') ? 'detail' : word.endsWith('+') ? 'list' : undefined;
    return { path, type: kind as StreamField['type'], ...(only ? { only } : {}) };
  });
}
