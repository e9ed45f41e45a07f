import t from 'tap';
import { compileMapping } from '../../../core/pipeline/mapping/index.ts';
import type { JsonObject } from '../../../core/sdk/index.ts';

t.test('inherited names are not values', async (t) => {
  const mapping = compileMapping({
    to: { table: 'x' }, key: ['id'],
    fields: { id: {}, ['__proto__']: {}, constructor: {}, deep: { from: 'a.constructor.name' }, via: { from: '__proto__.polluted' }, size: { from: 'list.length' }, expr: { expr: 'constructor' }, digits: { from: 'big.rawJSON' } },
  });
  t.same(mapping.mapAll([{ id: '1', a: {}, list: [1, 2] }]), [{ ok: true, row: ['1', null, null, null, null, null, null], key: ['1'], children: [], warnings: [] }].map((each) => ({ ...each, row: mapping.table.columns.map((column) => (column.name === 'id' ? '1' : null)) })));
  const own = JSON.parse('{"id":"1","__proto__":{"polluted":"yes"},"constructor":"c"}') as JsonObject;
  const [result] = await mapping.mapAll([own]);
  const row = Object.fromEntries(mapping.table.columns.map((column, index) => [column.name, result!.ok ? result!.row[index] : undefined]));
  t.match(row, { constructor: 'c', via: 'yes', expr: 'c' });
  t.equal(({} as Record<string, unknown>)['polluted'], undefined);
});

t.test('a record of any depth is refused in words, not by a crash', async (t) => {
  const deep = JSON.parse('{"a":'.repeat(20_000) + '1' + '}'.repeat(20_000)) as JsonObject;
  const mapping = compileMapping({ to: { table: 'x' }, key: ['id'], fields: { id: {}, json: { from: 'deep', type: 'jsonb' }, text: { from: 'deep' }, all: { expr: '$count(**)' } } });
  t.match(await mapping.mapAll([{ id: '1', deep }]), [{ ok: false, problems: [{ code: 'map.too_deep' }, { code: 'map.too_deep' }, { code: 'map.expr_limit' }] }]);
  const nested = JSON.parse('['.repeat(900) + ']'.repeat(900)) as JsonObject;
  t.match(await compileMapping({ to: { table: 'x' }, key: ['id'], fields: { id: {}, json: { type: 'jsonb' } } }).mapAll([{ id: '1', json: nested }]), [{ ok: true }]);
});

t.test('huge values are told in few words', async (t) => {
  const mapping = compileMapping({ to: { table: 'x' }, key: ['id'], fields: { id: {}, n: { type: 'integer' }, d: { type: 'date' }, b: { type: 'boolean' }, u: { type: 'uuid' }, j: { type: 'integer' } } });
  const huge = 'x'.repeat(20_000_000);
  const [result] = await mapping.mapAll([{ id: '1', n: huge, d: huge, b: huge, u: huge, j: { [huge]: huge } }]);
  t.ok(!result!.ok && JSON.stringify(result).length < 5000);
});

t.test('a list with ever so many bad rows has few problems', async (t) => {
  const mapping = compileMapping({ to: { table: 'x' }, key: ['id'], fields: { id: {} }, children: { lines: { from: 'lines', table: 'l', fields: { n: { type: 'integer' } } } } });
  const [result] = await mapping.mapAll([{ id: '1', lines: Array.from({ length: 100_000 }, () => ({ n: 'x' })) }]);
  t.match(result, { ok: false });
  if (result!.ok) return;
  t.equal(result!.problems.length, 51);
  t.match(result!.problems.at(-1), { code: 'map.more_problems', message: '99950 more problems' });
});

t.test('an expression that runs into its limit does so once per record', async (t) => {
  const mapping = compileMapping(
    { to: { table: 'x' }, key: ['id'], fields: { id: {} }, children: { lines: { from: 'lines', table: 'l', fields: { n: { expr: '($f := function($n){ $f($n + 1) }; $f(0))' } } } } },
    { exprLimits: { milliseconds: 50 } },
  );
  const start = performance.now();
  const [result] = await mapping.mapAll([{ id: '1', lines: Array.from({ length: 200 }, () => ({})) }]);
  t.match(result, { ok: false, problems: [{ code: 'map.expr_limit' }] });
  t.ok(performance.now() - start < 3000);
});

t.test('JSONata\'s own marks in a record are only data', async (t) => {
  const mapping = compileMapping({ to: { table: 'x' }, key: ['id'], fields: { id: {}, a: { expr: 'f.a' }, k: { expr: '$count($keys(f))', type: 'integer' } } });
  t.match(await mapping.mapAll([{ id: '1', f: { _jsonata_function: true, a: 'x' } }]), [{ ok: true, row: ['1', 'x', 1] }]);
});
