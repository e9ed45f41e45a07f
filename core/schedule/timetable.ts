/** When a schedule is planned: `cron` or `every`, in a zone, with what is left out and an end. Pure: the same on every node. */
import { createHash } from 'node:crypto';
import { createTask, parse } from 'node-cron';
import type { ScheduleConfig } from '../../schemas/index.ts';
import { momentOf, wallOf } from './zone-time.ts';

export interface Timetable {
  readonly zone: string;
  /** The first planned time after this moment; undefined where there is none. */
  next(after: Date): Date | undefined;
  /** What the start of a planned time is put off by, in ms: a part of `jitter`, the same wherever it is asked for. */
  delay(planned: Date): number;
}

const dayMs = 86_400_000;
/** The 29th of February comes after eight years at the latest; with exclusions it may come later. */
const mostDays = 366 * 40;
/** Times of `every` that may be left out in a row; a pace of one second with a year of exclusions is looked at no further. */
const mostSteps = 400_000;

/** @param id of the schedule: two with the same jitter do not start at once. @param zone of the file, where the schedule names none. */
export function timetableOf(id: string, schedule: ScheduleConfig, zone: string): Timetable {
  const own = schedule.timezone ?? zone;
  const end = schedule.until === undefined ? Infinity : momentOf(own, Date.parse(`${schedule.until.length === 10 ? `${schedule.until}T00:00` : schedule.until}Z`));
  const isExcluded = exclusionOf(schedule.exclude);
  const next = schedule.cron === undefined ? nextOfEvery(schedule.every as number, own, isExcluded) : nextOfCron(schedule.cron, own, isExcluded);
  let none = Infinity; // where everything is left out, the long look that finds this is made once
  return {
    zone: own,
    next(after) {
      if (after.getTime() >= none) return undefined;
      const found = next(after.getTime());
      if (found === undefined) none = after.getTime();
      return found === undefined || found >= end ? undefined : new Date(found);
    },
    delay: (planned) => (schedule.jitter === 0 ? 0 : Math.floor(share(`${id} ${planned.getTime()}`) * schedule.jitter)),
  };
}

type Next = (after: number) => number | undefined;

function nextOfEvery(every: number, zone: string, isExcluded: (wall: number) => boolean): Next {
  return (after) => {
    let planned = (Math.floor(after / every) + 1) * every;
    for (let step = 0; step < mostSteps; step += 1, planned += every) if (!isExcluded(wallOf(zone, planned))) return planned;
    return undefined;
  };
}

/**
 * node-cron says which wall times a line means; when the clocks of the zone show them is reckoned here, as node-cron leaves out a time that
 * does not exist.
 */
function nextOfCron(cron: string, zone: string, isExcluded: (wall: number) => boolean): Next {
  const times = timesOfDay(cron);
  const isDay = dayMatcher(cron, times[0] ?? 0);
  return (after) => {
    const begin = wallOf(zone, after);
    // A wall time before this one may still lie ahead: one that the clocks have gone over just now.
    const today = Math.floor(begin / dayMs) * dayMs;
    for (let day = today, days = 0; days < mostDays; day += dayMs, days += 1) {
      if (!isDay(day)) continue;
      for (const time of times) {
        const wall = day + time;
        if (wall <= begin && day === today) continue;
        if (isExcluded(wall)) continue;
        const moment = momentOf(zone, wall);
        if (moment > after) return moment;
      }
    }
    return undefined;
  };
}

/** The times of a day that a line names, in ms from its midnight, in order. */
function timesOfDay(cron: string): number[] {
  const { hour, minute, second } = parse(cron);
  return hour.flatMap((h) => minute.flatMap((m) => second.map((s) => ((h * 60 + m) * 60 + s) * 1000))).sort((a, b) => a - b);
}

/** Whether a day, given as its midnight, is one of the line's: node-cron tells, for one of the times of that day. */
function dayMatcher(cron: string, time: number): (day: number) => boolean {
  const task = createTask(cron, () => undefined, { timezone: 'UTC' });
  void task.destroy(); // it never runs, and is not to stay in node-cron's list
  const known = new Map<number, boolean>();
  return (day) => {
    let found = known.get(day);
    if (found === undefined) {
      if (known.size > 1000) known.clear();
      found = task.match(new Date(day + time));
      known.set(day, found);
    }
    return found;
  };
}

const weekdays = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;

/** Whether a wall time is left out. */
function exclusionOf({ days, hours, dates }: ScheduleConfig['exclude']): (wall: number) => boolean {
  const [leftDays, leftDates] = [new Set<string>(days), new Set<string>(dates)];
  const spans = hours.map((span) => span.split('-').map((text) => Number(text.slice(0, 2)) * 60 + Number(text.slice(3, 5)))) as [number, number][];
  if (leftDays.size + leftDates.size + spans.length === 0) return () => false;
  return (wall) => {
    const date = new Date(wall);
    const text = date.toISOString().slice(0, 10);
    const minute = date.getUTCHours() * 60 + date.getUTCMinutes();
    return leftDays.has(weekdays[date.getUTCDay()] as string) || leftDates.has(text) || leftDates.has(text.slice(5))
      || spans.some(([from, to]) => (from <= to ? minute >= from && minute < to : minute >= from || minute < to));
  };
}

/** A number of [0, 1) that hangs on the text alone. */
function share(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE() / 2 ** 32;
}

/** The next times from a moment on; where `before` is given, those before it. */
export function upcoming(timetable: Timetable, after: Date, count: number, before?: Date): Date[] {
  const times: Date[] = [];
  const end = before?.getTime() ?? Infinity;
  for (let next = timetable.next(after); next && times.length < count && next.getTime() < end; next = timetable.next(next)) times.push(next);
  return times;
}
