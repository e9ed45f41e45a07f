/** The words between the queue and those who use it. */
import type { ClientBase } from 'pg';
import type { Clock, JsonObject, Logger, TdsError } from '../sdk/index.ts';
import type { Queryable } from '../store/pool.ts';
import type { Postponement } from './errors.ts';
import type { JobDetail, JobFilter, QueuedJob } from './jobs.ts';

export type { JobDetail, JobFilter, JobState, QueuedJob } from './jobs.ts';

/** What a handler is given. */
export interface JobContext<P = JsonObject> {
  readonly payload: P;
  readonly jobId: string;
  readonly task: string;
  /** 1 for the first. */
  readonly attempt: number;
  readonly maxAttempts: number;
  /** Aborted when the job was taken away (JobLostError), cancelled, or the stop's limit is over (QueueError `queue.*`). Stop soon, and throw. */
  readonly signal: AbortSignal;
  readonly log: Logger;
  /**
   * Holds the job to this node and attempt until the caller's transaction ends; call it in each transaction that writes. It also has the
   * server end that transaction when its client stands still for twice the dead time, so that a paused process holds nothing up.
   * @throws JobLostError when the job is no longer this node's: roll back
   */
  fence(client: Pick<ClientBase, 'query'>, options?: FenceOptions): Promise<void>;
}

export interface FenceOptions {
  /** False: what this transaction writes does not bring the job nearer to its end, so that workers lost before it still count. Default true. */
  readonly progress?: boolean;
}

/** What a handler may return. */
export type JobOutcome = Postponement | { readonly runId?: string };
/**
 * Runs one job. Resolves: done. Rejects: by the class of the error (`steer.ts`) tried again, put off, or given up. It may be started more
 * than once for one job: its writes must bear a repeat, and go through `fence`.
 */
export type TaskHandler<P = JsonObject> = (job: JobContext<P>) => Promise<void | JobOutcome>;

/** A job to add. */
export interface JobSpec {
  readonly task: string;
  /** A small object of ids (64 kB at most), never a body or a secret. */
  readonly payload?: Record<string, unknown>;
  /**
   * Jobs of one named queue run one after the other, on all nodes together. Names must stay few (one per entity): each look for a job locks
   * the rows of all idle queues. Default with a `jobKey`: `key:<jobKey>`, so that a key never runs beside itself; `null` turns that off.
   */
  readonly queueName?: string | null;
  /** At most one waiting job has this key. */
  readonly jobKey?: string;
  /** What happens to a waiting job of the same key; default `replace`. While one runs, `replace` and `preserve_run_at` add another, `unsafe_dedupe` none. */
  readonly jobKeyMode?: 'replace' | 'preserve_run_at' | 'unsafe_dedupe';
  /** Lower runs first. Default 0. */
  readonly priority?: number;
  readonly runAt?: Date;
  /** Default 25. */
  readonly maxAttempts?: number;
}

/** A job that will not be tried again. */
export interface ExhaustedJob {
  readonly id: string;
  readonly task: string;
  readonly payload: JsonObject;
  readonly queueName: string | null;
  readonly jobKey: string | null;
  readonly attempts: number;
  readonly maxAttempts: number;
  readonly createdAt: Date;
}

/**
 * Told of a job that failed for good, inside the transaction that removes it: write the dead letter with `client`, and both land together.
 * When it throws, the job stays and is told of again at the next sweep.
 */
export type OnExhausted = (job: ExhaustedJob, error: TdsError, client: ClientBase) => Promise<void>;

export interface QueueTimings {
  /** Between two beats. Default 1,000. */
  readonly beatMs: number;
  /** Without a beat for so long, a pool is dead. It fences itself at 0.8 of it. Default 5,000. */
  readonly deadMs: number;
  /** Between two sweeps. Default 1,000. */
  readonly sweepMs: number;
  /** Between two looks for jobs that nobody announced (retries, postponed ones). Default 1,000. */
  readonly pollMs: number;
  /** The first pause before another attempt, doubled each time, with a spread of a half. Default 1,000. */
  readonly retryMs: number;
  /** The longest such pause. Default 3,600,000. */
  readonly retryMaxMs: number;
}

export interface QueueOptions {
  /** The database. The queue makes its own connections: jobs must not take them from the heartbeat, nor the heartbeat from them. */
  readonly url: string;
  /** By which it tells of itself to those who look. Default: its own connections. */
  readonly reads?: Pick<Queryable, 'query'> | undefined;
  /** Of TDS's tables. Default `tds`. */
  readonly schema?: string;
  /** Of graphile-worker's tables. Default `graphile_worker`. */
  readonly workerSchema?: string;
  /** Default: host, pid and a random part. */
  readonly nodeId?: string;
  readonly version: string;
  /** Roles of the node, to be shown and looked for. Absent: none, it is a command that only asks. */
  readonly roles?: readonly string[];
  /** Jobs at once. 0: only adds, looks and sweeps. */
  readonly concurrency: number;
  readonly tasks: Readonly<Record<string, TaskHandler>>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onExhausted: OnExhausted;
  readonly timings?: Partial<QueueTimings>;
  /** A job is given up after it lost its worker so often without having written anything in between, whatever `maxAttempts` says. Default 3. */
  readonly maxLosses?: number;
  /** Days that finished jobs are kept. Default 30. */
  readonly historyDays?: number;
  /** Takes secrets out of an error's text before it is stored. */
  readonly redact?: (text: string) => string;
}

/** One living process. */
export interface NodeInfo {
  readonly nodeId: string; readonly host: string; readonly pid: number; readonly version: string; readonly concurrency: number; readonly roles: readonly string[] | null;
  readonly since: Date; readonly beatAt: Date; readonly secondsSinceBeat: number; readonly inFlight: readonly string[]; readonly pools: readonly string[];
}

/** The jobs of one task. */
export interface TaskStats {
  readonly task: string;
  /** Ready to run now. */
  readonly waiting: number;
  /** To run later: retries, postponed ones, those added with `runAt`. */
  readonly later: number;
  readonly running: number;
  /** Without attempts, on the way to `onExhausted`. */
  readonly exhausted: number;
  /** How long the oldest ready one has been ready. */
  readonly oldestSeconds: number;
}

/** What the queue says of itself; `on` hands each over as it happens. Listeners must not throw, and nothing waits for them. */
export interface QueueEvents {
  'job.started': { jobId: string; task: string; attempt: number; runId?: string };
  'job.ended': { jobId: string; task: string; attempt: number; outcome: string; code?: string; seconds: number };
  'job.lost': { jobId: string; reason: string; exhausted: boolean };
  'job.exhausted': { jobId: string; task: string; code: string };
  'node.fenced': { poolId: string; reason: string; jobs: number };
  'node.joined': { poolId: string };
  'node.died': { poolId: string; nodeId: string; concurrency: number };
  'queue.freed': { queues: number };
  'database.lost': { error: unknown };
  /** `moved`: it was one that takes no writes (a standby) for a while, so that connections may lead to that one still. */
  'database.back': { lostForMs: number; moved: boolean };
}

/** For `/readyz`. */
export interface QueueHealth {
  readonly state: 'new' | 'running' | 'fenced' | 'stopping' | 'stopped';
  readonly secondsSinceBeat: number | undefined;
  readonly inFlight: number;
}

export interface Queue {
  readonly nodeId: string;
  /** Registers, frees what a crash left, takes jobs. @throws what PostgreSQL says when it can't be reached, QueueError `queue.state`, `queue.schema` */
  start(): Promise<void>;
  /** Ends within `drainMs` (default 10,000): lets jobs end, then aborts them, hands back the rest. Idempotent; safe before `start`. Never throws. */
  stop(options?: { readonly drainMs?: number }): Promise<void>;
  /** Adds a job, in the caller's transaction when `db` is its client. @returns the job's id. @throws QueueError `queue.payload`, `queue.add` */
  enqueue(db: Queryable, job: JobSpec): Promise<string>;
  /** Adds many in one statement; without `unsafe_dedupe`. @returns their ids, in order (of jobs with the same task and payload, in any) */
  enqueueMany(db: Queryable, jobs: readonly JobSpec[]): Promise<string[]>;
  /** Removes a waiting job, or aborts a running one (within a beat); no dead letter, no retry. False: there is no such job. */
  cancel(jobId: string): Promise<boolean>;
  /** Jobs on the queue, page by page. */
  jobs(filter: JobFilter): Promise<QueuedJob[]>;
  /** One with every attempt, also when it is over. */
  job(id: string): Promise<JobDetail | undefined>;
  /** Lets a job whose time has not come run now. False: it is no such job. */
  hurry(jobId: string): Promise<boolean>;
  nodes(): Promise<NodeInfo[]>;
  stats(): Promise<TaskStats[]>;
  health(): QueueHealth;
  on<K extends keyof QueueEvents>(event: K, listener: (facts: QueueEvents[K]) => void): () => void;
  /** One sweep now, whoever has the turn; false where another node is at it. For tests, and `tds doctor`. */
  sweep(): Promise<boolean>;
}
