import { fields } from './stream-catalogue.ts';

/** Fields that the streams of a shop are known to carry, for hints; the wire has more. `*`: detail only, `+`: list only. */
const times = 'created_time:time last_modified_time:time';

export const itemFields = fields(`item_id name status sku description unit rate:number purchase_rate:number purchase_description
  item_type product_type tax_id tax_name tax_percentage:number is_taxable:boolean group_id group_name brand manufacturer upc ean isbn part_number
  reorder_level:number stock_on_hand:number available_stock:number actual_available_stock:number vendor_id* vendor_name*
  account_id* account_name* purchase_account_id* inventory_account_id* locations:array* price_brackets:array*
  custom_fields:array* image_name has_attachment:boolean ${times}`);

export const contactFields = fields(`contact_id contact_name company_name contact_type status first_name last_name email phone mobile website
  customer_sub_type* payment_terms:number payment_terms_label currency_id currency_code outstanding_receivable_amount:number
  outstanding_payable_amount:number unused_credits_receivable_amount:number unused_credits_payable_amount:number language_code
  pricebook_id* pricebook_name* billing_address:object* shipping_address:object* contact_persons:array* custom_fields:array* notes* credit_limit:number* ${times}`);

const lines = 'line_items:array* line_items.0.line_item_id* line_items.0.item_id* line_items.0.quantity:number* line_items.0.rate:number* line_items.0.item_total:number*';
const sums = 'sub_total:number* tax_total:number* discount* adjustment:number* shipping_charge:number*';
const customer = 'customer_id customer_name currency_id currency_code location_id location_name';
const vendor = 'vendor_id vendor_name currency_id currency_code location_id location_name';
const documentParts = 'reference_number date:date status notes* terms* taxes:array* custom_fields:array';

export const invoiceFields = fields(`invoice_id invoice_number ${customer} exchange_rate:number salesperson_id salesperson_name due_date:date due_days total:number balance:number write_off_amount:number
  last_payment_date billing_address:object* shipping_address:object* salesorder_id* contact_persons:array* ${documentParts} ${lines}
  sub_total:number* tax_total:number* discount* adjustment:number shipping_charge:number ${times}`);

export const salesOrderFields = fields(`salesorder_id salesorder_number ${customer} exchange_rate:number* salesperson_id* salesperson_name shipment_date:date total:number bcy_total:number quantity:number
  quantity_invoiced:number quantity_packed:number quantity_shipped:number order_status invoiced_status paid_status shipped_status sales_channel
  billing_address:object* shipping_address:object* packages:array* invoices:array* ${documentParts} ${lines} ${sums} ${times}`);

export const purchaseOrderFields = fields(`purchaseorder_id purchaseorder_number ${vendor} exchange_rate:number* delivery_date expected_delivery_date* total:number
  order_status received_status billed_status billing_address:object* delivery_address:object* ${documentParts} ${lines} ${sums} ${times}`);

export const billFields = fields(`bill_id bill_number ${vendor} exchange_rate:number due_date:date due_days total:number balance:number purchaseorder_id payments:array*
  ${documentParts} ${lines} ${sums} ${times}`);

export const estimateFields = fields(`estimate_id estimate_number ${customer} exchange_rate:number* salesperson_id* salesperson_name* expiry_date accepted_date total:number ${documentParts} ${lines} ${sums} ${times}`);

export const creditNoteFields = fields(`creditnote_id creditnote_number ${customer} exchange_rate:number salesperson_id* salesperson_name* total:number balance:number invoices_credited:array* ${documentParts} ${lines} ${sums} ${times}`);

export const vendorCreditFields = fields(`vendor_credit_id vendor_credit_number ${vendor} exchange_rate:number total:number balance:number bills_credited:array* ${documentParts} ${lines} ${sums} ${times}`);

export const customerPaymentFields = fields(`payment_id payment_number customer_id customer_name date:date amount:number bcy_amount:number unused_amount:number
  payment_mode account_id account_name reference_number invoice_numbers description location_id location_name
  invoices:array* invoices.0.invoice_id* invoices.0.amount_applied:number* custom_fields:array* created_time:time last_modified_time:time+`);

export const vendorPaymentFields = fields(`payment_id payment_number vendor_id vendor_name date:date amount:number bcy_amount:number balance:number
  payment_mode paid_through_account_id paid_through_account_name reference_number description bill_numbers
  bills:array* bills.0.bill_id* bills.0.amount_applied:number* ${times}`);

export const expenseFields = fields(`expense_id date:date account_id account_name paid_through_account_id paid_through_account_name description
  currency_id currency_code total:number bcy_total:number total_without_tax:number is_billable:boolean reference_number customer_id customer_name
  vendor_id vendor_name status location_id location_name line_items:array* ${times}`);

export const journalFields = fields(`journal_id entry_number journal_date:date reference_number notes total:number bcy_total:number currency_id currency_code
  status line_items:array* line_items.0.account_id* line_items.0.debit_or_credit* line_items.0.amount:number* ${times}`);

export const packageFields = fields(`package_id package_number salesorder_id salesorder_number customer_id customer_name date:date status total_quantity:number
  shipment_id shipment_date tracking_number delivery_method line_items:array* ${times}`);

export const itemGroupFields = fields(`group_id group_name product_type brand manufacturer unit description is_taxable:boolean tax_id tax_name
  tax_percentage:number tax_type attribute_id1 attribute_name1 status source image_id image_name items:array attributes:array* custom_fields:array ${times}`);

export const shipmentFields = fields(`shipment_id shipment_number salesorder_id salesorder_number date:date status detailed_status carrier service
  reference_number customer_id customer_name delivery_method tracking_number shipping_charge:number* currency_id* currency_code* exchange_rate:number*
  contact_persons:array* billing_address:object* shipping_address:object* line_items:array* line_items.0.line_item_id* line_items.0.item_id*
  line_items.0.quantity:number* line_items.0.rate:number* line_items.0.item_total:number* sub_total:number* tax_total:number* total:number* taxes:array* notes* custom_fields:array* ${times}`);

export const compositeItemFields = fields(`composite_item_id name sku unit status description rate:number purchase_rate:number tax_id tax_name tax_percentage:number
  item_type product_type stock_on_hand:number available_stock:number actual_available_stock:number reorder_level:number is_combo_product:boolean
  mapped_items:array* mapped_items.0.line_item_id* mapped_items.0.item_id* mapped_items.0.quantity:number* custom_fields:array* ${times}`);

export const transferOrderFields = fields(`transfer_order_id transfer_order_number date:date status description from_location_id from_location_name
  to_location_id to_location_name is_intransit_order:boolean quantity_transferred:number
  line_items:array* line_items.0.line_item_id* line_items.0.item_id* line_items.0.quantity_transfer:number* ${times}`);

export const adjustmentFields = fields(`inventory_adjustment_id date:date reason reason_id description reference_number adjustment_type status total:number
  line_items:array* line_items.0.line_item_id* line_items.0.item_id* line_items.0.quantity_adjusted:number* location_id* location_name* ${times}`);

export const priceBookFields = fields(`pricebook_id name description status currency_id currency_code pricebook_type percentage:number is_increase:boolean
  is_default:boolean rounding_type sales_or_purchase_type pricing_scheme decimal_place:number pricebook_items:array`);

export const taxFields = fields('tax_id tax_name tax_percentage:number tax_type tax_specific_type tax_authority_id tax_authority_name is_value_added:boolean is_default_tax:boolean is_editable:boolean');

export const currencyFields = fields('currency_id currency_code currency_name currency_symbol price_precision:number currency_format is_base_currency:boolean exchange_rate:number effective_date');

export const locationFields = fields('location_id location_name type status is_primary_location:boolean parent_location_id email phone address:object');

export const accountFields = fields(`account_id account_name account_code account_type description* is_active:boolean is_user_created:boolean is_system_account:boolean
  parent_account_id parent_account_name depth:number currency_id* ${times}`);
