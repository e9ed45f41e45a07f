/** A full read in parts: runs of their own in any order, and then the rest, by the run that was asked for. */
import t from 'tap';
import { PermanentError, type Division, type JsonObject, type JsonValue, type ReadPage, type Source } from '../../core/sdk/index.ts';
import { createParts } from '../../core/store/run-parts.ts';
import { endRun, listRuns, readRun, startRun, type Run, type RunMode, type RunOptions } from '../../core/store/runs.ts';
import type { RunContext } from '../../core/pipeline/run-context.ts';
import { openCorridor, type Corridor } from '../support/corridor.ts';
import { MemorySource } from '../support/memory-source.ts';
import type { TestScope } from '../support/database.ts';

const thing = (id: number, more: JsonObject = {}): JsonObject => ({ id: String(id).padStart(5, '0'), name: `thing ${id}`, price: id, modified: '2026-01-01T00:00:00Z', ...more });

/** A source whose parts are ranges of ids, and whose last part is what was changed since the division. */
class DividedSource extends MemorySource {
  bounds = ['00030', '00060'];
  divisions = 0;
  /** Parts that do not claim to be complete, by their first id. */
  uncertain = new Set<string>();
  /** Whether what comes after the parts can't be read, once. */
  lastIsLost = false;
  /** Before each page of a part. */
  beforePage: (() => Promise<void>) | undefined;

  async divide(): Promise<Division> {
    this.divisions += 1;
    const ranges = [null, ...this.bounds].map((from, at) => ({ from, until: this.bounds[at] ?? null }));
    return { parts: ranges as unknown as JsonValue[], last: { changed: true } };
  }

  override async *read(request: Parameters<Source['read']>[0]): AsyncGenerator<ReadPage> {
    const part = request.part as { from: string | null; until: string | null; changed?: boolean } | undefined;
    if (!part) return yield* super.read(request);
    if (part.changed && this.lastIsLost) throw new PermanentError('test.lost', 'it can only be read in one piece');
    const own = new MemorySource(this.stream);
    own.pageSize = this.pageSize;
    own.breakAt = this.breakAt;
    own.complete = !this.uncertain.has(part.from ?? '');
    for (const record of this.records.values()) {
      const id = String(record['id']);
      if (part.changed ? record['modified'] !== '2026-01-01T00:00:00Z' : id >= (part.from ?? '') && id < (part.until ?? '9')) own.put(record);
    }
    try {
      for await (const page of own.read(request)) {
        await this.beforePage?.();
        yield page;
      }
    } finally {
      this.breakAt = own.breakAt;
      this.pagesRead += own.pagesRead;
    }
  }
}

/** A corridor that divides: parts are asked for, and executed when a test says so. */
async function open(t: TestScope, count = 100): Promise<{ source: DividedSource; corridor: Corridor; whole: string; attempt: (id: string, more?: Partial<RunContext>) => Promise<Run>; parts: () => Promise<Run[]>; begin: (mode: RunMode, options?: RunOptions) => Promise<string> }> {
  const source = new DividedSource();
  for (let id = 1; id <= count; id += 1) source.put(thing(id));
  const corridor = await openCorridor(t, source, { batchSize: 10 });
  const { database } = corridor;
  const see = async (id: string): Promise<Run> => await database.transaction((session) => readRun(session, id)) as Run;
  const attempt = async (id: string, more: Partial<RunContext> = {}): Promise<Run> => {
    const run = await see(id);
    const outcome = await corridor.attempt(id, { mostParts: async () => 3, requestParts: async (session, ranges, isFirst) => (await createParts(session, run, ranges, isFirst)).map((part) => part.id), ...more });
    if (!outcome.more) await database.transaction((session) => endRun(session, id, { status: 'succeeded', code: outcome.code, reason: outcome.reason }));
    return see(id);
  };
  const whole = await corridor.begin('full');
  return { source, corridor, whole, attempt, begin: corridor.begin, parts: () => database.transaction((session) => listRuns(session, { partOf: whole, limit: 50, sort: 'oldest' })) };
}

t.test('the run waits for its parts, which are read in any order, and then reads what is left', async (t) => {
  const { source, corridor, whole, attempt, parts } = await open(t);
  t.match(await attempt(whole), { status: 'running', read: 0 }, 'it has more to do, when its parts have ended');
  const [one, two, three] = await parts() as [Run, Run, Run];
  t.same((await parts()).map(({ mode, partOf, options }) => [mode, partOf, options.part?.number, options.part?.of]), [['part', whole, 1, 3], ['part', whole, 2, 3], ['part', whole, 3, 3]]);
  t.match(await attempt(three.id), { status: 'succeeded', new: 41 });
  source.put(thing(7, { name: 'moved before it was read', modified: '2026-01-02T00:00:00Z' }));
  t.match(await attempt(whole), { endedAt: null, new: 41 }, 'what a part counts counts for the whole, at once');
  t.match(await attempt(one.id), { status: 'succeeded', new: 29 });
  source.put(thing(70, { name: 'edited after it was read', modified: '2026-01-03T00:00:00Z' }));
  await attempt(two.id);
  t.match(await attempt(whole), { status: 'succeeded', new: 100, changed: 1, deleted: 0 });
  t.same(await corridor.rows(`SELECT count(*)::int AS n, max(name) FILTER (WHERE id = '00070') AS name FROM erp.things`), [{ n: 100, name: 'edited after it was read' }]);
  t.same(await corridor.rows('SELECT run_id FROM tds.run_seen'), [], 'what was seen is forgotten');
  t.same(await corridor.database.transaction((session) => listRuns(session, { limit: 10 })).then((runs) => runs.map(({ id }) => id)), [whole], 'a list of runs shows no parts unless it is asked for them');
});

t.test('a deletion is proved by all parts together', async (t) => {
  const { source, corridor, whole, attempt, parts, begin } = await open(t);
  await attempt(whole);
  for (const { id } of await parts()) await attempt(id);
  await attempt(whole);
  source.records.delete('00001');
  const again = async (dividesFrom: number): Promise<Run> => {
    const id = await begin('full');
    await attempt(id, { dividesFrom });
    for (const part of await corridor.database.transaction((session) => listRuns(session, { partOf: id, limit: 50 }))) await attempt(part.id);
    const run = await corridor.database.transaction((session) => readRun(session, id)) as Run;
    return run.endedAt ? run : attempt(id);
  };
  t.match(await again(1000), { status: 'succeeded', deleted: 1 });
  t.equal(source.divisions, 1, 'what is known to be small is read in one piece');
  source.records.delete('00050');
  t.match(await again(50), { status: 'succeeded', deleted: 1, unchanged: 98 });
  t.equal(source.divisions, 2, 'what is large, in parts');
  t.same(await corridor.rows('SELECT id FROM erp.things WHERE deleted_at IS NOT NULL ORDER BY id'), [{ id: '00001' }, { id: '00050' }]);
});

t.test('where a part is not certain, nothing is taken for deleted', async (t) => {
  for (const uncertain of [[], ['00030']]) {
    const { source, corridor, whole, attempt, parts } = await open(t, 90);
    source.uncertain = new Set(uncertain);
    // something is stored that the source does not have any more
    await corridor.run('incremental');
    await corridor.pool.query(`UPDATE tds.records SET written_at = written_at - interval '1 hour'`);
    source.records.delete('00045');
    await corridor.pool.query(`UPDATE tds.runs SET started_at = now() WHERE id = ${whole}`);
    await attempt(whole, { dividesFrom: 10 });
    t.equal((await parts()).length, 3);
    for (const { id } of await parts()) await attempt(id);
    t.match(await attempt(whole), { status: 'succeeded', deleted: uncertain.length === 0 ? 1 : 0 });
    if (uncertain.length > 0) t.match(await parts(), [{ code: null }, { code: 'part.incomplete' }, { code: null }]);
  }
});

t.test('a part that breaks off goes on from where it was', async (t) => {
  const { source, whole, attempt, parts } = await open(t);
  await attempt(whole);
  const [one] = await parts() as [Run];
  source.breakAt = 5;
  await t.rejects(attempt(one.id), { code: 'test.broke_off' });
  const broken = (await parts())[0] as Run;
  t.ok(broken.read > 0 && broken.read < 29, `${broken.read} of 29 are saved`);
  t.match(await attempt(one.id), { status: 'succeeded', new: 29, read: 29 });
  for (const { id, endedAt } of await parts()) if (!endedAt) await attempt(id);
  source.put(thing(3, { modified: '2026-01-02T00:00:00Z' }));
  t.match(await attempt(whole), { status: 'succeeded', new: 100 });
});

t.test('when a part fails for good the run reads all by itself, and is not divided again', async (t) => {
  const { source, corridor, whole, attempt, parts } = await open(t);
  await attempt(whole);
  const [one, two, three] = await parts() as [Run, Run, Run];
  await attempt(one.id);
  await corridor.database.transaction((session) => startRun(session, two.id, 'node'));
  await corridor.database.transaction((session) => endRun(session, two.id, { status: 'failed', code: 'zoho.part_lost' }));
  t.match(await attempt(whole), { status: 'succeeded', new: 100, unchanged: 29 });
  t.match(await parts(), [{ status: 'succeeded' }, { status: 'failed' }, { status: 'cancelled' }], 'what was still to be read in parts is let go');
  t.equal(source.divisions, 1);
  t.equal(await corridor.database.transaction((session) => startRun(session, three.id, 'node')), undefined, 'its job finds nothing to do');
});

t.test('when the last part fails for good the run reads all by itself, too', async (t) => {
  const { source, whole, attempt, parts } = await open(t);
  await attempt(whole);
  for (const { id } of await parts()) await attempt(id);
  source.lastIsLost = true;
  t.match(await attempt(whole), { endedAt: null }, 'it goes on');
  t.match(await attempt(whole), { status: 'succeeded', new: 100, unchanged: 100 });
  t.equal(source.divisions, 1);
});

t.test('another read of all waits for the divided one, and then finds its cursor', async (t) => {
  const { source, corridor, whole, attempt, parts, begin } = await open(t);
  await attempt(whole);
  const other = await begin('incremental');
  t.match(await attempt(other), { endedAt: null, read: 0 }, 'to read all of it beside its parts would cost it all again');
  for (const { id } of await parts()) await attempt(id);
  source.put(thing(9, { name: 'edited', modified: '2026-01-02T00:00:00Z' }));
  t.match(await attempt(whole), { status: 'succeeded', new: 100 });
  t.match(await attempt(other), { status: 'succeeded', new: 0 });
  t.equal(source.divisions, 1);
  t.same(await corridor.rows(`SELECT name FROM erp.things WHERE id = '00009'`), [{ name: 'edited' }]);
});

t.test('a first read is divided whoever asks for it', async (t) => {
  const { source, attempt, begin } = await open(t);
  t.match(await attempt(await begin('incremental')), { endedAt: null, read: 0 });
  t.equal(source.divisions, 1);
});

t.test('a part that went on with the mapping of before is mapped again', async (t) => {
  const { corridor, whole, attempt, parts } = await open(t);
  await attempt(whole);
  const [one, two, three] = await parts() as [Run, Run, Run];
  await attempt(one.id);
  const before = corridor.entity;
  corridor.remap({ fields: { id: {}, name: { from: 'name' }, price: { type: 'numeric(14,2)' } } } as never);
  const after = corridor.entity;
  await attempt(two.id);
  await corridor.run('replay');
  corridor.entity = before; // a node that has not heard of the change
  await attempt(three.id);
  corridor.entity = after;
  corridor.requested.length = 0;
  t.match(await attempt(whole), { status: 'succeeded' });
  const [{ n } = { n: -1 }] = await corridor.rows(`SELECT count(*)::int AS n FROM tds.records WHERE mapping <> ${after.mappingNumber}`) as { n: number }[];
  t.ok(n === 0 || corridor.requested.includes('replay'), `${n} rows are by another mapping; asked for: ${corridor.requested.join(', ')}`);
});

t.test('when the run ends, its parts end', async (t) => {
  const { source, corridor, whole, attempt, parts } = await open(t);
  await attempt(whole);
  const [one] = await parts() as [Run];
  t.match(await attempt(one.id, { stopping: () => true }), { endedAt: null, read: 3 }, 'one is in the middle');
  source.beforePage = async () => {
    source.beforePage = undefined;
    await corridor.database.transaction((session) => endRun(session, whole, { status: 'cancelled' }));
  };
  await t.rejects(attempt(one.id), { code: 'run.not_running' }, 'what it reads after that is not written');
  t.same(await corridor.rows('SELECT count(*)::int AS n FROM tds.records'), [{ n: 3 }]);
  t.match(await parts(), [{ status: 'cancelled' }, { status: 'cancelled' }, { status: 'cancelled' }]);
  await t.rejects(attempt(one.id), /has ended/);
});

t.test('of two reads one after the other, the parts of the first are out of the way', async (t) => {
  const { corridor, whole, attempt, parts, begin } = await open(t);
  await attempt(whole);
  await corridor.pool.query(`UPDATE tds.runs SET status = 'failed', ended_at = now() WHERE id = ${whole}`); // as by hand
  const next = await begin('full');
  await attempt(next);
  t.match(await parts(), [{ status: 'cancelled' }, { status: 'cancelled' }, { status: 'cancelled' }]);
  const own = await corridor.database.transaction((session) => listRuns(session, { partOf: next, limit: 50 }));
  t.equal(own.length, 3);
});
