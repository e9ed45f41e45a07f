/** Customers, vendors and the people who work for them. The first numbers are customers, the rest vendors. */

import type { Fields, Kind } from '../collection.ts'
import { type World, currencies, round } from './world.ts'
import { cities, companies, firstNames, lastNames, notes, oddTexts } from './words.ts'

export interface ContactFacts {
  name: string
  company: string
  vendor: boolean
  currency: number
  first: string
  last: string
  email: string
  city: readonly [string, string]
}

export function contactFacts(world: World, index: number): ContactFacts {
  const random = world.random('contacts', index)
  const vendor = index >= world.options.customers
  const first = random.pick(firstNames)
  const last = random.pick(lastNames)
  const company = random.chance(0.6) || vendor ? `${last} ${random.pick(companies)}` : ''
  const plain = company === '' ? `${first} ${last}` : company
  const currency = [0, 1, 1, 1, 2, 3, 4][random.below(7)] as number
  // Odd names for the last customers, so that the first page is not all oddities.
  const odd = world.options.customers - 1 - index
  return {
    name: (odd >= 0 && odd < oddTexts.length && world.options.customers > 50 ? oddTexts[odd] : undefined) ?? `${plain} ${index + 1}`,
    company,
    vendor,
    currency,
    first,
    last,
    email: random.chance(0.7) ? `contact${index}@example.com` : '',
    city: random.pick(cities),
  }
}

/** A customer's or vendor's address as documents and details repeat it. */
export function address(world: World, contact: number): Fields {
  const { city } = contactFacts(world, contact)
  const random = world.random('contacts', contact, 7)
  return {
    address_id: world.partId('contacts', contact, 8), attention: '', address: `شارع ${random.between(1, 90)}, Bldg. ${random.between(1, 300)}`,
    street2: '', city: random.chance(0.5) ? city[0] : city[1], state: '', state_code: '', zip: random.chance(0.5) ? String(random.between(10001, 69999)) : '',
    country: 'Iraq', county: '', country_code: 'IQ', fax: '', phone: '',
  }
}

/** The number of people at a contact; their records are numbered contact by contact, three places each. */
export function peopleOf(world: World, contact: number): number {
  return 1 + world.random('contacts', contact, 9).below(3)
}

export function person(world: World, contact: number, n: number): Fields {
  const facts = contactFacts(world, contact)
  const random = world.random('contactpersons', contact * 3 + n)
  return {
    contact_person_id: world.id('contactpersons', contact * 3 + n), contact_id: world.id('contacts', contact), salutation: random.pick(['Mr.', 'Ms.', 'السيد', '']),
    first_name: n === 0 ? facts.first : random.pick(firstNames), last_name: n === 0 ? facts.last : random.pick(lastNames),
    email: n === 0 ? facts.email : '', phone: '', mobile: random.chance(0.8) ? `+9647${random.between(700000000, 899999999)}` : '',
    is_primary_contact: n === 0, skype: '', designation: n === 0 ? '' : 'Accountant', department: '', is_added_in_portal: false, enable_portal: false,
    communication_preference: { is_email_enabled: true, is_sms_enabled: false, is_whatsapp_enabled: random.chance(0.5) },
  }
}

export function contactsKind(world: World, count: number): Kind {
  const imported = world.moment('contacts', 50, count)
  return {
    count,
    times: (i) => (i >= 50 && i < 150 ? [imported, imported] : world.times('contacts', i, count)),
    list(i) {
      const facts = contactFacts(world, i)
      const random = world.random('contacts', i, 2)
      const currency = currencies[facts.currency] as (typeof currencies)[number]
      const owed = random.chance(0.4) ? round((random.next() * 900) / currency.rate, currency.precision) : 0
      const main = person(world, i, 0)
      return {
        contact_id: world.id('contacts', i), contact_name: facts.name, customer_name: facts.vendor ? '' : facts.name, vendor_name: facts.vendor ? facts.name : '',
        company_name: facts.company, contact_type: facts.vendor ? 'vendor' : 'customer', contact_type_formatted: facts.vendor ? 'Vendor' : 'Customer',
        status: random.chance(0.05) ? 'inactive' : 'active', source: 'user', is_linked_with_zohocrm: false,
        payment_terms: random.pick([0, 15, 30]), payment_terms_label: 'Net', currency_id: world.id('currencies', facts.currency), currency_code: currency.code,
        outstanding_receivable_amount: facts.vendor ? 0 : owed, outstanding_receivable_amount_bcy: facts.vendor ? 0 : round(owed * currency.rate),
        outstanding_payable_amount: facts.vendor ? owed : 0, outstanding_payable_amount_bcy: facts.vendor ? round(owed * currency.rate) : 0,
        unused_credits_receivable_amount: 0, unused_credits_receivable_amount_bcy: 0, unused_credits_payable_amount: 0, unused_credits_payable_amount_bcy: 0,
        first_name: facts.first, last_name: facts.last, email: facts.email, phone: '', mobile: main['mobile'], portal_status: 'disabled',
        language_code: random.chance(0.5) ? 'ar' : 'en', website: '', has_attachment: false, tags: [], cf_route: random.between(1, 12),
      }
    },
    detail(i, listed) {
      const facts = contactFacts(world, i)
      const random = world.random('contacts', i, 3)
      const lists = world.count('pricebooks')
      return {
        has_transaction: true, customer_sub_type: facts.company ? 'business' : 'individual', credit_limit: random.chance(0.3) ? random.between(1, 90) * 100 : '',
        // The only place where a customer's price list is told.
        pricebook_id: random.chance(0.5) && lists ? world.id('pricebooks', random.below(lists)) : '', pricebook_name: '',
        contact_number: `CN-${i + 1}`, is_taxable: true, tax_id: '', tax_name: '', tax_percentage: '', tax_authority_id: '', tax_exemption_id: '',
        tax_authority_name: '', tax_exemption_code: '', place_of_contact: '', gst_no: '', tax_treatment: '', vat_treatment: '', gst_treatment: '',
        legal_name: '', is_tds_registered: false, owner_id: '', primary_contact_id: world.id('contactpersons', i * 3),
        currency_symbol: (currencies[facts.currency] as (typeof currencies)[number]).symbol, price_precision: 2, opening_balances: [],
        facebook: '', twitter: '', payment_reminder_enabled: true,
        custom_fields: [{ customfield_id: world.partId('contacts', 0, 1), index: 1, label: 'Route', api_name: 'cf_route', data_type: 'number', value: String(listed['cf_route']) }],
        billing_address: address(world, i), shipping_address: address(world, i),
        contact_persons: Array.from({ length: peopleOf(world, i) }, (_, n) => person(world, i, n)),
        default_templates: {}, notes: random.pick(notes), addresses: [],
      }
    },
  }
}
