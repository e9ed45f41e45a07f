import { PermanentError, RetryLaterError, isRecord, readPath, type JsonObject, type JsonValue, type SourceRecord } from 'tds/sdk';
import type { Query, ZohoApi } from './api.ts';

/** Zoho's default and largest page (Zoho API docs, "Pagination"). */
export const fullPage = 200;

/** A list resource on the wire. */
export interface ListResource {
  /** Below the API's root: `settings/taxes`. */
  path: string;
  /** Key of the array in the answer. */
  recordKey: string;
  /** Dotted path of the id in each record. */
  idField: string;
  /** Scope of the calls. */
  scope: string;
  /** Parameters that every call of the list has. */
  query?: Query;
  /** The list comes whole in one answer and knows no pages. */
  unpaged?: boolean;
  /** Described by a user: then a wrong `recordKey` is a mistake to tell and not a quirk to bear. */
  custom?: boolean;
}

/** One page as it came. */
export interface ListAnswer {
  records: SourceRecord[];
  /** Whether the list goes on after this page. */
  more: boolean;
  /** Size of the page by the answer's own word. */
  perPage: number | undefined;
  /** By the host's clock. */
  sentAt: Date;
  /** The `Date` header in milliseconds. */
  date: number | undefined;
  /** Seconds to midnight in the organization's zone, by Zoho's own clock (`X-Rate-Limit-Reset`). */
  toMidnight: number | undefined;
}

/** Asks for one page; `query` carries what the reading needs (page, order, filter). */
export async function listPage(api: ZohoApi, resource: ListResource, query: Query, signal?: AbortSignal): Promise<ListAnswer> {
  const { body, headers, sentAt } = await api.get({
    path: resource.path,
    query: { ...resource.query, ...query },
    scope: resource.scope,
    signal,
  });
  const records = recordsOf(body, resource);
  const first = Array.isArray(body.page_context) ? body.page_context[0] : body.page_context;
  const context = isRecord(first) ? first : undefined;
  return {
    records,
    more: hasMore(context, records.length, query, resource),
    perPage: finite(Number(context?.per_page ?? Number.NaN)),
    sentAt,
    date: finite(Date.parse(headers.date ?? '')),
    toMidnight: finite(Number(headers['x-rate-limit-reset'] ?? Number.NaN)),
  };
}

/**
 * The records of an answer. One without a list is not an empty list: what it does not show would count as gone.
 * Zoho's own description and its wire disagree on some names (`customer_payments` and `customerpayments`).
 */
export function recordsOf(body: JsonObject, resource: Pick<ListResource, 'path' | 'recordKey' | 'idField' | 'custom'>): SourceRecord[] {
  const { path, recordKey, custom } = resource;
  const named = body[recordKey];
  if (Array.isArray(named)) return named.filter(isRecord);
  const other = custom ? undefined : Object.entries(body).find(([name, value]) => name !== 'page_context' && Array.isArray(value) && isMeant(name, value, resource));
  if (other) return (other[1] as JsonValue[]).filter(isRecord);
  const has = `it has: ${Object.keys(body).filter((name) => !['code', 'message'].includes(name)).join(', ') || 'nothing'}`;
  if (!custom) throw new RetryLaterError('zoho.no_list', `The answer of /${path} has no list "${recordKey}"; ${has}.`);
  throw new PermanentError('zoho.record_key_unknown', `The answer of /${path} has no list under "${recordKey}"; ${has}.`, { suggestion: 'Set recordKey to the key that holds the list.' });
}

/** Whether a list under another name is the one: by its records, or where it has none by a name that is nearly the same. */
function isMeant(name: string, list: readonly JsonValue[], { recordKey, idField }: Pick<ListResource, 'recordKey' | 'idField'>): boolean {
  if (list.length > 0) return list.every((record) => isRecord(record) && readPath(record, idField) !== undefined);
  const [one, other] = [name, recordKey].map((text) => text.replaceAll('_', '').toLowerCase()) as [string, string];
  return one.endsWith(other) || other.endsWith(one);
}

/** All records of a list that is short, page by page; the same page again means that the list knows no pages. `sentAt`: when the first call left. */
export async function wholeList(api: ZohoApi, resource: ListResource, signal?: AbortSignal): Promise<{ records: SourceRecord[]; sentAt: Date }> {
  const records = new Map<string, SourceRecord>();
  let sentAt: Date | undefined;
  for (let page = 1; ; page++) {
    const answer = await listPage(api, resource, { page, per_page: fullPage }, signal);
    sentAt ??= answer.sentAt;
    const known = records.size;
    for (const record of answer.records) records.set(String(readPath(record, resource.idField)), record);
    if (!answer.more || records.size === known) return { records: [...records.values()], sentAt };
  }
}

function hasMore(context: JsonObject | undefined, count: number, query: Query, resource: ListResource): boolean {
  if (resource.unpaged) return false;
  if (context?.has_more_page !== undefined) return context.has_more_page === true || context.has_more_page === 'true';
  // Without a word about pages: a page that is exactly full may have a next one; asking costs a call, not asking may cost records.
  return count > 0 && count === Number(query.per_page);
}

function finite(value: number): number | undefined {
  return Number.isFinite(value) ? value : undefined;
}
