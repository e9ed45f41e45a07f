import type { DestinationTest, WithDestination } from './destination-scope.ts';
import type { CellValue, TableSpec } from '../destination.ts';
import type { TestScope } from './options.ts';
import { rowsOf, specOf } from './tables.ts';

const firstTime = new Date('2026-01-02T03:04:05.678Z');
const laterTime = new Date('2026-02-02T00:00:00.000Z');

/** What `write` must do. */
export async function testWrite(t: TestScope, withDestination: WithDestination): Promise<void> {
  await t.test('it inserts and overwrites, and a repeat touches no row', (t) => withDestination(async (test) => {
    const { tables, write } = test;
    const spec = await prepared(test, specOf(tables, 'write_upsert'));
    await write({ spec, upserts: { rows: rowsOf([1, 2, 3], (id) => `first ${id}`), allNew: true } });
    const rows = rowsOf([2, 3, 4], (id) => (id === 3 ? 'first 3' : `second ${id}`));
    await write({ spec, upserts: { rows, allNew: false } });
    t.same(await tables.rows(spec, 'write_upsert'), [['1', 'first 1'], ['2', 'second 2'], ['3', 'first 3'], ['4', 'second 4']]);
    const versions = await tables.versions('write_upsert');
    await write({ spec, upserts: { rows, allNew: false } });
    t.same(await tables.versions('write_upsert'), versions, 'equal rows are left alone');
  }));
  await t.test('rows that were thought to be new and are not are overwritten', (t) => withDestination(async (test) => {
    const { tables, write } = test;
    const spec = await prepared(test, specOf(tables, 'write_not_new'));
    await write({ spec, upserts: { rows: rowsOf([2], () => 'old'), allNew: false } });
    await write({ spec, upserts: { rows: rowsOf([1, 2, 3], (id) => `new ${id}`), allNew: true } });
    t.same(await tables.rows(spec, 'write_not_new'), [['1', 'new 1'], ['2', 'new 2'], ['3', 'new 3']]);
  }));
  await t.test('a table of nothing but its key can be written', (t) => withDestination(async (test) => {
    const { tables, write } = test;
    const spec = await prepared(test, specOf(tables, 'write_key_only', { columns: [{ name: 'id', type: 'bigint' }] }));
    for (const allNew of [true, false, true]) await write({ spec, upserts: { rows: [['1'], ['2']], allNew } });
    t.same(await tables.rows(spec, 'write_key_only'), [['1'], ['2']]);
  }));
  await t.test('several writes to one table in one call, and calls without any row, are fine', (t) => withDestination(async (test) => {
    const { tables, write } = test;
    const spec = await prepared(test, specOf(tables, 'write_twice'));
    await write({ spec, upserts: { rows: rowsOf([1], () => 'a'), allNew: false } }, { spec, upserts: { rows: rowsOf([2], () => 'b'), allNew: false } }, { spec });
    await write();
    await write({ spec, upserts: { rows: [], allNew: true }, deletes: { keys: [], mode: 'remove', at: [] }, replaceParents: [] });
    t.same(await tables.rows(spec, 'write_twice'), [['1', 'a'], ['2', 'b']]);
  }));
  await t.test('a batch with a bad row changes nothing at all', (t) => withDestination(async (test) => {
    const { tables, write } = test;
    const good = await prepared(test, specOf(tables, 'write_good'));
    const bad = await prepared(test, specOf(tables, 'write_bad', { columns: [{ name: 'id', type: 'bigint' }, { name: 'n', type: 'integer' }] }));
    for (const allNew of [true, false]) {
      await t.rejects(write({ spec: good, upserts: { rows: rowsOf([1], () => 'x'), allNew } }, { spec: bad, upserts: { rows: [['1', '1'], ['2', 'no number']], allNew } }), 'it throws');
    }
    t.same([await tables.rows(good, 'write_good'), await tables.rows(bad, 'write_bad')], [[], []]);
    await write({ spec: bad, upserts: { rows: [['1', '1']], allNew: true } });
    t.same(await tables.rows(bad, 'write_bad'), [['1', '1']], 'and works again afterwards');
  }));
  await testDeletes(t, withDestination);
  await testChildren(t, withDestination);
}

async function testDeletes(t: TestScope, withDestination: WithDestination): Promise<void> {
  await t.test('deletions mark each row with its own first time, and a row that comes back is unmarked', (t) => withDestination(async (test) => {
    const { tables, write } = test;
    const spec = await prepared(test, specOf(tables, 'delete_mark', { deletedColumn: 'deleted_at' }));
    const marks = (): Promise<(string | null)[][]> => tables.rows(spec, 'delete_mark', ['id', 'deleted_at']);
    const rows = rowsOf([1, 2, 3], (id) => `row ${id}`);
    await write({ spec, upserts: { rows, allNew: true } });
    await write({ spec, deletes: { keys: [['1'], ['2'], ['99']], mode: 'mark', at: [firstTime, laterTime, laterTime] } });
    const marked = await marks();
    t.match(marked, [['1', /^2026-01-0[123]/], ['2', /^2026-0(1-31|2-0[12])/], ['3', null]], 'each with its own time');
    await write({ spec, deletes: { keys: [['1'], ['2']], mode: 'mark', at: [laterTime, laterTime] } });
    t.same(await marks(), marked, 'the time of the first deletion stays');
    await write({ spec, upserts: { rows: rows.slice(0, 1), allNew: false } });
    t.match(await marks(), [['1', null], ['2', /^2026/], ['3', null]], 'the same row, written again, is there again');
  }));
  await t.test('deletions remove rows, before rows of the same batch are written', (t) => withDestination(async (test) => {
    const { tables, write } = test;
    const spec = await prepared(test, specOf(tables, 'delete_remove', { key: ['id', 'name'] }));
    await write({ spec, upserts: { rows: [['1', 'a'], ['1', 'b'], ['2', 'a']], allNew: true } });
    await write({ spec, deletes: { keys: [['1', 'a'], ['2', 'a'], ['7', 'x']], mode: 'remove', at: [firstTime, firstTime, firstTime] }, upserts: { rows: [['2', 'a']], allNew: false } });
    t.same(await tables.rows(spec, 'delete_remove'), [['1', 'b'], ['2', 'a']]);
  }));
}

async function testChildren(t: TestScope, withDestination: WithDestination): Promise<void> {
  for (const allNew of [false, true]) {
    const table = `children_${allNew ? 'new' : 'old'}`;
    await t.test(`rows of replaced parents are exactly the new ones${allNew ? ', also when they were thought to be all new' : ''}`, (t) => withDestination(async (test) => {
      const { tables, write } = test;
      const spec = await prepared(test, specOf(tables, table, {
        key: ['id', 'line'], parentKey: ['id'], columns: [{ name: 'id', type: 'bigint' }, { name: 'line', type: 'integer' }, { name: 'name', type: 'text' }],
      }));
      const lines = (id: number, ...numbers: number[]): CellValue[][] => numbers.map((line) => [String(id), line, `line ${line}`]);
      await write({ spec, replaceParents: [['1'], ['2'], ['3']], upserts: { rows: [...lines(1, 1, 2, 3), ...lines(2, 1), ...lines(3, 1, 2)], allNew: true } });
      await write({ spec, replaceParents: [['1'], ['2']], upserts: { rows: lines(1, 2, 4), allNew } });
      t.same(await tables.rows(spec, table, ['id', 'line']), [['1', '2'], ['1', '4'], ['3', '1'], ['3', '2']], 'parent 1 has its new lines, 2 has none, 3 was not touched');
      await write({ spec, replaceParents: [['3']] });
      t.same(await tables.rows(spec, table, ['id', 'line']), [['1', '2'], ['1', '4']], 'a parent without lines loses the old ones');
    }));
  }
}

async function prepared({ destination }: DestinationTest, spec: TableSpec): Promise<TableSpec> {
  await destination.prepare(spec);
  return spec;
}
