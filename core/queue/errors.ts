/** What the queue throws, and what a handler may throw to steer it. */
import { TdsError, type TdsErrorOptions } from '../sdk/index.ts';

/** Every code of `core/queue`, with the sentence that the reference table shows. */
export const queueErrorCodes = {
  'queue.job_lost': 'The job was taken away from this node; what it was about to write must not land.',
  'queue.worker_lost': 'The process that ran the job died, or stopped answering, too often.',
  'queue.exhausted': 'The job has no attempts left.',
  'queue.stopping': 'The node is stopping.',
  'queue.cancelled': 'A person cancelled the job.',
  'queue.payload': "A job's payload is not a small JSON object.",
  'queue.add': 'The job could not be added.',
  'queue.unknown_task': 'No handler has the name of the task.',
  'queue.state': 'The queue was used before its start or after its stop.',
  'queue.schema': 'The tables of the queue are missing.',
} as const;

export type QueueErrorCode = keyof typeof queueErrorCodes;

/** Thrown by the queue's own functions. */
export class QueueError extends TdsError {
  constructor(code: QueueErrorCode, message: string, options: TdsErrorOptions = {}) {
    super(code, message, options);
  }
}

/** The job no longer belongs to this node and attempt. Thrown by `fence`, and the reason of an aborted signal; the queue drops it in silence. */
export class JobLostError extends QueueError {
  constructor(jobId: string, why: string) {
    super('queue.job_lost', `Job ${jobId} was taken away: ${why}.`, { details: { jobId } });
  }
}

/** Throw or return it (see {@link postpone}) to put the job back without using up an attempt. */
export class Postponement extends Error {
  readonly until: Date;
  readonly reason: string;

  constructor(until: Date, reason: string, options?: ErrorOptions) {
    super(`postponed to ${until.toISOString()}: ${reason}`, options);
    this.name = 'Postponement';
    this.until = until;
    this.reason = reason;
  }
}

/** Puts the job back to run at `until`, with the attempt unused: an open breaker, a spent quota. `throw postpone(…)` or `return postpone(…)`. */
export function postpone(options: { until: Date; reason: string }): Postponement {
  return new Postponement(options.until, options.reason);
}
