import { zohoPlugin } from '../_zoho/connector.ts';
import { inventoryStreams } from './streams.ts';

export default zohoPlugin({
  id: 'zoho-inventory',
  description: 'Reads Zoho Inventory: items, stock by location, price lists, orders, packages, shipments, adjustments.',
  kind: { product: 'Zoho Inventory', root: '/inventory/v1', scopePrefix: 'ZohoInventory' },
  catalogue: inventoryStreams,
});
