import t from 'tap';
import { compileMapping, type EntityMapping, type MappedRecord, type MappingConfig } from '../../../core/pipeline/mapping/index.ts';
import type { JsonObject } from '../../../core/sdk/index.ts';
import type { EntityConfig } from '../../../schemas/index.ts';

const config: MappingConfig = {
  description: 'What we sell',
  to: { table: 'products' },
  key: ['item_id'],
  fields: {
    item_id: { from: 'item_id' },
    name: {},
    price: { from: 'rate', type: 'numeric(15,4)', description: 'Net' },
    stock: { from: 'stock.on_hand', type: 'integer', default: 0 },
    active: { expr: "status = 'active'", type: 'boolean' },
    origin: { value: 'zoho' },
    first_tag: { from: 'tags.0' },
  },
  deletes: { mode: 'mark', column: 'deleted_at' },
};

async function mapOne(mapping: EntityMapping, record: JsonObject): Promise<MappedRecord> {
  const [result] = await mapping.mapAll([record]);
  return result!;
}
/** A loaded entity is a mapping's config: this line is the test. */
export const fits = (entity: EntityConfig): MappingConfig => entity;

t.test('a record becomes a row in the order of the columns', async (t) => {
  const mapping = compileMapping(config);
  t.same(mapping.table, {
    table: 'products', managed: true, key: ['item_id'], deletedColumn: 'deleted_at', description: 'What we sell',
    columns: [
      { name: 'item_id', type: 'text' }, { name: 'name', type: 'text' }, { name: 'price', type: 'numeric(15,4)', description: 'Net' },
      { name: 'stock', type: 'integer' }, { name: 'active', type: 'boolean' }, { name: 'origin', type: 'text' }, { name: 'first_tag', type: 'text' },
    ],
  });
  const results = mapping.mapAll([{ item_id: '460000000000001', name: '', rate: '', status: 'active', stock: { on_hand: '7' }, tags: ['new'] }, { item_id: '2', rate: 1.5 }]);
  t.ok(Array.isArray(results), 'without a promise');
  t.same(results, [
    { ok: true, row: ['460000000000001', '', null, 7, true, 'zoho', 'new'], key: ['460000000000001'], children: [], warnings: [] },
    { ok: true, row: ['2', null, '1.5', 0, false, 'zoho', null], key: ['2'], children: [], warnings: [] },
  ]);
});

t.test('empty text is no value where the type or the config says so', async (t) => {
  const fields = { id: {}, kept: {}, nulled: { empty: 'null' }, filled: { empty: 'null', default: 'none' }, number: { type: 'integer', empty: 'keep' }, uuid: { type: 'uuid' }, json: { type: 'jsonb' }, own: { type: 'citext' } } as const;
  const mapping = compileMapping({ to: { table: 'x' }, key: ['id'], fields });
  t.match(await mapOne(mapping, { id: '1', kept: '', nulled: '', filled: '', number: '', uuid: '', json: '', own: '' }), { row: ['1', '', null, 'none', null, null, null, null] });
});

t.test('the stream says the type where the config does not', async (t) => {
  const mapping = compileMapping(
    { to: { table: 'x' }, key: ['id'], fields: { id: {}, rate: {}, at: { from: 'created' }, typed: { from: 'rate', type: 'text' }, made: { expr: 'rate' } } },
    { fields: [{ path: 'rate', type: 'number' }, { path: 'created', type: 'time' }] },
  );
  t.same(mapping.table.columns.map((column) => column.type), ['text', 'numeric', 'timestamptz', 'text', 'text']);
});

t.test('all problems of a record are told at once, each with its cure', async (t) => {
  const mapping = compileMapping({ to: { table: 'x' }, key: ['id'], fields: { id: {}, a: { from: 'deep.a', type: 'integer' }, b: { type: 'date', required: true }, c: { type: 'varchar(2)' } } });
  const result = await mapOne(mapping, { id: '', deep: { a: 'x'.repeat(10_000) }, c: 'abc' });
  t.match(result, { ok: false, action: 'quarantine' });
  if (result.ok) return;
  t.same(result.problems.map(({ code, field, path }) => [code, field, path]), [
    ['map.not_a_number', 'a', 'deep.a'], ['map.required', 'b', 'b'], ['map.too_long', 'c', 'c'], ['map.key_missing', 'id', 'id'],
  ]);
  t.ok(result.problems.every((problem) => (problem.suggestion ?? '').length > 0 && (problem.value ?? '').length < 200));
});

t.test('what is mended is told as a warning', async (t) => {
  const mapping = compileMapping({ to: { table: 'x' }, key: ['id'], fields: { id: {}, name: {} } });
  t.match(await mapOne(mapping, { id: '1', name: 'a\0b' }), { ok: true, row: ['1', 'ab'], warnings: [{ code: 'map.nul_character', field: 'name' }] });
  t.match(await mapOne(mapping, { id: '2', name: 'ab' }), { ok: true, warnings: [] }, 'the next record has none of it');
});

t.test('a key of several columns, and one made by an expression', async (t) => {
  const mapping = compileMapping({ to: { table: 'x' }, key: ['b', 'a'], fields: { a: {}, b: { expr: "x & '-' & y" } } });
  t.match(await mapOne(mapping, { a: 1, x: 'l', y: 'r' }), { key: ['l-r', '1'] });
});

t.test('expressions that need JSONata itself make the set a promise, and keep its order', async (t) => {
  const mapping = compileMapping({ to: { table: 'x' }, key: ['id'], fields: { id: {}, total: { expr: '$sum(lines.rate)', type: 'numeric' }, half: { expr: 'rate / 2', type: 'numeric' } } });
  t.equal(mapping.synchronous, false);
  const records = Array.from({ length: 100 }, (_, id) => ({ id: String(id), rate: id, lines: [{ rate: id }, { rate: 1 }] }));
  const results = mapping.mapAll(records);
  t.ok(results instanceof Promise);
  t.same((await results).map((result) => (result.ok ? result.row : result)), records.map(({ id, rate }) => [id, String(rate + 1), String(rate / 2)]));
});

t.test('a record that leaves the compiled part is evaluated by JSONata, the others are not', async (t) => {
  const mapping = compileMapping({ to: { table: 'x' }, key: ['id'], fields: { id: {}, tag: { expr: 'tags.name' } }, checks: [{ expr: "tag != 'bad'" }] });
  t.equal(mapping.synchronous, true);
  t.ok(Array.isArray(mapping.mapAll([{ id: '1', tags: { name: 'x' } }])));
  t.match(await mapping.mapAll([{ id: '1', tags: { name: 'x' } }, { id: '2', tags: [{ name: 'y' }, { name: 'z' }] }, { id: '3', tags: [{ name: 'bad' }] }]), [
    { ok: true, row: ['1', 'x'] }, { ok: true, row: ['2', '["y","z"]'] }, { ok: false, problems: [{ code: 'check.expr' }] },
  ]);
});

t.test('an expression that fails puts the record aside and no other', async (t) => {
  const mapping = compileMapping({ to: { table: 'x' }, key: ['id'], fields: { id: {}, sum: { expr: 'a + b', type: 'integer' } } });
  t.match(await mapping.mapAll([{ id: '1', a: 1, b: 2 }, { id: '2', a: 1, b: 'x' }]), [
    { ok: true, row: ['1', 3] }, { ok: false, action: 'quarantine', problems: [{ code: 'map.expr_failed', field: 'sum', message: /number/u }] },
  ]);
});

t.test('the hash changes with the meaning and with nothing else', async (t) => {
  const base = compileMapping(config).hash;
  const changed = (change: Partial<MappingConfig>): string => compileMapping({ ...config, ...change }).hash;
  t.equal(changed({ description: 'other words' }), base);
  t.equal(changed({ fields: Object.fromEntries(Object.entries(config.fields).toReversed()) }), base);
  t.equal(changed({ fields: { ...config.fields, price: { from: 'rate', type: 'numeric(15,4)', required: false } } }), base);
  for (const change of [
    { fields: { ...config.fields, price: { from: 'cost', type: 'numeric(15,4)' } } }, { fields: { ...config.fields, price: { from: 'rate', type: 'numeric(15,2)' } } },
    { fields: { ...config.fields, more: {} } }, { to: { table: 'other' } }, { key: ['name'] }, { checks: [{ field: 'price', min: 0 }] },
    { children: { lines: { from: 'lines', table: 'l', fields: { a: {} } } } },
  ] satisfies Partial<MappingConfig>[]) t.not(changed(change), base, JSON.stringify(Object.keys(change)));
});

t.test('a mapping that cannot work is refused with a code and a cure', async (t) => {
  const wrong: [string, Partial<MappingConfig>][] = [
    ['map.unknown_column', { key: ['nope'] }],
    ['map.unknown_type', { fields: { item_id: { type: 'bytea' } } }],
    ['map.bad_path', { fields: { item_id: { from: 'a..b' } } }],
    ['map.bad_constant', { fields: { item_id: { type: 'integer', default: 'x' } } }],
    ['map.bad_constant', { fields: { item_id: { type: 'integer', value: 'x' } } }],
    ['map.bad_expr', { fields: { item_id: { expr: 'a +' } } }],
    ['map.column_twice', { fields: { ...config.fields, deleted_at: {} } }],
    ['map.unknown_column', { checks: [{ field: 'nope', min: 0 }] }],
    ['map.bad_check', { checks: [{ field: 'name' }] }],
    ['map.bad_check', { checks: [{ field: 'name', pattern: '(' }] }],
    ['map.bad_check', { checks: [{ field: 'price', oneOf: ['x'] }] }],
    ['map.bad_check', { checks: [{ min: 0 }] }],
  ];
  for (const [code, change] of wrong) t.throws(() => compileMapping({ ...config, ...change }), { code, suggestion: /\w/u }, `${code} ${JSON.stringify(change).slice(0, 60)}`);
});
