/** Records that came as bytes: what is decided and written of them is what would be of objects. */
import t from 'tap';
import { parseAnswer } from '../../core/connection/answer-json.ts';
import { prepareBatch } from '../../core/pipeline/batch.ts';
import type { Incoming, IncomingRecord } from '../../core/pipeline/decide.ts';
import { receive } from '../../core/pipeline/incoming.ts';
import type { JsonObject, ReadPage, Source } from '../../core/sdk/index.ts';
import { stringOf } from '../../core/store/json-text.ts';
import { openCorridor } from '../support/corridor.ts';
import { MemorySource } from '../support/memory-source.ts';

/** As the HTTP client hands pages over: objects that were parsed out of the bytes of an answer. */
class WireSource extends MemorySource {
  override async *read(request: Parameters<Source['read']>[0]): AsyncGenerator<ReadPage> {
    for await (const page of super.read(request)) yield { ...page, records: onTheWire(page.records), asReceived: true };
  }
}

function onTheWire(records: readonly JsonObject[]): JsonObject[] {
  return (parseAnswer(Buffer.from(`{"things":${JSON.stringify(records)}}`)) as { things: JsonObject[] }).things;
}

const minute = (n: number): string => new Date(Date.UTC(2026, 0, 1, 0, n)).toISOString();
const thing = (id: number, more: object = {}): JsonObject => ({ id: String(id), name: `thing ${id}`, price: id, modified: minute(id), ...more });

t.test('whatever is stored of them, it comes to the same', async (t) => {
  const source = new WireSource();
  for (let id = 1; id <= 12; id += 1) source.put(thing(id));
  source.put(thing(8, { price: 'no number' }));
  source.put({ id: '9', name: 'without a time' });
  const corridor = await openCorridor(t, source);
  await corridor.run('full');
  source.records.delete('5');
  source.records.delete('6');
  await corridor.run('full');
  await corridor.rows(`UPDATE records SET mapping = mapping + 1000 WHERE key = '7'`);
  const now = [
    thing(1), thing(2, { name: 'changed', modified: minute(50) }), thing(3, { modified: minute(51) }), thing(4, { name: 'older', modified: minute(0) }), thing(5), thing(6, { modified: minute(90) }),
    thing(7), thing(8, { price: 'no number' }), { id: '9', name: 'without a time' }, thing(10, { name: 'the same second' }), thing(11), thing(12), thing(13), thing(14, { unit: 'قطعة', rate: 1.5 }),
  ];
  const look = { form: 'list', observedAt: new Date(Date.now() + 1000), proof: true } as const;
  const whole = receive(corridor.entity, now, look).records;
  const lean = receive(corridor.entity, onTheWire(now), { ...look, asReceived: true }).records;
  t.ok(whole.every(({ record }) => record !== undefined));
  t.ok(lean.every(({ record }) => record === undefined));
  const prepared = async (batch: readonly Incoming[]): Promise<unknown> => {
    const { inserts, replaces, remaps, ...others } = await corridor.database.transaction((session) => prepareBatch(corridor.entity, session, batch));
    return { ...others, written: [inserts, replaces, remaps].map((writes) => writes.map((write) => ({ ...write, raw: stringOf(write.raw) }))) };
  };
  const wanted = await prepared(whole);
  t.match(wanted, { counts: { unchanged: 5, new: 2, changed: 6, stale: 1 } });
  t.strictSame(await prepared(lean), wanted);
  const again = (records: readonly IncomingRecord[]): IncomingRecord[] => records.map((record) => ({ ...record, again: true }));
  t.strictSame(await prepared(again(lean)), await prepared(again(whole)), 'what a retry asks for is mapped all the same');
  t.strictSame(await prepared([...lean.slice(0, 6), ...whole.slice(6)]), wanted, 'a set of both kinds');
});

t.test('a full read writes what changed, from the bytes that came', async (t) => {
  const source = new WireSource();
  for (let id = 1; id <= 40; id += 1) source.put(thing(id));
  const corridor = await openCorridor(t, source);
  t.match(await corridor.run('full'), { read: 40, new: 40 });
  t.match(await corridor.run('full'), { read: 40, unchanged: 40 });
  source.put(thing(9, { name: 'changed', modified: minute(100) }));
  source.put(thing(41));
  source.records.delete('20');
  t.match(await corridor.run('full'), { unchanged: 38, changed: 1, new: 1, deleted: 1 });
  t.strictSame(await corridor.rows(`SELECT id, name FROM erp.things WHERE id IN ('9', '41') ORDER BY id`), [{ id: '41', name: 'thing 41' }, { id: '9', name: 'changed' }]);
  t.strictSame(await corridor.rows(`SELECT raw::text AS raw FROM records WHERE key = '41'`), [{ raw: JSON.stringify(thing(41)) }]);
});
