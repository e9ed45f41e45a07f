/** What people and programs ask of the schedules. `core/schedule` does it. */
import type { ReportFilter, ReportRow } from '../store/reports.ts';
import type { Tick, TickFilter } from '../store/ticks.ts';

/** A schedule of the config, and how it stands. */
export interface ScheduleStatus {
  id: string;
  description: string | null;
  /** The cron line, or `every` as the config has it in ms. */
  cron: string | null;
  every: number | null;
  timezone: string;
  run: string;
  entities: string[];
  mode: string | null;
  /** `new`: no node has taken it up yet. `other`: the nodes know it otherwise than this process. `off`: `enabled: false`. `over`: it has no time to come. */
  state: 'active' | 'paused' | 'new' | 'other' | 'off' | 'over';
  paused: { at: Date; until: Date | null; by: string | null; reason: string | null } | null;
  /** The next planned time, and as people of its zone write it. */
  next: PlannedTime | null;
  /** The latest time that came. */
  last: TickShape | null;
  /** Failures in a row. */
  failures: number;
  /** In words: its work takes most of its period. */
  slow: string | null;
  /** In words: this version does not have its work, so that its times are noted as skipped. */
  unavailable: string | null;
}

export interface PlannedTime { at: Date; local: string }

/** A tick with how late it was and how long it took, in ms; null where that is not known yet. */
export type TickShape = Omit<Tick, 'jobId'> & { late: number | null; waited: number | null; took: number | null };

export interface Backfill {
  schedule: string;
  dryRun: boolean;
  /** Times that are made up, oldest first: `planned` as in its zone. */
  times: PlannedTime[];
  /** Times of the span whose work was done, or is under way. */
  done: number;
  /** Times that are left for another call, as a call takes no more than `most`. */
  left: number;
}

export interface ScheduleOperations {
  list(): Promise<ScheduleStatus[]>;
  /** @throws OperationError `operation.unknown_schedule`, as all below */
  one(id: string): Promise<ScheduleStatus>;
  /** The next planned times; pauses are not looked at. */
  next(id: string, count: number): PlannedTime[];
  ticks(filter: TickFilter): Promise<TickShape[]>;
  /** Until a time (in the zone of the schedule, or a length of time ahead; @throws OperationError `operation.bad_time`), or until a person resumes it. What waits for its turn waits on; what is at work ends. */
  pause(id: string, pause: { until: string | null; reason: string | null; by: string }): Promise<ScheduleStatus>;
  /** Goes on from now; what was planned meanwhile is not made up. */
  resume(id: string): Promise<ScheduleStatus>;
  /** Does the work now, whatever the plan and the pause say. @throws OperationError `operation.schedule_busy` while a tick of it is at work, `operation.not_available` */
  run(id: string, trigger: 'person' | 'api'): Promise<TickShape>;
  /** Makes up planned times of a span (given as for a pause, lengths of time counted back) that were not done, one after the other, oldest first. A pause of the schedule holds them. @throws OperationError `operation.schedule_off` */
  backfill(id: string, span: { from: string; to: string; most: number; dryRun: boolean }): Promise<Backfill>;
  reports(filter: ReportFilter): Promise<ReportRow[]>;
  /** The newest where none is named. @throws OperationError `operation.unknown_report` */
  report(id?: string): Promise<ReportRow>;
}
