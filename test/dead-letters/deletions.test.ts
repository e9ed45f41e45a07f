/** A deletion that the user's own table refuses goes aside like a record: with the reason, alone, and until the table lets the row go. */
import t from 'tap';
import { applyBatch } from '../../core/pipeline/apply.ts';
import type { Destination } from '../../core/sdk/index.ts';
import { createTestContext } from '../../core/sdk/test/index.ts';
import postgres from '../../plugins/postgres/plugin.ts';
import { bench, minute, thing, type Bench } from './support.ts';
import { testDatabase, type TestScope } from '../support/database.ts';

const remove = { deletes: { mode: 'remove', maxShare: 1, alwaysAllow: 100 } } as never;
const mark = { deletes: { mode: 'mark', column: 'deleted_at', maxShare: 1, alwaysAllow: 100 } } as never;
const everything = { filter: {}, all: true };
const guard = `CREATE FUNCTION guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF old.id = '3' THEN RAISE EXCEPTION 'thing % is on an open order', old.id USING HINT = 'close the order'; END IF;
  IF TG_OP = 'DELETE' THEN RETURN old; END IF;
  RETURN new; END $$`;
const guarded = [guard, 'CREATE TRIGGER guard BEFORE DELETE OR UPDATE ON erp.things FOR EACH ROW EXECUTE FUNCTION guard()'];

/** Ten things in a table of which these statements are true; then all but the first one are gone at the source. */
async function emptied(t: TestScope, config: object, ...statements: string[]): Promise<Bench> {
  const b = await bench(t, { config });
  for (let id = 0; id < 10; id += 1) b.source.put(thing(id));
  await b.corridor.run('full');
  for (const statement of statements) await b.corridor.rows(statement);
  for (let id = 1; id < 10; id += 1) b.source.records.delete(String(id));
  return b;
}

const standing = async ({ corridor }: Bench): Promise<unknown[]> => (await corridor.rows('SELECT id FROM erp.things ORDER BY id')).map(({ id }) => id);
const letters = ({ operations }: Bench) => operations.deadLetters({ status: 'open', limit: 10 });

t.test('a trigger refuses one of nine deletions: it goes aside with what the trigger says, the others are done, and the run ends well', async (t) => {
  const b = await emptied(t, remove, ...guarded);
  const run = await b.corridor.run('full');
  t.match(run, { status: 'succeeded', deleted: 8, refused: 1 });
  t.same(await standing(b), ['0', '3']);
  t.match(await letters(b), [{ key: '3', runId: run.id, via: 'full', code: 'destination.refused_deletion.P0001', message: 'the table refused to let the row go: thing 3 is on an open order; close the order', attempts: 1 }]);
  const { id = '', fingerprint = '' } = (await letters(b))[0] ?? {};
  t.match(await b.operations.deadLetter(id), { raw: /"thing 3"/, problems: [{ suggestion: /trigger.*mode: keep/ }], history: [{ runId: run.id }] });
  t.match(await b.operations.deadLetterGroups({}), [{ fingerprint, count: 1 }]);
  t.match(await b.record('3'), { state: 'refused', versions: [{ what: 'deleted', refused: true }, { what: 'created' }], deadLetters: [{ id }] });

  await t.test('later full reads neither forget it nor make a second letter of it', async (t) => {
    for (let reads = 0; reads < 2; reads += 1) t.match(await b.corridor.run('full'), { deleted: 0, refused: 0, read: 1 });
    t.match(await letters(b), [{ id, attempts: 1 }]);
  });
  await t.test('a retry really tries, and counts one more attempt', async (t) => {
    t.match(await b.operations.tryDeadLetters(everything), { tried: 1, pass: 1 }, 'what the table says is known by writing alone');
    t.match(await b.retry(everything), [{ status: 'succeeded', read: 1, refused: 1, deleted: 0, reason: '0 mended, 1 still refused' }]);
    t.match(await letters(b), [{ id, attempts: 2, via: 'replay' }]);
    t.same(await standing(b), ['0', '3']);
  });
  await t.test('when the trigger is gone the row goes, and the letter is closed', async (t) => {
    await b.corridor.rows('DROP TRIGGER guard ON erp.things');
    t.match(await b.retry({ filter: { fingerprint } }), [{ read: 1, deleted: 1, refused: 0, reason: '1 mended, 0 still refused' }]);
    t.same(await standing(b), ['0']);
    t.equal(await b.open(), 0);
    t.match(await b.record('3'), { state: 'deleted', versions: [{ what: 'deleted', refused: false }, { what: 'created' }], deadLetters: [{ status: 'resolved' }] }, 'tries make no versions');
  });
});

t.test('marked as deleted, or removed under a foreign key, even one that is looked at only when the transaction commits', async (t) => {
  const key = (deferred: string): string[] => ['CREATE TABLE erp.orders (thing text REFERENCES erp.things ' + deferred + ')', `INSERT INTO erp.orders VALUES ('3'), ('7')`];
  const cases: [string, object, string[], string[], string, RegExp, RegExp][] = [
    ['a mark that a trigger refuses', mark, guarded, ['3'], 'P0001', /refused to have the row marked as deleted: thing 3/, /trigger/],
    ['a foreign key', remove, key(''), ['3', '7'], '23503', /violates foreign key.*still referenced from table "orders"/, /orders_thing_fkey/],
    ['a deferred foreign key', remove, key('DEFERRABLE INITIALLY DEFERRED'), ['3', '7'], '23503', /violates foreign key/, /orders_thing_fkey/],
  ];
  for (const [name, config, statements, kept, state, message, suggestion] of cases) {
    await t.test(name, async (t) => {
      const b = await emptied(t, config, ...statements);
      t.match(await b.corridor.run('full'), { status: 'succeeded', deleted: 9 - kept.length, refused: kept.length });
      t.match((await letters(b)).toReversed(), kept.map((id) => ({ key: id, code: `destination.refused_deletion.${state}`, message, problems: [{ suggestion }] })));
      await b.corridor.rows(statements === guarded ? 'DROP TRIGGER guard ON erp.things' : 'DELETE FROM erp.orders');
      t.match(await b.retry(everything), [{ deleted: kept.length, refused: 0 }]);
      t.same(await b.corridor.rows(config === mark ? 'SELECT id FROM erp.things WHERE deleted_at IS NULL' : 'SELECT id FROM erp.things'), [{ id: '0' }]);
      t.equal(await b.open(), 0);
    });
  }
});

t.test('the same in a database of its own, which commits by itself', async (t) => {
  const b = await bench(t, { config: remove });
  const other = await testDatabase(t);
  const connection = postgres.create(createTestContext({ settings: { url: other.url, schema: 'erp', createSchema: true, poolSize: 2 }, database: b.corridor.database }));
  t.teardown(() => connection.close?.());
  b.corridor.entity.destination = connection.destination as Destination;
  for (let id = 0; id < 10; id += 1) b.source.put(thing(id));
  await b.corridor.run('full');
  for (const statement of guarded) await other.pool.query(statement);
  b.source.records.clear();
  t.match(await b.corridor.run('full'), { status: 'succeeded', deleted: 9, refused: 1 });
  t.match(await letters(b), [{ key: '3', code: 'destination.refused_deletion.P0001' }]);
  await other.pool.query('DROP TRIGGER guard ON erp.things');
  t.match(await b.retry(everything), [{ deleted: 1, refused: 0 }]);
  t.same((await other.pool.query('SELECT * FROM erp.things')).rows, []);
});

t.test('a policy of row security that lets a row be seen and not deleted is told, though PostgreSQL says nothing', async (t) => {
  const clerk = 'tds_clerk_of_deletions'; // a superuser is bound by no policy
  const b = await emptied(t, remove, `DO $$ BEGIN CREATE ROLE ${clerk}; EXCEPTION WHEN duplicate_object THEN NULL; END $$`, `GRANT ALL ON SCHEMA erp TO ${clerk}`, `GRANT ALL ON erp.things TO ${clerk}`,
    'ALTER TABLE erp.things ENABLE ROW LEVEL SECURITY', 'CREATE POLICY seen ON erp.things USING (true)', `CREATE POLICY kept ON erp.things AS RESTRICTIVE FOR DELETE USING (id <> '3')`);
  const { entity } = b.corridor;
  const { destination } = entity;
  entity.destination = {
    ...destination,
    async write(writes, session) {
      await session?.query(`SET LOCAL ROLE ${clerk}`);
      await destination.write(writes, session);
      await session?.query('RESET ROLE');
    },
  };
  t.match(await b.corridor.run('full'), { status: 'succeeded', deleted: 8, refused: 1 });
  t.match(await letters(b), [{ key: '3', code: 'destination.refused_deletion.44000', message: /row security policy of erp\.things keeps a row from being deleted/, problems: [{ suggestion: /policy/ }] }]);
  await b.corridor.rows('DROP POLICY kept ON erp.things');
  t.match(await b.retry(everything), [{ deleted: 1 }]);
  t.same(await standing(b), ['0']);
  await b.corridor.rows(`DROP OWNED BY ${clerk}; DROP ROLE ${clerk}`);
});

t.test('a trigger that does something else with a deletion is the user\'s own way, and no refusal', async (t) => {
  const b = await emptied(t, remove, 'ALTER TABLE erp.things ADD archived boolean', `CREATE FUNCTION archive() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE erp.things SET archived = true WHERE id = old.id; RETURN NULL; END $$`,
    'CREATE TRIGGER archive BEFORE DELETE ON erp.things FOR EACH ROW EXECUTE FUNCTION archive()');
  t.match(await b.corridor.run('full'), { deleted: 9, refused: 0 });
  t.match(await b.corridor.rows('SELECT count(*)::int AS n FROM erp.things WHERE archived'), [{ n: 9 }]);
  t.equal(await b.open(), 0);
});

t.test('rows are marked with the time of their own deletion, however late and together they are', async (t) => {
  const b = await emptied(t, mark, guard, 'CREATE TRIGGER guard BEFORE UPDATE ON erp.things FOR EACH ROW EXECUTE FUNCTION guard()');
  const gone = (key: string, minutes: number) => ({ form: 'gone' as const, key, observedAt: new Date(Date.now() + minutes * 60_000) });
  await applyBatch(b.corridor, { entity: b.corridor.entity, via: 'webhook', incoming: [gone('2', 1), gone('3', 2), gone('4', 3)] });
  await b.corridor.rows('DROP TRIGGER guard ON erp.things');
  t.match(await b.retry(everything), [{ deleted: 1 }]);
  t.match(await b.corridor.rows(`SELECT count(DISTINCT t.deleted_at)::int AS times, count(*)::int AS rows FROM erp.things t JOIN tds.records r ON r.key = t.id AND r.deleted_at = t.deleted_at`), [{ times: 3, rows: 3 }], 'as their tombstones say');
});

t.test('a record that comes back settles its letter; what was asked for meanwhile takes nothing away', async (t) => {
  const b = await emptied(t, remove, ...guarded);
  await b.corridor.run('full');
  const { runs: [asked] } = await b.operations.retryDeadLetters({ ...everything, trigger: 'test' });
  await b.corridor.rows('DROP TRIGGER guard ON erp.things');
  b.source.put(thing(3, { name: 'here again', modified: minute(50) }));
  t.match(await b.corridor.run('full'), { changed: 1 });
  t.equal(await b.open(), 0);
  t.match(await b.corridor.resume(asked!.run.id), { read: 0, deleted: 0 });
  t.match(await b.corridor.rows(`SELECT name FROM erp.things WHERE id = '3'`), [{ name: 'here again' }]);
  t.match(await b.record('3'), { state: 'live', versions: [{ what: 'came back' }, { what: 'deleted' }, { what: 'created' }], deadLetters: [{ status: 'resolved' }] });
});

t.test('where rows are to stay from now on, a retry closes the letter and leaves the row', async (t) => {
  const b = await emptied(t, remove, ...guarded);
  await b.corridor.run('full');
  b.corridor.remap({ deletes: { mode: 'keep', maxShare: 1, alwaysAllow: 100 } } as never);
  t.match(await b.retry(everything), [{ deleted: 1, refused: 0 }]);
  t.same(await standing(b), ['0', '3']);
  t.equal(await b.open(), 0);
});

t.test('lines go before their row, so that a foreign key from lines to rows is no refusal', async (t) => {
  const b = await bench(t, { config: { ...(remove as object), children: { lines: { from: 'lines', table: 'lines', manage: true, key: ['no'], fields: { no: {}, text: {} } } } } });
  for (let id = 0; id < 6; id += 1) b.source.put(thing(id, { lines: [{ no: 1, text: 'one' }, { no: 2, text: 'two' }] }));
  await b.corridor.run('full');
  await b.corridor.rows('ALTER TABLE erp.lines ADD FOREIGN KEY (id) REFERENCES erp.things');
  for (const id of ['1', '2', '3']) b.source.records.delete(id);
  b.source.put(thing(4, { modified: minute(50), lines: [{ no: 2, text: 'two' }, { no: 3, text: 'three' }] }));
  b.source.put(thing(7, { modified: minute(51), lines: [{ no: 1, text: 'one' }] }));
  t.match(await b.corridor.run('full'), { new: 1, changed: 1, deleted: 3, refused: 0 });
  t.same((await b.corridor.rows('SELECT id, string_agg(no::text, \' \' ORDER BY no) AS no FROM erp.lines GROUP BY id ORDER BY id')).map(({ id, no }) => `${id}: ${no}`), ['0: 1 2', '4: 2 3', '5: 1 2', '7: 1']);
});

t.test('a deletion whose record kills the process that maps it goes aside as well, and nothing is lost of it', async (t) => {
  const b = await emptied(t, remove);
  const problem = { code: 'record.poison', message: 'the process dies' };
  await applyBatch(b.corridor, { entity: b.corridor.entity, via: 'full', incoming: [{ form: 'gone', key: '3', observedAt: new Date() }], refuse: new Map([['3', problem]]) });
  t.match(await letters(b), [{ key: '3', code: 'record.poison' }]);
  t.ok((await standing(b)).includes('3'));
  t.match(await b.corridor.run('full'), { deleted: 8 });
  t.match(await b.retry({ filter: { key: '3' } }), [{ deleted: 1, refused: 0 }]);
  t.same(await standing(b), ['0']);
});
