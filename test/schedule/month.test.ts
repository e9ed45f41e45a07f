/** A month, and both clock changes of two zones, lived by two nodes of which one is killed a hundred times, at any statement of a look. */
import { test } from 'tap';
import { upcoming, type Timetable } from '../../core/schedule/timetable.ts';
import type { Pool } from '../../core/store/pool.ts';
import { testDatabase } from '../support/database.ts';
import { TestClock } from '../support/clock.ts';
import { definitions, endRuns, mortalDatabase, node, ticks, type Given, type TestNode } from './support.ts';

interface Life extends TestNode { mortal: ReturnType<typeof mortalDatabase>; dead: boolean }

interface Journey { from: string; until: string; kills: number; plan: Record<string, Given> }

/** Statements of a look that has something to write. */
const statements = 14;

/** Lets two nodes live from planned time to planned time; answers how many were killed in the middle of a look, and how many after one. */
async function live(pool: Pool, { from, until, kills, plan }: Journey): Promise<{ inLook: number; after: number }> {
  const clock = new TestClock(from);
  const known = definitions(plan);
  const born = (name: string): Life => {
    const mortal = mortalDatabase(pool);
    const life: Life = { ...node(pool, known, { name, clock, database: mortal.database }), mortal, dead: false };
    void mortal.dead.then(() => (life.dead = true));
    return life;
  };
  const nodes = [born('a'), born('b')];
  const look = async (): Promise<number> => Math.min(...await Promise.all(nodes.map((life) => Promise.race([life.scheduler.look(), life.mortal.dead.then(() => Infinity)]))));
  const moments = momentsOf(plan, from, until);
  const fatal = chosen(moments.length, kills);
  const counts = { inLook: 0, after: 0 };
  await look();
  for (const [at, moment] of moments.entries()) {
    await clock.moveTo(new Date(moment));
    const victim = fatal.has(at) ? nodes[at % 2] : undefined;
    victim?.mortal.dieAfter(1 + Math.floor(Math.random() * statements));
    // The first look ticks; the second, a second later at most, does what was left by a node that died; the third finds the runs ended.
    const pause = await look();
    await clock.advance(Math.min(pause, 1000));
    if (victim) await look();
    await endRuns(pool, 'succeeded', clock.now());
    await look();
    if (!victim) continue;
    counts[victim.dead ? 'inLook' : 'after'] += 1;
    victim.mortal.dieAfter(0);
    nodes[nodes.indexOf(victim)] = born(`n-${at}`);
  }
  return counts;
}

/** All planned times of all schedules, each once, in order. */
function momentsOf(plan: Record<string, Given>, from: string, until: string): number[] {
  const all = [...definitions(plan).values()].flatMap(({ timetable }) => plannedIn(timetable, from, until).map(Number));
  return [...new Set(all)].sort((a, b) => a - b);
}

function plannedIn(timetable: Timetable, from: string, until: string): Date[] {
  return upcoming(timetable, new Date(from), 20_000, new Date(until));
}

/** `count` of the numbers below `all`, by chance. */
function chosen(all: number, count: number): Set<number> {
  const numbers = new Set<number>();
  while (numbers.size < count) numbers.add(Math.floor(Math.random() * all));
  return numbers;
}

const shop: Record<string, Given> = {
  nightly: { cron: '0 2 * * *', timezone: 'Asia/Baghdad', entities: ['items', 'stock'], mode: 'full' }, often: { cron: '0 */4 * * *', timezone: 'Asia/Baghdad', entities: ['items'] },
  summary: { cron: '0 7 * * *', run: 'report' },
};
const inZone = (timezone: string): Record<string, Given> => ({ early: { cron: '30 1,2 * * *', timezone }, hourly: { cron: '15 * * * *', timezone, entities: ['items'] }, steady: { every: 3_600_000, entities: ['orders'] } });

const journeys: Record<string, Journey> = {
  'a month with two nodes, one of them killed a hundred times': { from: '2026-11-01T00:00:30Z', until: '2026-12-01T00:00:30Z', kills: 100, plan: shop },
  'the clocks of London go forward': { from: '2026-03-28T20:00:30Z', until: '2026-03-29T08:00:30Z', kills: 5, plan: inZone('Europe/London') },
  'the clocks of London go back': { from: '2026-10-24T20:00:30Z', until: '2026-10-25T08:00:30Z', kills: 5, plan: inZone('Europe/London') },
  'the clocks of New York go forward': { from: '2026-03-08T01:00:30Z', until: '2026-03-08T13:00:30Z', kills: 5, plan: inZone('America/New_York') },
  'the clocks of New York go back': { from: '2026-11-01T00:00:30Z', until: '2026-11-01T12:00:30Z', kills: 5, plan: inZone('America/New_York') },
};

for (const [name, journey] of Object.entries(journeys)) {
  test(`${name}: each time is ticked exactly once, none is missed, all within a second`, async (t) => {
    const { pool } = await testDatabase(t);
    const counts = await live(pool, journey);
    t.equal(counts.inLook + counts.after, journey.kills);
    t.ok(counts.inLook > journey.kills / 4, `${counts.inLook} died in the middle of a look`);
    const found = await ticks(pool);
    for (const [id, { timetable }] of definitions(journey.plan)) {
      const expected = plannedIn(timetable, journey.from, journey.until);
      t.same(found.filter((tick) => tick.schedule === id).map((tick) => tick.planned), expected, `${id}: ${expected.length} times`);
    }
    const late = found.map((tick) => (tick.enqueuedAt?.getTime() ?? Infinity) - tick.dueAt.getTime());
    t.ok(Math.max(...late) <= 1000, `the latest was ${Math.max(...late)} ms late`);
    const jobs = await pool.query<{ doubled: number }>(`SELECT count(*)::int - count(DISTINCT payload->>'tickId')::int AS doubled FROM graphile_worker._private_jobs WHERE payload->>'tickId' IS NOT NULL`);
    t.equal(jobs.rows[0]?.doubled, 0, 'no tick has two jobs');
    const stray = await pool.query<{ stray: number }>(`SELECT count(*)::int AS stray FROM runs r WHERE NOT EXISTS (SELECT FROM ticks t WHERE r.id = ANY (t.runs))`);
    t.equal(stray.rows[0]?.stray, 0, 'no run without its tick');
  });
}
