import { commonStreams } from '../_zoho/common-streams.ts';
import { stream, type StreamEntry, type StreamOptions } from '../_zoho/stream-catalogue.ts';
import {
  accountFields, billFields, creditNoteFields, customerPaymentFields, estimateFields, expenseFields, invoiceFields, itemFields, journalFields,
  purchaseOrderFields, salesOrderFields, vendorCreditFields, vendorPaymentFields,
} from '../_zoho/stream-fields.ts';

// What Zoho Books API v3's docs say of each list: the time filter, and the columns by which it sorts.
const filter: StreamOptions = { modifiedFilter: 'yes' };
const filterAndCreated: StreamOptions = { modifiedFilter: 'yes', createdSort: 'yes' };
const all: StreamOptions = { modifiedFilter: 'yes', createdSort: 'yes', modifiedSort: 'try' };
const created: StreamOptions = { createdSort: 'yes' };

/** The streams of Zoho Books API v3. */
export const bookStreams: readonly StreamEntry[] = [
  {
    ...stream('items', 'item_id', 'settings', 'Products and services', { fields: itemFields }),
    detail: { kind: 'items', recordKeys: ['item'] },
  },
  ...commonStreams('settings', 'yes'),
  stream('invoices', 'invoice_id', 'invoices', 'Invoices', { ...filterAndCreated, detail: 'invoice', fields: invoiceFields }),
  stream('salesorders', 'salesorder_id', 'salesorders', 'Sales orders', { ...all, detail: 'salesorder', fields: salesOrderFields }),
  stream('estimates', 'estimate_id', 'estimates', 'Estimates (quotes)', { ...all, detail: 'estimate', fields: estimateFields }),
  stream('creditnotes', 'creditnote_id', 'creditnotes', 'Credit notes', { ...all, detail: 'creditnote', fields: creditNoteFields }),
  stream('creditnoterefunds', 'creditnote_refund_id', 'creditnotes', 'Refunds of credit notes', { path: 'creditnotes/refunds', recordKey: 'creditnote_refunds', times: false, detail: 'creditnote_refund' }),
  // The filter is not documented and a payment's date says nothing of its edits, so every read is a full one unless the list obeys a time.
  stream('customerpayments', 'payment_id', 'customerpayments', 'Payments received', { detail: ['payment', 'customerpayment'], fields: customerPaymentFields }),
  stream('retainerinvoices', 'retainerinvoice_id', 'invoices', 'Retainer invoices', { ...created, detail: 'retainerinvoice' }),
  stream('recurringinvoices', 'recurring_invoice_id', 'invoices', 'Recurring invoices', { recordKey: 'recurring_invoices', detail: 'recurring_invoice' }),
  stream('salesreceipts', 'sales_receipt_id', 'invoices', 'Sales receipts', { ...created, detail: ['salesreceipt', 'sales_receipt'] }),
  stream('deliverychallans', 'deliverychallan_id', 'deliverychallans', 'Delivery challans', { ...created, detail: 'deliverychallan' }),
  stream('purchaseorders', 'purchaseorder_id', 'purchaseorders', 'Purchase orders', { ...all, detail: ['purchaseorder', 'purchase_order'], fields: purchaseOrderFields }),
  stream('bills', 'bill_id', 'bills', 'Bills', { ...all, detail: 'bill', fields: billFields }),
  stream('recurringbills', 'recurring_bill_id', 'bills', 'Recurring bills', { ...filter, detail: 'recurring_bill', detailPath: 'recurring_bills' }),
  stream('vendorpayments', 'payment_id', 'vendorpayments', 'Payments made', { ...filter, detail: 'vendorpayment', fields: vendorPaymentFields }),
  stream('vendorcredits', 'vendor_credit_id', 'debitnotes', 'Vendor credits', { ...all, detail: 'vendor_credit', fields: vendorCreditFields }),
  stream('vendorcreditrefunds', 'vendor_credit_refund_id', 'debitnotes', 'Refunds of vendor credits', { path: 'vendorcredits/refunds', recordKey: 'vendor_credit_refunds', times: false }),
  stream('expenses', 'expense_id', 'expenses', 'Expenses', { ...created, detail: 'expense', fields: expenseFields }),
  stream('recurringexpenses', 'recurring_expense_id', 'expenses', 'Recurring expenses', { ...created, recordKey: 'recurring_expenses', detail: 'recurring_expense' }),
  stream('employees', 'employee_id', 'expenses', 'Employees', { times: false, detail: 'employee' }),
  stream('journals', 'journal_id', 'accountants', 'Manual journals', { modifiedFilter: 'yes', modifiedSort: 'yes', detail: 'journal', fields: journalFields }),
  stream('recurringjournals', 'journal_id', 'accountants', 'Recurring journals', { ...created, recordKey: 'recurring_journals', detail: 'journal' }),
  stream('chartofaccounts', 'account_id', 'accountants', 'Chart of accounts', { ...filter, detail: ['account', 'chart_of_account'], fields: accountFields }),
  stream('basecurrencyadjustments', 'base_currency_adjustment_id', 'accountants', 'Base currency adjustments', { path: 'basecurrencyadjustment', recordKey: 'base_currency_adjustments', times: false, detail: 'data' }),
  stream('bankaccounts', 'account_id', 'banking', 'Bank and card accounts', { times: false, detail: 'bankaccount' }),
  stream('banktransactions', 'transaction_id', 'banking', 'Bank transactions', { times: false, detail: 'banktransaction' }),
  stream('bankrules', 'rule_id', 'banking', 'Bank rules', { path: 'bankaccounts/rules', recordKey: 'rules', times: false, detail: 'rule' }),
  stream('fixedassets', 'fixed_asset_id', 'fixedasset', 'Fixed assets', { times: false, created: 'created_time', createdSort: 'yes', detail: 'fixed_asset' }),
  stream('projects', 'project_id', 'projects', 'Projects', { times: false, created: 'created_time', createdSort: 'yes', detail: 'project' }),
  stream('timeentries', 'time_entry_id', 'projects', 'Time entries', { path: 'projects/timeentries', recordKey: 'time_entries', times: false, detail: 'time_entry' }),
  stream('tasks', 'task_id', 'settings', 'Tasks', { times: false, created: 'created_time', createdSort: 'yes', detail: 'task' }),
  stream('reportingtags', 'tag_id', 'settings', 'Reporting tags', { recordKey: 'reporting_tags', times: false }),
];
