import { PermanentError, StreamUnavailableError, type ConnectionContext, type DetailRequest, type DetailResult, type DivideRequest, type Division, type JsonObject, type ReadPage, type ReadRequest, type RecordCache, type Source, type StreamInfo, type StreamUse } from 'tds/sdk';
import { ZohoApi, type ApiKind } from './api.ts';
import { contactPersonFields, contactPersonsFanOut } from './contact-persons.ts';
import { customStream, narrowedBy, queryOf, refuseUnknown } from './custom-stream.ts';
import { divide } from './divide.ts';
import { itemsPerCall, readDetails, type AskDetails } from './details.ts';
import { scanChildren, type FanOut } from './fan-out.ts';
import type { ListResource } from './list.ts';
import { rateFields, rateKey, ratesFanOut } from './pricebook-rates.ts';
import { scan, type Readable, type ScanDeps } from './scan.ts';
import type { ZohoSettings } from './settings.ts';
import { readStock, stockFanOut, stockFields, stockKey } from './stock.ts';
import type { StreamEntry } from './stream-catalogue.ts';
import { TraitStore } from './traits.ts';

/** The reading side of both connectors. */
export class ZohoSource implements Source {
  readonly #api: ZohoApi;
  readonly #catalogue: ReadonlyMap<string, StreamEntry>;
  readonly #deps: ScanDeps;
  readonly #cache: RecordCache;

  constructor(kind: ApiKind, catalogue: readonly StreamEntry[], context: ConnectionContext<ZohoSettings>, api = new ZohoApi(kind, context)) {
    this.#api = api;
    this.#catalogue = new Map(catalogue.map((entry) => [entry.name, entry]));
    this.#cache = context.cache;
    this.#deps = { api, traits: new TraitStore(context.state, context.clock), clock: context.clock, log: context.log };
  }

  streams(): readonly StreamInfo[] {
    return [...this.#catalogue.values()].map(infoOf);
  }

  describe(stream: string, options: JsonObject): StreamInfo {
    return infoOf(this.#entry(stream, options));
  }

  read(request: ReadRequest): AsyncIterable<ReadPage> {
    const entry = this.#entry(request.stream, request.options);
    const { mode, cursor, position, part, signal } = request;
    const fan = this.#fanOut(entry);
    const asked = { mode: infoOf(entry).incremental === 'none' ? 'full' as const : mode, cursor, position, part, signal };
    return fan ? scanChildren(this.#deps, fan, asked) : scan(this.#deps, readable(entry), asked);
  }

  /** What is read by way of other lists is as long as those calls take, not as its own list. */
  async divide({ stream, options, parts, signal }: DivideRequest): Promise<Division | undefined> {
    const entry = this.#entry(stream, options);
    if (this.#fanOut(entry)) return undefined;
    try {
      return await divide(this.#deps, readable(entry), parts, signal);
    } catch (error) {
      // a list that refuses an order or a filter is read in one piece, by another plan
      if (error instanceof PermanentError && error.code === 'zoho.refused' && !(error instanceof StreamUnavailableError)) return undefined;
      throw error;
    }
  }

  async readDetails(request: DetailRequest): Promise<DetailResult[]> {
    const entry = this.#entry(request.stream, request.options);
    const { stream, keys, signal } = request;
    const ask: AskDetails = (plan, wanted, seenAt) => this.#cache.read({ stream, keys: wanted, seenAt }, (missing) => readDetails(this.#api, plan, missing, signal));
    if (entry.derived === 'stock') return readStock(ask, this.#named('items'), keys, request.seenAt);
    if (!entry.detail) throw new PermanentError('zoho.no_details', `Stream "${stream}" has no details.`);
    return ask(entry, keys, request.seenAt);
  }

  /** The list that a stream is read from, with the scope of all its calls. */
  listOf({ stream, options }: StreamUse): ListResource {
    const entry = this.#entry(stream, options);
    return { ...(this.#fanOut(entry)?.parents ?? readable(entry)).resource, scope: entry.scope };
  }

  #entry(stream: string, options: JsonObject): StreamEntry {
    if (stream === 'custom') return customStream(options);
    const entry = this.#named(stream);
    refuseUnknown(stream, options, entry.derived ? [] : ['query']);
    return { ...entry, ...narrowedBy(queryOf(options.query), entry.query) };
  }

  #named(stream: string): StreamEntry {
    const entry = this.#catalogue.get(stream);
    if (entry) return entry;
    throw new PermanentError('zoho.unknown_stream', `${this.#api.kind.product} has no stream "${stream}".`, {
      suggestion: `It has: ${[...this.#catalogue.keys()].join(', ')}; any other list resource can be read with "custom".`,
    });
  }

  #fanOut(entry: StreamEntry): FanOut | undefined {
    switch (entry.derived) {
      case 'stock': return stockFanOut(this.#api, readable(this.#named('items')), entry.scope);
      case 'pricebook-rates': return ratesFanOut(this.#api, readable(this.#named('pricebooks')), entry.scope);
      case 'contactpersons': return contactPersonsFanOut(this.#api, readable(this.#named('contacts')), entry.scope);
      case undefined: return undefined;
    }
  }
}

/** An entry as the scan sees it. */
export function readable(entry: StreamEntry): Readable {
  const { path, recordKey, idField, scope, query, unpaged, only } = entry;
  return {
    resource: { path, recordKey, idField, scope, ...(query ? { query } : {}), ...(unpaged ? { unpaged } : {}), custom: entry.name === 'custom' },
    fields: { id: idField, modified: entry.modified, created: entry.created },
    traits: { modifiedFilter: entry.modifiedFilter, modifiedSort: entry.modifiedSort, createdSort: entry.createdSort },
    ...(only ? { belongs: (record) => record[only.field] === undefined || record[only.field] === only.value } : {}),
    narrowed: entry.narrowed === true,
  };
}

/** An entry as the host sees it. */
export function infoOf(entry: StreamEntry): StreamInfo {
  const { name, description } = entry;
  switch (entry.derived) {
    // Stock moves without the item's modified time moving with it, and rates without their price list's: only a full read is certain.
    case 'stock': return { name, description, key: stockKey, incremental: 'none', details: 'none', provesGone: true, fields: stockFields };
    case 'pricebook-rates': return { name, description, key: rateKey, incremental: 'none', details: 'none', provesGone: false, fields: rateFields };
    case 'contactpersons':
      return { name, description, key: ['contact_person_id'], incremental: 'changes', details: 'none', provesGone: false, fields: contactPersonFields };
    case undefined:
  }
  const findsChanges = entry.modified !== undefined && (entry.modifiedFilter !== 'no' || entry.modifiedSort !== 'no');
  return {
    name, description,
    key: [entry.idField],
    ...(entry.modified ? { modified: entry.modified } : {}),
    incremental: findsChanges ? 'changes' : 'none',
    details: entry.detail === undefined ? 'none' : entry.detail.kind === 'items' ? 'bulk' : 'single',
    ...(entry.detail?.kind === 'items' ? { detailBatch: itemsPerCall } : {}),
    provesGone: entry.detail !== undefined,
    ...(entry.narrowed ? { narrowed: true } : {}),
    ...(entry.fields ? { fields: entry.fields } : {}),
  };
}
