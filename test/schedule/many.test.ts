/** What comes at one moment is written in sets: a thousand planned times cost as many statements as a few. */
import { test } from 'tap';
import type { DatabaseAccess } from '../../core/sdk/index.ts';
import type { Pool } from '../../core/store/pool.ts';
import { databaseAccess } from '../../core/store/session.ts';
import { testDatabase } from '../support/database.ts';
import { TestClock } from '../support/clock.ts';
import { definitions, endRuns, hour, node, ticks, type Given } from './support.ts';

/** A database that counts what is asked of it, BEGIN and COMMIT left out. */
function counting(pool: Pool): { database: DatabaseAccess; taken(): number } {
  let statements = 0;
  const database = databaseAccess(pool);
  return {
    taken: () => statements - (statements = 0),
    database: { transaction: (use) => database.transaction((session) => use({ ...session, query: (text, values) => {
      statements += 1;
      return session.query(text, values);
    } })) },
  };
}

/** All kinds side by side: each overlap, other work, shared entities, two that are switched off, one that waits for a missed time. */
function plan(count: number): Record<string, Given> {
  const overlaps = ['skip', 'queue', 'cancel'] as const;
  return Object.fromEntries(Array.from({ length: count }, (_, at): [string, Given] => [`s-${at}`, {
    cron: '0 * * * *', overlap: overlaps[at % 3] ?? 'skip', missed: at % 2 === 0 ? 'last' : 'all', ...(at % 10 === 9 ? { run: 'report' as const } : { entities: [`entity-${at}`, `shared-${at % 7}`], mode: at % 4 === 0 ? 'full' as const : 'incremental' as const }),
  }]));
}

/** The statements of each look of a day in the life of so many schedules. */
async function statementsOf(t: Parameters<typeof testDatabase>[0], count: number): Promise<{ looks: number[]; pool: Pool }> {
  const { pool } = await testDatabase(t);
  const clock = new TestClock('2026-11-24T08:30:00Z');
  const { database, taken } = counting(pool);
  const { scheduler } = node(pool, definitions(plan(count)), { clock, database });
  const looks: number[] = [];
  const look = async (): Promise<void> => {
    await scheduler.look();
    looks.push(taken());
  };
  await look();
  await clock.moveTo('2026-11-24T09:00:00Z'); // all begin
  await look();
  await clock.moveTo('2026-11-24T10:00:00Z'); // all are at work still: left out, waiting, cancelled
  await look();
  await endRuns(pool, 'succeeded', clock.now());
  await clock.advance(1000); // all end, and what waits begins
  await look();
  await endRuns(pool, 'failed', clock.now());
  await clock.moveTo('2026-11-24T13:30:00Z'); // all missed three
  await look();
  return { looks, pool };
}

test('a thousand schedules at one second: as many statements as for ten, in each set of 250, and each tick is there once', async (t) => {
  const few = await statementsOf(t, 30);
  const many = await statementsOf(t, 240);
  t.same(many.looks, few.looks, 'the number does not grow within a set');
  t.ok(Math.max(...many.looks) <= 40, `at most ${Math.max(...many.looks)}`);
  const most = await statementsOf(t, 1000);
  t.ok(Math.max(...most.looks) <= 100, `${most.looks.join()} beside ${few.looks.join()}`);
  const found = await ticks(most.pool);
  const at = (time: string): string[] => found.filter(({ planned }) => planned.toISOString().slice(11, 16) === time).map(({ status, entities, work }) => `${status} ${work === 'sync' && entities.length === 0}`);
  t.same([...Map.groupBy(at('09:00'), (text) => text)].map(([text, all]) => [text, all.length]).toSorted(), [['cancelled false', 333], ['succeeded false', 667]]);
  t.equal(new Set(found.map(({ schedule, planned }) => `${schedule} ${planned.getTime()}`)).size, found.length);
  const { rows } = await most.pool.query(`SELECT (SELECT count(*)::int FROM (SELECT FROM ticks, unnest(runs) GROUP BY id HAVING count(*) NOT IN (0, 2)) odd) AS odd, (SELECT count(*)::int FROM runs r JOIN graphile_worker._private_jobs j ON j.id::text = r.job_id WHERE j.payload->>'runId' <> r.id::text) AS crossed,
    (SELECT count(*)::int FROM runs WHERE job_id IS NULL) AS without, (SELECT count(*)::int FROM ticks t JOIN graphile_worker._private_jobs j ON j.id::text = t.job_id WHERE j.payload->>'tickId' <> t.id::text) AS ticks, (SELECT count(*)::int FROM healing_acts) AS acts`);
  t.same(rows, [{ odd: 0, crossed: 0, without: 0, ticks: 0, acts: 1000 }], 'each run and each tick has its own job');
});

test('a schedule that can not be ticked in a set is found, and the others are on time', async (t) => {
  const { pool } = await testDatabase(t);
  const clock = new TestClock('2026-11-24T08:30:00Z');
  const { scheduler, log } = node(pool, definitions(Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`s-${at}`, { every: hour, entities: [`entity-${at}`] }]))), { clock });
  await scheduler.look();
  await pool.query(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF new.schedule = 's-42' THEN RAISE EXCEPTION 'no'; END IF; RETURN new; END $$; CREATE TRIGGER refuse BEFORE INSERT ON ticks FOR EACH ROW EXECUTE FUNCTION refuse()`);
  await clock.moveTo('2026-11-24T09:00:00Z');
  await scheduler.look();
  t.equal((await ticks(pool)).length, 99);
  t.match(log.lines.filter((line) => line.startsWith('warn')), [/could not be ticked.*s-42/]);
});
