import { stream, type StreamEntry } from './stream-catalogue.ts';
import { contactFields, currencyFields, locationFields, priceBookFields, taxFields } from './stream-fields.ts';
import type { TraitValue } from './traits.ts';

/** Streams that both APIs have in the same shape. `itemScope` is the scope of items, which differs. */
export function commonStreams(itemScope: string, contactSort: TraitValue): StreamEntry[] {
  const contact = { path: 'contacts', recordKey: 'contacts', detail: 'contact', modifiedSort: contactSort, createdSort: 'yes', fields: contactFields } as const;
  const settings = { times: false } as const;
  return [
    stream('contacts', 'contact_id', 'contacts', 'Customers and vendors together', contact),
    stream('customers', 'contact_id', 'contacts', 'Contacts that are customers', { ...contact, query: { contact_type: 'customer' }, only: { field: 'contact_type', value: 'customer' } }),
    stream('vendors', 'contact_id', 'contacts', 'Contacts that are vendors', { ...contact, query: { contact_type: 'vendor' }, only: { field: 'contact_type', value: 'vendor' } }),
    stream('contactpersons', 'contact_person_id', 'contacts', 'People at contacts; one call per contact that changed', { derived: 'contactpersons', times: false }),
    stream('stock', 'item_id', itemScope, 'Stock by item and location; one list call per 200 items and one call per 100', { derived: 'stock', times: false }),
    stream('pricebooks', 'pricebook_id', 'settings', 'Price lists', { ...settings, fields: priceBookFields }),
    stream('pricebook-rates', 'item_id', 'settings', 'Rates of items in price lists', { derived: 'pricebook-rates', times: false }),
    stream('taxes', 'tax_id', 'settings', 'Taxes and tax groups', { ...settings, path: 'settings/taxes', detail: 'tax', fields: taxFields }),
    stream('taxauthorities', 'tax_authority_id', 'settings', 'Tax authorities', { ...settings, path: 'settings/taxauthorities', recordKey: 'tax_authorities', detail: 'tax_authority' }),
    stream('taxexemptions', 'tax_exemption_id', 'settings', 'Tax exemptions', { ...settings, path: 'settings/taxexemptions', recordKey: 'tax_exemptions', detail: 'tax_exemption' }),
    stream('currencies', 'currency_id', 'settings', 'Currencies', { ...settings, path: 'settings/currencies', detail: 'currency', fields: currencyFields }),
    stream('locations', 'location_id', 'settings', 'Locations (warehouses and branches)', { ...settings, unpaged: true, fields: locationFields }),
    stream('users', 'user_id', 'settings', 'Users of the organization', { ...settings, detail: 'user' }),
    stream('organizations', 'organization_id', 'settings', 'Organizations that the token can reach', { ...settings, unpaged: true, detail: 'organization' }),
  ];
}
