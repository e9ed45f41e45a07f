/** A shop at work: small, plausible changes to the records, for the demo and for tests that want many. */

import type { Fields } from './collection.ts'
import { Random } from './random.ts'
import type { Store } from './store.ts'

/** Makes one plausible change and says what it was. */
export function changeSomething(store: Store, random: Random): string {
  const draw = random.next()
  const item = store.anyId('items')
  if (draw < 0.35) return newOrder(store, random)
  if (draw < 0.6 && item !== undefined) {
    store.moveStock(item, random.below(4), random.chance(0.7) ? -random.between(1, 6) : random.between(5, 60))
    return `stock of item ${item}`
  }
  if (draw < 0.75 && item !== undefined) {
    store.edit('items', item, { rate: Math.round(random.next() * 40_000) / 100 })
    return `price of item ${item}`
  }
  if (draw < 0.83) {
    const list = store.anyId('pricebooks')
    if (list !== undefined && item !== undefined) store.setRate(list, item, Math.round(random.next() * 40_000) / 100)
    return `rate in price list ${list}`
  }
  if (draw < 0.93) {
    const contact = store.anyId('contacts')
    if (contact !== undefined) store.edit('contacts', contact, { mobile: `+9647${random.between(700000000, 899999999)}` })
    return `phone of contact ${contact}`
  }
  const resource = random.pick(['salesorders', 'invoices', 'expenses', 'estimates'])
  const id = store.anyId(resource)
  if (id === undefined) return `no ${resource}`
  if (random.chance(0.5)) store.edit(resource, id, { status: 'void' })
  else store.delete(resource, id)
  return `${resource} ${id} void or deleted`
}

function newOrder(store: Store, random: Random): string {
  const today = store.world.date(Math.floor(store.clock.now() / 1000))
  const order = store.create('salesorders', { date: today, status: 'confirmed' })
  if (random.chance(0.7)) store.create('invoices', { date: today, status: 'sent' })
  for (const line of (store.get('salesorders', order)?.['line_items'] ?? []) as Fields[]) {
    store.moveStock(String(line['item_id']), 0, -Number(line['quantity']))
  }
  return `order ${order}`
}

/** Keeps changing the shop until it is stopped. */
export function startActivity(store: Store, everyMs: number): () => void {
  const random = new Random(store.world.options.seed + 77)
  const timer = setInterval(() => changeSomething(store, random), everyMs)
  timer.unref()
  return () => clearInterval(timer)
}
