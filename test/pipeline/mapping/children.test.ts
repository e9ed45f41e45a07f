import t from 'tap';
import { compileMapping, type ChildMapping, type MappedRecord } from '../../../core/pipeline/mapping/index.ts';
import type { EntityMapping } from '../../../core/pipeline/mapping/index.ts';
import type { JsonObject } from '../../../core/sdk/index.ts';

function compile(lines: Partial<ChildMapping>): EntityMapping {
  return compileMapping({
    to: { table: 'invoices' }, key: ['invoice_id'], fields: { invoice_id: { type: 'bigint' }, date: { type: 'date' } },
    children: { lines: { from: 'line_items', table: 'invoice_lines', key: ['line_id'], fields: { line_id: {}, rate: { type: 'numeric' } }, ...lines } },
  });
}
async function mapOne(mapping: EntityMapping, record: JsonObject): Promise<MappedRecord> {
  const [result] = await mapping.mapAll([record]);
  return result!;
}

t.test('a list lands in a child table under the parent\'s key', async (t) => {
  const mapping = compile({});
  t.same(mapping.children, [{
    name: 'lines',
    spec: {
      table: 'invoice_lines', managed: true, key: ['invoice_id', 'line_id'], parentKey: ['invoice_id'],
      columns: [{ name: 'invoice_id', type: 'bigint' }, { name: 'line_id', type: 'text' }, { name: 'rate', type: 'numeric' }],
    },
  }]);
  t.match(await mapOne(mapping, { invoice_id: '7', line_items: [{ line_id: 'a', rate: 1 }, { line_id: 'b', rate: '' }] }), { ok: true, children: [[[7, 'a', '1'], [7, 'b', null]]] });
});

t.test('a head without its list leaves the child table alone; an empty list empties it', async (t) => {
  const mapping = compile({});
  for (const record of [{ invoice_id: 1 }, { invoice_id: 1, line_items: null }, { invoice_id: 1, line_items: '' }]) {
    const result = await mapOne(mapping, record);
    t.same(result.ok && result.children, [undefined]);
  }
  t.match(await mapOne(mapping, { invoice_id: 1, line_items: [] }), { children: [[]] });
  t.match(await mapOne(mapping, { invoice_id: 1, line_items: { a: 1 } }), { ok: false, problems: [{ code: 'map.not_a_list', field: 'lines' }] });
});

t.test('rows without a key of their own are numbered', async (t) => {
  for (const key of [[], ['position']]) {
    const mapping = compile({ key });
    t.same(mapping.children[0]?.spec.key, ['invoice_id', 'position']);
    t.match(await mapOne(mapping, { invoice_id: 1, line_items: [{ rate: 5 }, { rate: 6 }] }), { children: [[[1, 1, null, '5'], [1, 2, null, '6']]] });
  }
  t.throws(() => compile({ key: [], fields: { position: {} } }), { code: 'map.column_twice' });
  t.same(compile({ key: ['position'], fields: { position: {} } }).children[0]?.spec.columns.length, 2, 'a mapped position is an ordinary key');
});

t.test('a child may map the parent\'s key itself, and must agree with it', async (t) => {
  const mapping = compile({ fields: { line_id: {}, invoice_id: {} } });
  t.same(mapping.children[0]?.spec.columns, [{ name: 'line_id', type: 'text' }, { name: 'invoice_id', type: 'bigint' }], 'with the parent\'s type');
  t.same(mapping.children[0]?.spec.key, ['invoice_id', 'line_id']);
  t.match(await mapOne(mapping, { invoice_id: 1, line_items: [{ line_id: 'a', invoice_id: '1' }, { line_id: 'b' }] }), { children: [[['a', 1], ['b', 1]]] });
  t.match(await mapOne(mapping, { invoice_id: 1, line_items: [{ line_id: 'a', invoice_id: '2' }] }), { ok: false, problems: [{ code: 'map.parent_key_differs' }] });
  t.throws(() => compile({ key: ['invoice_id'], fields: { invoice_id: {} } }), { code: 'map.child_key_clash' });
  t.throws(() => compile({ key: ['nope'] }), { code: 'map.unknown_column' });
});

t.test('a bad line puts the whole record aside, and says which', async (t) => {
  const result = await mapOne(compile({}), { invoice_id: 1, line_items: [{ line_id: 'a', rate: 'x' }, { line_id: '', rate: 1 }, null, 'text'] });
  t.match(result, { ok: false, problems: [
    { code: 'map.not_a_number', field: 'lines.rate', path: 'line_items.0.rate' }, { code: 'map.key_missing', field: 'lines.line_id', path: 'line_items.1' },
    { code: 'map.key_missing', path: 'line_items.2' }, { code: 'map.key_missing', path: 'line_items.3' },
  ] });
});

t.test('two lines with one key are refused, not merged', async (t) => {
  t.match(await mapOne(compile({}), { invoice_id: 1, line_items: [{ line_id: 'a' }, { line_id: 'b' }, { line_id: 'a' }] }), { ok: false, problems: [{ code: 'map.child_key_twice', path: 'line_items.2' }] });
});

t.test('the key of the parent is complained about once', async (t) => {
  const result = await mapOne(compile({}), { line_items: [{ line_id: 'a' }, { line_id: 'b' }] });
  t.match(result, { ok: false });
  t.same(result.ok ? [] : result.problems.map(({ code, field }) => [code, field]), [['map.key_missing', 'invoice_id']]);
});

t.test('expressions of a child see the element, and the record as $parent', async (t) => {
  const fields = { line_id: {}, total: { expr: 'rate * quantity', type: 'numeric' }, currency: { expr: '$parent.currency' }, all: { expr: '$count($parent.line_items)', type: 'integer' }, tax: { expr: '$sum(taxes.amount)', type: 'numeric' } };
  const record = { invoice_id: 1, currency: 'IQD', line_items: [{ line_id: 'a', rate: 2, quantity: 3, taxes: [{ amount: 1 }, { amount: 2 }] }, { line_id: 'b', rate: 4, quantity: 5 }] };
  t.match(await mapOne(compile({ fields }), record), { children: [[[1, 'a', '6', 'IQD', 2, '3'], [1, 'b', '20', 'IQD', 2, null]]] });
});

t.test('a list of plain values is reached by $', async (t) => {
  t.match(await mapOne(compile({ key: [], fields: { tag: { expr: '$' } } }), { invoice_id: 1, line_items: ['x', 'y'] }), { children: [[[1, 1, 'x'], [1, 2, 'y']]] });
});
