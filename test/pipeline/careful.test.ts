/** How a run goes on after it lost its worker: what strikes again is found at the third try, and what was hit by chance is not blamed. */
import t from 'tap';
import { Care } from '../../core/pipeline/careful.ts';
import { readRun } from '../../core/store/runs.ts';
import { openCorridor, type Corridor } from '../support/corridor.ts';
import { MemorySource } from '../support/memory-source.ts';

/** What the process dies of; here it only ends the attempt, and what is noted in the database is all that the next one knows. */
class Death extends Error {}

const die = (): never => {
  throw new Death('this process is dead');
};

/** One attempt; `lost`: after the death of the one before. Rests are noted, not taken. @returns whether it lived */
async function attempt(corridor: Corridor, id: string, { lost, rest = async () => undefined }: { lost: boolean; rest?: (ms: number) => Promise<void> }): Promise<boolean> {
  const run = await corridor.database.transaction((session) => readRun(session, id));
  const care = lost || run?.suspect ? new Care(run?.suspect ?? null, lost, run?.pages ?? 0, corridor.entity.config.batchSize, rest) : undefined;
  return corridor.resume(id, care ? { care } : {}).then(() => true, (error: unknown) => {
    if (error instanceof Death) return false;
    throw error;
  });
}

const suspectOf = async (corridor: Corridor, id: string) => (await corridor.database.transaction((session) => readRun(session, id)))?.suspect;

/** Lets `strike` see the keys that are being written. */
function watchWrites(corridor: Corridor, strike: (keys: string[]) => void): void {
  const { destination } = corridor.entity;
  corridor.entity = { ...corridor.entity, destination: Object.assign(Object.create(destination) as typeof destination, {
    write: async (tables: Parameters<typeof destination.write>[0], session: Parameters<typeof destination.write>[1]) => {
      strike(tables.flatMap(({ upserts }) => upserts?.rows.map((row) => String(row[0])) ?? []));
      return destination.write(tables, session);
    },
  }) };
}

async function corridorOf(scope: Parameters<typeof openCorridor>[0], records: number, batchSize: number): Promise<{ corridor: Corridor; key: (n: number) => string }> {
  const source = new MemorySource();
  source.pageSize = batchSize; // so that what is applied at once does not hang on who is faster
  const key = (n: number): string => `k${String(n).padStart(4, '0')}`;
  for (let n = 0; n < records; n++) source.put({ id: key(n), name: `number ${n}`, price: 1 });
  return { corridor: await openCorridor(scope, source, { batchSize }), key };
}

const rowsOf = async (corridor: Corridor): Promise<number> => Number((await corridor.rows('SELECT count(*)::int AS n FROM erp.things'))[0]?.['n']);
const letters = (corridor: Corridor): Promise<Record<string, unknown>[]> => corridor.rows('SELECT key, code FROM dead_letters');

t.test('a record that ends its process each time goes aside at the third try, and the others land', async (t) => {
  for (const [records, batchSize] of [[10, 4], [220, 200]] as const) {
    const { corridor, key } = await corridorOf(t, records, batchSize);
    const poison = key(7);
    watchWrites(corridor, (keys) => keys.includes(poison) && die());
    const id = await corridor.begin('full');
    let deaths = 0;
    while (!await attempt(corridor, id, { lost: deaths > 0 })) deaths += 1;
    t.equal(deaths, 3, `sets of ${batchSize}`);
    t.same(await letters(corridor), [{ key: poison, code: 'record.poison' }]);
    t.equal(await rowsOf(corridor), records - 1);
  }
});

t.test('a good record that was hit by chance is not blamed for a kill in the rest before it is tried again', async (t) => {
  const { corridor, key } = await corridorOf(t, 10, 4);
  let kills = 0;
  watchWrites(corridor, (keys) => {
    // In the midst of the first set; then while the run is careful, and a record happens to stand alone.
    if ((kills === 0 || kills === 1) && keys.includes(key(2))) {
      kills += 1;
      die();
    }
  });
  const id = await corridor.begin('full');
  t.notOk(await attempt(corridor, id, { lost: false }));
  t.notOk(await attempt(corridor, id, { lost: true }));
  t.match(await suspectOf(corridor, id), { at: [key(2)] });
  const rests: number[] = [];
  const inRest = async (ms: number): Promise<void> => {
    rests.push(ms);
    die();
  };
  for (let round = 0; round < 3; round++) t.notOk(await attempt(corridor, id, { lost: true, rest: inRest }), 'killed in the rest');
  t.same(rests, [1_000, 1_000, 1_000]);
  t.match(await suspectOf(corridor, id), { at: [], guilty: [], named: { [key(2)]: 1 } }, 'it proves nothing');
  t.ok(await attempt(corridor, id, { lost: true }));
  t.same(await letters(corridor), []);
  t.equal(await rowsOf(corridor), 10);
});

t.test('of a step that lost its worker each record is tried singly, after a rest, and the note is taken back before the next', async (t) => {
  const { corridor, key } = await corridorOf(t, 220, 200);
  let kills = 0;
  watchWrites(corridor, (keys) => {
    if (kills < 2 && keys.includes(key(30))) {
      kills += 1;
      die();
    }
  });
  const id = await corridor.begin('full');
  t.notOk(await attempt(corridor, id, { lost: false }));
  t.notOk(await attempt(corridor, id, { lost: true }));
  t.equal((await suspectOf(corridor, id))?.at.length, 25);
  const rests: number[] = [];
  const inHand: (number | undefined)[] = [];
  t.ok(await attempt(corridor, id, { lost: true, rest: async (ms) => {
    rests.push(ms);
    inHand.push((await suspectOf(corridor, id))?.at.length);
  } }));
  t.same(inHand, Array.from({ length: 25 }, () => 0));
  t.same(rests, Array.from({ length: 25 }, () => 200));
  t.same(await letters(corridor), []);
  t.equal(await rowsOf(corridor), 220);
});
