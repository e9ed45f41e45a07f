/**
 * Planned times that nobody has ticked although nodes are at work. What was missed while all were down is made up by the schedules
 * themselves at the first look, and stands among the acts of this rule; here is what is left when their look hangs or fails.
 */
import { overdueSchedules } from '../store/schedules.ts';
import type { HealingRule } from './rule.ts';

export interface MissedSchedulesDeps {
  every: number;
  cap: number;
  /** A planned time is overdue after so many milliseconds. */
  after: number;
  /** Ticks a schedule now; answers how many ticks were written. */
  catchUp: (schedule: string) => Promise<number>;
}

export function missedSchedules({ every, cap, after, catchUp }: MissedSchedulesDeps): HealingRule {
  return {
    id: 'missed-schedules', about: 'Planned times that passed unseen are made up as their schedule says.', every, cap, scope: 'all',
    async look({ database, now }) {
      const overdue = await database.transaction((session) => overdueSchedules(session, new Date(now.getTime() - after), now));
      return overdue.map(({ schedule, nextAt }) => ({
        fingerprint: schedule, seen: `the schedule "${schedule}" was due at ${nextAt.toISOString()}, and no node has ticked it`, plan: 'tick it now',
        cure: `Look at the log of the nodes, and at "tds schedules"; start it by hand: tds schedules run ${schedule}.`, facts: { schedule },
      }));
    },
    async act({ facts }) {
      const written = await catchUp(facts['schedule'] as string);
      return written === 0 ? undefined : { outcome: 'healed', came: `${written} ${written === 1 ? 'tick' : 'ticks'} written` };
    },
  };
}
