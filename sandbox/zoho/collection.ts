/**
 * The records of one resource. A record is made from its number each time it is asked for; what is held is its times, whether it was
 * deleted, and what was edited, so a list of a million costs some megabytes. Orders are sorted once and then mended at each edit.
 */

export type Fields = Record<string, unknown>

/** How the records of a resource are made. */
export interface Kind {
  /** How many there are before anything changes. */
  count: number
  /** Created and last modified, in seconds. */
  times(index: number): readonly [created: number, modified: number]
  /** The record as the list shows it, times and id included. */
  list(index: number): Fields
  /** What the detail has besides. */
  detail(index: number, listed: Fields): Fields
  /** Columns in whose order the records are numbered, so that a huge list needs no sort. */
  presorted?: readonly string[]
  /** A quicker way to the JSON of a list record that was never edited; `times` holds its two times. */
  encode?(index: number, times: Fields): Buffer
}

/** Adds the times to a list record; settings have none on the wire. */
export type Stamp = (record: Fields, created: number, modified: number) => void

/** Above this many records none of their JSON is kept: it would be some 200 MB. */
const cacheUpTo = 100_000

interface Order {
  readonly column: string
  indexes: Uint32Array
  length: number
}

export class Collection {
  readonly kind: Kind
  #created: Uint32Array
  #modified: Uint32Array
  #dead: Uint8Array
  #size: number
  #alive: number
  readonly #patches = new Map<number, Fields>()
  readonly #orders = new Map<string, Order>()
  readonly #json: (Buffer | undefined)[] = []
  readonly #stamp: Stamp
  #version = 0

  constructor(kind: Kind, stamp: Stamp) {
    this.kind = kind
    this.#stamp = stamp
    this.#size = kind.count
    this.#alive = kind.count
    this.#created = new Uint32Array(Math.max(16, kind.count + 1024))
    this.#modified = new Uint32Array(this.#created.length)
    this.#dead = new Uint8Array(this.#created.length)
    for (let i = 0; i < kind.count; i++) {
      const [created, modified] = kind.times(i)
      this.#created[i] = created
      this.#modified[i] = modified
    }
    // Laid down before anything can be edited: sorting a million made-up names later would take seconds.
    for (const column of kind.presorted ?? []) this.#orders.set(column, { column, ...this.#living() })
  }

  /** How many records live. */
  get count(): number {
    return this.#alive
  }

  /** Goes up with each change, so that what was worked out from the records can be kept until then. */
  get version(): number {
    return this.#version
  }

  /** How many numbers have ever been given. */
  get size(): number {
    return this.#size
  }

  has(index: number): boolean {
    return index >= 0 && index < this.#size && this.#dead[index] === 0
  }

  created(index: number): number {
    return this.#created[index] ?? 0
  }

  modified(index: number): number {
    return this.#modified[index] ?? 0
  }

  patch(index: number): Fields | undefined {
    return this.#patches.get(index)
  }

  listed(index: number): Fields {
    const record = this.kind.list(index)
    this.#stamp(record, this.created(index), this.modified(index))
    const patch = this.#patches.get(index)
    if (patch) for (const key of Object.keys(patch)) if (key in record) record[key] = patch[key]
    return record
  }

  detailed(index: number): Fields {
    const listed = this.listed(index)
    const patch = this.#patches.get(index)
    return { ...listed, ...this.kind.detail(index, listed), ...patch }
  }

  /** The JSON of a list record, kept until the record is edited. */
  json(index: number): Buffer {
    const kept = this.#json[index]
    if (kept !== undefined) return kept
    const bytes = this.#encode(index)
    if (this.#size <= cacheUpTo) this.#json[index] = bytes
    return bytes
  }

  #encode(index: number): Buffer {
    if (!this.kind.encode || this.#patches.has(index)) return Buffer.from(JSON.stringify(this.listed(index)))
    const times: Fields = {}
    this.#stamp(times, this.created(index), this.modified(index))
    return this.kind.encode(index, times)
  }

  create(patch: Fields, second: number): number {
    const index = this.#size++
    this.#version++
    if (index >= this.#created.length) this.#grow()
    this.#created[index] = second
    this.#modified[index] = second
    this.#alive++
    this.#patches.set(index, patch)
    for (const order of this.#orders.values()) this.#insert(order, index)
    return index
  }

  edit(index: number, patch: Fields, second: number): void {
    this.#version++
    for (const order of this.#orders.values()) this.#remove(order, index)
    this.#patches.set(index, { ...this.#patches.get(index), ...patch })
    this.#modified[index] = second
    this.#json[index] = undefined
    for (const order of this.#orders.values()) this.#insert(order, index)
  }

  delete(index: number): void {
    this.#version++
    for (const order of this.#orders.values()) this.#remove(order, index)
    this.#dead[index] = 1
    this.#alive--
    this.#patches.delete(index)
    this.#json[index] = undefined
  }

  /** The living records' numbers by a column, smallest first; records that are equal stay in the order of their creation. */
  order(column: string): { indexes: Uint32Array; length: number } {
    let order = this.#orders.get(column)
    if (!order) {
      order = this.#sort(column)
      this.#orders.set(column, order)
    }
    return order
  }

  /** Position in the order of last_modified_time of the first record at or after a second. */
  firstSince(second: number): number {
    const order = this.order('last_modified_time')
    let low = 0
    let high = order.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#modified[order.indexes[middle] as number] as number) < second) low = middle + 1
      else high = middle
    }
    return low
  }

  #living(): { indexes: Uint32Array; length: number } {
    const indexes = new Uint32Array(this.#size + 1024)
    let length = 0
    for (let i = 0; i < this.#size; i++) if (this.#dead[i] === 0) indexes[length++] = i
    return { indexes, length }
  }

  #sort(column: string): Order {
    const { indexes, length } = this.#living()
    const order: Order = { column, indexes, length }
    const times = column === 'created_time' ? this.#created : column === 'last_modified_time' ? this.#modified : undefined
    const view = indexes.subarray(0, length)
    if (times) {
      // Time and number in one float: far quicker to sort than with a comparing function.
      const keys = new Float64Array(length)
      for (let i = 0; i < length; i++) keys[i] = (times[view[i] as number] as number) * 2 ** 21 + (view[i] as number)
      keys.sort()
      for (let i = 0; i < length; i++) view[i] = (keys[i] as number) % 2 ** 21
    } else {
      const keys = new Map<number, string | number>()
      for (const index of view) keys.set(index, this.#key(column, index))
      view.sort((a, b) => compare(keys.get(a), keys.get(b)) || a - b)
    }
    return order
  }

  #key(column: string, index: number): string | number {
    if (column === 'created_time') return this.created(index)
    if (column === 'last_modified_time') return this.modified(index)
    const value = this.listed(index)[column]
    return typeof value === 'number' ? value : String(value ?? '').toLowerCase()
  }

  #position(order: Order, index: number): number {
    const key = this.#key(order.column, index)
    let low = 0
    let high = order.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const other = order.indexes[middle] as number
      if ((compare(this.#key(order.column, other), key) || other - index) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  #insert(order: Order, index: number): void {
    if (order.length === order.indexes.length) {
      const larger = new Uint32Array(order.length + Math.max(1024, order.length >> 2))
      larger.set(order.indexes)
      order.indexes = larger
    }
    const at = this.#position(order, index)
    order.indexes.copyWithin(at + 1, at, order.length)
    order.indexes[at] = index
    order.length++
  }

  #remove(order: Order, index: number): void {
    const at = this.#position(order, index)
    order.indexes.copyWithin(at, at + 1, order.length)
    order.length--
  }

  #grow(): void {
    const larger = this.#created.length + Math.max(1024, this.#created.length >> 2)
    const copy = (from: Uint32Array): Uint32Array => {
      const to = new Uint32Array(larger)
      to.set(from)
      return to
    }
    this.#created = copy(this.#created)
    this.#modified = copy(this.#modified)
    const dead = new Uint8Array(larger)
    dead.set(this.#dead)
    this.#dead = dead
  }
}

function compare(a: string | number | undefined, b: string | number | undefined): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  const left = String(a)
  const right = String(b)
  return left < right ? -1 : left > right ? 1 : 0
}
