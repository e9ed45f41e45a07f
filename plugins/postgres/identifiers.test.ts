import t from 'tap';
import { nearest, parseTable, quoteName, quoteTable, showTable } from './identifiers.ts';

t.test('a table\'s name is split at a plain dot alone', async (t) => {
  for (const [text, schema, table] of [
    ['products', 'public', 'products'], ['erp.products', 'erp', 'products'], ['"a.b".c', 'a.b', 'c'], ['a."b.c"', 'a', 'b.c'], ['"a.b"', 'public', 'a.b'], ['"say ""hi"""', 'public', 'say "hi"'],
    ['Mixed Case', 'public', 'Mixed Case'], ['say "hi"', 'public', 'say "hi"'], ['"open', 'public', '"open'], ["x'; drop table y; --", 'public', "x'; drop table y; --"],
  ] as const) {
    const name = parseTable(text, 'public');
    t.same(name, { schema, table }, text);
    t.same(parseTable(showTable(name), 'other'), name, 'what is shown reads the same');
  }
  for (const bad of ['', '.', 'a.', '.a', 'a.b.c', 'x'.repeat(64), 'é'.repeat(32), 'a\0', '\ud800']) t.throws(() => parseTable(bad, 'public'), { code: 'postgres.bad_name', suggestion: /./ }, JSON.stringify(bad));
});

t.test('a quoted name ends where it should', async (t) => {
  t.equal(quoteName('a"; drop table x; --'), '"a""; drop table x; --"');
  t.equal(quoteTable({ schema: 'A b', table: 'c.d' }), '"A b"."c.d"');
});

t.test('the nearest name is the one that was meant', async (t) => {
  t.equal(nearest('pirce', ['name', 'price', 'id']), 'price');
  t.equal(nearest('item_id', ['ItemId', 'item']), 'ItemId');
  t.equal(nearest('zebra', ['name', 'price']), undefined);
});
