/** Lists as the wire answers them: worked out anew at each call, so offsets shift under a reader when records change. */

import { parseStamp } from './clock.ts'
import type { Collection, Fields } from './collection.ts'
import type { Api, Resource } from './resources.ts'
import type { Store } from './store.ts'

export interface ListOptions {
  api: Api
  /** Set by a fault: filters are ignored even where they work. */
  ignoreFilters?: boolean | undefined
}

const comma = Buffer.from(',')

/** The JSON of one page of a list, or the message of a parameter that Zoho would refuse. */
export function listPage(store: Store, resource: Resource, query: URLSearchParams, options: ListOptions): { body: Buffer } | { refused: string } {
  const page = wholeNumber(query.get('page'), 1)
  const perPage = wholeNumber(query.get('per_page'), 200)
  if (page === undefined || page < 1) return { refused: 'Invalid value passed for page' }
  if (perPage === undefined || perPage < 1) return { refused: 'Invalid value passed for per_page' }
  const size = Math.min(perPage, 200)
  const collection = store.collection(resource.name)
  const sort = sorting(resource, query, options.api)
  const ignored = options.ignoreFilters === true || (options.api === 'inventory' && resource.inventoryIgnoresFilters === true)
  const numbers = ignored ? ordered(collection, sort) : filtered(collection, resource, query, sort, options.api)
  const from = (page - 1) * size
  const parts: Buffer[] = [Buffer.from(`{"code":0,"message":"success","${resource.listKey}":[`)]
  for (let n = from; n < Math.min(from + size, numbers.length); n++) {
    if (n > from) parts.push(comma)
    parts.push(recordJson(store, resource, collection, numbers.at(n)))
  }
  const context = {
    page,
    per_page: size,
    has_more_page: from + size < numbers.length,
    report_name: title(resource),
    applied_filter: query.get('filter_by') ?? 'Status.All',
    custom_fields: [],
    sort_column: sort.column,
    sort_order: sort.descending ? 'D' : 'A',
  }
  const tail = resource.unpaged ? '' : `,"page_context":${JSON.stringify(context)}`
  parts.push(Buffer.from(`]${tail}}`))
  return { body: Buffer.concat(parts) }
}

function recordJson(store: Store, resource: Resource, collection: Collection, index: number): Buffer {
  // Price lists carry their items' rates, which also change with the items.
  if (resource.name === 'pricebooks') {
    const record = collection.listed(index)
    return Buffer.from(JSON.stringify({ ...record, pricebook_items: store.priceListItems(record['pricebook_id'] as string) }))
  }
  return collection.json(index)
}

interface Numbers {
  readonly length: number
  at(n: number): number
}

interface Sorting {
  column: string
  descending: boolean
}

function sorting(resource: Resource, query: URLSearchParams, api: Api): Sorting {
  const wanted = query.get('sort_column')
  const order = query.get('sort_order')?.toUpperCase()
  const known = wanted !== null && (resource.sortable.includes(wanted) || (wanted === 'last_modified_time' && resource.modifiedSort.includes(api)))
  if (!known) return { column: resource.sort.column, descending: order === undefined || wanted !== null ? resource.sort.descending : order.startsWith('D') }
  return { column: wanted, descending: order === undefined ? false : order.startsWith('D') }
}

function ordered(collection: Collection, sort: Sorting): Numbers {
  const { indexes, length } = collection.order(sort.column)
  return { length, at: (n) => indexes[sort.descending ? length - 1 - n : n] as number }
}

type Test = (record: Fields) => boolean

/** Filtered numbers of the latest queries; a change of the collection makes them stale. */
const kept = new WeakMap<Collection, Map<string, { version: number; numbers: Uint32Array }>>()

function filtered(collection: Collection, resource: Resource, query: URLSearchParams, sort: Sorting, api: Api): Numbers {
  const all = ordered(collection, sort)
  const since = resource.modifiedFilter.includes(api) ? parseStamp(query.get('last_modified_time') ?? '') : undefined
  const tests = fieldTests(resource, query)
  if (tests.length === 0) {
    if (since === undefined) return all
    if (sort.column === 'last_modified_time') {
      const first = collection.firstSince(since)
      return { length: all.length - first, at: (n) => all.at(sort.descending ? n : n + first) }
    }
  }
  const queries = kept.get(collection) ?? new Map<string, { version: number; numbers: Uint32Array }>()
  kept.set(collection, queries)
  const parameters = new URLSearchParams(query)
  for (const own of ['page', 'per_page', 'organization_id']) parameters.delete(own)
  const key = `${api} ${parameters.toString()}`
  let entry = queries.get(key)
  if (entry?.version !== collection.version) {
    const numbers: number[] = []
    for (let n = 0; n < all.length; n++) {
      const index = all.at(n)
      if (since !== undefined && collection.modified(index) < since) continue
      if (tests.length > 0) {
        const record = collection.listed(index)
        if (!tests.every((test) => test(record))) continue
      }
      numbers.push(index)
    }
    if (queries.size > 30) queries.clear()
    entry = { version: collection.version, numbers: Uint32Array.from(numbers) }
    queries.set(key, entry)
  }
  const { numbers } = entry
  return { length: numbers.length, at: (n) => numbers[n] as number }
}

function fieldTests(resource: Resource, query: URLSearchParams): Test[] {
  const tests: Test[] = []
  for (const field of resource.filters) {
    const wanted = query.get(field)
    if (wanted !== null) tests.push((record) => String(record[field] ?? '') === wanted)
  }
  const status = /^Status\.(\w+)$/.exec(query.get('filter_by') ?? '')?.[1]?.toLowerCase()
  if (status === 'customers' || status === 'vendors') tests.push((record) => `${String(record['contact_type'])}s` === status)
  else if (status !== undefined && status !== 'all' && resource.filters.includes('status')) tests.push((record) => record['status'] === status)
  if (resource.filters.includes('date')) {
    const from = query.get('date_start')
    const to = query.get('date_end')
    if (from !== null) tests.push((record) => String(record['date']) >= from)
    if (to !== null) tests.push((record) => String(record['date']) <= to)
  }
  const text = query.get('search_text')?.toLowerCase()
  if (text) tests.push((record) => Object.values(record).some((value) => typeof value === 'string' && value.toLowerCase().includes(text)))
  return tests
}

function wholeNumber(text: string | null, otherwise: number): number | undefined {
  if (text === null || text === '') return otherwise
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined
}

function title(resource: Resource): string {
  return `${resource.noun}s`
}
