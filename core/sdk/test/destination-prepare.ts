import type { WithDestination } from './destination-scope.ts';
import type { TestScope } from './options.ts';
import { specOf } from './tables.ts';

/** What `prepare` must do. */
export async function testPrepare(t: TestScope, withDestination: WithDestination): Promise<void> {
  await t.test('it makes a managed table that fits its spec, and a repeat changes nothing', (t) => withDestination(async ({ destination, tables }) => {
    const spec = specOf(tables, 'prepare_new', {
      description: "what it's for: \\ and \"quotes\"", deletedColumn: 'deleted_at', key: ['id', 'line'],
      columns: [
        { name: 'id', type: 'bigint', description: "it's the key" }, { name: 'line', type: 'text' }, { name: 'price', type: 'numeric(15,4)' },
        { name: 'active', type: 'boolean' }, { name: 'at', type: 'timestamptz' }, { name: 'tags', type: 'text[]' }, { name: 'raw', type: 'jsonb' },
      ],
    });
    t.same(await destination.inspect(spec), [], 'a managed table that is not there yet is no fault');
    await destination.prepare(spec);
    const made = await tables.columns('prepare_new');
    t.same(made, ['id bigint', 'line text', 'price numeric(15,4)', 'active boolean', 'at timestamp with time zone', 'tags text[]', 'raw jsonb', 'deleted_at timestamp with time zone']);
    await destination.prepare(spec);
    t.same(await tables.columns('prepare_new'), made, 'a repeat changes nothing');
    t.same(await destination.inspect(spec), [], 'and inspect has nothing to say');
  }));
  await t.test('several nodes may prepare one table at the same time', (t) => withDestination(async ({ destination, tables }) => {
    const spec = specOf(tables, 'prepare_together');
    await Promise.all(Array.from({ length: 5 }, () => destination.prepare(spec)));
    t.same(await tables.columns('prepare_together'), ['id bigint', 'name text']);
  }));
  await t.test('it adds columns that are new, and leaves those that nobody asks for any more', (t) => withDestination(async ({ destination, tables, write }) => {
    const before = specOf(tables, 'prepare_added');
    await destination.prepare(before);
    await write({ spec: before, upserts: { rows: [['1', 'kept']], allNew: true } });
    const after = specOf(tables, 'prepare_added', { columns: [{ name: 'id', type: 'bigint' }, { name: 'price', type: 'numeric' }] });
    await destination.prepare(after);
    await write({ spec: after, upserts: { rows: [['1', '2.50'], ['2', '3']], allNew: false } });
    t.same(await tables.rows(after, 'prepare_added', ['id', 'name', 'price']), [['1', 'kept', '2.50'], ['2', null, '3']]);
  }));
  await t.test('it widens a column where no value can be lost, and refuses any other change of a type', (t) => withDestination(async ({ destination, tables, write }) => {
    const typed = (n: string, c: string, p: string) => specOf(tables, 'prepare_types', { columns: [{ name: 'id', type: 'bigint' }, { name: 'n', type: n }, { name: 'c', type: c }, { name: 'p', type: p }] });
    const narrow = typed('integer', 'varchar(5)', 'numeric(8,2)');
    await destination.prepare(narrow);
    await write({ spec: narrow, upserts: { rows: [['1', '7', 'five5', '123456.78']], allNew: true } });
    const wide = typed('bigint', 'text', 'numeric(15,4)');
    await destination.prepare(wide);
    await write({ spec: wide, upserts: { rows: [['2', '9007199254740993', 'longer than five', '1.2345']], allNew: false } });
    t.same(await tables.rows(wide, 'prepare_types'), [['1', '7', 'five5', '123456.7800'], ['2', '9007199254740993', 'longer than five', '1.2345']]);
    const other = typed('boolean', 'text', 'numeric(15,4)');
    await t.rejects(destination.prepare(other), { code: /column_type/, suggestion: /./ }, 'an integer can\'t become a boolean');
    t.match(await destination.inspect(other), [{ severity: 'error', code: 'table.column_type', column: 'n' }], 'inspect tells it before');
    t.equal((await tables.rows(wide, 'prepare_types')).length, 2, 'and nothing was touched');
  }));
  await t.test('it leaves a table alone that belongs to the user', (t) => withDestination(async ({ destination, tables }) => {
    await tables.run(`create table ${tables.sql('prepare_own')} (id bigint primary key)`);
    await destination.prepare(specOf(tables, 'prepare_own', { managed: false }));
    t.same(await tables.columns('prepare_own'), ['id bigint']);
  }));
}
