import type { CellValue } from '../destination.ts';
import type { WithDestination } from './destination-scope.ts';
import type { TestScope } from './options.ts';
import { specOf } from './tables.ts';

/** Names that someone may write into a YAML file, by mistake or not. */
const hostileNames = [
  'select', 'Mixed Case', 'dot.ted', 'say "hi"', "it's", 'a; drop table x; --', 'back\\slash', 'a\nb', '%s $1 ?', 'المنتجات', '📦', '_', '1st', 'x'.repeat(63), '"', "';--",
];

const hostileTexts = [
  '', ' ', '\\', '\\N', '\\.', 'a\\tb', 'tab\there', 'line\nbreak', 'carriage\rreturn', '\r\n', '"quoted"', "it's", 'null', 'NULL', '{}', '{a,b}', ',', '%', '$1',
  "'; drop table x; --", 'قطعة غيار', '👩‍👩‍👧‍👦', '\u0001\u0008\u000b\u001f\u007f', '\u2028', '\ufeff', 'e\u0301', '-0', '1e400', 'x'.repeat(100_000), '\\'.repeat(1000), '\t\n'.repeat(40_000),
];

/** Whatever the config and the records hold, it lands as it is or is refused; it never becomes SQL. */
export async function testHostile(t: TestScope, withDestination: WithDestination): Promise<void> {
  await t.test('any name of a table or column is a name and nothing else', (t) => withDestination(async ({ destination, tables, write }) => {
    for (const name of hostileNames) {
      const spec = specOf(tables, name, { key: [name], deletedColumn: `${name.slice(0, 50)} d`, description: name, columns: [{ name, type: 'text', description: name }, { name: `${name.slice(0, 50)} 2`, type: 'text' }] });
      await destination.prepare(spec);
      await write({ spec, upserts: { rows: [['k', 'v'], ['l', 'v']], allNew: true } });
      await write({ spec, upserts: { rows: [['k', 'w']], allNew: false }, deletes: { keys: [['l']], mode: 'mark', at: [new Date()] } });
      t.same(await tables.rows(spec, name), [['k', 'w'], ['l', 'v']], JSON.stringify(name.slice(0, 30)));
      t.same((await destination.inspect(spec)).filter(({ severity }) => severity === 'error'), [], 'nothing to find fault with');
    }
  }));
  await t.test('a name or type that can\'t be is refused before anything is done', (t) => withDestination(async ({ destination, tables }) => {
    const columns = (name: string, type = 'text') => [{ name: 'id', type: 'bigint' }, { name, type }];
    const bad = [
      specOf(tables, 'x'.repeat(64)), specOf(tables, 'é'.repeat(32)), specOf(tables, 'nul\0'), specOf(tables, ''),
      ...['', 'nul\0', 'x'.repeat(64)].map((name) => specOf(tables, 'hostile_column', { columns: columns(name) })),
      ...['text); drop table x; --', 'text default 1', 'text primary key', '"; --', '', 'int references y'].map((type) => specOf(tables, 'hostile_type', { columns: columns('c', type) })),
    ];
    for (const spec of bad) {
      await t.rejects(destination.prepare(spec), { code: /./ }, JSON.stringify([spec.table.slice(0, 30), spec.columns[1]?.name.slice(0, 30), spec.columns[1]?.type]));
      t.match(await destination.inspect(spec), [{ severity: 'error' }], 'and inspect tells it');
    }
  }));
  await t.test('any value comes back as it was', (t) => withDestination(async ({ destination, tables, write }) => {
    const spec = specOf(tables, 'hostile_values');
    await destination.prepare(spec);
    const rows: CellValue[][] = hostileTexts.map((text, index) => [String(index + 1), text]);
    const stored = async (): Promise<Map<string | null, string | null>> => new Map((await tables.rows(spec, 'hostile_values')).map(([id = null, name = null]) => [id, name]));
    for (const allNew of [true, false]) {
      await tables.run(`truncate ${tables.sql('hostile_values')}`);
      await write({ spec, upserts: { rows, allNew } });
      const found = await stored();
      const wrong = rows.filter(([id, text]) => found.get(String(id)) !== text).map(([, text]) => JSON.stringify(text).slice(0, 40));
      t.same(wrong, [], allNew ? 'inserted' : 'merged');
    }
    await write({ spec, upserts: { rows: [['1000', null]], allNew: true } });
    t.equal((await stored()).get('1000'), null, 'null is null');
  }));
  await t.test('text keys of any kind find their rows', (t) => withDestination(async ({ destination, tables, write }) => {
    const spec = specOf(tables, 'hostile_keys', { columns: [{ name: 'id', type: 'text' }, { name: 'name', type: 'text' }], parentKey: ['id'], key: ['id', 'name'] });
    await destination.prepare(spec);
    const keys = hostileTexts.filter((text) => text.length < 500);
    await write({ spec, upserts: { rows: keys.map((key) => [key, 'a']), allNew: true } });
    await write({ spec, replaceParents: keys.map((key) => [key]), upserts: { rows: keys.map((key) => [key, 'b']), allNew: false } });
    t.equal((await tables.rows(spec, 'hostile_keys')).filter(([, name]) => name === 'b').length, keys.length, 'replaced');
    await write({ spec, deletes: { keys: keys.map((key) => [key, 'b']), mode: 'remove', at: keys.map(() => new Date()) } });
    t.same(await tables.rows(spec, 'hostile_keys'), [], 'removed');
  }));
  await t.test('numbers, times, JSON and lists land without loss', (t) => withDestination(async ({ destination, tables, write }) => {
    const types = ['bigint', 'numeric', 'numeric(20,6)', 'double precision', 'boolean', 'date', 'jsonb', 'text[]', 'integer'];
    const spec = specOf(tables, 'hostile_types', { columns: types.map((type, index) => ({ name: index === 0 ? 'id' : `c${index}`, type })) });
    await destination.prepare(spec);
    const row: CellValue[] = ['9223372036854775807', '12345678901234567890.123456789012345678901234567890', '0.100000', 0.1, true, '2024-02-29', '{"a": "\\"\\\\n\\t"}', '{"a b",NULL,"\\"q\\""}', -5];
    for (const allNew of [true, false]) await write({ spec, upserts: { rows: [row], allNew } });
    t.same(await tables.rows(spec, 'hostile_types'), [row.map(String)]);
  }));
  await t.test('a NUL character is refused with the column\'s name, and nothing is written', (t) => withDestination(async ({ destination, tables, write }) => {
    const spec = specOf(tables, 'hostile_nul');
    await destination.prepare(spec);
    await t.rejects(write({ spec, upserts: { rows: [['1', 'fine'], ['2', 'a\0b']], allNew: true } }), { message: /name/ });
    t.same(await tables.rows(spec, 'hostile_nul'), []);
  }));
}
