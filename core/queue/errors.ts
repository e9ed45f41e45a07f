/** What the queue throws, and what a handler may throw to steer it. */
import { TdsError, type TdsErrorOptions } from '../sdk/index.ts';

/** Every code of `core/queue`, with what it means and what to do. */
export const queueErrorCodes = {
  'queue.job_lost': { meaning: 'The job was taken away from this node; what it was about to write must not land.', cure: 'Nothing; the job runs again where it is, and nothing of this attempt was kept.' },
  'queue.worker_lost': { meaning: 'The process that ran the job died, or stopped answering, too often.', cure: 'Look at the log and the memory of the node around that time; then ask for the run again.' },
  'queue.exhausted': { meaning: 'The job has no attempts left.', cure: 'Look at the last error of the run; then ask for it again.' },
  'queue.stopping': { meaning: 'The node is stopping.', cure: 'Nothing; the work goes on after the next start or on another node.' },
  'queue.cancelled': { meaning: 'A person cancelled the job.', cure: 'Nothing; ask for a new run if you want one.' },
  'queue.postponed': { meaning: 'The job waits for something that is known to pass, such as an open breaker or a spent quota; no attempt is used up.', cure: 'Nothing; it goes on at its time.' },
  'queue.suspect': { meaning: 'The job may have killed its process once, and another such job is running; it waits for its turn.', cure: 'Nothing; it runs when the other has ended.' },
  'queue.handler_hangs': { meaning: 'A job was taken away from this node, but what does it does not end, and keeps its worker; the node has made itself other workers.', cure: 'Look at what the job calls, such as a plugin that pays no heed to its signal.' },
  'queue.payload': { meaning: 'A job\'s payload is not a small JSON object.', cure: 'This is a fault of TDS: put ids into a payload, not bodies.' },
  'queue.add': { meaning: 'The job could not be added.', cure: 'Read PostgreSQL\'s message; ask again.' },
  'queue.unknown_task': { meaning: 'No handler has the name of the task.', cure: 'Another node runs another version of TDS: bring all to one version.' },
  'queue.state': { meaning: 'The queue was used before its start or after its stop.', cure: 'This is a fault of TDS.' },
  'queue.schema': { meaning: 'The tables of the queue are missing.', cure: 'Start TDS once with a user who may create tables.' },
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
