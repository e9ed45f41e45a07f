/** The config that ships, unchanged, against the sandbox: every table ends equal to the source. */
import t from 'tap';
import { openShop } from '../support/shop.ts';
import { allDifferences, tables } from '../support/shop-truth.ts';

void t.test('the sample config brings over every table as the source has it', async (t) => {
  const shop = await openShop(t, { sandbox: { customers: 60, daysOfOrders: 3 } });
  const runs = await shop.sync('all');
  t.same(runs.filter((run) => run.status !== 'succeeded' || run.code !== null).map((run) => `${run.entity}: ${run.status} ${run.reason}`), [], 'every run succeeded');
  const made = await shop.rows(`SELECT table_name FROM information_schema.tables WHERE table_schema = 'erp'`);
  t.same(made.map((row) => row['table_name']).sort(), Object.keys(tables).sort(), 'there are these tables');
  t.same(await allDifferences(shop), []);

  await t.test('with the odd texts of a real shop in them, sign by sign', async (t) => {
    const names = await shop.rows('SELECT name FROM erp.products ORDER BY item_id LIMIT 20');
    const expected = [
      'Kettle 1.7L "Deluxe" \\ 220V \\n not a newline', 'Line one\nline two\ttabbed\r\nline three', 'Party lamp 🎉👨‍👩‍👧‍👦🇮🇶 new!', '\u202bمصباح\u202c LED \u200f(١٢ واط)\u200e \ufeffmarked',
      `Very long name ${'طويل جدا very long '.repeat(50)}end`, 'Zero  inside', 'Twin product', 'Twin product', 'Sold before it came', 'Free sample', 'Price on request', 'Whole warehouse',
      '  spaces around  ', 'NULL', '=1+1', "Robert'); DROP TABLE items;--", '<script>alert(1)</script> & <b>bold</b>', 'Half an emoji \ufffd here', 'e\u0301 decomposed and \u00e9 composed', '0123',
    ];
    t.same(names.map((row) => row['name']), expected);
  });

  await t.test('a text with NUL keeps its other characters and is counted as a warning', async (t) => {
    t.equal((await shop.rows(`SELECT description FROM erp.products WHERE name = 'Zero  inside'`))[0]?.['description'], 'text with  zero');
    const products = runs.find((run) => run.entity === 'products');
    t.ok((products?.warnings ?? 0) >= 2, `${products?.warnings} warnings`);
    t.match((await shop.rows(`SELECT raw->>'name' IS NULL AS gone, position('\\u0000' IN raw::text) > 0 AS kept FROM tds.records WHERE entity = 'products' AND raw::text LIKE '%Zero %'`).catch((error: unknown) => [{ kept: String(error) }])), [{ kept: 't' }], 'the raw record has it as it came');
  });

  await t.test('no number and no text are told apart: "" is null in a number and "" in a text', async (t) => {
    t.same(await shop.rows(`SELECT price, group_id FROM erp.products WHERE name = 'Price on request'`), [{ price: null, group_id: '' }]);
    t.same(await shop.rows(`SELECT price FROM erp.products WHERE name = 'Free sample'`), [{ price: '0.0000' }]);
  });

  await t.test('how far each entity is can be looked up', async (t) => {
    const status = new Map((await shop.runtime.operations.entities()).map((entity) => [entity.id, entity]));
    t.same([...status.values()].filter((entity) => entity.deadLetters > 0 || (entity.details?.due ?? 0) > 0).map((entity) => entity.id), []);
    t.equal(status.get('invoices')?.records, shop.sandbox.store.count('invoices'));
    t.same(status.get('invoices')?.details, { due: 0, done: shop.sandbox.store.count('invoices') });
    t.equal(status.get('products')?.details, null, 'products need none');
  });
});
