/** Work that starts by itself: planned times, the ticks that they become, and the reports. */
import type { Config } from '../../schemas/index.ts';
import type { ScheduleOperations } from '../operations/schedules.ts';
import type { TaskHandler } from '../queue/types.ts';
import type { Database } from '../store/session.ts';
import { definitionsOf } from './definition.ts';
import { scheduleOperations } from './operations.ts';
import { Scheduler, type SchedulerDeps } from './scheduler.ts';
import { tickTask, type TickTaskDeps } from './tick-task.ts';

export { definitionsOf, type Definition } from './definition.ts';
export { overdueBy, type Overdue } from './overdue.ts';
export { makeReport } from './report/make.ts';
export { tickTaskName } from './start-work.ts';
export type { WorkDone } from './tick-task.ts';

/** The schedules of one process. */
export interface Schedules {
  operations: ScheduleOperations;
  /** The handler of the queue's task {@link tickTaskName}. */
  task: TaskHandler;
  /** Ticks from now on. */
  start(): void;
  /** Idempotent, and safe before `start`. */
  stop(): Promise<void>;
  /** Goes on with the schedules of the config that is in force now. */
  reload(): void;
  /** Ticks one schedule now; answers how many ticks were written. For healing. */
  catchUp(id: string): Promise<number>;
}

export type SchedulesDeps = SchedulerDeps & Pick<TickTaskDeps, 'work' | 'redact'> & {
  database: Database;
  /** The config that is in force. */
  config: () => Pick<Config, 'schedules' | 'timezone'>;
};

/** Puts the schedules together; nothing ticks before `start`. */
export function createSchedules(deps: SchedulesDeps): Schedules {
  const scheduler = new Scheduler(deps, definitionsOf(deps.config()));
  return {
    operations: scheduleOperations({ ...deps, now: () => deps.clock.now() }),
    task: tickTask({ ...deps, definition: (id) => scheduler.definitions.get(id) }) as TaskHandler,
    start: () => scheduler.start(),
    stop: () => scheduler.stop(),
    reload: () => scheduler.replace(definitionsOf(deps.config())),
    catchUp: (id) => scheduler.catchUp(id),
  };
}
