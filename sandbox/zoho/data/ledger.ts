/** The books themselves: accounts, banks and their transactions, expenses, journals, projects. */

import type { Kind } from '../collection.ts'
import { contactFacts } from './contacts.ts'
import { regional } from './documents.ts'
import { type World, currencies, round, taxes } from './world.ts'
import { notes } from './words.ts'

const accounts = [
  ['Petty Cash', 'cash'], ['Main Bank', 'bank'], ['حساب مصرف الرافدين', 'bank'], ['Sales', 'income'], ['Cost of Goods Sold', 'cost_of_goods_sold'], ['Inventory Asset', 'stock'],
  ['Rent Expense', 'expense'], ['رواتب', 'expense'], ['Fuel', 'expense'], ['Electricity & Generator', 'expense'], ['Accounts Receivable', 'accounts_receivable'], ['Accounts Payable', 'accounts_payable'],
  ['Owner Equity', 'equity'], ['Tax Payable', 'other_current_liability'], ['Exchange Gain or Loss', 'other_expense'], ['Furniture', 'fixed_asset'],
] as const
export const accountCount = accounts.length

const account = (i: number): readonly [string, string] => accounts[i % accounts.length] as readonly [string, string]

export function ledgerKinds(world: World): Record<string, (count: number) => Kind> {
  const money = (kind: string, i: number): { amount: number; currency: (typeof currencies)[number]; index: number } => {
    const random = world.random(kind, i, 41)
    const index = random.chance(0.6) ? 1 : 0
    const currency = currencies[index] as (typeof currencies)[number]
    return { amount: round((random.next() * 500 + 1) / currency.rate, currency.precision), currency, index }
  }
  return {
    chartofaccounts: (count) => ({
      count,
      times: (i) => world.times('chartofaccounts', 0, 40 + i),
      list: (i) => ({
        account_id: world.id('chartofaccounts', i), account_name: account(i)[0], account_code: String(1000 + i * 10), account_type: account(i)[1], is_user_created: i > 11, is_system_account: i < 6,
        is_standalone_account: false, is_active: i !== 15, can_show_in_ze: false, is_involved_in_transaction: true, current_balance: round(world.random('chartofaccounts', i).next() * 90000), parent_account_id: '',
        parent_account_name: '', depth: 0, has_attachment: false, is_child_present: false, child_count: '', documents: [],
      }),
      detail: (i) => ({ currency_id: world.id('currencies', 0), currency_code: 'USD', description: '', include_in_vat_return: false, custom_fields: [], closing_balance: round(world.random('chartofaccounts', i).next() * 90000) }),
    }),
    bankaccounts: (count) => ({
      count,
      times: (i) => world.times('bankaccounts', i, count),
      list: (i) => ({
        account_id: world.id('bankaccounts', i), account_name: account(i)[0], account_code: '', currency_id: world.id('currencies', i % 2), currency_code: currencies[i % 2]?.code, account_type: account(i)[1],
        account_number: `XXXX${1000 + i}`, uncategorized_transactions: 0, total_unprinted_checks: 0, is_active: true, balance: round(world.random('bankaccounts', i).next() * 50000), bank_balance: 0,
        bcy_balance: 0, bank_name: i ? 'Rafidain Bank' : '', routing_number: '', is_primary_account: i === 1, is_paypal_account: false,
      }),
      detail: () => ({ currency_symbol: '', price_precision: 2, is_feeds_subscribed: false, is_feeds_active: false, description: '', refresh_status_code: '', feeds_last_refresh_date: '', service_id: '', is_system_account: false, is_show_warning_for_feeds_refresh: false }),
    }),
    banktransactions: (count) => ({
      count,
      times: (i) => world.times('banktransactions', i, count),
      list(i) {
        const { amount, currency, index } = money('banktransactions', i)
        return {
          transaction_id: world.id('banktransactions', i), date: world.date(world.moment('banktransactions', i, count)), amount, transaction_type: i % 3 ? 'deposit' : 'expense', status: i % 7 ? 'categorized' : 'uncategorized',
          source: 'manually_added', account_id: world.id('bankaccounts', 1), account_name: 'Main Bank', account_type: 'bank', price_precision: currency.precision, customer_id: '', payee: '',
          is_paid_via_print_check: false, description: notes[i % notes.length], currency_id: world.id('currencies', index), currency_code: currency.code, currency_symbol: currency.symbol,
          debit_or_credit: i % 3 ? 'debit' : 'credit', offset_account_name: 'Sales', is_offsetaccount_matched: false, reference_number: '', imported_transaction_id: '', is_rule_exist: false, rule_details: [],
        }
      },
      detail(i) {
        const { amount, currency } = money('banktransactions', i)
        return {
          from_account_id: world.id('bankaccounts', 1), from_account_name: 'Main Bank', to_account_id: '', to_account_name: '', payment_mode: 'cash', exchange_rate: currency.exchange, customer_name: '', vendor_id: '',
          vendor_name: '', bank_charges: 0, tax_id: '', documents: [], is_inclusive_tax: false, tax_name: '', tax_percentage: '', tax_amount: 0, sub_total: amount, tax_authority_id: '', tax_authority_name: '',
          tax_exemption_id: '', tax_exemption_code: '', total: amount, bcy_total: round(amount * currency.rate), ...regional, imported_transactions: [], tags: [], line_items: [],
        }
      },
    }),
    expenses: (count) => ({
      count,
      times: (i) => world.times('expenses', i, count),
      list(i) {
        const { amount, currency, index } = money('expenses', i)
        const random = world.random('expenses', i, 42)
        const customer = random.chance(0.1) ? random.below(Math.max(1, world.options.customers)) : -1
        return {
          expense_id: world.id('expenses', i), date: world.date(world.moment('expenses', i, count)), account_id: world.id('chartofaccounts', 6 + (i % 4)), account_name: account(6 + (i % 4))[0],
          paid_through_account_name: 'Petty Cash', description: random.pick(notes), currency_id: world.id('currencies', index), currency_code: currency.code, bcy_total: round(amount * currency.rate), bcy_total_without_tax: round(amount * currency.rate),
          total: amount, total_without_tax: amount, is_billable: customer >= 0, is_personal: false, reference_number: '', customer_id: customer >= 0 ? world.id('contacts', customer) : '',
          customer_name: customer >= 0 ? contactFacts(world, customer).name : '', vendor_id: '', vendor_name: '', status: customer >= 0 ? 'unbilled' : 'nonbillable', location_id: world.locationId(i % 4),
          location_name: world.locationName(i % 4), expense_receipt_name: '', exchange_rate: currency.exchange, distance: '', mileage_rate: '', mileage_unit: '', mileage_type: 'non_mileage',
          expense_type: 'non_mileage', start_reading: '', end_reading: '', report_id: '', report_name: '', has_attachment: false, custom_fields_list: '', tags: [],
        }
      },
      detail(i, listed) {
        return {
          transaction_id: listed['expense_id'], transaction_type: 'expense', ...regional, destination_of_supply_state: '', hsn_or_sac: '', reverse_charge_tax_id: '', reverse_charge_tax_name: '',
          reverse_charge_tax_percentage: 0, reverse_charge_tax_amount: 0, tax_amount: 0, is_itemized_expense: false, trip_id: '', trip_number: '', reverse_charge_vat_total: 0, acquisition_vat_total: 0,
          acquisition_vat_summary: [], reverse_charge_vat_summary: [], expense_item_id: world.partId('expenses', i, 1), tax_id: '', tax_name: '', tax_percentage: 0, sub_total: listed['total'], amount: listed['total'],
          is_inclusive_tax: false, expense_receipt_type: '', invoice_id: '', invoice_number: '', project_id: '', project_name: '', custom_fields: [], documents: [],
          line_items: [{ line_item_id: world.partId('expenses', i, 0), account_id: listed['account_id'], account_name: listed['account_name'], description: '', amount: listed['total'], item_total: listed['total'], item_order: 1, tax_amount: 0 }],
        }
      },
    }),
    journals: (count) => ({
      count,
      times: (i) => world.times('journals', i, count),
      list(i) {
        const { amount, currency, index } = money('journals', i)
        return {
          journal_id: world.id('journals', i), journal_date: world.date(world.moment('journals', i, count)), entry_number: String(i + 1), reference_number: i % 5 ? '' : 'تسوية', currency_id: world.id('currencies', index),
          currency_code: currency.code, currency_symbol: currency.symbol, exchange_rate: currency.exchange, notes: notes[i % notes.length], journal_type: 'both', entity_type: 'journal', status: i % 30 ? 'published' : 'draft',
          total: amount, bcy_total: round(amount * currency.rate), custom_field: '', has_attachment: false, tags: [],
        }
      },
      detail(i, listed) {
        const line = (n: number, side: string): object => ({
          line_id: world.partId('journals', i, n), account_id: world.id('chartofaccounts', (i + n) % accounts.length), account_name: account(i + n)[0], description: '', debit_or_credit: side, amount: listed['total'],
          bcy_amount: listed['bcy_total'], customer_id: '', customer_name: '', tax_id: '', tax_name: '', tax_percentage: '', tags: [], location_id: world.locationId(0), location_name: world.locationName(0), project_id: '', project_name: '',
        })
        return {
          line_items: [line(0, 'debit'), line(1, 'credit')], line_item_total: listed['total'], price_precision: 2, taxes: [], vat_treatment: '', product_type: '', include_in_vat_return: false, is_bas_adjustment: false,
          location_id: world.locationId(0), location_name: world.locationName(0), custom_fields: [],
        }
      },
    }),
    projects: (count) => ({
      count,
      times: (i) => world.times('projects', i, count),
      list: (i) => ({
        project_id: world.id('projects', i), project_name: `Shop fitting ${i + 1} - تجهيز`, customer_id: world.id('contacts', i), customer_name: contactFacts(world, i).name, description: '', status: i % 4 ? 'active' : 'inactive',
        billing_type: 'fixed_cost_for_project', rate: round(1000 + i * 12.5), has_attachment: false, total_hours: '00:00', billable_hours: '00:00',
      }),
      detail: () => ({
        currency_code: 'USD', budget_type: '', total_amount: 0, billed_hours: '00:00', billed_amount: 0, un_billed_hours: '00:00', un_billed_amount: 0, billable_amount: 0, non_billable_hours: '00:00',
        non_billable_amount: 0, cost_budget_amount: '', is_recurrence_associated: false, recurring_invoices: [], show_in_dashboard: true, tasks: [], users: [],
      }),
    }),
    taxes: (count) => ({
      count,
      times: (i) => world.times('taxes', 0, 60 + i),
      list: (i) => ({
        tax_id: world.id('taxes', i), tax_name: taxes[i]?.name ?? `Tax ${i}`, tax_percentage: taxes[i]?.percentage ?? 0, tax_type: 'tax', tax_factor: 'rate', tax_specific_type: '', tax_authority_id: '',
        tax_authority_name: '', is_value_added: true, is_default_tax: i === 0, is_editable: true, is_inactive: false, output_tax_account_name: 'Tax Payable', purchase_tax_account_name: '', tax_account_id: world.id('chartofaccounts', 13), purchase_tax_account_id: '',
      }),
      detail: () => ({ tds_payable_account_id: '', country: 'Iraq', country_code: 'IQ', purchase_tax_expense_account_id: '' }),
    }),
  }
}
