/** How schedules keep their times: out of the database, read at a scrape; and what became of their times, counted where it was seen. */
import { replaceAll, type Metrics } from './registry.ts';

/** As `core/store/schedule-figures.ts` reads them. */
export interface ScheduleFigures { schedule: string; lateSeconds: number | null; lastSeconds: number | null; periodRatio: number | null; overdueSeconds: number; failures: number; rests: boolean }

export interface ScheduleMetrics {
  /** Planned times were dealt with: done, failed, left out, cancelled. */
  ended(tick: { schedule: string; state: string; times?: number }): void;
  /** At a scrape; undefined: the database can't be asked, and nothing of it is told. */
  atScrape(figures: readonly ScheduleFigures[] | undefined): void;
}

export function scheduleMetrics(metrics: Metrics): ScheduleMetrics {
  const ticks = metrics.counter({ name: 'tds_schedule_ticks_total', help: 'Planned times that were dealt with, by what became of them; counted by the node that saw it.', labels: ['schedule', 'outcome'], scope: 'node' });
  const gauge = (name: string, help: string) => metrics.gauge({ name, help, labels: ['schedule'], scope: 'all' });
  const late = gauge('tds_schedule_lateness_seconds', 'From the last planned time (with its jitter) to the queue.');
  const overdue = gauge('tds_schedule_overdue_seconds', 'Since a planned time that no node has seen; 0 when all is well.');
  const took = gauge('tds_schedule_last_duration_seconds', 'From the queue to the end, of the last work that ended.');
  const ratio = gauge('tds_schedule_period_ratio', 'What the last work took, or the one under way has taken, as a share of the time to the next one; from 1 on times are left out.');
  const rests = gauge('tds_schedule_rests', '1 while its failures have paused it and a person is to resume it, else 0.');
  const failures = gauge('tds_schedule_failures', 'Failures in a row.');
  return {
    ended: ({ schedule, state, times = 1 }) => ticks.inc({ schedule, outcome: state }, times),
    atScrape(figures = []) {
      const fill = (metric: typeof late, of: (one: ScheduleFigures) => number | null): void => replaceAll(metric, figures.flatMap((one) => {
        const value = of(one);
        return value === null ? [] : [[{ schedule: one.schedule }, value] as const];
      }));
      fill(late, ({ lateSeconds }) => lateSeconds);
      fill(overdue, ({ overdueSeconds }) => overdueSeconds);
      fill(took, ({ lastSeconds }) => lastSeconds);
      fill(ratio, ({ periodRatio }) => periodRatio);
      fill(rests, (one) => Number(one.rests));
      fill(failures, (one) => one.failures);
    },
  };
}
