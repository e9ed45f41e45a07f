/** What a span of time brought: the facts of a report, and whether they call for a person. */
import type { SqlSession } from '../../sdk/index.ts';
import { callsWithin, runsWithin, ticksWithin, troubleWithin, type SpanOfRuns, type SpanOfTicks } from '../../store/reports.ts';

export interface Summary {
  from: Date;
  to: Date;
  /** The zone in which its times are shown. */
  timezone: string;
  totals: { runs: number; failed: number; new: number; changed: number; deleted: number; refused: number; calls: number };
  entities: SpanOfRuns[];
  schedules: SpanOfTicks[];
  deadLetters: { made: number; open: number };
  healing: { healed: number; told: number };
  /** By connection and day of the service; `limit` is null where none is known. */
  quota: { connection: string; day: string; calls: number; limit: number | null }[];
  /** What comparisons found; null, as this version has none. */
  differences: null;
  /** In words: what a person should look at. None: all is well. */
  attention: string[];
}

export async function summarize(session: SqlSession, from: Date, to: Date, timezone: string): Promise<Summary> {
  const entities = await runsWithin(session, from, to);
  const schedules = await ticksWithin(session, from, to);
  const trouble = await troubleWithin(session, from, to);
  const quota = await callsWithin(session, from, to);
  const sum = (name: 'runs' | 'failed' | 'new' | 'changed' | 'deleted' | 'refused' | 'calls'): number => entities.reduce((total, entity) => total + entity[name], 0);
  const summary = {
    from, to, timezone, totals: { runs: sum('runs'), failed: sum('failed'), new: sum('new'), changed: sum('changed'), deleted: sum('deleted'), refused: sum('refused'), calls: sum('calls') },
    entities, schedules, deadLetters: { made: trouble.letters, open: trouble.lettersOpen }, healing: { healed: trouble.healed, told: trouble.told }, quota, differences: null,
  };
  return { ...summary, attention: attentionOf(summary) };
}

function attentionOf({ entities, schedules, deadLetters, healing, quota }: Omit<Summary, 'attention'>): string[] {
  return [
    ...entities.filter(({ failed }) => failed > 0).map(({ entity, failed, runs, lastReason }) => `${entity}: ${failed} of ${runs} runs failed${lastReason === null ? '' : `, the last one: ${lastReason.slice(0, 200)}`}`),
    ...schedules.filter(({ failed }) => failed > 0).map(({ schedule, failed }) => `the schedule ${schedule} failed ${failed} ${failed === 1 ? 'time' : 'times'}`),
    ...(deadLetters.open > 0 ? [`${deadLetters.open} open dead ${deadLetters.open === 1 ? 'letter' : 'letters'}, ${deadLetters.made} of them or of others new: tds dead-letters groups`] : []),
    ...(healing.told > 0 ? [`healing gave up ${healing.told} ${healing.told === 1 ? 'time' : 'times'}: tds healing --outcome told`] : []),
    ...quota.filter(({ calls, limit }) => limit !== null && calls > limit * 0.8).map(({ connection, day, calls, limit }) => `${connection} used ${calls} of ${limit} calls on ${day}`),
  ];
}
