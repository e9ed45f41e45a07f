/** What invoices, orders, bills and their like have in common: a contact, a currency, lines and totals that add up. */

import type { Fields } from '../collection.ts'
import { address, contactFacts } from './contacts.ts'
import { itemFacts } from './items.ts'
import { type Currency, type World, currencies, round, taxes } from './world.ts'

interface Line {
  item: number
  name: string
  sku: string
  unit: string
  quantity: number
  rate: number
  total: number
  tax: number
}

export interface Document {
  kind: string
  index: number
  contact: number
  contactName: string
  currency: Currency
  currencyIndex: number
  location: number
  lines: Line[]
  subTotal: number
  taxTotal: number
  total: number
}

/** Works out a document from the numbers of its kind; an invoice passes its order's kind and number to have the same lines. */
export function documentOf(world: World, kind: string, index: number, party: 'customer' | 'vendor'): Document {
  const random = world.random(kind, index, 11)
  const { customers } = world.options
  const vendors = Math.max(1, world.count('contacts') - customers)
  // Squared, so that few customers make most of the trade.
  const contact = party === 'customer' ? Math.floor(random.next() ** 2 * Math.max(1, customers)) : customers + random.below(vendors)
  const facts = contactFacts(world, contact)
  const currency = currencies[facts.currency] as Currency
  const lines: Line[] = []
  const items = Math.max(1, world.count('items'))
  const count = random.chance(0.02) ? 25 : 1 + random.below(5)
  let subTotal = 0
  let taxTotal = 0
  for (let n = 0; n < count; n++) {
    const item = random.below(items)
    const { name, sku, unit, rate: base, tax } = itemFacts(world, item)
    const quantity = random.chance(0.05) ? round(random.next() * 10 + 0.125, 3) : party === 'vendor' ? random.between(10, 200) : random.between(1, 9)
    const rate = round((base * (party === 'vendor' ? 0.72 : 1)) / currency.rate, Math.max(currency.precision, 0))
    const total = round(rate * quantity, currency.precision)
    subTotal += total
    taxTotal += (total * (taxes[tax]?.percentage ?? 0)) / 100
    lines.push({ item, name, sku, unit, quantity, rate, total, tax })
  }
  subTotal = round(subTotal, currency.precision)
  taxTotal = round(taxTotal, currency.precision)
  return {
    kind, index, contact, contactName: facts.name, currency, currencyIndex: facts.currency, location: random.below(4), lines,
    subTotal, taxTotal, total: round(subTotal + taxTotal, currency.precision),
  }
}

/** Fields that every kind of document has in its list. */
export function listFields(world: World, doc: Document): Fields {
  return {
    currency_id: world.id('currencies', doc.currencyIndex), currency_code: doc.currency.code, currency_symbol: doc.currency.symbol,
    exchange_rate: doc.currency.exchange, price_precision: doc.currency.precision, location_id: world.locationId(doc.location),
    location_name: world.locationName(doc.location), total: doc.total, has_attachment: false, tags: [], custom_fields: [], custom_field_hash: {},
    color_code: '', current_sub_status: '', current_sub_status_id: '',
  }
}

export const customerOf = (world: World, doc: Document): Fields => ({
  customer_id: world.id('contacts', doc.contact), customer_name: doc.contactName, company_name: contactFacts(world, doc.contact).company,
  email: contactFacts(world, doc.contact).email,
})

export const vendorOf = (world: World, doc: Document): Fields => ({ vendor_id: world.id('contacts', doc.contact), vendor_name: doc.contactName })

/** Fields of tax regimes that this organization is not under; the wire sends them empty. */
export const regional: Fields = {
  is_pre_gst: false, gst_no: '', gst_treatment: '', vat_treatment: '', vat_reg_no: '', tax_treatment: '', place_of_supply: '',
  is_reverse_charge_applied: false, source_of_supply: '', destination_of_supply: '',
}

export function lineItems(world: World, doc: Document, kind = doc.kind, index = doc.index): Fields[] {
  return doc.lines.map((line, n) => {
    const tax = taxes[line.tax] as (typeof taxes)[number]
    return {
      line_item_id: world.partId(kind, index, n), item_id: world.id('items', line.item), sku: line.sku, name: line.name, item_order: n + 1,
      description: '', item_type: 'inventory', product_type: 'goods', rate: line.rate, purchase_rate: line.rate, bcy_rate: round(line.rate * doc.currency.rate, 6),
      quantity: line.quantity, quantity_invoiced: line.quantity, quantity_packed: 0, quantity_shipped: 0, quantity_received: 0, unit: line.unit,
      discount: 0, discount_amount: 0, tax_id: world.id('taxes', line.tax), tax_name: tax.name, tax_type: 'tax', tax_percentage: tax.percentage,
      item_total: line.total, item_total_inclusive_of_tax: round(line.total * (1 + tax.percentage / 100), doc.currency.precision),
      account_id: world.id('chartofaccounts', 3), account_name: 'Sales', location_id: world.locationId(doc.location),
      location_name: world.locationName(doc.location), project_id: '', project_name: '', is_invoiced: true, image_id: '', image_name: '', image_type: '',
      hsn_or_sac: '', tags: [], line_item_category: '', item_custom_fields: [], tax_exemption_id: '', tax_exemption_code: '', tax_treatment_code: '',
      is_billable: false, customer_id: '', customer_name: '', serial_numbers: '', is_combo_product: false,
      // Line items of one order in three carry a field that no document of Zoho names.
      ...(index % 3 === 0 ? { header_id: '', header_name: '', internal_name: '' } : {}),
    }
  })
}

/** Fields that every kind of document has only in its detail. */
export function detailFields(world: World, doc: Document, kind: string, index: number): Fields {
  const perTax = new Map<number, number>()
  for (const line of doc.lines) perTax.set(line.tax, (perTax.get(line.tax) ?? 0) + (line.total * (taxes[line.tax]?.percentage ?? 0)) / 100)
  return {
    ...regional, line_items: lineItems(world, doc, kind, index), sub_total: doc.subTotal, sub_total_inclusive_of_tax: 0, tax_total: doc.taxTotal,
    taxes: [...perTax].map(([tax, amount]) => ({ tax_id: world.id('taxes', tax), tax_name: taxes[tax]?.name, tax_amount: round(amount, doc.currency.precision) })),
    discount: 0, discount_amount: 0, is_discount_before_tax: true, discount_type: 'entity_level', is_inclusive_tax: false, shipping_charge: 0,
    adjustment: 0, adjustment_description: '', notes: index % 5 === 0 ? 'شكراً لتعاملكم معنا' : '', terms: '', billing_address: address(world, doc.contact),
    shipping_address: address(world, doc.contact), contact_persons: [world.id('contactpersons', doc.contact * 3)], contact_persons_associated: [],
    template_id: world.partId(kind, 0, 15), template_name: 'Standard', template_type: 'standard', page_width: '8.27in', page_height: '11.69in',
    orientation: 'portrait', attachment_name: '', can_send_in_mail: false, documents: [], created_by_id: world.id('users', 0), submitter_id: '',
    approver_id: '', pricebook_id: '', pricebook_name: '', salesperson_id: '', salesperson_name: '',
  }
}
