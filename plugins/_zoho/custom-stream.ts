import { PermanentError, isRecord, type JsonObject, type JsonValue } from 'tds/sdk';
import type { Query } from './api.ts';
import type { StreamEntry } from './stream-catalogue.ts';

/** Parameters that belong to the reading itself; `sort_…` and the time would break its promises. */
const reserved = new Set(['page', 'per_page', 'sort_column', 'sort_order', 'organization_id', 'last_modified_time']);

const customOptions = ['path', 'recordKey', 'idField', 'modified', 'created', 'scope', 'query', 'details'];

/** The stream that a user describes in YAML: a list resource that the catalogue does not have. */
export function customStream(options: JsonObject): StreamEntry {
  refuseUnknown('custom', options, customOptions);
  const path = text(options, 'path').replace(/^\/+|\/+$/g, '');
  if (!/^[A-Za-z0-9_]+(\/[A-Za-z0-9_]+)*$/.test(path)) {
    throw refusal(`path "${path}" is not a path below the API's root`, 'Write it as in Zoho\'s API docs without host, /books/v3 or /inventory/v1, for instance settings/taxes.');
  }
  const modified = optionalText(options, 'modified');
  const created = optionalText(options, 'created');
  const detail = detailsOf(options.details);
  return {
    name: 'custom',
    description: `/${path}, as described in the config`,
    path,
    recordKey: text(options, 'recordKey'),
    idField: text(options, 'idField'),
    scope: optionalText(options, 'scope') ?? 'settings',
    ...(modified ? { modified } : {}),
    ...(created ? { created } : {}),
    // The order and the filter speak of these very fields.
    modifiedFilter: modified === 'last_modified_time' ? 'try' : 'no',
    modifiedSort: modified === 'last_modified_time' ? 'try' : 'no',
    createdSort: created === 'created_time' || created === undefined ? 'try' : 'no',
    ...narrowedBy(queryOf(options.query)),
    ...(detail ? { detail } : {}),
    ...(created === undefined ? { created: 'created_time' } : {}),
  };
}

/** The user's own filter parameters, for any stream. */
export function queryOf(value: JsonValue | undefined): Query {
  if (value === undefined || value === null) return {};
  if (!isRecord(value)) throw refusal('query must be a map of parameters', 'For instance: query: { status: active }.');
  const query: Query = {};
  for (const [name, parameter] of Object.entries(value)) {
    if (reserved.has(name)) throw refusal(`query.${name} belongs to TDS`, 'Leave it out: pages, order and times are chosen by TDS.');
    if (typeof parameter !== 'string' && typeof parameter !== 'number' && typeof parameter !== 'boolean') throw refusal(`query.${name} must be a text, a number or true/false`);
    query[name] = parameter;
  }
  return query;
}

/** A list with a user's own filter: what is not in it may exist. The stream's own parameters, if any, stay as they are. */
export function narrowedBy(filter: Query, own: Query = {}): Pick<StreamEntry, 'query' | 'narrowed'> {
  return { query: { ...filter, ...own }, ...(Object.keys(filter).length > 0 ? { narrowed: true } : {}) };
}

/** Throws when an option is none of these. */
export function refuseUnknown(stream: string, options: JsonObject, known: readonly string[]): void {
  const wrong = Object.keys(options).filter((name) => !known.includes(name));
  if (wrong.length > 0) throw refusal(`stream "${stream}" has no option ${wrong.map((name) => `"${name}"`).join(', ')}`, `Its options: ${known.join(', ')}.`);
}

function detailsOf(value: JsonValue | undefined): StreamEntry['detail'] {
  if (value === undefined || value === null) return undefined;
  if (!isRecord(value)) throw refusal('details must be a map', 'For instance: details: { recordKey: foo }.');
  refuseUnknown('custom', value, ['path', 'recordKey']);
  const path = optionalText(value, 'path')?.replace(/^\/+|\/+$/g, '');
  return { kind: 'single', recordKeys: [text(value, 'recordKey')], ...(path ? { path } : {}) };
}

function text(options: JsonObject, name: string): string {
  const value = options[name];
  if (typeof value !== 'string' || value === '') throw refusal(`${name} is missing or no text`, 'A custom stream needs path, recordKey and idField.');
  return value;
}

function optionalText(options: JsonObject, name: string): string | undefined {
  return options[name] === undefined ? undefined : text(options, name);
}

function refusal(message: string, suggestion?: string): PermanentError {
  return new PermanentError('zoho.options', message, suggestion ? { suggestion } : {});
}
