import { commonStreams } from '../_zoho/common-streams.ts';
import { stream, type StreamEntry, type StreamOptions } from '../_zoho/stream-catalogue.ts';
import {
  adjustmentFields, billFields, compositeItemFields, creditNoteFields, customerPaymentFields, invoiceFields, itemFields, itemGroupFields, packageFields, purchaseOrderFields, salesOrderFields, shipmentFields, transferOrderFields,
  vendorCreditFields,
} from '../_zoho/stream-fields.ts';

const created: StreamOptions = { createdSort: 'yes' };
/** Lists that take the time filter without a word and ignore it. */
const ignoresFilter: StreamOptions = { modifiedFilter: 'no' };

/** The streams of Zoho Inventory API v1. */
export const inventoryStreams: readonly StreamEntry[] = [
  {
    ...stream('items', 'item_id', 'items', 'Products and services', { modifiedSort: 'yes', fields: itemFields }),
    detail: { kind: 'items', recordKeys: ['item'] },
  },
  ...commonStreams('items', 'try'),
  stream('itemgroups', 'group_id', 'items', 'Item groups', { detail: ['item_group', 'itemgroup'], fields: itemGroupFields }),
  stream('compositeitems', 'composite_item_id', 'compositeitems', 'Composite items (kits and assemblies)', { ...created, recordKey: 'composite_items', detail: 'composite_item', fields: compositeItemFields }),
  stream('salesorders', 'salesorder_id', 'salesorders', 'Sales orders', { detail: 'salesorder', fields: salesOrderFields }),
  stream('packages', 'package_id', 'packages', 'Packages', { ...created, detail: 'package', fields: packageFields }),
  stream('shipmentorders', 'shipment_id', 'shipmentorders', 'Shipment orders', { detail: ['shipment_order', 'shipmentorder'], fields: shipmentFields }),
  stream('invoices', 'invoice_id', 'invoices', 'Invoices', { ...created, detail: 'invoice', fields: invoiceFields }),
  stream('retainerinvoices', 'retainerinvoice_id', 'invoices', 'Retainer invoices', { ...created, detail: 'retainerinvoice' }),
  stream('customerpayments', 'payment_id', 'customerpayments', 'Payments received', { detail: ['payment', 'customerpayment'], fields: customerPaymentFields }),
  stream('creditnotes', 'creditnote_id', 'creditnotes', 'Credit notes', { ...created, detail: 'creditnote', fields: creditNoteFields }),
  stream('salesreturns', 'salesreturn_id', 'salesreturns', 'Sales returns', { ...ignoresFilter, detail: 'salesreturn' }),
  stream('purchaseorders', 'purchaseorder_id', 'purchaseorders', 'Purchase orders', { detail: ['purchaseorder', 'purchase_order'], fields: purchaseOrderFields }),
  stream('purchasereceives', 'receive_id', 'purchasereceives', 'Purchase receives', { detail: ['purchasereceive', 'purchase_receive'] }),
  stream('bills', 'bill_id', 'bills', 'Bills', { ...ignoresFilter, detail: 'bill', fields: billFields }),
  stream('vendorcredits', 'vendor_credit_id', 'debitnotes', 'Vendor credits', { modifiedFilter: 'yes', createdSort: 'yes', detail: 'vendor_credit', fields: vendorCreditFields }),
  stream('transferorders', 'transfer_order_id', 'transferorders', 'Transfers between locations', { recordKey: 'transfer_orders', detail: 'transfer_order', fields: transferOrderFields }),
  stream('inventoryadjustments', 'inventory_adjustment_id', 'inventoryadjustments', 'Inventory adjustments', { recordKey: 'inventory_adjustments', detail: 'inventory_adjustment', fields: adjustmentFields }),
];
