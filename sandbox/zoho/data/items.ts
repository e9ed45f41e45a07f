/** Items, composite items, item groups and price lists. */

import type { Fields, Kind } from '../collection.ts'
import { type World, round, taxes } from './world.ts'
import { brands, colours, oddTexts, padding, productNouns, rawNumber, units } from './words.ts'

/** From this many items on they are numbered in the order of their names, so that the list needs no sort. */
const hugeFrom = 50_000

export interface ItemFacts {
  name: string
  sku: string
  rate: number
  unit: string
  tax: number
}

/** The few facts about an item that documents repeat. Rates are in the base currency. */
export function itemFacts(world: World, index: number): ItemFacts {
  const random = world.random('items', index)
  const noun = random.pick(productNouns)
  const brand = random.pick(brands)
  const colour = random.pick(colours)
  const number = String(index + 1)
  let name = random.chance(0.35)
    ? `${noun[1]} ${brand} ${colour[1]} ${number}`
    : random.chance(0.3)
      ? `${brand} ${noun[0]} ${colour[0]} ${number} - ${noun[1]}`
      : `${brand} ${noun[0]} ${colour[0]} ${number}`
  if (world.count('items') >= hugeFrom) name = `${number.padStart(8, '0')} ${name}`
  else name = oddTexts[index] ?? name
  const rate = round(random.chance(0.3) ? random.between(1, 90) : random.next() * 400 + 0.5, random.chance(0.1) ? 4 : 2)
  return {
    name,
    sku: index === 6 || index === 7 ? 'TWIN-1' : index % 97 === 50 ? '' : `${brand.slice(0, 3).toUpperCase()}-${number.padStart(5, '0')}`,
    rate,
    unit: random.pick(units),
    tax: random.below(taxes.length),
  }
}

/** Stock by location; the item's own figure is their sum. */
export function itemStock(world: World, index: number): number[] {
  const random = world.random('items', index, 5)
  if (index === 8) return [-3, 0, -2.5, 0]
  return [random.between(0, 400), random.between(0, 60), random.chance(0.5) ? 0 : random.between(0, 40), random.chance(0.1) ? round(random.next() * 20, 2) : 0]
}

function stockTotals(perLocation: readonly number[]): Fields {
  const total = round(perLocation.reduce((sum, n) => sum + n, 0), 4)
  return { stock_on_hand: total, available_stock: total, actual_available_stock: total }
}

/** The fields of a stock figure, for a seeded record and for one whose stock was moved. */
export function stockFields(world: World, perLocation: readonly number[]): Fields {
  return {
    ...stockTotals(perLocation),
    locations: perLocation.map((stock, i) => ({
      location_id: world.locationId(i),
      location_name: world.locationName(i),
      status: 'active',
      is_primary: i === 0,
      // The wire has been seen to send these as text; one location in four does.
      location_stock_on_hand: i === 3 ? String(stock) : stock,
      location_available_stock: i === 3 ? String(stock) : stock,
      location_actual_available_stock: i === 3 ? String(stock) : stock,
    })),
  }
}

const sparePadding = padding.join(' ').repeat(40)

export function itemsKind(world: World, count: number): Kind {
  const imported = world.moment('items', 100, count) - 40_000
  // What no item differs in. Made once, as a list of a million items is made anew for each reader.
  const constant: Fields = {
    is_combo_product: false,
    is_linked_with_zohocrm: false,
    zcrm_product_id: '',
    manufacturer: '',
    tax_type: 'tax',
    purchase_tax_rule_id: '',
    sales_tax_rule_id: '',
    is_taxable: true,
    purchase_account_id: world.id('chartofaccounts', 4),
    purchase_account_name: 'Cost of Goods Sold',
    account_id: world.id('chartofaccounts', 3),
    account_name: 'Sales',
    purchase_description: '',
    can_be_sold: true,
    can_be_purchased: true,
    track_inventory: true,
    item_type: 'inventory',
    attribute_id1: '',
    attribute_option_id1: '',
    upc: '',
    isbn: '',
    part_number: '',
    has_attachment: false,
    is_returnable: true,
    image_document_id: '',
    hsn_or_sac: '',
    sat_item_key_code: '',
    unitkey_code: '',
    show_in_storefront: false,
    length: '',
    width: '',
    height: '',
    weight_unit: 'kg',
    dimension_unit: 'cm',
    tags: [],
    cf_shelf_unformatted: '',
  }
  const wanted = world.options.recordBytes
  // Organizations with many custom columns are what makes real records heavy; these stand for them.
  const long = (i: number): Fields => (wanted > 1500 ? { cf_long_note: sparePadding.slice(i % 331, (i % 331) + Math.floor((wanted - 1500) * 0.8)) } : {})
  const tails: Buffer[] = []
  const varying = (i: number): Fields => {
    const facts = itemFacts(world, i)
    const random = world.random('items', i, 1)
    const tax = taxes[facts.tax] as (typeof taxes)[number]
    const grouped = i % 9 === 0
    const rate: unknown = i === 9 ? 0 : i === 10 ? '' : i === 11 ? rawNumber('12345678901234.567891') : facts.rate
    return {
      item_id: world.id('items', i),
      name: facts.name,
      item_name: facts.name,
      unit: facts.unit,
      status: random.chance(0.06) ? 'inactive' : 'active',
      source: random.chance(0.1) ? 'csv' : 'user',
      description: i === 5 ? 'text with \u0000 zero' : random.chance(0.5) ? random.pick(padding) : '',
      brand: random.pick(brands),
      rate,
      tax_id: world.id('taxes', facts.tax),
      tax_name: tax.name,
      tax_percentage: random.chance(0.05) ? '' : tax.percentage,
      purchase_rate: round(facts.rate * 0.72),
      product_type: random.chance(0.03) ? 'service' : 'goods',
      group_id: grouped && world.count('itemgroups') ? world.id('itemgroups', i % world.count('itemgroups')) : '',
      group_name: grouped && world.count('itemgroups') ? `Group ${(i % world.count('itemgroups')) + 1}` : '',
      attribute_name1: grouped ? 'Colour' : '',
      attribute_option_name1: grouped ? 'White' : '',
      ...stockTotals(itemStock(world, i)),
      reorder_level: random.chance(0.4) ? random.between(1, 30) : '',
      sku: facts.sku,
      ean: random.chance(0.3) ? `62${String(1e10 + i * 7919).padStart(11, '0')}` : '',
      image_name: random.chance(0.4) ? `item-${i}.jpg` : '',
      image_type: random.chance(0.4) ? 'jpg' : '',
      weight: random.chance(0.5) ? round(random.next() * 12, 3) : '',
      cf_shelf: `${random.pick(['A', 'B', 'C', 'D'])}-${random.between(1, 40)}`,
    }
  }
  return {
    count,
    ...(count >= hugeFrom ? { presorted: ['name'] } : {}),
    // Three hundred items came in by one import and share a second.
    times: (i) => (i >= 100 && i < 400 ? [imported, imported] : world.times('items', i, count)),
    list: (i) => ({ ...varying(i), ...constant, ...long(i) }),
    encode(i, times) {
      const tail = (tails[i % 331] ??= Buffer.from(`,${JSON.stringify({ ...constant, ...long(i) }).slice(1)}`))
      return Buffer.concat([Buffer.from(JSON.stringify({ ...varying(i), ...times }).slice(0, -1)), tail])
    },
    detail(i) {
      const { locations } = stockFields(world, itemStock(world, i))
      return {
        locations,
        custom_fields: [
          { customfield_id: world.partId('items', 0, 1), index: 1, label: 'Shelf', api_name: 'cf_shelf', data_type: 'string', value: `S${i % 40}` },
          { customfield_id: world.partId('items', 0, 2), index: 2, label: 'Warranty', api_name: 'cf_warranty', data_type: 'number', value: i % 3 ? '12' : '' },
        ],
        inventory_account_id: world.id('chartofaccounts', 5),
        inventory_account_name: 'Inventory Asset',
        initial_stock: 0,
        initial_stock_rate: 0,
        vendor_id: world.count('contacts') > world.options.customers ? world.id('contacts', world.options.customers) : '',
        vendor_name: '',
        asset_value: '',
        pricebook_rate: itemFacts(world, i).rate,
        price_brackets: [],
        sales_channels: [],
        item_tax_preferences: [{ tax_id: world.id('taxes', itemFacts(world, i).tax), tax_specification: 'intra' }],
        purchase_tax_name: '',
        documents: [],
        preferred_vendors: [],
        comments: [],
      }
    },
  }
}

/** Composite items are made of ordinary ones. */
export function compositeItemsKind(world: World, count: number): Kind {
  const parts = (i: number): number[] => [i * 3 + 20, i * 5 + 40, i * 7 + 60].map((n) => n % Math.max(1, world.count('items')))
  return {
    count,
    times: (i) => world.times('compositeitems', i, count),
    list(i) {
      const random = world.random('compositeitems', i)
      const rate = round(parts(i).reduce((sum, n) => sum + itemFacts(world, n).rate, 0) * 0.9)
      const stock = random.between(0, 25)
      return {
        composite_item_id: world.id('compositeitems', i), name: `Bundle ${i + 1} - طقم`, unit: 'set', status: 'active', source: 'user',
        description: '', rate, tax_id: world.id('taxes', 0), tax_name: taxes[0].name, tax_percentage: taxes[0].percentage,
        purchase_description: '', purchase_rate: round(rate * 0.7), is_combo_product: true, item_type: 'inventory', product_type: 'goods',
        is_taxable: true, stock_on_hand: stock, available_stock: stock, actual_available_stock: stock, sku: `SET-${i + 1}`, upc: '', ean: '',
        isbn: '', part_number: '', reorder_level: '', image_id: '', image_name: '',
      }
    },
    detail: (i) => ({
      tax_type: 'tax', purchase_account_id: world.id('chartofaccounts', 4), purchase_account_name: 'Cost of Goods Sold',
      account_id: world.id('chartofaccounts', 3), account_name: 'Sales', inventory_account_id: world.id('chartofaccounts', 5),
      inventory_account_name: 'Inventory Asset', initial_stock: 0, initial_stock_rate: 0, vendor_id: '', vendor_name: '', asset_value: '',
      pricebook_rate: '', hsn_or_sac: '', custom_fields: [], item_tax_preferences: [],
      mapped_items: parts(i).map((n, line) => {
        const facts = itemFacts(world, n)
        return {
          line_item_id: world.partId('compositeitems', i, line), item_id: world.id('items', n), name: facts.name, rate: facts.rate,
          purchase_rate: round(facts.rate * 0.72), sku: facts.sku, unit: facts.unit, quantity: line + 1, is_combo_product: false,
          image_id: '', image_name: '', image_type: '', description: '', purchase_description: '',
          ...stockTotals(itemStock(world, n)),
        }
      }),
    }),
  }
}

export function itemGroupsKind(world: World, count: number): Kind {
  // Every ninth item belongs to a group: the members are those whose number falls on it.
  const members = (i: number): number[] => {
    const found: number[] = []
    for (let n = i; n < Math.min(world.count('items'), 5000) && found.length < 12; n += count) if (n % 9 === 0) found.push(n)
    return found
  }
  return {
    count,
    times: (i) => world.times('itemgroups', i, count),
    list: (i) => ({
      group_id: world.id('itemgroups', i), group_name: `Group ${i + 1}`, product_type: 'goods', brand: brands[i % brands.length],
      manufacturer: '', unit: 'pcs', description: '', is_taxable: true, tax_id: world.id('taxes', 0), tax_name: taxes[0].name,
      tax_percentage: taxes[0].percentage, tax_type: 'tax', tax_exemption_id: '', attribute_id1: world.partId('itemgroups', i, 15),
      custom_fields: [], attribute_name1: 'Colour', status: 'active', source: 'user', image_id: '', image_name: '', image_type: '',
      items: members(i).map((n) => {
        const facts = itemFacts(world, n)
        return { item_id: world.id('items', n), name: facts.name, status: 'active', rate: facts.rate, purchase_rate: round(facts.rate * 0.72), sku: facts.sku, upc: '', ean: '', isbn: '', part_number: '', reorder_level: '', image_id: '', attribute_option_id1: '', attribute_option_name1: 'White' }
      }),
    }),
    detail: (i) => ({
      attributes: [{ id: world.partId('itemgroups', i, 15), name: 'Colour', options: [{ id: world.partId('itemgroups', i, 14), name: 'White' }] }],
    }),
  }
}
