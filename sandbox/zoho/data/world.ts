/** What every kind of record shares: the seed, ids, the organization's zone, currencies, and the span of time that the shop has lived. */

import type { Zone } from '../clock.ts'
import { Random, mix } from '../random.ts'
import { resourceNamed } from '../resources.ts'
import { rawNumber } from './words.ts'

export interface WorldOptions {
  seed: number
  zone: Zone
  /** The second at which the seeded year ends. */
  endsAt: number
  /** Records of each resource. */
  counts: Readonly<Record<string, number>>
  customers: number
  ordersPerDay: number
  /** About how many bytes an item has in a list; 0 leaves it as it is. */
  recordBytes: number
  organizationId: string
}

export interface Currency {
  readonly code: string
  readonly symbol: string
  readonly name: string
  /** How the rate stands in JSON. */
  readonly exchange: unknown
  readonly rate: number
  readonly precision: number
}

/** The base currency first. The dinar's rate has more digits than a double holds. */
export const currencies: readonly Currency[] = [
  { code: 'USD', symbol: '$', name: 'US Dollar', exchange: 1, rate: 1, precision: 2 },
  { code: 'IQD', symbol: 'د.ع', name: 'Iraqi Dinar', exchange: rawNumber('0.000763358778625954'), rate: 0.000763358778625954, precision: 0 },
  { code: 'EUR', symbol: '€', name: 'Euro', exchange: 1.0837, rate: 1.0837, precision: 2 },
  { code: 'AED', symbol: 'AED', name: 'UAE Dirham', exchange: 0.272294, rate: 0.272294, precision: 2 },
  { code: 'TRY', symbol: '₺', name: 'Turkish Lira', exchange: 0.0259, rate: 0.0259, precision: 2 },
]

export const taxes = [
  { name: 'Standard', percentage: 5 },
  { name: 'ضريبة المبيعات', percentage: 10 },
  { name: 'Luxury', percentage: 15.75 },
  { name: 'Zero', percentage: 0 },
] as const

export const locationNames = ['Main Store - المخزن الرئيسي', 'Karrada Shop', 'معرض المنصور', 'Basra Depot'] as const

const year = 365 * 86400

export class World {
  readonly options: WorldOptions
  readonly zone: Zone

  constructor(options: WorldOptions) {
    this.options = options
    this.zone = options.zone
  }

  count(kind: string): number {
    return this.options.counts[kind] ?? 0
  }

  random(kind: string, index: number, salt = 0): Random {
    return new Random(mix(this.options.seed, resourceNamed(kind).code, index, salt))
  }

  /** An 18-digit id, too large for a double, from which the record's number can be read back. */
  id(kind: string, index: number): string {
    return `4600000${resourceNamed(kind).code}${100_000_001 + index * 3}`
  }

  /** The number of the record with an id, or -1 where no record of this kind can have it. */
  indexOf(kind: string, id: string): number {
    if (id.length !== 18 || !id.startsWith(`4600000${resourceNamed(kind).code}`)) return -1
    const offset = Number(id.slice(9)) - 100_000_001
    return Number.isInteger(offset) && offset >= 0 && offset % 3 === 0 ? offset / 3 : -1
  }

  /** The id of a part of a record, such as a line. */
  partId(kind: string, index: number, part: number): string {
    return `4600001${resourceNamed(kind).code}${String((100_000_000 + index * 16 + part) % 1_000_000_000).padStart(9, '0')}`
  }

  /** The second at which the n-th of `count` records was made, spread over the year in working hours. */
  moment(kind: string, index: number, count: number): number {
    const share = Math.min(1, (index + 0.5) / Math.max(1, count))
    const second = Math.floor(this.options.endsAt - year + share * (year - 7200))
    return second - (this.random(kind, index, 91).below(1800))
  }

  /** Created and modified; one record in five was edited later, some within the same second as others. */
  times(kind: string, index: number, count: number): readonly [number, number] {
    const created = this.moment(kind, index, count)
    const random = this.random(kind, index, 92)
    const late = random.chance(0.2) ? random.below(Math.max(1, Math.min(60 * 86400, this.options.endsAt - created - 3600))) : random.below(600)
    const modified = Math.min(created + late, this.options.endsAt - 60)
    // A bulk action at the top of the hour leaves many records with one timestamp.
    return random.chance(0.05) ? [created, Math.max(created, modified - (modified % 3600))] : [created, Math.max(created, modified)]
  }

  stamp(second: number): string {
    return this.zone.stamp(second)
  }

  date(second: number): string {
    return this.zone.date(second)
  }

  locationId(index: number): string {
    return this.id('locations', index)
  }

  locationName(index: number): string {
    return locationNames[index % locationNames.length] as string
  }
}

/** An amount to the cent, without the crumbs of binary fractions. */
export function round(amount: number, digits = 2): number {
  return Number(amount.toFixed(digits))
}
