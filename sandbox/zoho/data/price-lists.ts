/** Price lists and the rates of items in them. */

import type { Fields, Kind } from '../collection.ts'
import { type World, currencies, round } from './world.ts'
import { itemFacts } from './items.ts'

const names = ['Wholesale', 'جملة الجملة', 'Retail USD', 'زبائن البصرة', 'Ramadan 2026', 'Vendors - الموردين'] as const

/** Items that a price list has a rate of its own for. */
export function pricedItems(world: World, list: number): number[] {
  const found: number[] = []
  for (let i = list; i < Math.min(world.count('items'), 5000); i += 4) found.push(i)
  return found
}

/** One item's rate in a list. A change of a rate is kept as `rates` in the list's own record. */
export function pricedItem(world: World, list: number, item: number, rates?: Record<string, unknown>): Fields {
  const id = world.id('items', item)
  const currency = currencies[list % 2] as (typeof currencies)[number]
  const rate = round((itemFacts(world, item).rate * (0.8 + list * 0.05)) / currency.rate, currency.precision)
  return {
    item_id: id,
    pricebook_item_id: `4600002${16}${String(100_000_000 + list * 1_000_000 + item).slice(-9)}`,
    pricebook_rate: rates?.[id] ?? rate,
    pricebook_discount: '',
    pricing_scheme: 'unit',
    price_brackets: item % 50 === 0 ? [{ start_quantity: 1, end_quantity: 10, pricebook_rate: rate }, { start_quantity: 11, end_quantity: '', pricebook_rate: round(rate * 0.9) }] : [],
  }
}

export function pricebooksKind(world: World, count: number): Kind {
  return {
    count,
    times: (i) => world.times('pricebooks', i, count),
    list(i) {
      const currency = currencies[i % 2] as (typeof currencies)[number]
      const percentage = i === 2 || i === 3
      return {
        pricebook_id: world.id('pricebooks', i), name: names[i] ?? `Price list ${i + 1}`, description: i === 1 ? 'أسعار الجملة' : '',
        currency_id: world.id('currencies', i % 2), currency_code: currency.code, decimal_place: currency.precision,
        status: i === 4 ? 'inactive' : 'active', pricebook_type: percentage ? 'fixed_percentage' : 'per_item', pricing_scheme: 'unit',
        percentage: percentage ? 7.5 : '', is_increase: i === 3, is_default: i === 0, rounding_type: 'no_rounding',
        sales_or_purchase_type: i === 5 ? 'purchases' : 'sales',
      }
    },
    detail: () => ({}),
  }
}
