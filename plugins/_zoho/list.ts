import { PermanentError, isRecord, type JsonObject, type SourceRecord } from 'tds/sdk';
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

function recordsOf(body: JsonObject, resource: ListResource): SourceRecord[] {
  const named = body[resource.recordKey];
  if (Array.isArray(named)) return named.filter(isRecord);
  const arrays = Object.entries(body).filter(([name, value]) => name !== 'page_context' && Array.isArray(value)) as [string, JsonObject[]][];
  // Zoho's own description and its wire disagree on some names (`customer_payments` and `customerpayments`).
  const only = arrays.length === 1 ? arrays[0] : undefined;
  if (!resource.custom && only) return only[1].filter(isRecord);
  if (!resource.custom && arrays.length === 0) return [];
  const keys = Object.keys(body).filter((name) => !['code', 'message'].includes(name));
  throw new PermanentError('zoho.record_key_unknown', `The answer of /${resource.path} has no list under "${resource.recordKey}"; it has: ${keys.join(', ') || 'nothing'}.`, {
    suggestion: 'Set recordKey to the key that holds the list.',
  });
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
