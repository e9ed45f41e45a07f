/** What moves goods: packages, shipments, transfers between locations, adjustments. */

import type { Fields, Kind } from '../collection.ts'
import { customerOf, documentOf, detailFields, lineItems } from './documents.ts'
import { itemFacts } from './items.ts'
import type { World } from './world.ts'
import { carriers } from './words.ts'

const number = (prefix: string, index: number): string => `${prefix}-${String(index + 1).padStart(5, '0')}`

/** Every fifth order is packed and shipped. */
const orderOf = (i: number): number => i * 5

function movedLines(world: World, kind: string, i: number, quantityKey: string): Fields[] {
  const random = world.random(kind, i, 31)
  return Array.from({ length: 1 + random.below(4) }, (_, n) => {
    const item = random.below(Math.max(1, world.count('items')))
    const facts = itemFacts(world, item)
    const quantity = random.between(1, 40) * (kind === 'inventoryadjustments' && random.chance(0.6) ? -1 : 1)
    return {
      line_item_id: world.partId(kind, i, n), item_id: world.id('items', item), name: facts.name, description: '', [quantityKey]: quantity, unit: facts.unit, sku: facts.sku,
      item_total: 0, is_combo_product: false, adjustment_account_id: world.id('chartofaccounts', 4), adjustment_account_name: 'Cost of Goods Sold',
      location_id: world.locationId(0), location_name: world.locationName(0),
    }
  })
}

export function stockKinds(world: World): Record<string, (count: number) => Kind> {
  const shipment = (i: number): Fields => {
    const random = world.random('shipmentorders', i, 32)
    return {
      shipment_id: world.id('shipmentorders', i), shipment_number: number('SHP', i), status: random.chance(0.8) ? 'delivered' : 'shipped', carrier: random.pick(carriers),
      detailed_status: '', status_message: '', service: '', delivery_days: '', delivery_guarantee: false, delivery_method: '', delivery_method_id: '',
      tracking_number: random.chance(0.5) ? `TRK${random.below(1e9)}` : '', notes: '', shipment_rate: 0, shipping_date: world.date(world.moment('shipmentorders', i, world.count('shipmentorders'))),
    }
  }
  return {
    packages: (count) => ({
      count,
      times: (i) => world.times('packages', i, count),
      list(i) {
        const doc = documentOf(world, 'salesorders', orderOf(i), 'customer')
        return {
          package_id: world.id('packages', i), package_number: number('PKG', i), date: world.date(world.moment('packages', i, count)), ...customerOf(world, doc),
          salesorder_id: world.id('salesorders', orderOf(i)), salesorder_number: number('SO', orderOf(i)), status: i < world.count('shipmentorders') ? 'shipped' : 'not_shipped',
          // The total of a package comes as text.
          total_quantity: String(doc.lines.reduce((sum, line) => sum + line.quantity, 0)), is_emailed: false, mobile: '', phone: '', notes: '', template_id: world.partId('packages', 0, 15),
          template_name: 'Standard', template_type: 'standard', custom_fields: [], shipment_id: i < world.count('shipmentorders') ? world.id('shipmentorders', i) : '',
        }
      },
      detail(i) {
        const doc = documentOf(world, 'salesorders', orderOf(i), 'customer')
        const { billing_address, shipping_address } = detailFields(world, doc, 'packages', i)
        return {
          line_items: lineItems(world, doc, 'packages', i).map((line, n) => ({ ...line, so_line_item_id: world.partId('salesorders', orderOf(i), n) })), billing_address, shipping_address,
          contact_persons: [], shipment_order: i < world.count('shipmentorders') ? shipment(i) : {},
        }
      },
    }),
    shipmentorders: (count) => ({
      count,
      times: (i) => world.times('shipmentorders', i, count),
      list(i) {
        const doc = documentOf(world, 'salesorders', orderOf(i), 'customer')
        return {
          ...shipment(i), date: world.date(world.moment('shipmentorders', i, count)), salesorder_id: world.id('salesorders', orderOf(i)), salesorder_number: number('SO', orderOf(i)),
          ...customerOf(world, doc), reference_number: '', currency_id: world.id('currencies', doc.currencyIndex), currency_code: doc.currency.code, currency_symbol: doc.currency.symbol,
          exchange_rate: doc.currency.exchange, total: doc.total, price_precision: doc.currency.precision, is_emailed: false,
        }
      },
      detail: (i) => ({ ...detailFields(world, documentOf(world, 'salesorders', orderOf(i), 'customer'), 'shipmentorders', i), estimate_id: '', custom_fields: [] }),
    }),
    transferorders: (count) => ({
      count,
      times: (i) => world.times('transferorders', i, count),
      list: (i) => ({
        transfer_order_id: world.id('transferorders', i), transfer_order_number: number('TO', i), date: world.date(world.moment('transferorders', i, count)),
        from_location_id: world.locationId(0), from_location_name: world.locationName(0), to_location_id: world.locationId(1 + (i % 3)), to_location_name: world.locationName(1 + (i % 3)),
        is_intransit_order: i % 20 === 0, status: i % 20 === 0 ? 'in_transit' : 'transferred', description: '', quantity_transferred: 0, quantity_transfer: 0,
      }),
      detail: (i) => ({ line_items: movedLines(world, 'transferorders', i, 'quantity_transfer') }),
    }),
    inventoryadjustments: (count) => ({
      count,
      times: (i) => world.times('inventoryadjustments', i, count),
      list: (i) => ({
        inventory_adjustment_id: world.id('inventoryadjustments', i), date: world.date(world.moment('inventoryadjustments', i, count)), reason: i % 2 ? 'Damaged goods' : 'جرد سنوي',
        reason_id: world.partId('inventoryadjustments', 0, i % 2), description: '', reference_number: `ADJ-${i + 1}`, adjustment_type: i % 10 ? 'quantity' : 'value', total: 0, status: 'adjusted',
      }),
      detail: (i) => ({ line_items: movedLines(world, 'inventoryadjustments', i, 'quantity_adjusted'), location_id: world.locationId(0), location_name: world.locationName(0) }),
    }),
  }
}
