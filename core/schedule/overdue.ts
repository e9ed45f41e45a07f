/** By how much an entity's last read is older than its own schedules allow. Pure but for a memory of the timetables. */
import type { Config } from '../../schemas/index.ts';
import { definitionsOf, type Definition } from './definition.ts';

const hour = 3_600_000;
/** What nothing is planned for is to be read within a day, and two hours. */
const unplannedMs = 26 * hour;
/** A planned read may come so much later, and by the pause to the next one, and by twice what the last run took; of each of these no more than `mostMs`. */
const slackMs = hour;
const mostMs = 6 * hour;

/** The last read of an entity that succeeded. */
export interface LastRead { startedAt: Date; /** Seconds that the last run took; null where that is not known. */ lastSeconds: number | null }

/** Seconds since the read should have come at the latest; below 0 there is time left. */
export type Overdue = (entity: string, read: LastRead, now: Date) => number;

/** Goes by the config that is in force whenever it is asked. */
export function overdueBy(config: () => Pick<Config, 'schedules' | 'timezone'>): Overdue {
  let known: { of: Config['schedules']; zone: string; reads: Definition[] } | undefined;
  const reads = (): Definition[] => {
    const { schedules, timezone } = config();
    if (known?.of !== schedules || known.zone !== timezone) {
      known = { of: schedules, zone: timezone, reads: [...definitionsOf({ schedules, timezone }).values()].filter(({ config: { run } }) => run === 'sync') };
    }
    return known.reads;
  };
  return (entity, read, now) => (now.getTime() - latest(reads().filter(({ config: { entities } }) => entities.includes(entity)), read)) / 1000;
}

/** When the read after this one should have succeeded at the latest, in ms since 1970. */
function latest(plans: readonly Definition[], { startedAt, lastSeconds }: LastRead): number {
  const times = plans.flatMap(({ timetable, config: { jitter } }) => {
    const planned = timetable.next(startedAt);
    if (!planned) return [];
    const pause = (timetable.next(planned)?.getTime() ?? Infinity) - planned.getTime();
    return [planned.getTime() + jitter + slackMs + Math.min(pause, mostMs) + Math.min((lastSeconds ?? 0) * 2000, mostMs)];
  });
  return times.length === 0 ? startedAt.getTime() + unplannedMs : Math.min(...times);
}
