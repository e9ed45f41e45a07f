/** The organization and what it has set up: currencies, locations, users. */

import type { Fields, Kind } from '../collection.ts'
import { type World, currencies, locationNames } from './world.ts'
import { cities, firstNames, lastNames } from './words.ts'

/** A second organization exists so that a call without organization_id is ambiguous. It holds nothing. */
export function organizationIds(world: World): readonly [string, string] {
  const first = world.options.organizationId
  return [first, String(Number(first) + 1111)]
}

export function organization(world: World, index: number): Fields {
  return {
    organization_id: organizationIds(world)[index], name: index ? 'Empty Company' : 'Dijla Trading - دجلة للتجارة', contact_name: 'Owner', email: 'owner@example.com', is_default_org: index === 0,
    plan_type: 16, plan_name: 'PREMIUM', plan_period: 'monthly', tax_group_enabled: true, zi_migration_status: 0, language_code: 'en', fiscal_year_start_month: 0,
    account_created_date: '2021-03-14', account_created_date_formatted: '14 Mar 2021', time_zone: world.zone.name, is_org_active: true, currency_id: world.id('currencies', 0), currency_code: 'USD',
    currency_symbol: '$', currency_format: '1,234,567.89', price_precision: 2, country: 'Iraq', country_code: 'IQ', is_registered_for_tax: true, user_role: 'admin', mode: 'live',
    AppList: ['books', 'inventory'],
  }
}

export function organizationDetail(world: World, index: number): Fields {
  return {
    ...organization(world, index), date_format: 'dd MMM yyyy', field_separator: ' ', industry_type: 'retail', industry_size: '', company_id_label: '', company_id_value: '', tax_id_label: '', tax_id_value: '',
    org_address: '', remit_to_address: '', phone: '', fax: '', website: '', custom_fields: [],
    address: { street_address1: 'Karrada', street_address2: '', city: 'Baghdad', state: '', country: 'Iraq', zip: '' },
  }
}

export function settingsKinds(world: World): Record<string, (count: number) => Kind> {
  return {
    currencies: (count) => ({
      count,
      times: (i) => world.times('currencies', 0, 50 + i),
      list: (i) => {
        const currency = currencies[i % currencies.length] as (typeof currencies)[number]
        return {
          currency_id: world.id('currencies', i), currency_code: currency.code, currency_name: `${currency.code}- ${currency.name}`, currency_symbol: currency.symbol, price_precision: currency.precision,
          currency_format: '1,234,567.89', is_base_currency: i === 0, exchange_rate: i === 0 ? '' : currency.exchange, effective_date: i === 0 ? '' : world.date(world.options.endsAt - 86400),
        }
      },
      detail: () => ({}),
    }),
    locations: (count) => ({
      count,
      times: (i) => world.times('locations', 0, 70 + i),
      list: (i) => ({
        location_id: world.locationId(i), location_name: world.locationName(i), type: i < locationNames.length ? 'general' : 'line_item_only', email: '', phone: '', is_primary: i === 0, status: 'active', is_location_active: true,
        address: { city: cities[i]?.[0] ?? 'Baghdad', state: '', country: 'Iraq', attention: '', state_code: '', street_address1: 'شارع الرشيد', street_address2: '' }, tax_settings_id: '', parent_location_id: '',
        associated_series_ids: [], auto_number_generation_id: '', is_all_users_selected: true, associated_users: [], total_zones: 0, is_storage_location_enabled: false,
      }),
      detail: () => ({}),
    }),
    users: (count) => ({
      count,
      times: (i) => world.times('users', 0, 80 + i),
      list: (i) => ({
        user_id: world.id('users', i), role_id: world.partId('users', 0, i % 3), name: `${firstNames[i % firstNames.length]} ${lastNames[i % lastNames.length]}`, email: `user${i}@example.com`, user_role: i ? 'staff' : 'admin',
        user_type: 'zoho', status: 'active', is_current_user: i === 0, photo_url: '', is_customer_segmented: false, is_vendor_segmented: false,
      }),
      detail: (i) => ({ email_ids: [{ email: `user${i}@example.com`, is_selected: true }], cost_rate: '', is_employee: false, is_claimant: false, created_time: '', custom_fields: '' }),
    }),
  }
}
