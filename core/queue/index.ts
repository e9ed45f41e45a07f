/** Durable jobs on graphile-worker, with what it leaves open: see `docs/decisions` and the comments of each file. */
export { createQueue } from './queue.ts';
export { JobLostError, Postponement, postpone, QueueError, queueErrorCodes, type QueueErrorCode } from './errors.ts';
export { namesOf, newNodeId, sessionName, type Names } from './names.ts';
export { heldJobs, jobsOnQueue, takeBack, type HeldByNode } from './take-back.ts';
export { verdictOn, type Verdict } from './steer.ts';
export type {
  ExhaustedJob, JobContext, JobOutcome, JobSpec, NodeInfo, OnExhausted, Queue, QueueEvents, QueueHealth, QueueOptions, QueueTimings, TaskHandler, TaskStats,
} from './types.ts';
