/** What a sandbox can be told when it starts, and what it takes where it is not. */

import type { SandboxClock } from './clock.ts'
import type { LimitSettings } from './limits.ts'

export interface SandboxOptions {
  /** 0 takes any free port. */
  port?: number
  host?: string
  seed?: number
  /** Where the seeded year ends and the clock starts, in milliseconds; now where it is left out. */
  startAt?: number
  /** A clock of the caller's; real time (movable) where it is left out. */
  clock?: SandboxClock
  /** Whether time stands still until it is moved. */
  frozen?: boolean
  /** The organization's IANA zone. */
  zone?: string
  /** `shop` is a real shop; `small` suits unit tests; `none` has empty lists but for settings. */
  scale?: Scale
  /** Number of items; a million is fine. */
  items?: number
  customers?: number
  vendors?: number
  /** Days of trade, at thirty orders a day. */
  daysOfOrders?: number
  /** Records of any other resource. */
  counts?: Record<string, number>
  /** About how many bytes an item has in a list. */
  recordBytes?: number
  /** false switches every limit off, the token endpoint's too. */
  limits?: false | Partial<LimitSettings>
  /** Milliseconds before each answer. */
  latency?: number
  /** Compresses answers for callers that accept it. */
  gzip?: boolean
  /** Starts realistic changes, one each so many milliseconds. */
  activity?: number
}

export type Scale = 'shop' | 'small' | 'none'

const shop: Record<string, number> = {
  items: 2218, contacts: 580, compositeitems: 40, itemgroups: 60, pricebooks: 6, salesorders: 10_950, invoices: 11_000, customerpayments: 9000,
  creditnotes: 200, estimates: 300, retainerinvoices: 30, recurringinvoices: 12, salesreceipts: 150, salesreturns: 80, purchaseorders: 900,
  purchasereceives: 880, bills: 900, vendorpayments: 800, vendorcredits: 60, recurringbills: 6, expenses: 1500, journals: 120, chartofaccounts: 16,
  bankaccounts: 3, banktransactions: 600, projects: 8, packages: 2000, shipmentorders: 1900, transferorders: 100, inventoryadjustments: 250,
  taxes: 4, currencies: 5, locations: 4, users: 6,
}

const small: Record<string, number> = {
  items: 450, contacts: 40, compositeitems: 5, itemgroups: 6, pricebooks: 3, salesorders: 260, invoices: 262, customerpayments: 220, creditnotes: 12,
  estimates: 10, retainerinvoices: 3, recurringinvoices: 2, salesreceipts: 8, salesreturns: 5, purchaseorders: 30, purchasereceives: 28, bills: 30,
  vendorpayments: 25, vendorcredits: 6, recurringbills: 2, expenses: 40, journals: 12, bankaccounts: 3, banktransactions: 20, projects: 3,
  packages: 40, shipmentorders: 38, transferorders: 8, inventoryadjustments: 10, chartofaccounts: 16, taxes: 4, currencies: 5, locations: 4, users: 6,
}

const settingsOnly = ['chartofaccounts', 'taxes', 'currencies', 'locations', 'users']

/** How many records of each resource, and how many of the contacts are customers. */
export function sizes(options: SandboxOptions): { counts: Record<string, number>; customers: number; ordersPerDay: number } {
  const base = options.scale === 'small' ? small : shop
  const counts: Record<string, number> =
    options.scale === 'none' ? Object.fromEntries(Object.keys(shop).map((name) => [name, settingsOnly.includes(name) ? (shop[name] ?? 0) : 0])) : { ...base }
  const none = options.scale === 'none'
  const customers = options.customers ?? (none ? 0 : options.scale === 'small' ? 30 : 500)
  const vendors = options.vendors ?? (none ? 0 : options.scale === 'small' ? 10 : 80)
  counts['contacts'] = customers + vendors
  if (options.items !== undefined) counts['items'] = options.items
  const ordersPerDay = 30
  if (options.daysOfOrders !== undefined) {
    const orders = options.daysOfOrders * ordersPerDay
    Object.assign(counts, {
      salesorders: orders, invoices: Math.round(orders * 1.005), customerpayments: Math.round(orders * 0.82),
      packages: Math.floor(orders * 0.18), shipmentorders: Math.floor(orders * 0.17), salesreturns: Math.floor(orders / 140),
    })
  }
  Object.assign(counts, options.counts)
  return { counts, customers: Math.min(customers, counts['contacts'] ?? 0), ordersPerDay }
}
