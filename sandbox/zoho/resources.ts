/**
 * The catalogue of what the sandbox serves: one entry per resource, with the traits of its list on the wire.
 * What is not said here does not exist, and a filter that is not said to work is ignored without a word, as the real one does.
 */

export type Api = 'books' | 'inventory'

export interface Resource {
  /** Name in the sandbox's store and admin plane. */
  readonly name: string
  /** Path of the list below `/books/v3` or `/inventory/v1`. */
  readonly path: string
  readonly apis: readonly Api[]
  readonly idField: string
  readonly listKey: string
  /** Key of the record in the detail answer. Undefined where the API has no detail call. */
  readonly detailKey?: string
  /** Where Inventory wraps the detail differently. */
  readonly inventoryDetailKey?: string
  /** Path of the detail where it differs from the list's. */
  readonly detailPath?: string
  /** What messages call one record. */
  readonly noun: string
  /** Two digits inside its ids. */
  readonly code: number
  readonly sort: { readonly column: string; readonly descending: boolean }
  /** Columns that `sort_column` obeys; others are ignored. */
  readonly sortable: readonly string[]
  /** The APIs where the `last_modified_time` filter works. */
  readonly modifiedFilter: readonly Api[]
  /** The APIs where `sort_column=last_modified_time` works. */
  readonly modifiedSort: readonly Api[]
  /** Query parameters that are compared with a field of the list record. */
  readonly filters: readonly string[]
  /** Inventory ignores every filter on these lists. */
  readonly inventoryIgnoresFilters?: boolean
  /** Fields that only the list sends. */
  readonly listOnly?: readonly string[]
  /** The lists of settings come whole, with no page_context. */
  readonly unpaged?: boolean
}

type Traits = Partial<Omit<Resource, 'name' | 'idField' | 'noun' | 'code'>> & { modified?: 'filter' | 'sort' | 'both' }

const both: readonly Api[] = ['books', 'inventory']
const books: readonly Api[] = ['books']
const inventory: readonly Api[] = ['inventory']
const newestFirst = { column: 'created_time', descending: true }

function resource(code: number, name: string, idField: string, noun: string, traits: Traits = {}): Resource {
  const { modified, ...rest } = traits
  return {
    name,
    code,
    idField,
    noun,
    path: `/${name}`,
    apis: both,
    listKey: name,
    sort: newestFirst,
    sortable: ['created_time', 'date'],
    // The file documents the filter on Books; on Inventory only where the entry says so.
    modifiedFilter: modified === 'filter' || modified === 'both' ? books : [],
    modifiedSort: modified === 'sort' || modified === 'both' ? books : [],
    filters: ['status'],
    ...rest,
  }
}

const byName = (column: string): { sort: Resource['sort']; sortable: readonly string[] } => ({
  sort: { column, descending: false },
  sortable: [column, 'created_time'],
})

export const resources: readonly Resource[] = [
  resource(11, 'items', 'item_id', 'Item', {
    detailKey: 'item', ...byName('name'), sortable: ['name', 'sku', 'rate', 'created_time'],
    modifiedSort: inventory, modifiedFilter: inventory, filters: ['status', 'sku', 'name'],
  }),
  resource(12, 'contacts', 'contact_id', 'Contact', {
    detailKey: 'contact', ...byName('contact_name'), sortable: ['contact_name', 'created_time', 'outstanding_receivable_amount', 'email'],
    modified: 'sort', filters: ['contact_type', 'status', 'contact_name', 'email'],
  }),
  resource(13, 'contactpersons', 'contact_person_id', 'Contact person', {
    path: '/contacts/{contact_id}/contactpersons', listKey: 'contact_persons', detailKey: 'contact_person', filters: [],
  }),
  resource(14, 'compositeitems', 'composite_item_id', 'Composite item', {
    apis: inventory, listKey: 'composite_items', detailKey: 'composite_item', ...byName('name'),
  }),
  resource(15, 'itemgroups', 'group_id', 'Item group', { apis: inventory, detailKey: 'item_group', ...byName('group_name') }),
  resource(16, 'pricebooks', 'pricebook_id', 'Price list', { ...byName('name'), detailKey: 'pricebook' }),
  resource(20, 'salesorders', 'salesorder_id', 'Sales order', {
    detailKey: 'salesorder', modified: 'filter', filters: ['status', 'customer_id', 'date', 'salesorder_number'],
  }),
  resource(21, 'invoices', 'invoice_id', 'Invoice', {
    detailKey: 'invoice', modified: 'filter', sortable: ['created_time', 'date', 'invoice_number', 'total', 'due_date'],
    filters: ['status', 'customer_id', 'date', 'invoice_number'],
  }),
  resource(22, 'customerpayments', 'payment_id', 'Payment', {
    detailKey: 'payment', sort: { column: 'date', descending: true }, sortable: ['date', 'amount'],
    filters: ['customer_id', 'date', 'payment_mode'], listOnly: ['last_modified_time'],
  }),
  resource(23, 'creditnotes', 'creditnote_id', 'Credit note', {
    detailKey: 'creditnote', modified: 'filter', filters: ['status', 'customer_id', 'date'],
  }),
  resource(24, 'estimates', 'estimate_id', 'Quote', {
    apis: books, detailKey: 'estimate', modified: 'filter', filters: ['status', 'customer_id', 'date'],
  }),
  resource(25, 'retainerinvoices', 'retainerinvoice_id', 'Retainer invoice', { detailKey: 'retainerinvoice' }),
  resource(26, 'recurringinvoices', 'recurring_invoice_id', 'Recurring invoice', {
    apis: books, listKey: 'recurring_invoices', detailKey: 'recurring_invoice',
  }),
  resource(27, 'salesreceipts', 'sales_receipt_id', 'Sales receipt', { apis: books, detailKey: 'salesreceipt' }),
  resource(28, 'salesreturns', 'salesreturn_id', 'Sales return', { apis: inventory, detailKey: 'salesreturn', inventoryIgnoresFilters: true }),
  resource(30, 'purchaseorders', 'purchaseorder_id', 'Purchase order', {
    detailKey: 'purchaseorder', inventoryDetailKey: 'purchase_order', modified: 'filter', filters: ['status', 'vendor_id', 'date'],
  }),
  resource(31, 'purchasereceives', 'receive_id', 'Purchase receive', { apis: inventory, detailKey: 'purchase_receive' }),
  resource(32, 'bills', 'bill_id', 'Bill', {
    detailKey: 'bill', modified: 'filter', filters: ['status', 'vendor_id', 'date'], inventoryIgnoresFilters: true,
  }),
  resource(33, 'vendorpayments', 'payment_id', 'Vendor payment', {
    apis: books, detailKey: 'vendorpayment', modified: 'filter', sort: { column: 'date', descending: true }, sortable: ['date', 'amount'],
    filters: ['vendor_id', 'date'],
  }),
  resource(34, 'vendorcredits', 'vendor_credit_id', 'Vendor credit', {
    detailKey: 'vendor_credit', modifiedFilter: both, filters: ['status', 'vendor_id', 'date'],
  }),
  resource(35, 'recurringbills', 'recurring_bill_id', 'Recurring bill', {
    apis: books, detailKey: 'recurring_bill', detailPath: '/recurring_bills', modified: 'filter',
  }),
  resource(40, 'expenses', 'expense_id', 'Expense', {
    apis: books, detailKey: 'expense', sort: { column: 'date', descending: true }, sortable: ['date', 'total', 'created_time'],
    filters: ['status', 'customer_id', 'date'],
  }),
  resource(41, 'journals', 'journal_id', 'Journal', {
    apis: books, detailKey: 'journal', modified: 'both', sort: { column: 'journal_date', descending: true }, sortable: ['journal_date', 'total'],
  }),
  resource(42, 'chartofaccounts', 'account_id', 'Account', {
    apis: books, detailKey: 'chart_of_account', modified: 'filter', ...byName('account_name'),
  }),
  resource(43, 'bankaccounts', 'account_id', 'Bank account', { apis: books, detailKey: 'bankaccount', ...byName('account_name') }),
  resource(44, 'banktransactions', 'transaction_id', 'Bank transaction', {
    apis: books, detailKey: 'banktransaction', sort: { column: 'date', descending: true }, filters: ['status', 'account_id', 'date'],
  }),
  resource(45, 'projects', 'project_id', 'Project', { apis: books, detailKey: 'project', ...byName('project_name') }),
  resource(50, 'packages', 'package_id', 'Package', {
    apis: inventory, detailKey: 'package', filters: ['customer_id'], sortable: ['created_time', 'date', 'package_number'],
  }),
  resource(51, 'shipmentorders', 'shipment_id', 'Shipment order', { apis: inventory, detailKey: 'shipment_order' }),
  resource(52, 'transferorders', 'transfer_order_id', 'Transfer order', {
    apis: inventory, listKey: 'transfer_orders', detailKey: 'transfer_order',
  }),
  resource(53, 'inventoryadjustments', 'inventory_adjustment_id', 'Inventory adjustment', {
    apis: inventory, listKey: 'inventory_adjustments', detailKey: 'inventory_adjustment',
  }),
  resource(60, 'taxes', 'tax_id', 'Tax', { path: '/settings/taxes', detailKey: 'tax', ...byName('tax_name') }),
  resource(61, 'currencies', 'currency_id', 'Currency', { path: '/settings/currencies', detailKey: 'currency', ...byName('currency_code') }),
  resource(62, 'locations', 'location_id', 'Location', { ...byName('location_name'), unpaged: true }),
  resource(63, 'users', 'user_id', 'User', { detailKey: 'user', ...byName('name') }),
]

const byResourceName = new Map(resources.map((r) => [r.name, r]))

/** A resource by its name; a name that is not in the catalogue is a mistake of the caller. */
export function resourceNamed(name: string): Resource {
  const found = byResourceName.get(name)
  if (!found) throw new Error(`The sandbox has no resource "${name}". It has: ${resources.map((r) => r.name).join(', ')}.`)
  return found
}
