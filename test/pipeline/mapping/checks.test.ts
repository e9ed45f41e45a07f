import t from 'tap';
import { compileMapping, type CheckMapping, type FieldMapping, type MappedRecord } from '../../../core/pipeline/mapping/index.ts';

const fields: Record<string, FieldMapping> = { id: {}, price: { type: 'numeric(30,15)' }, count: { type: 'integer' }, name: {}, meta: { type: 'jsonb' } };

async function check(checks: CheckMapping[], record: Record<string, string | number | null | { a: number }>): Promise<MappedRecord> {
  const [result] = await compileMapping({ to: { table: 'x' }, key: ['id'], fields, checks }).mapAll([{ id: '1', ...record }]);
  return result!;
}
async function verdict(rule: CheckMapping, record: Record<string, string | number | null | { a: number }>): Promise<string> {
  const result = await check([rule], record);
  return result.ok ? 'ok' : result.problems.map((problem) => problem.code).join();
}

t.test('min and max compare exactly', async (t) => {
  t.equal(await verdict({ field: 'price', min: 0 }, { price: '-0.000000000000001' }), 'check.min');
  t.equal(await verdict({ field: 'price', min: 0 }, { price: 0 }), 'ok');
  t.equal(await verdict({ field: 'price', max: 0.3 }, { price: '0.300000000000001' }), 'check.max');
  t.equal(await verdict({ field: 'price', max: 0.3 }, { price: '0.3000' }), 'ok');
  t.equal(await verdict({ field: 'price', max: 10 }, { price: '100000000000000' }), 'check.max');
  t.equal(await verdict({ field: 'count', max: 10 }, { count: '11' }), 'check.max');
  t.equal(await verdict({ field: 'name', min: 0 }, { name: 'abc' }), 'check.min', 'what is no number cannot be above it');
});

t.test('without a value only required speaks', async (t) => {
  for (const rule of [{ min: 5 }, { max: -5 }, { minLength: 3 }, { pattern: '^x' }, { oneOf: ['a'] }]) t.equal(await verdict({ field: 'name', ...rule }, {}), 'ok', JSON.stringify(rule));
  t.equal(await verdict({ field: 'name', required: true }, {}), 'check.required');
  t.equal(await verdict({ field: 'name', required: true }, { name: '' }), 'check.required');
});

t.test('lengths count characters', async (t) => {
  t.equal(await verdict({ field: 'name', maxLength: 2 }, { name: '😀😀' }), 'ok');
  t.equal(await verdict({ field: 'name', maxLength: 2 }, { name: '😀😀😀' }), 'check.max_length');
  t.equal(await verdict({ field: 'name', minLength: 2 }, { name: '😀' }), 'check.min_length');
});

t.test('a pattern is matched, and never for long', async (t) => {
  t.equal(await verdict({ field: 'name', pattern: '^\\p{L}+$' }, { name: 'حذاء' }), 'ok');
  t.equal(await verdict({ field: 'name', pattern: '^\\d+$' }, { name: '12x' }), 'check.pattern');
  const start = performance.now();
  const result = await check([{ field: 'name', pattern: '^(a+)+$' }], { name: `${'a'.repeat(50)}!` });
  t.match(result, { ok: false, problems: [{ code: 'check.pattern', message: /longer than/u }] });
  t.equal(await verdict({ field: 'name', pattern: '^\\d+$' }, { name: '1'.repeat(1_000_000) }), 'check.pattern');
  t.ok(performance.now() - start < 5000);
});

t.test('oneOf compares values, not their spelling', async (t) => {
  t.equal(await verdict({ field: 'price', oneOf: [12.5, '7'] }, { price: '12.50' }), 'ok');
  t.equal(await verdict({ field: 'count', oneOf: ['3'] }, { count: 3 }), 'ok');
  t.equal(await verdict({ field: 'name', oneOf: ['draft', 'paid'] }, { name: 'Draft' }), 'check.one_of');
});

t.test('an expression sees the mapped row, numbers as numbers', async (t) => {
  t.equal(await verdict({ expr: 'price >= count' }, { price: '10', count: 9 }), 'ok');
  t.equal(await verdict({ expr: 'price >= count' }, { price: '9', count: '10' }), 'check.expr');
  t.equal(await verdict({ expr: 'meta.a = 1' }, { meta: { a: 1 } }), 'ok');
  t.equal(await verdict({ expr: 'price = null or price > 5' }, {}), 'ok');
  t.equal(await verdict({ expr: 'price > 5' }, {}), 'check.expr', 'null cannot be compared');
  t.equal(await verdict({ expr: '$sum([price, count]) = 3' }, { price: 1, count: 2 }), 'ok', 'by JSONata itself');
});

t.test('onFail says what becomes of the record; a drop wins, a warning lets pass', async (t) => {
  const rules: CheckMapping[] = [{ field: 'price', min: 0 }, { field: 'name', oneOf: ['paid'], onFail: 'drop' }, { field: 'count', max: 5, onFail: 'warn', message: 'rather many' }];
  t.match(await check(rules, { price: -1, name: 'paid' }), { ok: false, action: 'quarantine', problems: [{ code: 'check.min', field: 'price', value: '-1' }] });
  t.match(await check(rules, { price: -1, name: 'draft' }), { ok: false, action: 'drop' });
  t.match(await check(rules, { price: 1, name: 'paid', count: 6 }), { ok: true, warnings: [{ code: 'check.max', message: 'rather many' }] });
});

t.test('a record that is dropped anyway is not put aside for a bad value', async (t) => {
  const rules: CheckMapping[] = [{ field: 'name', oneOf: ['paid'], onFail: 'drop' }, { field: 'price', required: true }];
  t.match(await check(rules, { price: 'x', name: 'draft' }), { ok: false, action: 'drop' });
  const kept = await check(rules, { price: 'x', name: 'paid' });
  t.same(kept.ok ? [] : kept.problems.map((problem) => problem.code), ['map.not_a_number'], 'and no rule speaks about a value that was refused');
});
