/** Sales: orders, invoices, payments, credit notes, quotes, receipts, returns, retainers and what recurs. */

import type { Fields, Kind } from '../collection.ts'
import { type Document, customerOf, detailFields, documentOf, lineItems, listFields } from './documents.ts'
import { type World, round } from './world.ts'
import { notes, paymentModes } from './words.ts'

const number = (prefix: string, index: number): string => `${prefix}-${String(index + 1).padStart(5, '0')}`

/** The order that an invoice bills, so that both have the same lines; invoices beyond the orders stand alone. */
export function invoiceDocument(world: World, index: number): Document {
  return index < world.count('salesorders') ? documentOf(world, 'salesorders', index, 'customer') : documentOf(world, 'invoices', index, 'customer')
}

export function invoiceStatus(world: World, index: number): string {
  const draw = world.random('invoices', index, 21).next()
  if (draw < 0.012) return 'void'
  if (index < world.count('customerpayments')) return 'paid'
  return draw < 0.05 ? 'draft' : draw < 0.5 ? 'overdue' : 'sent'
}

function salesKind(world: World, kind: string, count: number, make: (i: number) => Document, list: (i: number, doc: Document, date: number) => Fields, detail: (i: number, doc: Document) => Fields): Kind {
  return {
    count,
    times: (i) => world.times(kind, i, count),
    list(i) {
      const doc = make(i)
      const date = world.moment(kind, i, count)
      return { ...list(i, doc, date), ...customerOf(world, doc), ...listFields(world, doc), date: world.date(date) }
    },
    detail: (i) => {
      const doc = make(i)
      return { ...detailFields(world, doc, kind, i), ...detail(i, doc) }
    },
  }
}

const own = (world: World, kind: string) => (i: number): Document => documentOf(world, kind, i, 'customer')

export function salesKinds(world: World): Record<string, (count: number) => Kind> {
  return {
    salesorders: (count) =>
      salesKind(world, 'salesorders', count, own(world, 'salesorders'), (i, doc, date) => {
        const random = world.random('salesorders', i, 22)
        const quantity = round(doc.lines.reduce((sum, line) => sum + line.quantity, 0), 3)
        return {
          salesorder_id: world.id('salesorders', i), salesorder_number: number('SO', i), reference_number: random.chance(0.2) ? `web#${random.below(99999)}` : '',
          status: random.chance(0.01) ? 'void' : i < count - 60 ? 'invoiced' : random.pick(['draft', 'confirmed', 'open']),
          order_status: 'closed', invoiced_status: 'invoiced', paid_status: '', shipped_status: '', shipment_date: random.chance(0.5) ? world.date(date + 86400) : '',
          shipment_days: random.chance(0.5) ? 1 : '', quantity, quantity_invoiced: quantity, quantity_packed: 0, quantity_shipped: 0, sub_total: doc.subTotal,
          bcy_total: round(doc.total * doc.currency.rate), is_emailed: random.chance(0.3), is_drop_shipment: false, is_backorder: false,
          sales_channel: 'direct_sales', zcrm_potential_id: '', zcrm_potential_name: '', salesperson_name: '', delivery_date: '', is_scheduled_for_quick_shipment_create: false,
        }
      }, (i) => ({
        estimate_id: '', delivery_method: '', delivery_method_id: '', is_dropshipped: false, is_backordered: false, is_backorder_allowed: false,
        has_unconfirmed_line_item: false, billing_address_id: '', shipping_address_id: '', crm_owner_id: '', crm_custom_reference_id: '', sub_statuses: [], merchant_id: '', merchant_name: '', notes_default: '', terms_default: '',
        tax_id: '', tax_authority_id: '', tax_authority_name: '', tax_exemption_id: '', tax_exemption_code: '', purchaseorders: [],
        invoices: i < world.count('invoices') ? [{ invoice_id: world.id('invoices', i), invoice_number: number('INV', i), status: invoiceStatus(world, i) }] : [],
        packages: [],
      })),
    invoices: (count) =>
      salesKind(world, 'invoices', count, (i) => invoiceDocument(world, i), (i, doc, date) => {
        const status = invoiceStatus(world, i)
        const paid = status === 'paid' || status === 'void'
        const random = world.random('invoices', i, 23)
        return {
          invoice_id: world.id('invoices', i), ach_payment_initiated: false, invoice_number: number('INV', i), status, reference_number: i < world.count('salesorders') ? number('SO', i) : '',
          due_date: world.date(date + 30 * 86400), due_days: paid ? '' : `Due in ${random.between(1, 30)} days`, balance: paid ? 0 : doc.total, type: 'invoice',
          transaction_type: 'invoice', schedule_time: '', is_viewed_by_client: random.chance(0.1), client_viewed_time: '', is_emailed: random.chance(0.4),
          reminders_sent: 0, last_reminder_sent_date: '', payment_expected_date: '', last_payment_date: status === 'paid' ? world.date(date + 86400) : '',
          documents: '', salesperson_id: '', salesperson_name: '', shipping_charge: 0, adjustment: 0, write_off_amount: 0, unprocessed_payment_amount: 0,
          zcrm_potential_id: '', zcrm_potential_name: '', phone: '', created_by: 'Owner',
        }
      }, (i, doc) => {
        const paid = invoiceStatus(world, i) === 'paid'
        return {
          payment_terms: 30, payment_terms_label: 'Net 30', recurring_invoice_id: '', payment_reminder_enabled: true, payment_made: paid ? doc.total : 0,
          credits_applied: 0, tax_amount_withheld: 0, allow_partial_payments: false, payment_options: { payment_gateways: [] }, invoice_url: '', cfdi_usage: '',
          salesorder_id: i < world.count('salesorders') ? world.id('salesorders', i) : '', salesorders: [], subject_content: '', estimate_id: '',
          payments: paid ? [{ payment_id: world.id('customerpayments', i), amount: doc.total }] : [],
        }
      }),
    customerpayments: (count) => ({
      count,
      times: (i) => world.times('customerpayments', i, count),
      list(i) {
        const doc = invoiceDocument(world, i)
        const random = world.random('customerpayments', i, 24)
        const applied = invoiceStatus(world, i) === 'paid'
        const { total: _, ...common } = listFields(world, doc)
        return {
          ...common, ...customerOf(world, doc), payment_id: world.id('customerpayments', i), payment_number: String(i + 1), payment_mode: random.pick(paymentModes),
          payment_type: 'Invoice Payment', invoice_numbers: applied ? number('INV', i) : '', invoice_number: applied ? number('INV', i) : '',
          date: world.date(world.moment('invoices', i, world.count('invoices')) + 86400), amount: doc.total, bcy_amount: round(doc.total * doc.currency.rate),
          unused_amount: applied ? 0 : doc.total, account_id: world.id('chartofaccounts', 0), account_name: 'Petty Cash', description: random.pick(notes),
          reference_number: random.chance(0.3) ? `TR${random.below(1e6)}` : '', status: 'paid', gateway_transaction_id: '', tax_amount_withheld: 0,
        }
      },
      detail(i) {
        const doc = invoiceDocument(world, i)
        return {
          amount_refunded: 0, bank_charges: 0, last_four_digits: '', tax_account_id: '', tax_account_name: '', payment_refunds: [], documents: [],
          invoices: invoiceStatus(world, i) === 'paid'
            ? [{ invoice_id: world.id('invoices', i), invoice_payment_id: world.partId('customerpayments', i, 0), invoice_number: number('INV', i), date: world.date(world.moment('invoices', i, world.count('invoices'))), invoice_amount: doc.total, amount_applied: doc.total, balance_amount: 0, tax_amount_withheld: 0 }]
            : [],
        }
      },
    }),
    creditnotes: (count) =>
      salesKind(world, 'creditnotes', count, own(world, 'creditnotes'), (i, doc) => ({
        creditnote_id: world.id('creditnotes', i), creditnote_number: number('CN', i), status: i % 25 === 0 ? 'void' : i % 3 ? 'closed' : 'open', reference_number: '',
        balance: i % 3 || i % 25 === 0 ? 0 : doc.total, is_emailed: false,
      }), () => ({ cfdi_usage: '', cfdi_reference_type: '', updated_time: '', invoices: [], invoices_credited: [], creditnote_refunds: [] })),
    estimates: (count) =>
      salesKind(world, 'estimates', count, own(world, 'estimates'), (i, _doc, date) => ({
        estimate_id: world.id('estimates', i), estimate_number: number('QT', i), status: ['accepted', 'sent', 'declined', 'expired', 'draft'][i % 5], reference_number: '',
        accepted_date: i % 5 === 0 ? world.date(date + 86400) : '', declined_date: '', expiry_date: world.date(date + 14 * 86400), is_viewed_by_client: false, client_viewed_time: '',
      }), () => ({ project: {} })),
    retainerinvoices: (count) =>
      salesKind(world, 'retainerinvoices', count, own(world, 'retainerinvoices'), (i, doc) => ({
        retainerinvoice_id: world.id('retainerinvoices', i), retainerinvoice_number: number('RET', i), status: i % 2 ? 'paid' : 'sent', reference_number: '',
        project_or_estimate_name: '', is_viewed_by_client: false, client_viewed_time: '', balance: i % 2 ? 0 : doc.total, is_emailed: false, last_payment_date: '',
      }), () => ({ project_id: '', project_name: '', payment_made: 0, payment_drawn: 0, allow_partial_payments: false, payment_options: { payment_gateways: [] }, invoice_url: '' })),
    recurringinvoices: (count) =>
      salesKind(world, 'recurringinvoices', count, own(world, 'recurringinvoices'), (i, _doc, date) => ({
        recurring_invoice_id: world.id('recurringinvoices', i), recurrence_name: `Monthly ${i + 1}`, reference_number: '', status: i % 4 ? 'active' : 'stopped',
        recurrence_frequency: 'months', repeat_every: 1, start_date: world.date(date), end_date: '', last_sent_date: world.date(world.options.endsAt - 86400 * 9), next_invoice_date: world.date(world.options.endsAt + 86400 * 21),
      }), () => ({ customer_email: '', customer_phone: '', customer_mobile_phone: '', photo_url: '', cfdi_usage: '', paid_invoices_total: 0, unpaid_invoices_balance: 0, payment_options: { payment_gateways: [] } })),
    salesreceipts: (count) =>
      salesKind(world, 'salesreceipts', count, own(world, 'salesreceipts'), (i, doc) => ({
        sales_receipt_id: world.id('salesreceipts', i), receipt_number: number('SR', i), status: 'paid', payment_mode: paymentModes[i % paymentModes.length],
        sub_total: doc.subTotal, tax_total: doc.taxTotal, notes: '', terms: '', line_items: lineItems(world, doc),
      }), () => ({})),
    salesreturns: (count) => ({
      count,
      times: (i) => world.times('salesreturns', i, count),
      list(i) {
        const order = i * 7
        const doc = documentOf(world, 'salesorders', order, 'customer')
        return {
          salesreturn_id: world.id('salesreturns', i), salesreturn_number: number('RMA', i), date: world.date(world.moment('salesreturns', i, count)),
          salesorder_id: world.id('salesorders', order), salesorder_number: number('SO', order), ...customerOf(world, doc), custom_fields: [],
          salesreturn_status: 'received', receive_status: 'received', refund_status: i % 2 ? 'refunded' : '', quantity: 1, refunded_amount: i % 2 ? doc.lines[0]?.rate : 0,
        }
      },
      detail(i) {
        const doc = documentOf(world, 'salesorders', i * 7, 'customer')
        return {
          reason: 'تالف', location_id: world.locationId(doc.location), location_name: world.locationName(doc.location), comments: [], salesreturnreceives: [], creditnotes: [],
          line_items: lineItems(world, doc, 'salesreturns', i).slice(0, 1).map((line) => ({ ...line, salesorder_item_id: world.partId('salesorders', i * 7, 0), non_receive_quantity: 0, quantity: 1 })),
        }
      },
    }),
  }
}
