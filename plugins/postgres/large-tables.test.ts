import t from 'tap';
import { createMemoryLog, createTestContext } from 'tds/sdk/test';
import type { CellValue, Destination, SqlSession, TableSpec, TableWrite } from 'tds/sdk';
import { testDatabase } from '../../test/support/database.ts';
import { createOwnDatabase } from './own-database.ts';
import plugin from './plugin.ts';

const { url } = await testDatabase(t, { migrated: false });
const database = createOwnDatabase({ url, poolSize: 2 }, createMemoryLog([]));
t.teardown(() => database.close());
const size = 60_000;

/** Rows that a batch read by going through the whole table. */
async function rowsScanned(session: SqlSession, table: string): Promise<number> {
  const { rows } = await session.query(`select coalesce(sum(seq_tup_read), 0)::int as read from pg_stat_xact_user_tables where relname = $1`, [table]);
  return Number(rows[0]?.['read']);
}

async function filled(spec: TableSpec, rows: readonly CellValue[][]): Promise<Destination> {
  const destination = plugin.create(createTestContext({ settings: { schema: 'public', createSchema: true }, database })).destination as Destination;
  await destination.prepare(spec);
  // Never analyzed: what PostgreSQL knows of a table that was loaded a moment ago.
  await database.transaction((session) => session.query(`alter table ${spec.table} set (autovacuum_enabled = off)`));
  await database.transaction((session) => destination.write([{ spec, upserts: { rows, allNew: true } }], session));
  return destination;
}

t.test('a batch goes by the index, however large and unknown the table is', async (t) => {
  const spec: TableSpec = { table: 'heads', managed: true, columns: [{ name: 'id', type: 'bigint' }, { name: 'name', type: 'text' }], key: ['id'], deletedColumn: 'deleted_at' };
  const destination = await filled(spec, Array.from({ length: size }, (_, id) => [String(id), `name ${id}`]));
  const keys = Array.from({ length: 3000 }, (_, index) => [String(index * 20)]);
  const writes: Record<string, TableWrite> = {
    'marked': { spec, deletes: { keys, mode: 'mark', at: keys.map(() => new Date()) } },
    'merged': { spec, upserts: { rows: keys.map(([id = '']) => [id, 'other']), allNew: false } },
    'found not to be new': { spec, upserts: { rows: keys.map(([id = '']) => [id, 'third']), allNew: true } },
    'removed': { spec, deletes: { keys, mode: 'remove', at: keys.map(() => new Date()) } },
  };
  for (const [what, write] of Object.entries(writes)) {
    await database.transaction(async (session) => {
      await destination.write([write], session);
      t.equal(await rowsScanned(session, 'heads'), 0, `${what} without reading the whole table`);
      const { rows } = await session.query('show enable_hashjoin');
      t.same(rows, [{ enable_hashjoin: 'on' }], 'and leaves the session\'s settings as they were');
    });
  }
});

t.test('children are replaced by the index of their key', async (t) => {
  const spec: TableSpec = { table: 'lines', managed: true, columns: [{ name: 'id', type: 'bigint' }, { name: 'line', type: 'text' }], key: ['id', 'line'], parentKey: ['id'] };
  const destination = await filled(spec, Array.from({ length: size }, (_, index) => [String(Math.floor(index / 4)), `line ${index % 4}`]));
  const parents = Array.from({ length: 2000 }, (_, index) => [String(index * 3)]);
  for (const allNew of [false, true]) {
    await database.transaction(async (session) => {
      await destination.write([{ spec, replaceParents: parents, upserts: { rows: parents.map(([id = '']) => [id, 'line 0']), allNew } }], session);
      t.equal(await rowsScanned(session, 'lines'), 0);
    });
  }
  await database.transaction(async (session) => {
    const { rows } = await session.query('select count(*)::int as count from lines');
    t.same(rows, [{ count: size - 3 * parents.length }]);
  });
});
