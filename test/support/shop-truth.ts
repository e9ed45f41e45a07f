/**
 * What the tables of the sample config must hold, worked out anew from the sandbox's records. It knows nothing of TDS's
 * mapping: values are turned into the words in which PostgreSQL writes them by a few lines of its own.
 */
import type { ZohoSandbox } from '../../sandbox/zoho/server.ts';
import type { Shop } from './shop.ts';

type Fields = Record<string, unknown>;
type Cell = string | null;
type Row = Record<string, Cell>;
/** How a column comes out of a record. */
type Reader = (record: Fields) => Cell;

interface Truth { table: string; key: readonly string[]; rows: Row[] }

const at = (record: Fields, path: string): unknown => path.split('.').reduce<unknown>((value, step) => (value as Fields | undefined)?.[step], record);
const digitsOf = (value: unknown): string => (typeof value === 'object' && value !== null && 'rawJSON' in value ? String(value.rawJSON) : String(value));

/** Text as PostgreSQL can hold it: no NUL, no half characters. */
export const text = (path: string): Reader => (record) => {
  const value = at(record, path);
  return value === undefined || value === null ? null : digitsOf(value).replaceAll('\0', '').toWellFormed();
};

/** A number with so many decimals, rounded half away from zero; '' is none. */
export const decimal = (path: string, scale: number): Reader => (record) => {
  const value = at(record, path);
  return value === undefined || value === null || value === '' ? null : rounded(digitsOf(value), scale);
};

function rounded(digits: string, scale: number): string {
  const [, sign = '', whole = '0', part = '', exponent = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(digits) ?? [];
  const shift = Number(exponent) + scale - part.length;
  let scaled = BigInt(whole + part);
  if (shift >= 0) scaled *= 10n ** BigInt(shift);
  else scaled = (scaled + 5n * 10n ** BigInt(-shift - 1)) / 10n ** BigInt(-shift);
  const all = scaled.toString().padStart(scale + 1, '0');
  return `${scaled === 0n ? '' : sign}${all.slice(0, all.length - scale)}.${all.slice(all.length - scale)}`;
}

const whole = (path: string): Reader => (record) => text(path)(record) || null;
const date = whole;
const bool = (path: string): Reader => (record) => (at(record, path) === undefined || at(record, path) === '' ? null : at(record, path) === true ? 't' : 'f');
/** The moment in UTC, whichever zone the source wrote it in. */
export const moment = (path: string): Reader => (record) => {
  const value = text(path)(record);
  return value ? `${new Date(value.replace(/([+-]\d\d)(\d\d)$/, '$1:$2')).toISOString().slice(0, 19).replace('T', ' ')}+00` : null;
};
const money = (path: string): Reader => decimal(path, 4);
const quantity = (path: string): Reader => decimal(path, 6);

/** `a b=c`: column a of field a, column b of field c, as text. */
const texts = (words: string): Record<string, Reader> => Object.fromEntries(words.trim().split(/\s+/).map((word) => {
  const [column = '', path = column] = word.split('=');
  return [column, text(path)];
}));
const times = { modified_at: moment('last_modified_time') };
const created = { created_at: moment('created_time'), ...times };

interface Mapped { resource: string; columns: Record<string, Reader>; key: readonly string[]; only?: (record: Fields) => boolean; parts?: (record: Fields) => Fields[] }
const lines = (record: Fields): Fields[] => (record['line_items'] as Fields[] | undefined ?? []).map((line) => ({ ...line, parent: record }));

const orderLine = { ...texts('line_item_id item_id name description tax_id'), quantity: quantity('quantity'), rate: money('rate'), total: money('item_total') };
const list = (resource: string, id: string, words: string, more: Record<string, Reader> = {}): Mapped => ({ resource, key: [id], columns: { ...texts(`${id} ${words}`), ...more } });
const child = (resource: string, parent: string, columns: Record<string, Reader>): Mapped => ({ resource, key: [parent, 'line_item_id'], parts: lines, columns: { [parent]: text(`parent.${parent}`), ...columns } });

/** Every table of the sample config. */
export const tables: Record<string, Mapped> = {
  products: list('items', 'item_id', 'name sku unit description group_id item_type tax_id', {
    price: money('rate'), purchase_price: money('purchase_rate'), reorder_level: quantity('reorder_level'), active: (record) => (record['status'] === 'active' ? 't' : 'f'), ...times,
  }),
  stock: {
    resource: 'items', key: ['item_id', 'location_id'], parts: (record) => (record['locations'] as Fields[]).map((place) => ({ ...place, item_id: record['item_id'] })),
    columns: { ...texts('item_id location_id location_name'), on_hand: quantity('location_stock_on_hand'), available: quantity('location_available_stock'), actually_available: quantity('location_actual_available_stock') },
  },
  item_groups: list('itemgroups', 'group_id', 'name=group_name brand manufacturer unit status', times),
  composite_items: list('compositeitems', 'composite_item_id', 'name sku status', { price: money('rate'), purchase_price: money('purchase_rate'), on_hand: quantity('location_stock_on_hand'), ...times }),
  composite_item_parts: {
    resource: 'compositeitems', key: ['composite_item_id', 'line_item_id'], parts: (record) => (record['mapped_items'] as Fields[]).map((part) => ({ ...part, composite_item_id: record['composite_item_id'] })),
    columns: { ...texts('composite_item_id line_item_id item_id'), quantity: quantity('quantity') },
  },
  price_lists: list('pricebooks', 'pricebook_id', 'name description currency_code pricebook_type used_for=sales_or_purchase_type status', { percentage: decimal('percentage', 4), is_increase: bool('is_increase') }),
  price_list_rates: {
    // A list that is a percentage of all prices still tells its items' rates.
    resource: 'pricebooks', key: ['pricebook_id', 'item_id'], parts: (record) => (record['pricebook_items'] as Fields[]).map((entry) => ({ ...entry, pricebook_id: record['pricebook_id'] })),
    columns: { ...texts('pricebook_id item_id'), rate: money('pricebook_rate') },
  },
  locations: list('locations', 'location_id', 'name=location_name type city=address.city country=address.country parent_location_id'),
  customers: { ...list('contacts', 'customer_id', 'customer_id=contact_id name=contact_name company_name email phone mobile currency_code status', {
    payment_terms: whole('payment_terms'), receivable: money('outstanding_receivable_amount'), unused_credits: money('unused_credits_receivable_amount'), ...created,
  }), only: (record) => record['contact_type'] === 'customer' },
  vendors: { ...list('contacts', 'vendor_id', 'vendor_id=contact_id name=contact_name company_name email phone currency_code status', {
    payment_terms: whole('payment_terms'), payable: money('outstanding_payable_amount'), ...created,
  }), only: (record) => record['contact_type'] === 'vendor' },
  invoices: list('invoices', 'invoice_id', 'number=invoice_number status customer_id customer_name reference=reference_number currency_code location_id', {
    date: date('date'), due_date: date('due_date'), exchange_rate: quantity('exchange_rate'), total: money('total'), balance: money('balance'), ...created,
  }),
  invoice_lines: child('invoices', 'invoice_id', { ...orderLine, discount: text('discount'), tax_percentage: decimal('tax_percentage', 4) }),
  sales_orders: list('salesorders', 'salesorder_id', 'number=salesorder_number status customer_id customer_name reference=reference_number currency_code', {
    date: date('date'), shipment_date: date('shipment_date'), total: money('total'), ...created,
  }),
  sales_order_lines: child('salesorders', 'salesorder_id', orderLine),
  packages: list('packages', 'package_id', 'number=package_number salesorder_id customer_id status', { date: date('date'), quantity: quantity('total_quantity'), ...times }),
  shipments: list('shipmentorders', 'shipment_id', 'number=shipment_number salesorder_id customer_id status carrier tracking_number', { date: date('date'), ...times }),
  customer_payments: list('customerpayments', 'payment_id', 'number=payment_number customer_id mode=payment_mode reference=reference_number', { date: date('date'), amount: money('amount'), base_amount: money('bcy_amount'), ...times }),
  credit_notes: list('creditnotes', 'creditnote_id', 'number=creditnote_number status customer_id currency_code', { date: date('date'), total: money('total'), balance: money('balance'), ...times }),
  purchase_orders: list('purchaseorders', 'purchaseorder_id', 'number=purchaseorder_number status vendor_id vendor_name reference=reference_number currency_code', {
    date: date('date'), delivery_date: date('delivery_date'), total: money('total'), ...times,
  }),
  purchase_order_lines: child('purchaseorders', 'purchaseorder_id', orderLine),
  bills: list('bills', 'bill_id', 'number=bill_number status vendor_id vendor_name reference=reference_number currency_code', {
    date: date('date'), due_date: date('due_date'), total: money('total'), balance: money('balance'), ...times,
  }),
  bill_lines: child('bills', 'bill_id', { ...orderLine, account_id: text('account_id') }),
  vendor_payments: list('vendorpayments', 'payment_id', 'number=payment_number vendor_id mode=payment_mode reference=reference_number', { date: date('date'), amount: money('amount'), base_amount: money('bcy_amount'), ...times }),
  vendor_credits: list('vendorcredits', 'vendor_credit_id', 'number=vendor_credit_number status vendor_id currency_code', { date: date('date'), total: money('total'), balance: money('balance'), ...times }),
  expenses: list('expenses', 'expense_id', 'account_name description status currency_code customer_id', { date: date('date'), total: money('total'), base_total: money('bcy_total'), ...times }),
  transfer_orders: list('transferorders', 'transfer_order_id', 'number=transfer_order_number from_location_id to_location_id', { date: date('date'), in_transit: bool('is_intransit_order') }),
  transfer_order_lines: child('transferorders', 'transfer_order_id', { ...texts('line_item_id item_id'), quantity: quantity('quantity_transfer') }),
  adjustments: list('inventoryadjustments', 'inventory_adjustment_id', 'reason reference=reference_number type=adjustment_type', { date: date('date'), total: money('total') }),
  adjustment_lines: child('inventoryadjustments', 'inventory_adjustment_id', { ...texts('line_item_id item_id location_id'), quantity: quantity('quantity_adjusted') }),
  taxes: list('taxes', 'tax_id', 'name=tax_name type=tax_type', { percentage: decimal('tax_percentage', 4) }),
  currencies: list('currencies', 'currency_id', 'code=currency_code name=currency_name symbol=currency_symbol', { exchange_rate: quantity('exchange_rate'), is_base: bool('is_base_currency') }),
};

/** The rows that a table must hold. */
export function truthOf(sandbox: ZohoSandbox, table: string, mapped: Mapped | undefined = tables[table]): Truth {
  if (!mapped) throw new Error(`nobody knows what ${table} must hold`);
  const { resource, columns, key, only, parts } = mapped;
  const rows: Row[] = [];
  for (const { record } of sandbox.store.records(resource)) {
    if (only && !only(record)) continue;
    for (const part of parts ? parts(record) : [record]) rows.push(Object.fromEntries(Object.entries(columns).map(([column, read]) => [column, read(part)])));
  }
  return { table, key, rows };
}

/** The first differences between a table and the truth, in words; none when they are equal. A row marked as deleted counts as gone. */
export async function differences(shop: Shop, table: string, mapped?: Mapped): Promise<string[]> {
  const { key, rows } = truthOf(shop.sandbox, table, mapped);
  const [columns] = [Object.keys(rows[0] ?? {})];
  const marks = await shop.rows(`SELECT 1 FROM information_schema.columns WHERE table_schema = 'erp' AND table_name = $1 AND column_name = 'deleted_at'`, [table]);
  const found = await shop.rows(`SELECT * FROM erp."${table}"${marks.length > 0 ? ' WHERE deleted_at IS NULL' : ''}`);
  const keyOf = (row: Row): string => key.map((name) => row[name]).join('/');
  const truth = new Map(rows.map((row) => [keyOf(row), row]));
  const told: string[] = [];
  if (truth.size !== rows.length) told.push(`${table}: the truth itself has keys twice`);
  const seen = new Set<string>();
  for (const row of found) {
    const id = keyOf(row);
    if (seen.has(id)) told.push(`${table} ${id}: is there twice`);
    seen.add(id);
    const right = truth.get(id);
    if (!right) told.push(`${table} ${id}: is not at the source`);
    else for (const column of columns) if (row[column] !== right[column]) told.push(`${table} ${id} ${column}: ${JSON.stringify(row[column])} is ${JSON.stringify(right[column])} at the source`);
  }
  for (const id of truth.keys()) if (!seen.has(id)) told.push(`${table} ${id}: is missing`);
  return told.length > 10 ? [...told.slice(0, 10), `… and ${told.length - 10} more`] : told;
}

/** The differences of several tables; of all where none is named. */
export async function allDifferences(shop: Shop, names: readonly string[] = Object.keys(tables)): Promise<string[]> {
  const told: string[] = [];
  for (const name of names) told.push(...await differences(shop, name));
  return told;
}
