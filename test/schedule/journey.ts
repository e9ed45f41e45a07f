/** Two nodes that live through spans of planned times, one of them killed now and then; and what that left behind, held against the plan. */
import type { Definition } from '../../core/schedule/definition.ts';
import { upcoming } from '../../core/schedule/timetable.ts';
import type { Pool } from '../../core/store/pool.ts';
import type { Random } from '../../sandbox/zoho/random.ts';
import { definitions, minute, ticks, type Given } from './support.ts';

export interface Span { from: string; until: string }

export interface Journey {
  /** One after the other; what lies between them is planned by nobody. */
  spans: readonly Span[];
  kills: number;
  plan: Record<string, Given>;
  /** Of schedules that name none. Default UTC. */
  timezone?: string;
}

/** Two nodes, in this process or in ones of their own. */
export interface Crew {
  /** Both look at this moment. Answers after how many ms the next look is due; of one that dies in it nothing is heard. */
  look(at: Date): Promise<number>;
  /** One of them, by chance, is to die at a moment of the next look, by chance. */
  doom(): void;
  /** Resolves when it is dead and the database knows; another one is there in its place. `tookMs`: until the database knew. */
  bury(at: Date): Promise<{ inLook: boolean; tookMs: number }>;
  /** Resolves when all that is on the queue has been done. */
  work(at: Date): Promise<void>;
}

export interface Lived { inLook: number; after: number; /** From a moment to its ticks, by the clock on the wall, in ms. */ longestMs: number; longestAfterKillMs: number }

/** Lets the crew live from planned time to planned time. `told` hears now and then how many of all moments have passed. */
export async function live(pool: Pool, journey: Journey, crew: Crew, random: Random, told: (passed: number, all: number) => void = () => {}): Promise<Lived> {
  const known = definitions(journey.plan, journey.timezone);
  const spans = journey.spans.map((span) => ({ ...span, moments: momentsOf(known, span) }));
  const all = spans.reduce((sum, { moments }) => sum + moments.length, 0);
  const fatal = chosen(all, journey.kills, random);
  const lived: Lived = { inLook: 0, after: 0, longestMs: 0, longestAfterKillMs: 0 };
  let passed = 0;
  for (const { from, until, moments } of spans) {
    await pool.query('UPDATE schedules SET cursor = $1, next_at = NULL', [from]);
    await crew.look(new Date(from));
    for (const moment of moments) {
      const begun = performance.now();
      if (fatal.has(passed)) {
        crew.doom();
        const pause = await crew.look(new Date(moment));
        const { inLook, tookMs } = await crew.bury(new Date(moment));
        // What the dead one held is looked at again after a pause; the clock stands still no longer than the database took to find out.
        await crew.look(new Date(moment + Math.max(Math.min(pause, 1000), Math.ceil(tookMs))));
        lived[inLook ? 'inLook' : 'after'] += 1;
        lived.longestAfterKillMs = Math.max(lived.longestAfterKillMs, performance.now() - begun);
      } else {
        await crew.look(new Date(moment));
        lived.longestMs = Math.max(lived.longestMs, performance.now() - begun);
      }
      await crew.work(new Date(moment));
      passed += 1;
      if (passed % 500 === 0) told(passed, all);
    }
    await crew.look(new Date(until));
  }
  return lived;
}

/** All moments of a span at which a schedule is due, each once, in order. */
function momentsOf(known: ReadonlyMap<string, Definition>, span: Span): number[] {
  const all = [...known.values()].flatMap((definition) => plannedIn(definition, span).map((time) => time.getTime() + definition.timetable.delay(time)));
  return [...new Set(all)].sort((a, b) => a - b);
}

function plannedIn({ timetable }: Definition, { from, until }: Span): Date[] {
  return upcoming(timetable, new Date(from), 20_000, new Date(until));
}

/** `count` of the numbers below `all`, by chance. */
function chosen(all: number, count: number, random: Random): Set<number> {
  const numbers = new Set<number>();
  while (numbers.size < Math.min(count, all)) numbers.add(random.below(all));
  return numbers;
}

/** What a journey left behind. Faults say which promise was broken. */
export interface Aftermath { ticks: number; latest: number; faults: string[] }

/** Writes down each job that is put on the queue, as the queue forgets those that are done. Before the journey. */
export async function auditJobs(pool: Pool): Promise<void> {
  await pool.query(`CREATE TABLE job_audit (task integer, payload jsonb);
    CREATE FUNCTION note_job() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO tds.job_audit VALUES (new.task_id, new.payload); RETURN NULL; END $$;
    CREATE TRIGGER note_job AFTER INSERT ON graphile_worker._private_jobs FOR EACH ROW EXECUTE FUNCTION note_job()`);
}

/** Holds the rows that a journey left against its plan: each time once, none missed, all within a second, none left out, one job each, no run without its tick. */
export async function judge(pool: Pool, { spans, plan, timezone }: Journey): Promise<Aftermath> {
  const found = await ticks(pool);
  const faults: string[] = [];
  for (const [id, definition] of definitions(plan, timezone)) {
    const expected = spans.flatMap((span) => plannedIn(definition, span)).map(Number);
    const actual = found.filter((tick) => tick.schedule === id).map(({ planned }) => planned.getTime());
    const there = new Set(actual);
    const missed = expected.filter((time) => !there.has(time));
    if (missed.length > 0 || actual.length !== expected.length) faults.push(`${id}: ${expected.length} times were planned and ${actual.length} ticked; missed: ${missed.slice(0, 3).map((time) => new Date(time).toISOString()).join(', ')}`);
    if (expected.length === 0) faults.push(`${id}: nothing was planned`);
  }
  const latest = Math.max(...found.map((tick) => ((tick.work === 'compare' ? tick.endedAt : tick.enqueuedAt)?.getTime() ?? Infinity) - tick.dueAt.getTime()));
  if (latest > 1000) faults.push(`the latest was ${latest} ms late`);
  const odd = found.filter(({ status, trigger, work }) => status !== (work === 'compare' ? 'skipped' : 'succeeded') || trigger !== 'time');
  if (odd.length > 0) faults.push(`${odd.length} ended otherwise: ${odd.slice(0, 3).map((tick) => `${tick.schedule} ${tick.planned.toISOString()} ${tick.status} ${tick.trigger} ${tick.reason ?? ''}`).join('; ')}`);
  const looks: [what: string, query: string][] = [
    ['ticks of other work do not have one job', `SELECT id FROM ticks t WHERE work NOT IN ('sync', 'compare') AND (SELECT count(*) FROM job_audit WHERE payload->>'tickId' = t.id::text) <> 1`],
    ['runs do not have one job', `SELECT id FROM runs r WHERE (SELECT count(*) FROM job_audit WHERE payload->>'runId' = r.id::text) <> 1`],
    ['runs have no tick', 'SELECT id FROM runs r WHERE NOT EXISTS (SELECT FROM ticks t WHERE r.id = ANY (t.runs))'],
    ['syncs have no run', `SELECT id FROM ticks WHERE work = 'sync' AND cardinality(runs) = 0`],
  ];
  await pool.query(`CREATE INDEX ON job_audit ((payload->>'tickId')); CREATE INDEX ON job_audit ((payload->>'runId')); CREATE INDEX ON ticks USING gin (runs); ANALYZE job_audit, ticks, runs`);
  for (const [what, query] of looks) {
    const { rowCount } = await pool.query(query.replace('r.id = ANY (t.runs)', 't.runs @> ARRAY[r.id]'));
    if (rowCount !== 0) faults.push(`${rowCount} ${what}`);
  }
  return { ticks: found.length, latest, faults };
}

const around = (at: string): Span => ({ from: new Date(Date.parse(at) - 4 * 60 * minute + 30_000).toISOString(), until: new Date(Date.parse(at) + 4 * 60 * minute + 30_000).toISOString() });

/** Both clock changes of both zones, with eight hours around each, in the order of their times. */
export const clockChanges: readonly Span[] = ['2026-03-08T07:00Z', '2026-03-29T01:00Z', '2026-10-25T01:00Z', '2026-11-01T06:00Z'].map(around);

/** Times that the clocks go over, times that come twice, each hour, and a pace that knows no clocks; in both zones. */
export const changingPlan: Record<string, Given> = {
  ...Object.fromEntries([['london', 'Europe/London'], ['new-york', 'America/New_York']].flatMap(([name, timezone = '']): [string, Given][] => [
    [`${name}-early`, { cron: '30 1,2 * * *', timezone }], [`${name}-hourly`, { cron: '15 * * * *', timezone, entities: [`items-${name}`] }],
  ])),
  steady: { every: 60 * minute, entities: ['orders'] },
  summary: { cron: '0 7 * * *', run: 'report' },
};
