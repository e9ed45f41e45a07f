/** Ends ticks whose runs have ended, and sees what outgrows its period. Any node may do it for all. */
import type { DatabaseAccess, SqlSession } from '../sdk/index.ts';
import type { EventDetails, EventName } from '../monitor/events.ts';
import { holdSchedules, noteOutcomes, noteSlow, pauseSchedule } from '../store/schedules.ts';
import { endTicks, noteSlowTicks, type OpenTick, type TickEnd } from '../store/ticks.ts';
import type { Definition } from './definition.ts';

/** Something to tell once the transaction has landed. */
export type Tell = <Name extends EventName>(name: Name, detail: EventDetails[Name]) => void;

/** A tick that takes this share of its period is told of: the next step is that times are left out. */
const slowShare = 0.8;

/** A tick whose work is over. */
export interface Ended { tick: Pick<OpenTick, 'id' | 'schedule' | 'planned' | 'untilAt' | 'enqueuedAt'>; end: TickEnd & { at: Date }; definition: Definition | undefined }

/** How the runs of a tick came out; undefined while one of them is at work. */
export function endOfRuns(tick: OpenTick, now: Date): Ended['end'] | undefined {
  if (tick.work !== 'sync' || tick.status === 'waiting' || tick.runsActive > 0) return undefined;
  const at = tick.runsEndedAt ?? now;
  const startedAt = tick.runsStartedAt;
  if (tick.runsFailed.length > 0) return { status: 'failed', reason: `failed: ${tick.runsFailed.slice(0, 10).join(', ')}${tick.runsFailed.length > 10 ? ` and ${tick.runsFailed.length - 10} more` : ''}`, startedAt, at };
  if (tick.runsCancelled > 0 && tick.runsCancelled >= tick.runs.length) return { status: 'cancelled', reason: 'its runs were cancelled', startedAt, at };
  return { status: 'succeeded', reason: tick.runsCancelled > 0 ? `${tick.runsCancelled} of its runs were cancelled` : null, startedAt, at };
}

/** Ends ticks and notes on their schedules what follows; leaves out what another node has ended. Events are told by `tell` when all has landed. */
export async function finishTicks(session: SqlSession, given: readonly Ended[], tell: Tell): Promise<void> {
  // First, and in their order, as whoever ticks does: two who took rows in another order would wait for one another.
  await holdSchedules(session, given.map(({ tick }) => tick.schedule), { wait: true });
  const ids = await endTicks(session, given.map(({ tick: { id }, end }) => ({ id, ...end })));
  const ended = given.filter(({ tick }) => ids.has(tick.id)).toSorted((a, b) => a.tick.planned.getTime() - b.tick.planned.getTime());
  const bySchedule = Map.groupBy(ended.filter(({ end: { status } }) => status === 'succeeded' || status === 'failed'), ({ tick }) => tick.schedule);
  const failures = await noteOutcomes(session, [...bySchedule].map(([schedule, ends]) => ({ schedule, ...failuresOf(ends) })));
  for (const [schedule, ends] of bySchedule) await pauseFailing(session, schedule, ends.at(-1) as Ended, failures.get(schedule) ?? 0, tell);
  await noteSlow(session, [...bySchedule].flatMap(([schedule, ends]) => {
    const last = ends.findLast(({ end, definition }) => definition && end.status === 'succeeded');
    return last?.definition ? [{ schedule, slow: slowText(last.definition, last.tick, last.end.at) ?? null }] : [];
  }));
  for (const { tick, end } of ended) tell('schedule.ended', { schedule: tick.schedule, tick: tick.id, state: end.status, ...(end.reason === null ? {} : { reason: end.reason }) });
}

/** How many failed since the last one that did not; `reset` where there is such a one. */
function failuresOf(ends: readonly Ended[]): { failures: number; reset: boolean } {
  const last = ends.findLastIndex(({ end }) => end.status === 'succeeded');
  return { failures: ends.length - 1 - last, reset: last >= 0 };
}

async function pauseFailing(session: SqlSession, schedule: string, { end, definition }: Ended, failures: number, tell: Tell): Promise<void> {
  const most = definition?.config.pauseOnFailure ?? 0;
  if (most === 0 || failures < most) return;
  const reason = `it failed ${failures} ${failures === 1 ? 'time' : 'times'} in a row: ${end.reason ?? ''}`;
  await pauseSchedule(session, schedule, { at: end.at, until: null, by: 'TDS', reason });
  tell('schedule.paused', { schedule, reason });
}

/** "every 15 min, takes 14 min": where a tick takes most of the time until the next one. */
export function slowText({ config }: Pick<Definition, 'config'>, { planned, untilAt, enqueuedAt }: Pick<OpenTick, 'planned' | 'untilAt' | 'enqueuedAt'>, now: Date): string | undefined {
  if (!untilAt || !enqueuedAt) return undefined;
  const period = untilAt.getTime() - planned.getTime();
  const took = now.getTime() - enqueuedAt.getTime();
  if (took < period * slowShare) return undefined;
  return `${config.cron === undefined ? 'every' : 'the next one comes after'} ${minutes(period)}, ${took >= period ? 'and takes longer:' : 'but takes'} ${minutes(took)}`;
}

function minutes(ms: number): string {
  return ms < 120_000 ? `${Math.round(ms / 1000)} s` : ms < 2 * 3_600_000 ? `${Math.round(ms / 60_000)} min` : `${(ms / 3_600_000).toFixed(1)} h`;
}

/** Tells once of each tick that is still at work and takes too long. */
export async function tellSlow(database: DatabaseAccess, ticks: readonly { tick: OpenTick; definition: Definition }[], now: Date, tell: Tell): Promise<void> {
  const slow = ticks.flatMap(({ tick, definition }) => {
    const text = tick.slow || tick.status === 'waiting' ? undefined : slowText(definition, tick, now);
    return text === undefined ? [] : [{ schedule: tick.schedule, tick: tick.id, slow: text }];
  });
  if (slow.length === 0) return;
  const first = await database.transaction(async (session) => {
    await holdSchedules(session, slow.map(({ schedule }) => schedule), { wait: true });
    const ids = await noteSlowTicks(session, slow.map(({ tick }) => tick));
    const noted = slow.filter(({ tick }) => ids.has(tick));
    await noteSlow(session, noted);
    return noted;
  });
  for (const one of first) tell('schedule.slow', one);
}
