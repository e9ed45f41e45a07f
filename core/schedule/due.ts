/** Which planned times have come, and what is to be done about each. Pure. */
import type { ScheduleConfig } from '../../schemas/index.ts';
import type { ScheduleRow } from '../store/schedules.ts';
import type { Timetable } from './timetable.ts';

/** Planned times that came together and are to have one row. `run`: work begins. Else `reason` says why not. */
export interface DueTick { planned: Date; due: Date; times: number; trigger: 'time' | 'catch-up'; run: boolean; reason: string | null }

export interface DueTimes {
  ticks: DueTick[];
  /** All planned times up to here are among the ticks. */
  cursor: Date;
  /** When the next one is due; undefined where there is none. */
  dueAt: Date | undefined;
  next: Date | undefined;
  /** Times that passed unseen. */
  missed: number;
}

/** A start that is later than this was missed: what makes it up is a matter of the settings. */
const graceMs = 60_000;
/** Times that are counted one by one after a long outage; what lies before is passed over. */
const mostTimes = 20_000;

type Policy = Pick<ScheduleConfig, 'missed' | 'missedWithin'>;
type State = Pick<ScheduleRow, 'cursor' | 'pausedAt' | 'pausedUntil' | 'pausedBy'>;

export function dueTimes(timetable: Timetable, { missed, missedWithin }: Policy, state: State, now: Date): DueTimes {
  const ticks: DueTick[] = [];
  let cursor = state.cursor;
  let next = timetable.next(cursor);
  let count = 0;
  const dueOf = (planned: Date): Date => new Date(planned.getTime() + timetable.delay(planned));
  for (; next && dueOf(next) <= now; next = timetable.next(cursor)) {
    const due = dueOf(next);
    cursor = next;
    count += 1;
    if (count > mostTimes && now.getTime() - due.getTime() > missedWithin) {
      next = timetable.next(cursor = new Date(now.getTime() - missedWithin));
      if (!next || dueOf(next) > now) break;
      continue;
    }
    ticks.push(judge({ planned: next, due }, state, now, missedWithin));
  }
  const late = ticks.filter(({ trigger, run }) => run && trigger === 'catch-up');
  const punctual = ticks.some(({ trigger, run }) => run && trigger === 'time');
  late.forEach((tick, at) => {
    const isWanted = missed === 'all' || (missed === 'last' && at === late.length - 1 && !punctual);
    if (!isWanted) Object.assign(tick, { run: false, reason: missed === 'none' ? 'missed, and missed times are not made up' : 'missed; a later time stands for it' });
  });
  return { ticks: joined(ticks), cursor, next, dueAt: next && dueOf(next), missed: ticks.filter(({ trigger }) => trigger === 'catch-up').length };
}

function judge(time: { planned: Date; due: Date }, { pausedAt, pausedUntil, pausedBy }: State, now: Date, within: number): DueTick {
  const late = now.getTime() - time.due.getTime();
  const tick = { ...time, times: 1, trigger: late > graceMs ? 'catch-up' as const : 'time' as const };
  if (pausedAt && time.planned >= pausedAt && (!pausedUntil || time.planned < pausedUntil)) return { ...tick, trigger: 'time', run: false, reason: `paused by ${pausedBy ?? 'a person'}` };
  if (late > Math.max(within, graceMs)) return { ...tick, run: false, reason: 'missed, and too long ago to be made up' };
  return { ...tick, run: true, reason: null };
}

/** Neighbours that are not run for the same reason become one row, so that a long outage is not a thousand rows. */
function joined(ticks: readonly DueTick[]): DueTick[] {
  const rows: DueTick[] = [];
  for (const tick of ticks) {
    const last = rows.at(-1);
    if (last && !last.run && !tick.run && last.reason === tick.reason) rows[rows.length - 1] = { ...tick, times: last.times + 1 };
    else rows.push(tick);
  }
  return rows;
}
