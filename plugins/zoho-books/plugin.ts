import { zohoPlugin } from '../_zoho/connector.ts';
import { bookStreams } from './streams.ts';

export default zohoPlugin({
  id: 'zoho-books',
  description: 'Reads Zoho Books: contacts, items, sales, purchases, payments, accounting.',
  kind: { product: 'Zoho Books', root: '/books/v3', scopePrefix: 'ZohoBooks' },
  catalogue: bookStreams,
});
