/** What is written while more is read: as little waiting as can be, and never another end than that of one page after the other. */
import t from 'tap';
import { applyBatch } from '../../core/pipeline/apply.ts';
import { prepareEntity } from '../../core/pipeline/execute-run.ts';
import { receive } from '../../core/pipeline/incoming.ts';
import type { JsonObject, ReadPage, Source } from '../../core/sdk/index.ts';
import { silentLogger } from '../../core/monitor/log.ts';
import { lockEntityWrites } from '../../core/store/records.ts';
import { openCorridor, type Corridor } from '../support/corridor.ts';
import { MemorySource } from '../support/memory-source.ts';

const minute = (n: number): string => new Date(Date.UTC(2026, 0, 1, 0, n)).toISOString();
const thing = (id: number, more: JsonObject = {}): JsonObject => ({ id: String(id).padStart(5, '0'), name: `thing ${id}`, price: id, modified: minute(1), ...more });

function shop(count: number, source = new MemorySource()): MemorySource {
  for (let id = 1; id <= count; id += 1) source.put(thing(id));
  return source;
}

/** Lets nobody write the entity until it is told to. */
async function holdWrites(corridor: Corridor): Promise<() => Promise<void>> {
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const { promise: held, resolve: hold } = Promise.withResolvers<void>();
  const holding = corridor.database.transaction(async (session) => {
    await lockEntityWrites(session, 'things');
    hold();
    await released;
  });
  await held;
  return async () => {
    release();
    await holding;
  };
}

t.test('while one batch is written the next pages are mapped, and go together when it is done', async (t) => {
  const source = shop(2000);
  source.pageSize = 100;
  const corridor = await openCorridor(t, source, { batchSize: 5000 });
  const release = await holdWrites(corridor);
  const { promise: mappedAhead, resolve: tell } = Promise.withResolvers<void>();
  const { mapping } = corridor.entity;
  let mapped = 0;
  corridor.entity = { ...corridor.entity, mapping: { ...mapping, mapAll: (records) => {
    const results = mapping.mapAll(records) as Exclude<ReturnType<typeof mapping.mapAll>, Promise<unknown>>;
    mapped += results.length;
    if (mapped >= 1600) tell();
    return results;
  } } };
  const batches: number[] = [];
  const run = corridor.resume(await corridor.begin('full'), { onProgress: (counts) => batches.push(counts.new) });
  await mappedAhead;
  t.same(batches, [], 'nothing is written yet');
  await release();
  t.match(await run, { status: 'succeeded', new: 2000, pages: 20 });
  t.equal(batches.length, 2, `what was under way, and all that waited: ${batches.join(', ')}`);
});

t.test('what waits for the writing is bounded', async (t) => {
  const source = shop(60);
  source.pageSize = 5;
  const corridor = await openCorridor(t, source, { batchSize: 10 });
  const release = await holdWrites(corridor);
  const { promise: isFull, resolve: tell } = Promise.withResolvers<void>();
  const run = corridor.begin('full').then((id) => corridor.resume(id));
  // a batch that is written, one that waits, two pages ahead, and the one that the source has in hand
  const look = setInterval(() => { if (source.pagesRead >= 7) tell(); }, 5);
  t.teardown(() => clearInterval(look));
  await isFull;
  for (let n = 0; n < 50; n += 1) await corridor.rows('SELECT 1'); // time enough to read the rest, if it would
  t.ok(source.pagesRead <= 8, `${source.pagesRead} pages of 13 were read`);
  await release();
  t.match(await run, { new: 60 });
});

t.test('a writing that fails ends the read, and what was mapped behind it is not written', async (t) => {
  const source = shop(40);
  source.pageSize = 4;
  const corridor = await openCorridor(t, source, { batchSize: 8 });
  const id = await corridor.begin('full');
  let writes = 0;
  const fence = async (): Promise<void> => {
    writes += 1;
    if (writes === 2) throw new Error('taken away');
  };
  await t.rejects(corridor.resume(id, { fence }), { message: 'taken away' });
  t.equal(writes, 2);
  const [{ n } = {}] = await corridor.rows('SELECT count(*)::int AS n FROM erp.things');
  t.ok(Number(n) > 0 && Number(n) < 40, 'the first batch stays');
  t.match(await corridor.resume(id), { status: 'succeeded' });
  t.match(await corridor.rows('SELECT count(*)::int AS n FROM erp.things'), [{ n: 40 }]);
});

/** Shifting pages: each page begins with the last record of the one before, changed in between. */
class ShiftingSource extends MemorySource {
  override async *read(request: Parameters<Source['read']>[0]): AsyncGenerator<ReadPage> {
    let last: JsonObject | undefined;
    for await (const page of super.read(request)) {
      const again = last;
      last = page.records.at(-1);
      yield again ? { ...page, records: [{ ...again, name: 'again', modified: minute(2) }, ...page.records] } : page;
    }
  }
}

t.test('a first read looks nothing up, and still a record that comes twice or by a message meanwhile ends as its newest', async (t) => {
  const source = shop(30, new ShiftingSource());
  const corridor = await openCorridor(t, source, { batchSize: 12 });
  await prepareEntity(corridor.entity, corridor.database);
  const release = await holdWrites(corridor);
  const run = corridor.begin('full').then((id) => corridor.resume(id));
  const message = receive(corridor.entity, [thing(7, { name: 'by message', modified: minute(9) })], { form: 'list', observedAt: new Date(), proof: false });
  const applied = applyBatch({ database: corridor.database, log: silentLogger }, { entity: corridor.entity, via: 'webhook', incoming: message.records });
  await release();
  await applied;
  t.match(await run, { status: 'succeeded' });
  const rows = await corridor.rows('SELECT id, name FROM erp.things ORDER BY id');
  t.equal(rows.length, 30);
  t.equal(rows[6]?.['name'], 'by message');
  t.equal(rows[2]?.['name'], 'again', 'the last record of the first page');
  t.match(await corridor.rows('SELECT count(*)::int AS n FROM dead_letters'), [{ n: 0 }]);
});
