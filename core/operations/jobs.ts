/** What people do with single jobs of the queue. */
import type { JobDetail, JobFilter, Queue, QueuedJob, TaskStats } from '../queue/types.ts';
import type { Run } from '../store/runs.ts';
import { OperationError } from './errors.ts';

export interface JobOperations {
  /** What is on the queue, the newest first unless it is asked otherwise. */
  list(filter: JobFilter): Promise<QueuedJob[]>;
  /** One with every attempt, also when it is over. @throws OperationError `operation.unknown_job` */
  show(id: string): Promise<JobDetail>;
  /** What is on the queue, by task. */
  stats(): Promise<TaskStats[]>;
  /** Lets a job that waits for its next attempt run now. @throws OperationError `operation.unknown_job`, `operation.job_not_later` */
  retry(id: string): Promise<JobDetail>;
  /** Ends a job with the run that it does. Others are TDS's own upkeep and can't be ended. @throws OperationError `operation.unknown_job`, `operation.job_has_no_run`, `operation.run_ended` */
  cancel(id: string): Promise<JobDetail>;
}

export function jobOperations({ queue, cancelRun }: { queue: Queue; cancelRun: (id: string) => Promise<Run> }): JobOperations {
  const show = async (id: string): Promise<JobDetail> => {
    const found = await queue.job(id);
    if (!found) throw new OperationError('operation.unknown_job', `there is no job ${JSON.stringify(id.slice(0, 40))}`, { suggestion: 'See the list: tds jobs' });
    return found;
  };
  return {
    show,
    list: (filter) => queue.jobs(filter),
    stats: () => queue.stats(),
    async retry(id) {
      const { state } = await show(id);
      if (!(await queue.hurry(id))) throw new OperationError('operation.job_not_later', `job ${id} is ${state}: only one that waits for a later time can be tried now`, { suggestion: state === 'ended' ? 'What failed for good is tried again by: tds dead-letters retry' : 'Wait for it, or see: tds jobs show' });
      return show(id);
    },
    async cancel(id) {
      const { runId, task, state } = await show(id);
      if (runId === null) throw new OperationError('operation.job_has_no_run', `job ${id} (${task}) does no run`, { suggestion: 'It is TDS\'s own upkeep, and ends by itself.' });
      if (state === 'ended') throw new OperationError('operation.run_ended', `job ${id} has ended already`);
      await cancelRun(runId);
      return show(id);
    },
  };
}
