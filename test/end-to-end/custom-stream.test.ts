/** A list resource that the catalogue does not have, described in YAML alone. */
import t from 'tap';
import { openShop, shopConnections } from '../support/shop.ts';
import { differences, moment, text } from '../support/shop-truth.ts';

const config = `${shopConnections}
entities:
  staff:
    from: { connection: books, stream: custom, with: { path: users, recordKey: users, idField: user_id } }
    to: { connection: erp, table: staff }
    key: user_id
    fields: { user_id: user_id, name: name, email: email }
  quotes:
    from:
      connection: books
      stream: custom
      with: { path: estimates, recordKey: estimates, idField: estimate_id, modified: last_modified_time, created: created_time, scope: estimates, details: { recordKey: estimate } }
    to: { connection: erp, table: quotes }
    key: estimate_id
    fields: { estimate_id: estimate_id, number: estimate_number, modified_at: { from: last_modified_time, type: timestamptz } }
    children:
      lines: { from: line_items, table: quote_lines, key: line_item_id, fields: { line_item_id: line_item_id, name: name } }
  open_quotes:
    from: { connection: books, stream: custom, with: { path: estimates, recordKey: estimates, idField: estimate_id, query: { status: sent } } }
    to: { connection: erp, table: open_quotes }
    key: estimate_id
    fields: { estimate_id: estimate_id }
`;

const quotes = { resource: 'estimates', key: ['estimate_id'], columns: { estimate_id: text('estimate_id'), number: text('estimate_number'), modified_at: moment('last_modified_time') } };
const quoteLines = {
  resource: 'estimates', key: ['estimate_id', 'line_item_id'], columns: { estimate_id: text('estimate_id'), line_item_id: text('line_item_id'), name: text('name') },
  parts: (record: Record<string, unknown>) => (record['line_items'] as Record<string, unknown>[]).map((line) => ({ ...line, estimate_id: record['estimate_id'] })),
};

void t.test('a further list of Zoho comes into a table by YAML alone: in full, changed, deleted, with its lines, and in part', async (t) => {
  const shop = await openShop(t, { config, sandbox: { counts: { estimates: 230 }, items: 50 } });
  const { store } = shop.sandbox;
  const runs = await shop.sync('all');
  t.same(runs.map((run) => `${run.entity} ${run.status} ${run.reason}`), ['staff succeeded null', 'quotes succeeded null', 'open_quotes succeeded null']);
  t.same(await differences(shop, 'staff', { resource: 'users', key: ['user_id'], columns: { user_id: text('user_id'), name: text('name'), email: text('email') } }), []);
  t.same(await differences(shop, 'quotes', quotes), []);
  t.same(await differences(shop, 'quote_lines', quoteLines), [], 'lines come by details, since nobody says that the list has them');
  t.same(await differences(shop, 'open_quotes', { resource: 'estimates', key: ['estimate_id'], columns: { estimate_id: text('estimate_id') }, only: (record) => record['status'] === 'sent' }), []);

  const ids = [...store.ids('estimates')];
  store.edit('estimates', ids[3] as string, { estimate_number: 'QT-ANEW', line_items: [] });
  store.create('estimates', { estimate_number: 'QT-NEW' });
  await shop.sync(['quotes'], 'incremental');
  t.same(await differences(shop, 'quotes', quotes), []);
  t.same(await differences(shop, 'quote_lines', quoteLines), []);
  store.delete('estimates', ids[7] as string);
  await shop.sync(['quotes']);
  t.same(await differences(shop, 'quotes', quotes), []);
});
