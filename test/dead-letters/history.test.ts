import t from 'tap';
import { maintainPartitions } from '../../core/store/partitions.ts';
import { bench, minute, thing } from './support.ts';

t.test('a record tells each version, when, by which run, and what changed field by field', async (t) => {
  const { corridor, source, record } = await bench(t);
  source.put(thing(7, { tags: ['a', 'b'], maker: { city: 'Oslo' } }));
  const first = await corridor.run('full');
  source.put(thing(7, { name: 'renamed', price: 9, tags: ['a', 'c'], maker: { city: 'Rome' }, modified: minute(30) }));
  const second = await corridor.run('incremental');
  const story = await record('7');
  t.match(story, { entity: 'things', key: '7', state: 'live', row: { id: '7', name: 'renamed', price: '9' }, deadLetters: [] });
  const [now, before] = story.versions;
  t.match(now, { version: 2, what: 'changed', via: 'incremental', runId: second.id, runTrigger: 'test', replacedAt: null });
  t.match(before, { version: 1, what: 'created', via: 'full', runId: first.id, replacedAt: Date });
  t.same(now?.fields, [{ field: 'name', from: 'thing 7', to: 'renamed' }, { field: 'price', from: '7', to: '9' }]);
  t.same(now?.raw.map(({ field }) => field).sort(), ['maker.city', 'modified', 'name', 'price', 'tags.1']);
  t.same(before?.fields?.map(({ field, to }) => [field, to]), [['id', '7'], ['name', 'thing 7'], ['price', '7']]);
});

t.test('deletions are told as such, and so is a record that came back', async (t) => {
  const { corridor, source, record } = await bench(t);
  for (const id of [1, 2]) source.put(thing(id));
  await corridor.run('full');
  source.records.delete('1');
  await corridor.run('full');
  t.match(await record('1'), { state: 'deleted', row: null, versions: [{ what: 'deleted', deletedAt: Date, fields: [], raw: [] }, { what: 'created' }] });
  source.put(thing(1, { price: 3, modified: minute(70) }));
  await corridor.run('full');
  const { versions, state } = await record('1');
  t.equal(state, 'live');
  t.same(versions.map(({ what }) => what), ['came back', 'deleted', 'created']);
});

t.test('a refused version, and the retry that mended it, stand in the story with the dead letter', async (t) => {
  const { corridor, source, record, retry } = await bench(t);
  source.put(thing(1, { price: 'cheap' }));
  await corridor.run('full');
  t.match(await record('1'), { state: 'refused', row: null, problems: [{ field: 'price' }], versions: [{ refused: true, fields: null }], deadLetters: [{ status: 'open' }] });
  corridor.remap({ fields: { id: {}, name: {}, price: { type: 'numeric(12,2)', expr: '0' } } } as never);
  const [run] = await retry({ filter: {}, all: true });
  t.match(await record('1'), { state: 'live', row: { price: '0' }, versions: [{ refused: false, mappedAgain: { via: 'replay', runId: run!.id } }], deadLetters: [{ status: 'resolved' }] });
});

t.test('a key is found as people type it', async (t) => {
  const { corridor, source, record } = await bench(t, { stream: { key: ['shelf', 'item'] }, config: { key: ['shelf', 'item'], fields: { shelf: {}, item: {}, price: {} } } });
  source.put({ shelf: '123', item: '456', price: 1, modified: minute(1) });
  source.put({ shelf: 'a/b', item: 'c~d', price: 2, modified: minute(1) });
  await corridor.run('full');
  for (const typed of ['123/456', ' 123 / 456 ', '123,456']) t.equal((await record(typed)).key, '123/456');
  t.match(await record('a/b,c~d'), { key: 'a~1b/c~0d', row: { price: '2' } });
  await t.rejects(record('123'), { code: 'operation.unknown_record', status: 404, suggestion: /shelf\/item/ });
});

t.test('history stands in partitions of a month that are made ahead and dropped by age', async (t) => {
  const { corridor, source } = await bench(t);
  const { database, rows } = corridor;
  source.put(thing(1));
  await corridor.run('full');
  source.put(thing(1, { price: 2, modified: minute(9) }));
  await corridor.run('full');
  await rows(`INSERT INTO record_history SELECT entity, key, 0, modified_at, observed_at, detail_at, deleted_at, refused, mapping, run_id, via, written_at, mapped_at, mapped_run, mapped_via, '2020-01-15', raw, detail FROM record_history`);
  const day = 86_400_000;
  const keep = { rawHistory: 90 * day, runs: 30 * day, webhooks: 14 * day, quota: 90 * day };
  const now = new Date();
  const names = async (): Promise<string[]> => (await rows(`SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'record_history'::regclass ORDER BY 1`)).map((row) => String(row['name']));
  await rows(`INSERT INTO webhook_inbox (received_at, connection, entity, event, hash, body, outcome) VALUES ('2020-01-15', 'c', 'e', 'changed', 'h', '{}', 'applied'), (now(), 'c', 'e', 'changed', 'h', '{}', 'applied')`);
  const all = await database.transaction((session) => maintainPartitions(session, now, keep));
  const done = { made: all.made.filter((name) => name.startsWith('record_history')) };
  t.equal(all.made.length - done.made.length, 4, 'of the inbox today and three days ahead');
  t.same((await rows('SELECT tableoid::regclass::text AS place, id::int FROM webhook_inbox')).map(({ place }) => place), [all.made[4]], 'what is too old is gone');
  t.equal(done.made.length, 4, 'this month and three ahead');
  t.same(await names(), [...done.made, 'record_history_default'].sort());
  t.match(await rows('SELECT tableoid::regclass::text AS place, version FROM record_history'), [{ place: done.made[0], version: 1 }], 'what lay in the default partition has moved or is too old');
  t.same(await database.transaction((session) => maintainPartitions(session, now, keep)), { made: [], dropped: [], runs: 0, quota: 0 }, 'a second time changes nothing');
  source.put(thing(1, { price: 3, modified: minute(10) }));
  t.match(await corridor.run('full'), { changed: 1 });

  const later = await database.transaction((session) => maintainPartitions(session, new Date(now.getTime() + 125 * day), keep));
  t.ok(later.dropped.includes(done.made[0] as string), 'a month that is wholly too old is dropped');
  t.ok(later.dropped.includes(all.made[4] as string), 'and so is a day of the inbox');
  t.equal((await rows('SELECT * FROM webhook_inbox')).length, 0);
  await rows(`INSERT INTO webhook_inbox (received_at, connection, entity, event, hash, body) VALUES ('2020-01-15', 'c', 'e', 'changed', 'h', '{}')`);
  await database.transaction((session) => maintainPartitions(session, now, keep));
  t.equal((await rows('SELECT * FROM webhook_inbox')).length, 1, 'what still waits is never too old');
  await database.transaction((session) => maintainPartitions(session, now, keep, ['another', 'e']));
  t.equal((await rows('SELECT * FROM webhook_inbox')).length, 1);
  await database.transaction((session) => maintainPartitions(session, now, keep, ['another']));
  t.equal((await rows('SELECT * FROM webhook_inbox')).length, 0, 'unless nobody takes it any more');
  t.equal(later.runs, 3, 'and so are runs');
  t.equal((await rows('SELECT * FROM record_history')).length, 0);
  t.equal((await rows('SELECT * FROM records')).length, 1, 'the current version is kept');
});
