import t from 'tap';
import { deadLetters, type DeadLettersDeps } from '../../core/healing/dead-letters.ts';
import { deadLetterOperations } from '../../core/operations/dead-letters.ts';
import { Care } from '../../core/pipeline/careful.ts';
import { resetActs } from '../../core/store/healing-acts.ts';
import { readRun } from '../../core/store/runs.ts';
import { openCorridor, type Corridor } from '../support/corridor.ts';
import type { TestScope } from '../support/database.ts';
import { MemorySource } from '../support/memory-source.ts';
import { hour, minute, ward, type Ward } from './support.ts';

const numeric = { type: 'numeric(12,2)' };
const mapping = { id: {}, name: {}, price: numeric, stock: numeric, weight: numeric };
/** Forgives what the records of `shop` have wrong. */
const mended = {
  id: {}, name: {}, price: { ...numeric, expr: `price = 'cheap' ? 1 : price` }, stock: { ...numeric, expr: `stock = 'many' ? 100 : stock` }, weight: { ...numeric, expr: `weight = 'light' ? 0 : weight` },
};

interface Shop extends Ward { corridor: Corridor; mend(fields: object): void; /** Executes the retries that were asked for, as the queue would. */ retries(): Promise<{ read: number; refused: number }[]> }

/** An entity with `count` records, all of them dead letters, in three faults. */
async function shop(scope: TestScope, count: number, more: Partial<DeadLettersDeps> = {}, source = new MemorySource()): Promise<Shop> {
  source.pageSize = 500;
  for (let id = 1; id <= count; id += 1) {
    const wrong = [{ price: 'cheap' }, { stock: 'many' }, { weight: 'light' }][id % 3];
    source.put({ id: String(id), name: `thing ${id}`, price: 1, stock: 1, weight: 1, modified: new Date(Date.UTC(2026, 0, 1, 0, 0, id)).toISOString(), ...wrong });
  }
  const corridor = await openCorridor(scope, source, { fields: mapping as never, batchSize: 500 });
  await corridor.run('full');
  let jobs = 0;
  const operations = () => deadLetterOperations({ entities: new Map([['things', corridor.entity]]), database: corridor.database, enqueue: async () => String((jobs += 1)) });
  const rule = deadLetters({
    every: 10_000, cap: 10, tryFor: 24 * hour, firstPause: minute, canary: 5, causeOf: () => corridor.entity.mapping.hash, onQueue: async () => new Set(),
    async retry({ entity, fingerprint, letter, most }) {
      const { runs: [asked] } = await operations().retryDeadLetters({ filter: { kind: 'record', entity, ...(letter === undefined ? { fingerprint } : { ids: [letter] }) }, trigger: 'healing', ...(most === undefined ? {} : { most }) });
      return asked && { runId: asked.run.id };
    }, ...more,
  });
  return {
    ...ward(corridor.pool, [rule]), corridor, mend: (fields) => corridor.remap({ fields: fields as never }),
    async retries() {
      const ended: { read: number; refused: number }[] = [];
      for (const { id } of await corridor.rows(`SELECT id::text FROM runs WHERE mode = 'retry' AND status = 'queued' ORDER BY runs.id`)) ended.push(await corridor.resume(id as string));
      return ended;
    },
  };
}

const open = async ({ corridor }: Shop): Promise<number> => (await corridor.rows(`SELECT count(*)::int AS n FROM dead_letters WHERE status = 'open'`))[0]?.['n'] as number;
const outcomes = async (s: Shop): Promise<string[]> => (await s.acts()).map((act) => act.outcome);

t.test('1,000 dead letters of three faults heal by themselves when the mapping is mended: a canary of each first, then the rest', async (t) => {
  const s = await shop(t, 1000);
  await s.after(0);
  t.equal(await open(s), 1000);
  t.same(await s.acts(), [], 'new faults have their first pause');
  s.mend(mended);
  await s.after(10_000);
  t.match(await s.acts(), [{ seen: /^33\d dead letters of "things"/, done: 'try 5 of them again, then the rest, as the config or a plugin has changed', outcome: 'started' }, {}, {}]);
  t.match(await s.retries(), [{ read: 5, refused: 0 }, { read: 5 }, { read: 5 }]);
  t.equal(await open(s), 985);
  await s.after(10_000);
  t.match((await s.acts()).map((act) => act.came), [...Array<RegExp>(3).fill(/^run \d+: 5 of 5 passed, 3\d\d are left$/), ...Array<RegExp>(3).fill(/^run \d+ tries them$/)]);
  t.equal((await s.retries()).reduce((sum, run) => sum + run.read, 0), 985);
  await s.after(10_000);
  t.equal(await open(s), 0);
  t.same(await outcomes(s), ['healed', 'healed', 'healed', 'healed', 'healed', 'healed']);
  t.match((await s.acts()).at(-1), { came: /passed, none is left$/ });
  t.same(await s.corridor.rows('SELECT * FROM healing_faults'), []);
  t.match(await s.corridor.rows(`SELECT count(*)::int AS rows, sum(price)::int AS price, sum(stock)::int AS stock FROM erp.things`), [{ rows: 1000, price: 1000, stock: 666 + 33400 }]);
  await s.after(hour);
  t.equal((await s.acts()).length, 6, 'nothing is left to be done');
});

t.test('a change that mends nothing costs a canary and no more', async (t) => {
  const s = await shop(t, 300);
  await s.after(0);
  s.mend({ ...mapping, name: { expr: '$uppercase(name)' } });
  await s.after(10_000);
  t.match(await s.retries(), [{ read: 5, refused: 5 }, { read: 5, refused: 5 }, { read: 5, refused: 5 }]);
  await s.after(10_000);
  t.same(await s.retries(), []);
  t.match(await s.acts(), [{ outcome: 'failed', came: /^run \d+: 0 of 5 passed, 100 are left$/ }, {}, {}]);
  t.match(await s.corridor.rows(`SELECT count(*)::int AS n FROM dead_letters WHERE attempts > 1`), [{ n: 15 }]);
});

t.test('a fault that stays is tried with growing pauses for a day; then a person is told, once; a mended mapping is tried at once all the same', async (t) => {
  const s = await shop(t, 3);
  const triedAt: number[] = [];
  await s.after(0);
  const began = s.clock.now().getTime();
  while (s.clock.now().getTime() < began + 26 * hour) {
    const [{ at } = {}] = await s.corridor.rows('SELECT min(next_at) AS at FROM healing_faults');
    await s.after(Math.min(Math.max((at as Date).getTime() - s.clock.now().getTime(), 10_000), 2 * hour));
    if ((await s.retries()).length > 0) triedAt.push(Math.round((s.clock.now().getTime() - began) / minute));
  }
  t.ok(triedAt.length >= 5 && triedAt.length <= 7, `tried ${triedAt.length} times`);
  t.equal(triedAt[0], 1);
  const pauses = triedAt.slice(1).map((at, index) => at - triedAt[index]!);
  t.ok(pauses.every((pause, index) => index === 0 || pause > pauses[index - 1]! * 3), `pauses of ${pauses.join(', ')} minutes`);
  const told = (await s.acts()).filter((act) => act.outcome === 'told');
  t.equal(told.length, 3);
  t.match(told[0], { done: 'a person is told: they were tried for 24 hours', came: /tds dead-letters --fingerprint [0-9a-f]{16}"/ });
  s.mend(mended);
  await s.after(minute);
  t.equal((await s.retries()).length, 3);
  await s.after(minute);
  t.equal(await open(s), 0);
});

t.test('a fault from before this process, of which nothing was noted, is tried without a pause: the config may be another one', async (t) => {
  const s = await shop(t, 3, { begunAt: new Date(Date.now() + minute) });
  await s.after(0);
  t.match(await s.acts(), [{ done: 'try them again', outcome: 'started' }, {}, {}]);
});

t.test('a fault that is beyond help never takes more tries than its cap', async (t) => {
  const s = await shop(t, 3, { cap: 2, firstPause: 1000 });
  for (let at = 0; at < 12; at += 1) {
    await s.after(20 * minute);
    await s.retries();
  }
  t.same((await outcomes(s)).sort(), [...Array<string>(6).fill('failed'), 'told', 'told', 'told']);
  await s.corridor.database.transaction((session) => resetActs(session, 'all', s.clock.now()));
  t.same(await s.corridor.rows('SELECT * FROM healing_faults'), [], 'a reset begins anew');
});

t.test('while a retry is under way no other begins, and a few letters beyond help do not hold up the others', async (t) => {
  const s = await shop(t, 60);
  await s.after(0);
  s.mend({ ...mended, price: { ...numeric, expr: `id in ['3', '30'] ? 'still cheap' : 1` } });
  for (let at = 0; at < 5; at += 1) await s.after(10_000);
  t.equal((await s.acts()).length, 3);
  await s.retries();
  await s.after(10_000);
  t.equal((await s.retries()).length, 3);
  t.equal(await open(s), 2);
  await s.after(10_000);
  t.same(await outcomes(s), Array<string>(6).fill('healed'));
});

/** `count` good records that stand aside as if they killed their process; those of `poison` do so when they are written. Answers their retries' attempts, as the queue would make them. */
async function poisoned(scope: TestScope, count: number, poison: ReadonlySet<string>) {
  const s = await shop(scope, 0);
  const source = s.corridor.entity.source as MemorySource;
  for (let id = 1; id <= count; id += 1) source.put({ id: String(id), name: `thing ${id}`, price: 1, stock: 1, weight: 1, modified: new Date(Date.UTC(2026, 0, 2, 0, 0, id)).toISOString() });
  const care = new Care(null, false, 0, 500);
  care.suspect.guilty.push(...source.records.keys());
  await s.corridor.resume(await s.corridor.begin('full'), { care });
  const { destination } = s.corridor.entity;
  const died = new Error('this process is dead');
  s.corridor.entity = { ...s.corridor.entity, destination: Object.assign(Object.create(destination) as typeof destination, { async write(tables: Parameters<typeof destination.write>[0], session: Parameters<typeof destination.write>[1]) {
    if (tables.some(({ upserts }) => upserts?.rows.some(([id]) => poison.has(String(id))))) throw died;
    return destination.write(tables, session);
  } }) };
  /** Retries that were asked for, each with the number of processes that it cost. */
  const attempts = async (): Promise<{ keys: unknown; deaths: number }[]> => {
    const ended: { keys: unknown; deaths: number }[] = [];
    for (const { id, keys } of await s.corridor.rows(`SELECT r.id::text, array_agg(l.key) AS keys FROM runs r JOIN dead_letters l ON r.options->'letters'->'ids' ? l.id::text WHERE r.mode = 'retry' AND r.status = 'queued' GROUP BY r.id ORDER BY r.id`)) {
      for (let deaths = 0; ; deaths += 1) {
        const run = await s.corridor.database.transaction((session) => readRun(session, id as string));
        const careful = new Care(run?.suspect ?? null, deaths > 0, run?.pages ?? 0, 500, async () => undefined);
        const dead = await s.corridor.resume(id as string, { care: careful }).then(() => false, (error: unknown) => error === died || Promise.reject(error as Error));
        if (dead) continue;
        ended.push({ keys, deaths });
        break;
      }
    }
    return ended;
  };
  return { s, attempts };
}

t.test('a record that kills its process is tried once more, alone, at the cost of one process; then a person is told, and it waits for another mapping', async (t) => {
  const { s, attempts } = await poisoned(t, 3, new Set(['2']));
  await s.after(0);
  t.same(await s.acts(), [], 'it has its first pause as any fault has');
  await s.after(minute);
  t.same(await attempts(), [{ keys: ['1'], deaths: 0 }], 'one at a time: of a second one nobody knows yet what it does');
  await s.after(10_000);
  t.same(await attempts(), [{ keys: ['2'], deaths: 1 }]);
  await s.after(10_000);
  t.same(await attempts(), [{ keys: ['3'], deaths: 0 }]);
  for (let at = 0; at < 60; at += 1) {
    await s.after(30 * minute);
    t.same(await attempts(), [], 'never again as it is');
  }
  t.match((await s.acts()).map(({ outcome, done, seen }) => [outcome, done, seen]), [
    ['healed', 'try it again, alone', /^1 dead letter of "things"/], ['failed', 'try it again, alone', /record\.poison/], ['told', /so they are not tried again as they are/, /record\.poison/], ['healed', 'try it again, alone', /^1 dead letter/]]);
  t.match((await s.acts())[2]?.came, /tds dead-letters show \d+"/);
  t.same(await s.corridor.rows(`SELECT key, code FROM dead_letters WHERE status = 'open'`), [{ key: '2', code: 'record.poison' }]);
  t.same(await s.corridor.rows('SELECT id FROM erp.things ORDER BY 1'), [{ id: '1' }, { id: '3' }], 'what was hit by chance has come back by itself');
  s.mend({ ...mapping, name: { expr: '$uppercase(name)' } });
  await s.after(minute);
  t.same(await attempts(), [{ keys: ['2'], deaths: 0 }], 'the mended mapping is tried at once');
  await s.after(minute);
  t.equal(await open(s), 0);
});

t.test('a deletion that the table refused is tried again after its pause, and done once the table lets the row go', async (t) => {
  const source = new MemorySource();
  const s = await shop(t, 0, {}, source);
  for (const id of ['1', '2']) source.put({ id, name: id, price: 1, stock: 1, weight: 1, modified: new Date(Date.UTC(2026, 0, 1)).toISOString() });
  await s.corridor.run('full');
  await s.corridor.rows(`CREATE FUNCTION needed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'needed'; END $$; CREATE TRIGGER needed BEFORE UPDATE ON erp.things FOR EACH ROW WHEN (old.id = '1') EXECUTE FUNCTION needed()`);
  source.records.clear();
  await s.corridor.run('full');
  await s.after(0);
  await s.after(minute);
  t.match(await s.retries(), [{ read: 1, refused: 1 }]);
  await s.corridor.rows('DROP TRIGGER needed ON erp.things');
  await s.after(10_000);
  await s.after(4 * minute);
  t.match(await s.retries(), [{ read: 1, refused: 0 }]);
  await s.after(10_000);
  t.equal(await open(s), 0);
  t.match(await s.acts(), [{ seen: /1 dead letter of "things": the table refused to have the row marked as deleted: needed/, outcome: 'failed', came: /0 of 1 passed, 1 are left/ }, { outcome: 'healed' }]);
  t.same(await s.corridor.rows('SELECT id FROM erp.things WHERE deleted_at IS NULL'), []);
});
