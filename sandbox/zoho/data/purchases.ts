/** Purchases: orders, receives, bills, payments, vendor credits and recurring bills. */

import type { Fields, Kind } from '../collection.ts'
import { type Document, detailFields, documentOf, lineItems, listFields, regional, vendorOf } from './documents.ts'
import { type World, round } from './world.ts'
import { notes } from './words.ts'

const number = (prefix: string, index: number): string => `${prefix}-${String(index + 1).padStart(5, '0')}`
const foreignTax: Fields = { acquisition_vat_summary: [], acquisition_vat_total: 0, reverse_charge_vat_summary: [], reverse_charge_vat_total: 0, filed_in_vat_return_id: '', filed_in_vat_return_name: '', filed_in_vat_return_type: '' }

/** A bill has the lines of its purchase order. */
const billDocument = (world: World, index: number): Document => documentOf(world, 'purchaseorders', index, 'vendor')

function purchaseKind(world: World, kind: string, count: number, make: (i: number) => Document, list: (i: number, doc: Document, date: number) => Fields, detail: (i: number, doc: Document) => Fields): Kind {
  return {
    count,
    times: (i) => world.times(kind, i, count),
    list(i) {
      const doc = make(i)
      const date = world.moment(kind, i, count)
      return { ...list(i, doc, date), ...vendorOf(world, doc), ...listFields(world, doc), date: world.date(date) }
    },
    detail(i) {
      const doc = make(i)
      return { ...foreignTax, ...detailFields(world, doc, kind, i), ...detail(i, doc) }
    },
  }
}

export function purchaseKinds(world: World): Record<string, (count: number) => Kind> {
  const own = (kind: string) => (i: number): Document => documentOf(world, kind, i, 'vendor')
  return {
    purchaseorders: (count) =>
      purchaseKind(world, 'purchaseorders', count, own('purchaseorders'), (i, doc, date) => ({
        purchaseorder_id: world.id('purchaseorders', i), purchaseorder_number: number('PO', i), reference_number: '',
        status: i < count - 15 ? 'billed' : i % 2 ? 'open' : 'draft', order_status: 'closed', billed_status: '', received_status: '', delivery_date: world.date(date + 10 * 86400),
        expected_delivery_date: '', is_drop_shipment: false, is_backorder: false, quantity_yet_to_receive: 0, total_ordered_quantity: round(doc.lines.reduce((sum, line) => sum + line.quantity, 0), 3),
        receives: i < world.count('purchasereceives') ? [{ receive_id: world.id('purchasereceives', i), receive_number: number('PR', i) }] : [],
      }), (i) => ({
        discount_account_id: '', crm_owner_id: '', is_emailed: false, ship_via: '', ship_via_id: '', attention: '', delivery_org_address_id: '', delivery_customer_id: '',
        delivery_customer_name: '', delivery_address: { address: '', city: 'Baghdad', state: '', zip: '', country: 'Iraq', fax: '' }, can_mark_as_bill: false, can_mark_as_unbill: false,
        salesorder_id: '', purchasereceives: [], bills: i < world.count('bills') ? [{ bill_id: world.id('bills', i), bill_number: number('BILL', i) }] : [],
      })),
    purchasereceives: (count) =>
      purchaseKind(world, 'purchasereceives', count, own('purchaseorders'), (i) => ({
        receive_id: world.id('purchasereceives', i), receive_number: number('PR', i), purchaseorder_id: world.id('purchaseorders', i), purchaseorder_number: number('PO', i), notes: '', status: 'received',
      }), () => ({})),
    bills: (count) =>
      purchaseKind(world, 'bills', count, (i) => billDocument(world, i), (i, doc, date) => {
        const paid = i < world.count('vendorpayments')
        return {
          bill_id: world.id('bills', i), bill_number: number('BILL', i), reference_number: i % 4 ? '' : `V/${i * 17}`, status: i % 80 === 79 ? 'void' : paid ? 'paid' : i % 2 ? 'overdue' : 'open',
          due_date: world.date(date + 30 * 86400), due_days: '', balance: paid || i % 80 === 79 ? 0 : doc.total, attachment_name: '', is_tds_applied: false, is_abn_quoted: '',
          purchaseorder_id: world.id('purchaseorders', i), due_by_days: '', due_in_days: '', unused_credits_payable_amount: 0,
        }
      }, (i, doc) => {
        const paid = i < world.count('vendorpayments')
        return {
          purchaseorder_ids: [world.id('purchaseorders', i)], permit_number: '', payment_terms: 30, payment_terms_label: 'Net 30', payment_expected_date: '', recurring_bill_id: '',
          is_item_level_tax_calc: false, payment_made: paid ? doc.total : 0, vendor_credits_applied: 0, is_line_item_invoiced: false, vendor_credits: [], reference_id: '', open_purchaseorders_count: 0,
          purchaseorders: [{ purchaseorder_id: world.id('purchaseorders', i), purchaseorder_number: number('PO', i) }],
          payments: paid ? [{ payment_id: world.id('vendorpayments', i), bill_id: world.id('bills', i), bill_payment_id: world.partId('vendorpayments', i, 0), payment_mode: 'cash', amount: doc.total }] : [],
        }
      }),
    vendorpayments: (count) => ({
      count,
      times: (i) => world.times('vendorpayments', i, count),
      list(i) {
        const doc = billDocument(world, i)
        const { total: _, ...common } = listFields(world, doc)
        return {
          ...common, ...vendorOf(world, doc), payment_id: world.id('vendorpayments', i), payment_number: i + 1, bill_numbers: number('BILL', i), payment_mode: i % 3 ? 'bank transfer' : 'cash',
          description: notes[i % notes.length], date: world.date(world.moment('vendorpayments', i, count)), reference_number: '', amount: doc.total, bcy_amount: round(doc.total * doc.currency.rate),
          paid_through_account_id: world.id('chartofaccounts', 1), paid_through_account_name: 'Main Bank', balance: 0, bcy_balance: 0, is_paid_via_print_check: false, is_ach_payment: false,
          ach_payment_status: '', ach_gw_transaction_id: '', check_details: [],
        }
      },
      detail(i) {
        const doc = billDocument(world, i)
        return {
          tax_account_name: '', tax_amount_withheld: 0, paid_through_account_type: 'bank', check_details: {}, billing_address: [], comments: '', vendorpayment_refunds: [], documents: [],
          bills: [{ bill_payment_id: world.partId('vendorpayments', i, 0), bill_id: world.id('bills', i), bill_number: number('BILL', i), amount_applied: doc.total, tax_amount_withheld: 0 }],
        }
      },
    }),
    vendorcredits: (count) =>
      purchaseKind(world, 'vendorcredits', count, own('vendorcredits'), (i, doc) => ({
        vendor_credit_id: world.id('vendorcredits', i), vendor_credit_number: number('VC', i), status: i % 4 ? 'closed' : 'open', reference_number: '', balance: i % 4 ? 0 : doc.total,
      }), (i, doc) => ({ total_credits_used: i % 4 ? doc.total : 0, total_refunded_amount: 0, comments: [], vendor_credit_refunds: [], bills_credited: [] })),
    recurringbills: (count) =>
      purchaseKind(world, 'recurringbills', count, own('recurringbills'), (i, doc, date) => ({
        recurring_bill_id: world.id('recurringbills', i), recurrence_name: `إيجار ${i + 1}`, status: 'active', start_date: world.date(date), end_date: '', ...regional, is_abn_quoted: '', abn: '',
        is_inclusive_tax: false, line_items: lineItems(world, doc), is_tds_applied: false, notes: '', terms: '', payment_terms: 0, payment_terms_label: 'Due on Receipt', ...foreignTax,
        created_by_id: world.id('users', 0), discount: '', discount_account_id: '', is_discount_before_tax: false, pricebook_id: '', pricebook_name: '',
      }), () => ({})),
  }
}
