/** Ends ticks whose runs have ended, and sees what outgrows its period. Any node may do it for all. */
import type { DatabaseAccess, SqlSession } from '../sdk/index.ts';
import type { EventDetails, EventName } from '../monitor/events.ts';
import { noteOutcome, noteSlow, pauseSchedule } from '../store/schedules.ts';
import { endTick, noteSlowTick, type OpenTick, type TickStatus } from '../store/ticks.ts';
import type { Definition } from './definition.ts';

/** Something to tell once the transaction has landed. */
export type Tell = <Name extends EventName>(name: Name, detail: EventDetails[Name]) => void;

/** A tick that takes this share of its period is told of: the next step is that times are left out. */
const slowShare = 0.8;

export interface TickEnd { status: TickStatus; reason: string | null; startedAt: Date | null; at: Date }

/** How the runs of a tick came out; undefined while one of them is at work. */
export function endOfRuns(tick: OpenTick, now: Date): TickEnd | undefined {
  if (tick.work !== 'sync' || tick.status === 'waiting' || tick.runsActive > 0) return undefined;
  const at = tick.runsEndedAt ?? now;
  const startedAt = tick.runsStartedAt;
  if (tick.runsFailed.length > 0) return { status: 'failed', reason: `failed: ${tick.runsFailed.slice(0, 10).join(', ')}${tick.runsFailed.length > 10 ? ` and ${tick.runsFailed.length - 10} more` : ''}`, startedAt, at };
  if (tick.runsCancelled > 0 && tick.runsCancelled >= tick.runs.length) return { status: 'cancelled', reason: 'its runs were cancelled', startedAt, at };
  return { status: 'succeeded', reason: tick.runsCancelled > 0 ? `${tick.runsCancelled} of its runs were cancelled` : null, startedAt, at };
}

/** Ends a tick and notes on its schedule what follows. False when another node was first. Events are told by `tell` when all has landed. */
export async function finishTick(session: SqlSession, tick: Pick<OpenTick, 'id' | 'schedule' | 'planned' | 'enqueuedAt'>, end: TickEnd, definition: Definition | undefined, tell: Tell): Promise<boolean> {
  if (!(await endTick(session, tick.id, end))) return false;
  if (end.status === 'succeeded' || end.status === 'failed') {
    const failures = await noteOutcome(session, tick.schedule, end.status === 'failed');
    const most = definition?.config.pauseOnFailure ?? 0;
    if (most > 0 && failures >= most) {
      const reason = `it failed ${failures} ${failures === 1 ? 'time' : 'times'} in a row: ${end.reason ?? ''}`;
      await pauseSchedule(session, tick.schedule, { at: end.at, until: null, by: 'TDS', reason });
      tell('schedule.paused', { schedule: tick.schedule, reason });
    }
  }
  if (definition && end.status === 'succeeded') await noteSlow(session, tick.schedule, slowText(definition, tick, end.at) ?? null);
  tell('schedule.ended', { schedule: tick.schedule, tick: tick.id, state: end.status, ...(end.reason === null ? {} : { reason: end.reason }) });
  return true;
}

/** "every 15 min, takes 14 min": where a tick takes most of the time until the next one. */
export function slowText({ timetable, config }: Pick<Definition, 'timetable' | 'config'>, { planned, enqueuedAt }: Pick<OpenTick, 'planned' | 'enqueuedAt'>, now: Date): string | undefined {
  const next = timetable.next(planned);
  if (!next || !enqueuedAt) return undefined;
  const period = next.getTime() - planned.getTime();
  const took = now.getTime() - enqueuedAt.getTime();
  if (took < period * slowShare) return undefined;
  return `${config.cron === undefined ? 'every' : 'the next one comes after'} ${minutes(period)}, ${took >= period ? 'and takes longer:' : 'but takes'} ${minutes(took)}`;
}

function minutes(ms: number): string {
  return ms < 120_000 ? `${Math.round(ms / 1000)} s` : ms < 2 * 3_600_000 ? `${Math.round(ms / 60_000)} min` : `${(ms / 3_600_000).toFixed(1)} h`;
}

/** Tells once of a tick that is still at work and takes too long. */
export async function tellSlow(database: DatabaseAccess, definition: Definition, tick: OpenTick, now: Date, tell: Tell): Promise<void> {
  if (tick.slow || tick.status === 'waiting') return;
  const slow = slowText(definition, tick, now);
  if (slow === undefined) return;
  const first = await database.transaction(async (session) => {
    if (!(await noteSlowTick(session, tick.id))) return false;
    await noteSlow(session, tick.schedule, slow);
    return true;
  });
  if (first) tell('schedule.slow', { schedule: tick.schedule, tick: tick.id, slow });
}
