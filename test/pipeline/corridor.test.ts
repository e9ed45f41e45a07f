import t from 'tap';
import { applyBatch, commitPrepared, prepare } from '../../core/pipeline/apply.ts';
import { receive } from '../../core/pipeline/incoming.ts';
import { openCorridor } from '../support/corridor.ts';
import { silentLogger } from '../../core/monitor/log.ts';
import { readVersions } from '../../core/store/record-history.ts';
import { createRun, endRun, startRun } from '../../core/store/runs.ts';
import { MemorySource } from '../support/memory-source.ts';

const minute = (n: number): string => new Date(Date.UTC(2026, 0, 1, 0, n)).toISOString();
const thing = (id: number, more: object = {}): { id: string; name: string; price: number; modified: string } => ({ id: String(id), name: `thing ${id}`, price: id, modified: minute(id), ...more });

function shop(count: number, stream = {}): MemorySource {
  const source = new MemorySource(stream);
  for (let id = 1; id <= count; id += 1) source.put(thing(id));
  return source;
}

const names = `SELECT id, name, price::float8 AS price, deleted_at IS NOT NULL AS deleted FROM erp.things ORDER BY id::int`;

t.test('a full read lands every record, and a second one writes nothing', async (t) => {
  const corridor = await openCorridor(t, shop(10));
  const first = await corridor.run('full');
  t.match(first, { status: 'succeeded', read: 10, new: 10, changed: 0, refused: 0 });
  t.equal((await corridor.rows(names)).length, 10);
  const before = await corridor.rows('SELECT xmin::text, ctid::text FROM erp.things ORDER BY ctid');
  const second = await corridor.run('full');
  t.match(second, { read: 10, new: 0, changed: 0, unchanged: 10, deleted: 0 });
  t.same(await corridor.rows('SELECT xmin::text, ctid::text FROM erp.things ORDER BY ctid'), before, 'no row was touched');
});

t.test('what changed is written, what is gone is marked, and the versions before are kept', async (t) => {
  const source = shop(6);
  const corridor = await openCorridor(t, source);
  await corridor.run('full');
  source.put(thing(2, { name: 'renamed', modified: minute(90) }));
  source.records.delete('5');
  source.put(thing(7));
  t.match(await corridor.run('full'), { new: 1, changed: 1, unchanged: 4, deleted: 1 });
  const rows = await corridor.rows(names);
  t.match(rows[1], { name: 'renamed' });
  t.same(rows.filter((row) => row['deleted']).map((row) => row['id']), ['5']);
  t.match(await corridor.rows(`SELECT key, version, raw->>'name' AS name FROM record_history ORDER BY key`), [{ key: '2', version: 1, name: 'thing 2' }, { key: '5' }]);
});

t.test('an incremental read asks only for what changed since the last one', async (t) => {
  const source = shop(9);
  const corridor = await openCorridor(t, source);
  await corridor.run('full');
  source.pagesRead = 0;
  source.put(thing(3, { price: 99, modified: minute(60) }));
  t.match(await corridor.run('incremental'), { read: 2, changed: 1, unchanged: 1 }, 'the record at the cursor itself comes again');
  t.equal(source.pagesRead, 1);
});

t.test('a read that breaks off at any page goes on from its position and ends as if it had not', async (t) => {
  for (const page of [0, 1, 2, 3]) {
    const source = shop(11);
    const corridor = await openCorridor(t, source);
    source.breakAt = page;
    const id = await corridor.begin('full');
    await t.rejects(corridor.resume(id), { code: 'test.broke_off' });
    t.match(await corridor.resume(id), { status: 'succeeded', new: 11, deleted: 0 });
    t.equal((await corridor.rows(names)).length, 11);
  }
});

t.test('a process that dies between two writes leaves rows and position together', async (t) => {
  const source = shop(12);
  const corridor = await openCorridor(t, source);
  const id = await corridor.begin('full');
  let fences = 0;
  await t.rejects(corridor.resume(id, { fence: async () => { fences += 1; if (fences === 2) throw new Error('died'); } }), { message: 'died' });
  const saved = await corridor.rows(`SELECT position, (SELECT count(*)::int FROM erp.things) AS rows FROM runs WHERE id = ${id}`);
  t.equal(saved[0]?.['position'], saved[0]?.['rows'], 'the position is where the rows end');
  t.match(await corridor.resume(id), { new: 12 });
});

t.test('a record that the mapping refuses goes aside with its raw record; the rest goes on; a mended record closes it', async (t) => {
  const source = shop(5);
  source.put(thing(3, { price: 'cheap' }));
  const corridor = await openCorridor(t, source);
  t.match(await corridor.run('full'), { new: 4, refused: 1 });
  t.match(await corridor.rows(`SELECT key, status, code, field, raw->>'price' AS price FROM dead_letters`), [{ key: '3', status: 'open', field: 'price', price: 'cheap' }]);
  source.put(thing(3, { price: 7, modified: minute(70) }));
  t.match(await corridor.run('full'), { changed: 1, refused: 0 });
  t.match(await corridor.rows('SELECT key, status FROM dead_letters'), [{ key: '3', status: 'resolved' }]);
  t.equal((await corridor.rows(names)).length, 5);
});

t.test('a record that the table refuses is found in its batch and goes aside alone', async (t) => {
  const source = shop(12);
  const corridor = await openCorridor(t, source, { to: { connection: 'erp', table: 'things', manage: true } });
  await corridor.run('full');
  await corridor.rows('ALTER TABLE erp.things ADD CONSTRAINT not_too_dear CHECK (price < 100)');
  for (const id of [1, 2, 3, 4, 5]) source.put(thing(id, { price: id === 3 ? 500 : 50, modified: minute(100) }));
  t.match(await corridor.run('full'), { changed: 4, refused: 1 });
  t.match(await corridor.rows('SELECT key, code FROM dead_letters'), [{ key: '3', code: 'destination.refused.23514' }]);
  t.match(await corridor.rows(`SELECT key, refused FROM records WHERE refused`), [{ key: '3' }]);
});

t.test('a mended mapping is run over what is stored, without a call to the source', async (t) => {
  const source = shop(6);
  const corridor = await openCorridor(t, source);
  await corridor.run('full');
  source.pagesRead = 0;
  corridor.remap({ fields: { id: {}, name: { expr: `$uppercase(name)` }, price: { type: 'numeric(12,2)' } } as never });
  t.match(await corridor.run('replay'), { changed: 6 });
  t.equal(source.pagesRead, 0);
  t.match((await corridor.rows(names))[0], { name: 'THING 1' });
  t.match(await corridor.run('replay'), { changed: 0, unchanged: 6 });
  t.equal((await corridor.rows('SELECT * FROM record_history')).length, 0, 'the raw records have not changed, so no version was made');
});

t.test('rows that a changed mapping has not reached yet are asked for again, whatever is broken off or cancelled in between', async (t) => {
  const source = shop(9);
  const corridor = await openCorridor(t, source);
  const upper = { fields: { id: {}, name: { expr: '$uppercase(name)' }, price: { type: 'numeric(12,2)' } } as never };
  const lower = { fields: { id: {}, name: {}, price: { type: 'numeric(12,2)' } } as never };
  const ask = async (): Promise<string[]> => {
    corridor.requested.length = 0;
    await corridor.run('incremental');
    return corridor.requested;
  };
  const asWritten = async (): Promise<string[]> => [...new Set((await corridor.rows(names)).map((row) => String(row['name']).replace(/\d/, '#')))].sort();
  await corridor.run('full');
  t.same(await ask(), [], 'nothing is due');
  corridor.remap(upper);
  source.breakAt = source.pagesRead;
  const id = await corridor.begin('incremental');
  await t.rejects(corridor.resume(id), { code: 'test.broke_off' });
  await corridor.resume(id);
  t.same(corridor.requested, ['replay'], 'the read that was broken off asks when it goes on');

  const replay = await corridor.begin('replay');
  let saved = 0;
  const afterOne = async (): Promise<void> => {
    if ((saved += 1) > 1) throw new Error('cut off');
  };
  await t.rejects(corridor.resume(replay, { fence: afterOne }), { message: 'cut off' });
  t.same(await asWritten(), ['THING #', 'thing #']);
  await corridor.database.transaction((session) => endRun(session, replay, { status: 'cancelled' }));
  t.same(await ask(), ['replay'], 'a replay that was cancelled has reached a part of them');
  corridor.remap(lower);
  t.same(await ask(), ['replay'], 'the mapping of before is no longer that of all rows');
  const again = await corridor.begin('replay');
  saved = 0;
  await t.rejects(corridor.resume(again, { fence: afterOne }), { message: 'cut off' });
  corridor.remap(upper);
  await corridor.resume(again);
  t.same(await asWritten(), ['THING #'], 'a replay that goes on by another mapping begins anew');
  t.same(await ask(), []);
  corridor.remap(lower);
  await corridor.run('full');
  t.same([await asWritten(), corridor.requested, await ask()], [['thing #'], [], []], 'a full read writes them all by itself');
});

t.test('more deletions than the guard allows are held back until a person allows them', async (t) => {
  const source = shop(10);
  const corridor = await openCorridor(t, source);
  await corridor.run('full');
  for (let id = 1; id <= 8; id += 1) source.records.delete(String(id));
  const held = await corridor.run('full');
  t.match(held, { deleted: 0, code: 'deletes.held' });
  t.match(await corridor.run('full', { allowDeletes: true }), { deleted: 8 });
});

t.test('what a person allows while a full read is under way holds for that one', async (t) => {
  const source = shop(10);
  const corridor = await openCorridor(t, source);
  await corridor.run('full');
  for (let id = 1; id <= 8; id += 1) source.records.delete(String(id));
  const id = await corridor.begin('full');
  const asked: unknown[] = [];
  const allow = (): Promise<unknown> => corridor.database.transaction((session) => createRun(session, { entity: 'things', mode: 'full', trigger: 'person', options: { allowDeletes: true } }));
  const { read } = source;
  source.read = async function* (request) {
    asked.push(await allow()); // the run has begun
    yield* read.call(source, request);
  };
  t.match(await corridor.resume(id), { deleted: 8 });
  t.match(asked, [{ run: { id, options: { allowDeletes: true } }, created: false }]);
});

t.test('deletions are proved and saved by small sets, and what was asked is not asked again', async (t) => {
  const source = shop(130, { provesGone: true });
  const corridor = await openCorridor(t, source);
  source.pageSize = 200;
  await corridor.run('full');
  source.complete = false;
  // the list leaves them out; of every second one the source says that it is still there
  const hidden = new Map([...source.records].filter(([id]) => Number(id) > 10));
  for (const id of hidden.keys()) source.records.delete(id);
  const asked: string[] = [];
  let since = 0;
  let most = 0;
  source.readDetails = async ({ keys }) => keys.map((key) => {
    if (asked.length === 100) throw new Error('cut off');
    asked.push(key);
    most = Math.max(most, since += 1);
    const record = Number(key) % 2 === 0 ? hidden.get(key) : undefined;
    return record ? { key, record, observedAt: new Date() } : { key, gone: true, observedAt: new Date() };
  });
  const id = await corridor.begin('full', { allowDeletes: true });
  const fence = async (): Promise<void> => void (since = 0);
  await t.rejects(corridor.resume(id, { fence }), { message: 'cut off' });
  t.ok(most <= 40, `${most} were asked for before anything was saved`);
  t.match(await corridor.rows(`SELECT count(*)::int AS n FROM records WHERE deleted_at IS NOT NULL`), [{ n: 50 }]);
  asked.push('the rest');
  t.match(await corridor.resume(id, { fence }), { deleted: 60 });
  t.equal(new Set(asked).size, asked.length, 'none twice');
});

t.test('a source that hangs and pays no heed to its signal does not keep the run', async (t) => {
  const source = shop(5, { details: 'single', provesGone: true });
  const corridor = await openCorridor(t, source);
  const taken = new AbortController();
  const hangs = new Promise<never>(() => undefined);
  const { read } = source;
  source.read = async function* () {
    taken.abort(new Error('taken away'));
    yield await hangs;
  };
  await t.rejects(corridor.resume(await corridor.begin('full'), { signal: taken.signal }), { message: 'taken away' });
  source.read = read;
  await corridor.run('full');
  const later = new AbortController();
  source.readDetails = () => {
    later.abort(new Error('taken away'));
    return hangs;
  };
  await t.rejects(corridor.resume(await corridor.begin('details'), { signal: later.signal }), { message: 'taken away' });
});

t.test('details that came while the record changed again stay due', async (t) => {
  const source = shop(1, { details: 'single' });
  const corridor = await openCorridor(t, source);
  const { entity } = corridor;
  const deps = { database: corridor.database, log: silentLogger };
  const detail = (name: string, at: number) => ({ entity, via: 'details' as const, incoming: receive(entity, [thing(1, { name, modified: minute(10) })], { form: 'detail', observedAt: new Date(Date.UTC(2026, 1, 1, 0, at)), proof: true }).records });
  const list = (name: string, at: number) => ({ entity, via: 'incremental' as const, incoming: receive(entity, [thing(1, { name, price: at, modified: minute(10) })], { form: 'list', observedAt: new Date(Date.UTC(2026, 1, 1, 0, at)), proof: true }).records });
  const due = `SELECT detail_due, detail_at FROM records`;
  await corridor.run('full');
  await applyBatch(deps, detail('as the detail has it', 15));
  await applyBatch(deps, list('a first change', 20));
  const late = detail('as the detail has it', 25);
  const prepared = await prepare(deps, late);
  t.match(prepared.settled, [{ key: '1' }]);
  await applyBatch(deps, list('a second change', 30));
  await commitPrepared(deps, late, prepared);
  t.match(await corridor.rows(due), [{ detail_due: true }]);
  await applyBatch(deps, { ...late, incoming: late.incoming.map((one) => ({ ...one, observedAt: new Date(Date.UTC(2026, 1, 1, 0, 40)) })) });
  t.match(await corridor.rows(due), [{ detail_due: false, detail_at: new Date(Date.UTC(2026, 1, 1, 0, 40)) }], 'and are known by the time at which the source was asked');
});

t.test('a record whose last version was refused goes from the table when it is gone', async (t) => {
  for (const deletes of [{ mode: 'mark', column: 'deleted_at' }, { mode: 'remove' }]) {
    const source = new MemorySource();
    for (const id of ['1', '2', '3', '4']) source.put({ id, name: `number ${id}`, price: 1, modified: '2026-01-01T00:00:00Z' });
    const corridor = await openCorridor(t, source, { deletes: { maxShare: 0.5, alwaysAllow: 2, ...deletes } as never });
    await corridor.run('full');
    source.put({ id: '2', name: 'number 2', price: 'a word', modified: '2026-01-02T00:00:00Z' });
    await corridor.run('full');
    t.same(await corridor.rows(`SELECT key, status FROM dead_letters`), [{ key: '2', status: 'open' }]);
    source.records.delete('2');
    await corridor.run('full');
    t.same(await corridor.rows(`SELECT id FROM erp.things ${deletes.mode === 'mark' ? 'WHERE deleted_at IS NULL' : ''} ORDER BY 1`), [{ id: '1' }, { id: '3' }, { id: '4' }], deletes.mode);
    t.same(await corridor.rows(`SELECT key, status FROM dead_letters`), [{ key: '2', status: 'resolved' }]);
  }
});

t.test('an incomplete read deletes nothing, unless the source itself says that a record is gone', async (t) => {
  const silent = shop(4);
  silent.complete = false;
  const first = await openCorridor(t, silent);
  await first.run('full');
  silent.records.delete('2');
  t.match(await first.run('full'), { deleted: 0 });

  const honest = shop(4, { provesGone: true });
  honest.complete = false;
  const second = await openCorridor(t, honest);
  await second.run('full');
  honest.records.delete('2');
  t.match(await second.run('full'), { deleted: 1 });
  t.equal(honest.detailCalls, 1);

  const part = shop(9, { provesGone: true, narrowed: true });
  const third = await openCorridor(t, part);
  await third.run('full');
  for (const id of ['1', '2', '3', '4', '5', '6', '7', '8']) part.records.delete(id);
  const { outcome, deleted } = await third.run('full');
  t.same([outcome, deleted, part.detailCalls], [{}, 0, 0], 'what left a part of the list is neither asked for nor held back');
});

t.test('another account at the remote is read from its beginning, also by a run that stood in the midst of the one before', async (t) => {
  const source = shop(6);
  const corridor = await openCorridor(t, source);
  await corridor.run('full');
  corridor.entity.account = 'remote:trial';
  t.match(await corridor.run('incremental'), { read: 1, outcome: { code: undefined } }, 'an account that was not known counts as the same');
  const id = await corridor.begin('full');
  source.breakAt = source.pagesRead + 1;
  await t.rejects(corridor.resume(id), { code: 'test.broke_off' });
  t.equal((await corridor.rows(`SELECT position FROM runs WHERE id = ${id}`))[0]?.['position'], 3);

  corridor.entity.account = 'remote:real';
  source.records.clear();
  for (let n = 1; n <= 20; n += 1) source.put(thing(100 + n, { modified: minute(n) }));
  source.breakAt = source.pagesRead + 1;
  await t.rejects(corridor.resume(id), { code: 'test.broke_off' });
  const { outcome } = await corridor.resume(id);
  t.match(outcome, { code: 'source.changed', reason: /account than before.*every record was read anew/ }, 'the person is told, though another attempt found it out');
  const rows = await corridor.rows(names);
  t.same([rows.filter(({ deleted }) => !deleted).length, rows.filter(({ deleted }) => deleted).length], [20, 6]);
  t.match(await corridor.run('incremental'), { read: 1, outcome: { code: undefined } });
});

t.test('details that are due at one account are not asked for at another', async (t) => {
  const source = shop(3, { details: 'single', provesGone: true });
  const corridor = await openCorridor(t, source);
  corridor.entity.account = 'remote:trial';
  await corridor.run('full');
  corridor.entity.account = 'remote:real';
  t.match(await corridor.run('details'), { outcome: { code: 'source.changed' } });
  t.equal(source.detailCalls, 0);
  await corridor.run('incremental');
  t.match(await corridor.run('details'), { outcome: { code: undefined } });
  t.equal(source.detailCalls, 3);
});

t.test('records that share a row by a key of their own making hold nobody up', async (t) => {
  const source = shop(6);
  source.put(thing(2, { name: 'thing 3' }));
  const corridor = await openCorridor(t, source, { key: ['name'] });
  t.match(await corridor.run('full'), { new: 6, refused: 0 });
  t.equal((await corridor.rows('SELECT * FROM erp.things')).length, 5);
});

t.test('heads arrive at once, details follow newest first, and lines land in their own table', async (t) => {
  const source = shop(5, { details: 'single', provesGone: true });
  source.details = (record) => ({ ...record, lines: [{ line: 1, sku: `a${String(record['id'])}` }, { line: 2, sku: 'b' }] });
  const corridor = await openCorridor(t, source, { children: { lines: { from: 'lines', table: 'thing_lines', key: ['line'], fields: { line: { type: 'integer' }, sku: {} }, manage: true } } as never });
  t.match(await corridor.run('full'), { new: 5 });
  t.same(corridor.requested, ['details']);
  t.equal((await corridor.rows('SELECT * FROM erp.thing_lines')).length, 0);
  t.match(await corridor.run('details'), { changed: 5 });
  t.equal((await corridor.rows('SELECT * FROM erp.thing_lines')).length, 10);
  t.equal(source.detailCalls, 5, 'one call for each record');
  await corridor.run('full');
  t.same(corridor.requested, ['details'], 'nothing is due when nothing has changed');
  source.put(thing(2, { name: 'changed', modified: minute(80) }));
  source.details = (record) => ({ ...record, lines: [{ line: 2, sku: 'only' }] });
  await corridor.run('incremental');
  await corridor.run('details');
  t.match(await corridor.rows(`SELECT line, sku FROM erp.thing_lines WHERE id = '2'`), [{ line: 2, sku: 'only' }]);
  t.equal((await corridor.rows(`SELECT * FROM erp.thing_lines`)).length, 9);
});

t.test('a message and a page about the same records at the same time end in the newer of both', async (t) => {
  const source = shop(8);
  const corridor = await openCorridor(t, source);
  await corridor.run('full');
  const message = (id: number, at: number, price: number) => receive(corridor.entity, [thing(id, { price, modified: minute(at) })], { form: 'detail', observedAt: new Date(), proof: false }).records;
  await Promise.all(Array.from({ length: 12 }, (_, index) => applyBatch(corridor as never, { entity: corridor.entity, via: 'webhook', incoming: [1, 2, 3].flatMap((id) => message(id, 100 + index, index)) })));
  t.same((await corridor.rows(names)).slice(0, 3).map((row) => row['price']), [11, 11, 11]);
});

t.test('a deletion goes by one clock: that of the node may lag behind the database or run ahead of it', async (t) => {
  for (const [name, offset] of [['lags', -3_600_000], ['leads', 3_600_000]] as const) {
    const source = shop(6);
    const now = (): Date => new Date(Date.now() + offset);
    source.now = now;
    const corridor = await openCorridor(t, source);
    const clock = { now, sleep: async () => undefined };
    await corridor.resume(await corridor.begin('full'), { clock });
    source.records.delete('2');
    const id = await corridor.begin('full');
    await corridor.database.transaction((session) => startRun(session, id, 'node'));
    // comes by another way, after the read has passed its place
    const { records } = receive(corridor.entity, [thing(9)], { form: 'list', observedAt: now(), proof: true });
    await applyBatch({ database: corridor.database, log: silentLogger }, { entity: corridor.entity, via: 'webhook', incoming: records });
    t.match(await corridor.resume(id, { clock }), { deleted: 1 }, `a clock that ${name}`);
    t.same((await corridor.rows(names)).filter((row) => row['deleted']).map((row) => row['id']), ['2']);
    source.put(thing(2));
    source.put(thing(9));
    await corridor.resume(await corridor.begin('full'), { clock });
    t.same((await corridor.rows(names)).filter((row) => row['deleted']), [], 'what comes back at the source lives again');
  }
});

t.test('a record that changes between the look for what is gone and its deletion is left alone', async (t) => {
  const corridor = await openCorridor(t, shop(3));
  await corridor.run('full');
  const deps = { database: corridor.database, log: silentLogger };
  t.match(await applyBatch(deps, { entity: corridor.entity, via: 'full', incoming: [{ form: 'gone', key: '1', observedAt: new Date(), version: 7 }, { form: 'gone', key: '2', observedAt: new Date(0), version: 1 }] }), { stale: 1, deleted: 1 });
});

t.test('the history keeps of a list and a detail the one that changed, and each version is told whole', async (t) => {
  const source = shop(1, { details: 'single' });
  source.details = (record) => ({ ...record, lines: [{ sku: 'a' }] });
  const corridor = await openCorridor(t, source);
  await corridor.run('full');
  await corridor.run('details');
  source.put(thing(1, { name: 'renamed', modified: minute(40) }));
  await corridor.run('full');
  t.same(await corridor.rows('SELECT version, raw IS NOT NULL AS raw, detail::text AS detail FROM record_history ORDER BY version'), [
    { version: 1, raw: false, detail: 'null' }, { version: 2, raw: true, detail: null },
  ]);
  const versions = await corridor.database.transaction((session) => readVersions(session, 'things', ['1'], 10));
  t.match(versions.map(({ raw, detail }) => [raw === null ? null : (JSON.parse(raw) as { name: string }).name, detail !== null]), [['renamed', true], ['thing 1', true], ['thing 1', false]]);
});
