/** The shop's records and every way of changing them. What is changed here is what the APIs answer from then on. */

import type { SandboxClock } from './clock.ts'
import { Collection, type Fields, type Kind } from './collection.ts'
import { contactsKind } from './data/contacts.ts'
import { compositeItemsKind, itemGroupsKind, itemStock, itemsKind, stockFields } from './data/items.ts'
import { ledgerKinds } from './data/ledger.ts'
import { pricebooksKind, pricedItem, pricedItems } from './data/price-lists.ts'
import { purchaseKinds } from './data/purchases.ts'
import { salesKinds } from './data/sales.ts'
import { settingsKinds } from './data/settings.ts'
import { stockKinds } from './data/stock.ts'
import { type World, round } from './data/world.ts'
import { Random } from './random.ts'
import { resourceNamed } from './resources.ts'

export interface Change {
  readonly resource: string
  readonly id: string
  readonly kind: 'create' | 'edit' | 'delete'
  /** Of a deletion: the record as it was. */
  readonly last?: Fields
}

/** One record as the source has it: the truth that a copy of it is compared with. */
export interface TrueRecord {
  readonly id: string
  readonly last_modified_time: string
  readonly record: Fields
}

/** Fields that the wire sends a second time under another name. */
const twins: Readonly<Record<string, Readonly<Record<string, string>>>> = { items: { name: 'item_name' } }

/** Resources whose records carry no times on the wire. */
const timeless = new Set(['taxes', 'currencies', 'locations', 'users'])

export class Store {
  readonly world: World
  readonly clock: SandboxClock
  readonly #makers: Record<string, (count: number) => Kind>
  readonly #collections = new Map<string, Collection>()
  readonly #listeners = new Set<(change: Change) => void>()
  readonly #random: Random

  constructor(world: World, clock: SandboxClock) {
    this.world = world
    this.clock = clock
    this.#random = new Random(world.options.seed)
    this.#makers = {
      items: (n) => itemsKind(world, n), contacts: (n) => contactsKind(world, n), compositeitems: (n) => compositeItemsKind(world, n),
      itemgroups: (n) => itemGroupsKind(world, n), pricebooks: (n) => pricebooksKind(world, n),
      ...salesKinds(world), ...purchaseKinds(world), ...stockKinds(world), ...ledgerKinds(world), ...settingsKinds(world),
    }
  }

  /** The names of the resources that hold records. */
  get resources(): string[] {
    return Object.keys(this.#makers)
  }

  /** The records of a resource, made the first time somebody asks. */
  collection(resource: string): Collection {
    let collection = this.#collections.get(resource)
    if (!collection) {
      const make = this.#makers[resource]
      if (!make) throw new Error(`The sandbox holds no records of "${resource}". It holds: ${this.resources.join(', ')}.`)
      collection = new Collection(make(this.world.count(resource)), (record, created, modified) => {
        if (timeless.has(resource)) return
        record['created_time'] = this.world.stamp(created)
        record['last_modified_time'] = this.world.stamp(modified)
      })
      this.#collections.set(resource, collection)
    }
    return collection
  }

  count(resource: string): number {
    return this.collection(resource).count
  }

  /** The number of a living record, or undefined. */
  indexOf(resource: string, id: string): number | undefined {
    const index = this.world.indexOf(resource, id)
    return this.collection(resource).has(index) ? index : undefined
  }

  /** A record with all its detail fields, or undefined where there is none. */
  get(resource: string, id: string): Fields | undefined {
    const index = this.indexOf(resource, id)
    return index === undefined ? undefined : this.#detail(resource, index)
  }

  /** Every living record, in the order of creation. */
  *records(resource: string): Generator<TrueRecord> {
    const collection = this.collection(resource)
    for (let i = 0; i < collection.size; i++) {
      if (!collection.has(i)) continue
      yield { id: this.world.id(resource, i), last_modified_time: this.world.stamp(collection.modified(i)), record: this.#detail(resource, i) }
    }
  }

  *ids(resource: string): Generator<string> {
    const collection = this.collection(resource)
    for (let i = 0; i < collection.size; i++) if (collection.has(i)) yield this.world.id(resource, i)
  }

  /** The id of some living record. */
  anyId(resource: string): string | undefined {
    const collection = this.collection(resource)
    if (collection.count === 0) return undefined
    for (;;) {
      const index = this.#random.below(collection.size)
      if (collection.has(index)) return this.world.id(resource, index)
    }
  }

  create(resource: string, fields: Fields = {}): string {
    const id = this.world.id(resource, this.collection(resource).create(withTwins(resource, fields), this.#second()))
    return this.#tell({ resource, id, kind: 'create' })
  }

  /** Changes fields of a record and bumps its last_modified_time; with no fields it is only touched. */
  edit(resource: string, id: string, fields: Fields = {}): boolean {
    const index = this.indexOf(resource, id)
    if (index === undefined) return false
    this.collection(resource).edit(index, withTwins(resource, fields), this.#second())
    this.#tell({ resource, id, kind: 'edit' })
    return true
  }

  delete(resource: string, id: string): boolean {
    const index = this.indexOf(resource, id)
    if (index === undefined) return false
    const last = this.#listeners.size > 0 ? this.#detail(resource, index) : undefined
    this.collection(resource).delete(index)
    this.#tell({ resource, id, kind: 'delete', ...(last ? { last } : {}) })
    return true
  }

  /** Moves stock of an item at one location; the item's own figures follow. Like a sale it leaves last_modified_time alone unless told. */
  moveStock(itemId: string, location: number, by: number, bump = true): boolean {
    const index = this.indexOf('items', itemId)
    if (index === undefined) return false
    const collection = this.collection('items')
    const held = collection.patch(index)?.['locations'] as { location_stock_on_hand: number | string }[] | undefined
    const stock = held ? held.map((place) => Number(place.location_stock_on_hand)) : itemStock(this.world, index)
    stock[location] = round((stock[location] ?? 0) + by, 4)
    collection.edit(index, stockFields(this.world, stock), bump ? this.#second() : collection.modified(index))
    this.#tell({ resource: 'items', id: itemId, kind: 'edit' })
    return true
  }

  /** The items of a price list with their rates. Items that were deleted are gone from it. */
  priceListItems(pricebookId: string): Fields[] {
    const list = this.indexOf('pricebooks', pricebookId)
    if (list === undefined) return []
    const rates = this.collection('pricebooks').patch(list)?.['rates'] as Record<string, unknown> | undefined
    const items = this.collection('items')
    const numbers = new Set(pricedItems(this.world, list))
    for (const id of Object.keys(rates ?? {})) numbers.add(this.world.indexOf('items', id))
    return [...numbers].filter((n) => items.has(n)).map((n) => pricedItem(this.world, list, n, rates))
  }

  /** Sets one item's rate in a price list. */
  setRate(pricebookId: string, itemId: string, rate: unknown): boolean {
    const list = this.indexOf('pricebooks', pricebookId)
    if (list === undefined) return false
    const rates = this.collection('pricebooks').patch(list)?.['rates'] as Record<string, unknown> | undefined
    return this.edit('pricebooks', pricebookId, { rates: { ...rates, [itemId]: rate } })
  }

  /** Calls back after each change. Returns how to stop. */
  onChange(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #detail(resource: string, index: number): Fields {
    const record = this.collection(resource).detailed(index)
    // A record that was created carries its own id in place of whatever its fields said.
    record[resourceNamed(resource).idField] = this.world.id(resource, index)
    if (resource === 'pricebooks') {
      delete record['rates']
      record['pricebook_items'] = this.priceListItems(this.world.id(resource, index))
    }
    return record
  }

  #second(): number {
    return Math.floor(this.clock.now() / 1000)
  }

  #tell(change: Change): string {
    for (const listener of this.#listeners) listener(change)
    return change.id
  }
}

function withTwins(resource: string, fields: Fields): Fields {
  const copied: Fields = { ...fields }
  for (const [from, to] of Object.entries(twins[resource] ?? {})) if (from in fields && !(to in fields)) copied[to] = fields[from]
  return copied
}
