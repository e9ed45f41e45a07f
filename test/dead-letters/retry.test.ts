import t from 'tap';
import { applyBatch } from '../../core/pipeline/apply.ts';
import { receive } from '../../core/pipeline/incoming.ts';
import { bench, minute, thing } from './support.ts';

const typed = { id: {}, name: {}, price: { type: 'numeric(12,2)' } };
const strict = { fields: { ...typed, size: { type: 'integer' }, made: { type: 'date' } }, batchSize: 250 } as never;
const lax = { fields: { ...typed, price: { from: 'price', type: 'text' }, size: { type: 'text' }, made: { type: 'text' } } } as never;

t.test('1,000 dead letters of 3 faults have 3 fingerprints; with the mapping mended a dry run says that 1,000 pass, and a retry leaves none open', async (t) => {
  const { corridor, source, operations, retry, open } = await bench(t, { config: { ...(strict as object), fields: { ...typed, price: { type: 'integer' }, size: { type: 'integer' }, made: { type: 'date' } } } });
  source.pageSize = 200;
  const faults = [{ price: 'cheap' }, { size: 'large' }, { made: 'yesterday' }];
  for (let id = 1; id <= 1100; id += 1) source.put(thing(id, id <= 1000 ? faults[id % 3] : {}));
  t.match(await corridor.run('full'), { new: 100, refused: 1000 });

  const groups = await operations.deadLetterGroups({ status: 'open' });
  t.same(groups.map(({ field, count }) => [field, count]).sort(), [['made', 333], ['price', 333], ['size', 334]]);
  t.match(groups[0]?.example, { message: String, key: String, id: String });
  t.match(await operations.tryDeadLetters({ filter: {}, all: true }), { tried: 1000, pass: 0 }, 'nothing would pass before it is mended');

  // the table follows the config by a person's hand, as TDS never changes the type of a column
  await corridor.rows('ALTER TABLE erp.things ALTER price TYPE text, ALTER size TYPE text, ALTER made TYPE text');
  corridor.remap(lax);
  const dry = await operations.tryDeadLetters({ filter: {}, all: true });
  t.match(dry, { tried: 1000, pass: 1000, entities: [{ entity: 'things', refused: 0, faults: { length: 3 }, still: [] }] });
  t.equal(await open(), 1000, 'a dry run writes nothing');

  const [run] = await retry({ filter: { entity: 'things' } });
  t.match(run, { status: 'succeeded', read: 1000, changed: 1000, refused: 0, pages: 4, reason: '1000 mended, 0 still refused' });
  t.equal(await open(), 0);
  t.equal((await corridor.rows('SELECT * FROM erp.things')).length, 1100);
  t.equal(source.pagesRead, 6, 'the source was not asked again');
});

t.test('a canary tries a few, a fingerprint tries its own fault, and what is refused again counts one more attempt', async (t) => {
  const { corridor, source, operations, retry, open } = await bench(t, { config: strict });
  for (let id = 1; id <= 8; id += 1) source.put(thing(id, id % 2 ? { price: 'cheap' } : { size: 'large' }));
  await corridor.run('full');
  const [price] = await operations.deadLetters({ field: 'price', limit: 1 });
  corridor.remap({ fields: { ...typed, price: { type: 'numeric(12,2)', expr: '1' }, size: { type: 'integer' }, made: { type: 'date' } } } as never);
  t.match(await retry({ filter: { fingerprint: price!.fingerprint }, most: 1 }), [{ changed: 1, read: 1 }]);
  t.equal(await open(), 7);
  t.match(await retry({ filter: { fingerprint: price!.fingerprint } }), [{ changed: 3, refused: 0 }]);
  t.match(await retry({ filter: {}, all: true }), [{ changed: 0, refused: 4, reason: '0 mended, 4 still refused' }], 'the mapping has not mended this fault');
  t.match(await retry({ filter: {}, all: true }), [{ refused: 4 }], 'a retry really tries, though nothing has changed');
  const [size] = await operations.deadLetters({ field: 'size', status: 'open', limit: 1 });
  const shown = await operations.deadLetter(size!.id);
  t.match(shown, { attempts: 3, raw: /large/, problems: [{ code: 'map.not_a_number', field: 'size' }], history: [{ via: 'full' }, { via: 'replay' }, { via: 'replay' }] });
  t.equal(new Set(shown.history.map(({ runId }) => runId)).size, 3, 'each attempt names its run');
});

t.test('a retry that is broken off goes on where it was, and mends each letter once', async (t) => {
  const { corridor, source, operations, open } = await bench(t, { config: { batchSize: 3 } });
  for (let id = 1; id <= 10; id += 1) source.put(thing(id, { price: 'cheap' }));
  await corridor.run('full');
  corridor.remap({ fields: { id: {}, name: {} } } as never);
  const { runs: [asked] } = await operations.retryDeadLetters({ filter: {}, all: true, trigger: 'test' });
  let fences = 0;
  await t.rejects(corridor.resume(asked!.run.id, { fence: async () => { if ((fences += 1) === 3) throw new Error('died'); } }), { message: 'died' });
  t.equal(await open(), 4);
  t.match(await corridor.resume(asked!.run.id), { read: 10, changed: 10, pages: 4 });
  t.equal(await open(), 0);
});

t.test('a newer good version, a deletion and a check that drops close the dead letter', async (t) => {
  const { corridor, source, operations, open } = await bench(t);
  for (const id of [1, 2, 3]) source.put(thing(id, { price: 'cheap' }));
  await corridor.run('full');
  source.put(thing(1, { modified: minute(50) }));
  source.records.delete('2');
  source.put(thing(3, { price: 5, modified: minute(51) }));
  corridor.remap({ checks: [{ field: 'price', min: 10, onFail: 'drop' }, { field: 'price', oneOf: [1, 5], onFail: 'warn' }] } as never);
  await corridor.run('full');
  t.equal(await open(), 0);
  const closed = await operations.deadLetters({ limit: 10 });
  t.same(closed.map(({ status, closedBy }) => [status, closedBy]), Array.from({ length: 3 }, () => ['resolved', 'tds']));
  t.match(closed.find(({ key }) => key === '2')?.closedReason, /gone/);
});

t.test('a row that the table refused is written once the table takes it, though neither record nor mapping has changed', async (t) => {
  const { corridor, source, operations, retry } = await bench(t);
  source.put(thing(1));
  await corridor.run('full');
  await corridor.rows('ALTER TABLE erp.things ADD CONSTRAINT not_dear CHECK (price < 100)');
  source.put(thing(1, { price: 500, modified: minute(9) }));
  await corridor.run('full');
  t.match(await operations.deadLetters({ limit: 1 }), [{ code: 'destination.refused.23514', problems: [{ suggestion: /not_dear/ }] }]);
  t.match(await retry({ filter: { code: 'destination.refused.23514' } }), [{ refused: 1 }]);
  await corridor.rows('ALTER TABLE erp.things DROP CONSTRAINT not_dear');
  t.match(await retry({ filter: { key: '1' } }), [{ changed: 1 }]);
  t.match(await corridor.rows('SELECT price::float8 AS price FROM erp.things'), [{ price: 500 }]);
});

t.test('a record without a key is one dead letter however often it comes, and is taken in once the stream knows its key', async (t) => {
  const { corridor, operations, retry, open } = await bench(t);
  const { key } = corridor.entity.stream;
  const look = { form: 'list', observedAt: new Date(), proof: true } as const;
  const come = () => applyBatch(corridor as never, { entity: corridor.entity, via: 'full', incoming: [], withoutKey: receive(corridor.entity, [1, 2].map(() => ({ number: 7, name: 'seven', id2: '7' })), look).withoutKey });
  await corridor.run('full');
  await come();
  await come();
  t.match(await operations.deadLetters({ limit: 5 }), [{ key: null, code: 'record.no_key', attempts: 2 }]);
  t.match(await operations.tryDeadLetters({ filter: {}, all: true }), { tried: 1, pass: 0 });
  t.match(await retry({ filter: {}, all: true }), [{ refused: 1 }]);
  corridor.entity.stream = { ...corridor.entity.stream, key: ['id2'] };
  corridor.remap({ fields: { id: { from: 'id2' }, name: {} } } as never);
  corridor.entity.stream = { ...corridor.entity.stream, key: ['id2'] };
  t.match(await operations.tryDeadLetters({ filter: {}, all: true }), { tried: 1, pass: 1 });
  t.match(await retry({ filter: {}, all: true }), [{ new: 1 }]);
  t.equal(await open(), 0);
  t.match(await operations.deadLetters({ limit: 5 }), [{ status: 'resolved', closedReason: /key 7/ }]);
  t.same(key, ['id']);
});
