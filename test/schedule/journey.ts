/** Two nodes that live through a span of planned times, one of them killed now and then, at any statement of a look. */
import type { Definition } from '../../core/schedule/definition.ts';
import { upcoming, type Timetable } from '../../core/schedule/timetable.ts';
import type { Pool } from '../../core/store/pool.ts';
import { TestClock } from '../support/clock.ts';
import { definitions, endRuns, mortalDatabase, node, ticks, type Given, type TestNode } from './support.ts';

interface Life extends TestNode { mortal: ReturnType<typeof mortalDatabase>; dead: boolean }

export interface Journey {
  from: string; until: string; kills: number; plan: Record<string, Given>;
  /** Of schedules that name none. Default UTC. */
  timezone?: string;
  /** Told now and then how many of all moments have passed. */
  told?: (passed: number, all: number) => void;
}

/** Statements of a look that has something to write. */
const statements = 14;

/** Lets two nodes live from planned time to planned time; answers how many were killed in the middle of a look, and how many after one. */
export async function live(pool: Pool, { from, until, kills, plan, timezone, told }: Journey): Promise<{ inLook: number; after: number }> {
  const clock = new TestClock(from);
  const known = definitions(plan, timezone);
  const born = (name: string): Life => {
    const mortal = mortalDatabase(pool);
    const life: Life = { ...node(pool, known, { name, clock, database: mortal.database }), mortal, dead: false };
    void mortal.dead.then(() => (life.dead = true));
    return life;
  };
  const nodes = [born('a'), born('b')];
  const look = async (): Promise<number> => Math.min(...await Promise.all(nodes.map((life) => Promise.race([life.scheduler.look(), life.mortal.dead.then(() => Infinity)]))));
  const moments = momentsOf(known, from, until);
  const fatal = chosen(moments.length, kills);
  const counts = { inLook: 0, after: 0 };
  await look();
  for (const [at, moment] of moments.entries()) {
    if (at % 500 === 0) told?.(at, moments.length);
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

/** All moments at which a schedule is due, each once, in order. */
function momentsOf(known: ReadonlyMap<string, Definition>, from: string, until: string): number[] {
  const all = [...known.values()].flatMap(({ timetable }) => plannedIn(timetable, from, until).map((time) => time.getTime() + timetable.delay(time)));
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

/** What a journey left behind. Faults say which promise was broken. */
export interface Aftermath { ticks: number; latest: number; faults: string[] }

/** Holds the rows that a journey left against its plan: each time once, none missed, all within a second, no job doubled, no run without its tick. */
export async function judge(pool: Pool, { from, until, plan, timezone }: Journey): Promise<Aftermath> {
  const found = await ticks(pool);
  const faults: string[] = [];
  for (const [id, { timetable }] of definitions(plan, timezone)) {
    const expected = plannedIn(timetable, from, until).map(Number);
    const actual = found.filter((tick) => tick.schedule === id).map(({ planned }) => planned.getTime());
    const missed = expected.filter((time) => !actual.includes(time));
    if (missed.length > 0 || actual.length !== expected.length) faults.push(`${id}: ${expected.length} times were planned and ${actual.length} ticked; missed: ${missed.slice(0, 3).map((time) => new Date(time).toISOString()).join(', ')}`);
    if (expected.length === 0) faults.push(`${id}: nothing was planned`);
  }
  const latest = Math.max(...found.map((tick) => (tick.enqueuedAt?.getTime() ?? Infinity) - tick.dueAt.getTime()));
  if (latest > 1000) faults.push(`the latest was ${latest} ms late`);
  const jobs = await pool.query<{ doubled: number }>(`SELECT count(*)::int - count(DISTINCT payload->>'tickId')::int AS doubled FROM graphile_worker._private_jobs WHERE payload->>'tickId' IS NOT NULL`);
  if (jobs.rows[0]?.doubled !== 0) faults.push(`${jobs.rows[0]?.doubled} ticks have two jobs`);
  const stray = await pool.query<{ stray: number }>(`SELECT count(*)::int AS stray FROM runs r WHERE NOT EXISTS (SELECT FROM ticks t WHERE r.id = ANY (t.runs))`);
  if (stray.rows[0]?.stray !== 0) faults.push(`${stray.rows[0]?.stray} runs have no tick`);
  return { ticks: found.length, latest, faults };
}
