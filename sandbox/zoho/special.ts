/** Calls that are neither a plain list nor a plain detail. */

import type { Fields } from './collection.ts'
import type { Answer } from './faults.ts'
import type { Store } from './store.ts'

const ok = (value: object): Answer => ({ status: 200, body: JSON.stringify({ code: 0, message: 'success', ...value }), code: 0 })
const no = (status: number, code: number, message: string): Answer => ({ status, body: JSON.stringify({ code, message }), code })

/** `/itemdetails?item_ids=a,b,c`: details of up to a hundred items. Items that do not exist are left out without a word. */
export function bulkDetails(store: Store, query: URLSearchParams): Answer {
  const ids = (query.get('item_ids') ?? '').split(',').filter((id) => id !== '')
  if (ids.length === 0) return no(400, 2, 'Invalid value passed for item_ids')
  if (ids.length > 100) return no(400, 2, 'item_ids may name at most 100 items')
  return ok({ items: ids.map((id) => store.get('items', id.trim())).filter((item) => item !== undefined) })
}

function paged(all: readonly Fields[], query: URLSearchParams): { records: Fields[]; page_context: object } {
  const page = Math.max(1, Number(query.get('page') ?? 1) || 1)
  const size = Math.min(200, Math.max(1, Number(query.get('per_page') ?? 200) || 200))
  const records = all.slice((page - 1) * size, page * size)
  return { records, page_context: { page, per_page: size, has_more_page: page * size < all.length, sort_column: '', sort_order: 'A' } }
}

/** `/pricebooks/items?pricebook_id=`: the items of a price list with their rates, in pages. */
export function priceListItems(store: Store, query: URLSearchParams): Answer {
  const id = query.get('pricebook_id') ?? ''
  if (store.indexOf('pricebooks', id) === undefined) return no(404, 1002, 'Price list does not exist.')
  const items = store.priceListItems(id)
  const { records, page_context } = paged(items, query)
  const named = records.map((priced) => {
    const item = store.get('items', priced['item_id'] as string)
    return { ...priced, name: item?.['name'], sku: item?.['sku'], rate: item?.['rate'], unit: item?.['unit'], status: item?.['status'] }
  })
  return ok({ items: named, page_context })
}

/** `/items/pricebookrate?pricebook_id&item_ids`: rates of some items in one list. */
export function priceListRates(store: Store, query: URLSearchParams): Answer {
  const id = query.get('pricebook_id') ?? ''
  if (store.indexOf('pricebooks', id) === undefined) return no(404, 1002, 'Price list does not exist.')
  const wanted = new Set((query.get('item_ids') ?? '').split(','))
  return ok({ items: store.priceListItems(id).filter((priced) => wanted.has(priced['item_id'] as string)) })
}

/** The people at a contact, or one of them. */
export function contactPersons(store: Store, contactId: string, personId: string | undefined, query: URLSearchParams): Answer {
  const contact = store.get('contacts', contactId)
  if (!contact) return no(404, 1002, 'Contact does not exist.')
  const people = contact['contact_persons'] as Fields[]
  if (personId === undefined) {
    const { records, page_context } = paged(people, query)
    return ok({ contact_persons: records, page_context })
  }
  const person = people.find((one) => one['contact_person_id'] === personId)
  return person ? ok({ contact_person: person }) : no(404, 1002, 'Contact person does not exist.')
}
