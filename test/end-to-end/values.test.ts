/** Values that are easily spoilt: numbers with many digits, moments in zones with odd offsets, columns of all types. */
import t from 'tap';
import { rawNumber } from '../../sandbox/zoho/data/words.ts';
import { openShop, shopConnections } from '../support/shop.ts';
import { differences, moment, text } from '../support/shop-truth.ts';

const config = `${shopConnections}
entities:
  items:
    from: { connection: inventory, stream: items }
    to: { connection: erp, table: items }
    key: item_id
    fields:
      item_id: { from: item_id, type: bigint }
      rate: { from: rate, type: numeric }
      rate_text: rate
      whole: { from: item_id, type: jsonb }
      record: { expr: "{ 'sku': sku, 'n': rate }", type: jsonb }
  currencies:
    from: { connection: books, stream: currencies }
    to: { connection: erp, table: currencies }
    key: currency_id
    fields: { currency_id: currency_id, exchange_rate: { from: exchange_rate, type: numeric } }
  invoices:
    from: { connection: books, stream: invoices }
    to: { connection: erp, table: invoices }
    key: invoice_id
    fields: { invoice_id: invoice_id, made: { from: created_time, type: timestamptz }, changed: { from: last_modified_time, type: timestamptz }, wall: { from: created_time, type: timestamp }, day: date }
`;

/** As sent, and as PostgreSQL must tell them again. */
const rates = ['12345678901234.567891', '0.000000000000000000000000000001', '-0.01', '1e3', '123456789012345678901234567890.5', '9007199254740993', '99999999999999.9999', '0.1'];

void t.test('no digit of a number is lost, and every moment is the right one in a zone of half hours and summer time', async (t) => {
  const shop = await openShop(t, { config, sandbox: { zone: 'America/St_Johns', items: 30, daysOfOrders: 3 } });
  const { store } = shop.sandbox;
  const ids = [...store.ids('items')];
  rates.forEach((rate, index) => store.edit('items', ids[index + 15] as string, { rate: rawNumber(rate) }));
  const runs = await shop.sync('all');
  t.same(runs.filter((run) => run.status !== 'succeeded' || run.refused > 0).map((run) => `${run.entity}: ${run.status} ${run.reason}`), []);

  const found = await shop.rows('SELECT item_id, rate FROM erp.items ORDER BY item_id OFFSET 15 LIMIT 8');
  t.same(found.map((row) => row['item_id']), ids.slice(15, 23), 'ids of 18 digits');
  t.same(found.map((row) => row['rate']), rates.map((rate) => (rate === '1e3' ? '1000' : rate)));
  t.equal((await shop.rows(`SELECT raw->>'rate' AS rate FROM tds.records WHERE entity = 'items' AND key = $1`, [ids[15]]))[0]?.['rate'], rates[0], 'and the raw record has them');
  t.same(await shop.rows('SELECT exchange_rate FROM erp.currencies ORDER BY currency_id'), [{ exchange_rate: null }, { exchange_rate: '0.000763358778625954' }, { exchange_rate: '1.0837' }, { exchange_rate: '0.272294' }, { exchange_rate: '0.0259' }]);

  t.same(await differences(shop, 'invoices', { resource: 'invoices', key: ['invoice_id'], columns: {
    invoice_id: text('invoice_id'), made: moment('created_time'), changed: moment('last_modified_time'), day: text('date'),
    wall: (record) => String(record['created_time']).slice(0, 19).replace('T', ' '),
  } }), []);
  const offsets = new Set([...store.records('invoices')].map(({ record }) => String(record['created_time']).slice(19)));
  t.same([...offsets].sort(), ['-0230', '-0330'], 'the source wrote summer and winter time');
});
