import t from 'tap';
import { readSince } from '../../core/operations/dead-letters.ts';
import { bench, minute, thing } from './support.ts';

t.test('what is discarded is kept with who, when and why, is not tried again, and can be opened again', async (t) => {
  const { corridor, source, operations, retry, open } = await bench(t);
  for (const id of [1, 2, 3]) source.put(thing(id, { price: 'cheap' }));
  await corridor.run('full');
  const [letter] = await operations.deadLetters({ key: '2', limit: 1 });
  t.equal(await operations.discardDeadLetters({ filter: { ids: [letter!.id] }, by: 'ann', reason: 'a test order' }), 1);
  t.equal(await open(), 2);
  t.match(await operations.deadLetter(letter!.id), { status: 'discarded', closedBy: 'ann', closedReason: 'a test order', closedAt: Date, raw: /cheap/, history: { length: 1 } });
  corridor.remap({ fields: { id: {}, name: {} } } as never);
  t.match(await retry({ filter: {}, all: true }), [{ changed: 2 }]);
  t.equal((await operations.deadLetters({ status: 'discarded', limit: 9 })).length, 1);
  await t.rejects(operations.retryDeadLetters({ filter: { ids: [letter!.id] }, trigger: 'test' }), { code: 'operation.letter_closed', status: 409 });
  t.match(await operations.reopenDeadLetter(letter!.id), { status: 'open', closedBy: null });
  await t.rejects(operations.reopenDeadLetter(letter!.id), { code: 'operation.letter_open' });
  t.match(await retry({ filter: { ids: [letter!.id] } }), [{ changed: 1 }]);
  t.equal(await open(), 0);
});

t.test('a discarded letter stays shut where a newer one about the same record is open', async (t) => {
  const { corridor, source, operations } = await bench(t);
  source.put(thing(1, { price: 'cheap' }));
  await corridor.run('full');
  const [first] = await operations.deadLetters({ limit: 1 });
  await operations.discardDeadLetters({ filter: { entity: 'things' }, by: 'ann', reason: 'no' });
  source.put(thing(1, { price: 'cheaper', modified: minute(9) }));
  await corridor.run('full');
  t.equal((await operations.deadLetters({ status: 'open', limit: 9 })).length, 1, 'the newer failure is a letter of its own');
  await t.rejects(operations.reopenDeadLetter(first!.id), { code: 'operation.letter_open', message: /another dead letter/ });
});

t.test('letters are found by entity, status, code, field, fingerprint, key and time; nothing is done to all by an oversight', async (t) => {
  const { corridor, source, operations } = await bench(t);
  source.put(thing(1, { price: 'cheap' }));
  source.put(thing(2, { price: 1e20 }));
  await corridor.run('full');
  const [two, one] = await operations.deadLetters({ limit: 9 });
  t.same([one?.key, two?.key], ['1', '2']);
  const found = async (filter: object): Promise<string[]> => (await operations.deadLetters({ ...filter, limit: 9 })).map(({ key }) => key ?? '');
  t.same(await found({ code: 'map.not_a_number' }), ['1']);
  t.same(await found({ fingerprint: two?.fingerprint }), ['2']);
  t.same(await found({ key: '1', field: 'price', entity: 'things', status: 'open', kind: 'record' }), ['1']);
  t.same(await found({ since: new Date(Date.now() + 60_000) }), []);
  t.same(await found({ before: two?.id }), ['1']);
  t.same(await found({ entity: 'other' }), []);
  await t.rejects(operations.retryDeadLetters({ filter: {}, trigger: 'test' }), { code: 'operation.no_choice', status: 400 });
  await t.rejects(operations.discardDeadLetters({ filter: {}, by: 'ann', reason: 'all' }), { code: 'operation.no_choice' });
  await t.rejects(operations.tryDeadLetters({ filter: { ids: ['999'] } }), { code: 'operation.unknown_letter', status: 404 });
  await t.rejects(operations.deadLetter('nine'), { code: 'operation.unknown_letter' });
});

t.test('a time is read as a date, or as how long ago it was', async (t) => {
  const now = new Date('2026-02-01T12:00:00Z');
  t.equal(readSince('24h', now).toISOString(), '2026-01-31T12:00:00.000Z');
  t.equal(readSince('2026-01-31', now).toISOString(), '2026-01-31T00:00:00.000Z');
  for (const wrong of ['yesterday', '', '12', '2026-13-01']) t.throws(() => readSince(wrong, now), { code: 'operation.bad_time' });
});
