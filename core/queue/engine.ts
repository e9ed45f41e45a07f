/** One pool of graphile-worker: finds jobs, runs their handlers, ends their attempts. A node has one; a new one after a fencing. */
import { EventEmitter } from 'node:events';
import { randomBytes } from 'node:crypto';
import { Logger as WorkerLogger, runTaskList, type TaskList, type WorkerPool } from 'graphile-worker';
import type { Pool } from 'pg';
import { crashPoint } from '../monitor/crash-points.ts';
import { withLogContext, type LogContext } from '../monitor/log-context.ts';
import { isTdsError, PermanentError, type Clock, type Logger } from '../sdk/index.ts';
import { EnginePool } from './engine-pool.ts';
import { JobLostError, Postponement, QueueError } from './errors.ts';
import { fenceWith } from './fence.ts';
import { flags, HeldJob, type JobRow } from './held.ts';
import type { Names } from './names.ts';
import { codeOf, retryPause, textOf, verdictOn } from './steer.ts';
import type { Ending, Settler } from './settle.ts';
import type { QueueEvents, QueueTimings, TaskHandler } from './types.ts';

export interface EngineOptions {
  readonly pool: Pool; readonly names: Names; readonly settler: Settler; readonly clock: Clock; readonly log: Logger; readonly concurrency: number;
  readonly tasks: Readonly<Record<string, TaskHandler>>; readonly timings: QueueTimings;
  readonly emit: <K extends keyof QueueEvents>(event: K, facts: QueueEvents[K]) => void;
  /** The workers ended by themselves (graphile-worker #635), or a handler does not let go of one: make another engine. */
  readonly onEnd: (engine: Engine, error: unknown) => void;
}

/** Tells graphile-worker that the job has not succeeded: what it then does is guarded by the lock's owner, and changes nothing. */
const notDone = new Error('ended by TDS');
const besideMs = 1_000;

export class Engine {
  readonly poolId: string;
  readonly held = new Map<string, HeldJob>();
  readonly #options: EngineOptions;
  readonly #connections: EnginePool;
  readonly #workers: WorkerPool | undefined;
  #state: 'taking' | 'retired' | 'abandoned' = 'taking';
  #stopping = false;
  #idle: (() => void)[] = [];
  /** A look for jobs failed: some may be locked for this pool unknown to it. */
  unsure = false;

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#connections = new EnginePool(options.pool, {
      found: (rows) => {
        for (const row of rows as readonly JobRow[]) this.held.set(row.id, new HeldJob(row, this.poolId));
      },
      missed: () => void (this.unsure = true),
    });
    const names = Object.keys(options.tasks);
    this.#workers = options.concurrency === 0 || names.length === 0 ? undefined : this.#startWorkers(names);
    this.poolId = this.#workers?.id ?? `idle-${randomBytes(9).toString('hex')}`;
  }

  /** The pool is registered: jobs may be taken. */
  open(): void {
    this.#connections.open();
  }

  get taking(): boolean {
    return this.#state === 'taking';
  }

  /** How many of graphile-worker's own statements were kept back. */
  get swallowedCount(): number {
    return this.#connections.swallowedCount;
  }

  whileQuiet<T>(work: () => Promise<T>): Promise<T> {
    return this.#connections.whileQuiet(work);
  }

  /** Takes no more jobs; those that run go on. Resolves when it is certain that no other comes. */
  async retire(): Promise<void> {
    if (this.#state === 'taking') this.#state = 'retired';
    const closed = this.#connections.close();
    this.#stopWorkers();
    await closed;
  }

  /** Resolves when no job runs. */
  idle(): Promise<void> {
    return this.held.size === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve));
  }

  /** The jobs are lost, all of them: their signals are aborted, and nothing more is written about them. */
  abandon(why: string): void {
    this.#state = 'abandoned';
    void this.#connections.close();
    for (const job of this.held.values()) this.lose(job, why);
    this.#stopWorkers();
  }

  /** One job is lost. Its handler may go on for a while, but it is no longer held. One that does not end keeps a worker: then another engine is made. */
  lose(job: HeldJob, why: string): void {
    job.lose(new JobLostError(job.id, why));
    this.#release(job);
    if (!job.running) return;
    setTimeout(() => {
      if (job.running) this.#end(new QueueError('queue.handler_hangs', `The handler of job ${job.id} (${job.task}) goes on although its job was taken away.`));
    }, this.#options.timings.deadMs).unref();
  }

  /** The jobs are to end now; what doesn't is handed back. */
  abortAll(reason: Error): void {
    for (const job of this.held.values()) job.abort(reason);
  }

  cancel(jobId: string): void {
    const job = this.held.get(jobId);
    if (!job) return;
    job.cancelled = true;
    job.abort(new QueueError('queue.cancelled', `Job ${jobId} was cancelled.`));
  }

  #startWorkers(names: readonly string[]): WorkerPool {
    const { concurrency, timings } = this.#options;
    const list: TaskList = Object.fromEntries(names.map((name) => [name, (_payload: unknown, helpers: { job: JobRow }) => this.#run(helpers.job)]));
    const workers = runTaskList({
      schema: this.#options.names.workerSchema, concurrency, pollInterval: timings.pollMs, noHandleSignals: true, events: new EventEmitter(), logger: this.#workerLogger(),
      forbiddenFlags: () => (this.#suspectRuns() ? [flags.suspect] : []),
    }, list, this.#connections.asPool());
    const ended = (error?: unknown): void => this.#end(error);
    workers.promise.then(() => ended(), ended);
    return workers;
  }

  /** Its workers are not good any more. */
  #end(error: unknown): void {
    if (this.#state !== 'taking') return;
    this.#state = 'retired';
    this.#options.onEnd(this, error);
  }

  #stopWorkers(): void {
    const workers = this.#workers;
    if (!workers || this.#stopping) return;
    this.#stopping = true;
    // It waits for handlers, which may never end: nobody waits for it.
    Promise.resolve(workers.gracefulShutdown()).catch((error: unknown) => this.#options.log.debug('graphile-worker did not stop cleanly', { error }));
  }

  #release(job: HeldJob): void {
    if (this.held.get(job.id) === job) this.held.delete(job.id);
    if (this.held.size === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  #suspectRuns(): boolean {
    return this.held.values().some((job) => job.suspect);
  }

  async #run(row: JobRow): Promise<void> {
    const job = this.held.get(row.id) ?? new HeldJob(row, this.poolId);
    const start = performance.now();
    let outcome: string | undefined;
    let ending: Ending | undefined;
    try {
      ending = this.#refuse(job) ?? (await this.#handle(job));
      crashPoint('before-job-completion');
      outcome = job.lost ? undefined : await this.#options.settler.settle(job, ending);
      crashPoint('after-job-completion');
    } finally {
      job.running = false;
      this.#release(job);
    }
    const code = 'code' in ending ? ending.code : 'error' in ending ? ending.error.code : undefined;
    this.#options.emit('job.ended', {
      jobId: job.id, task: job.task, attempt: row.attempts, outcome: outcome ?? 'lost', seconds: (performance.now() - start) / 1000, ...(code === undefined ? {} : { code }),
    });
    if (outcome === 'failed') this.#options.emit('job.exhausted', { jobId: job.id, task: job.task, code: code ?? '' });
    if (outcome !== 'done') throw notDone;
  }

  /** A job that came while the node was on its way out, or that mustn't run beside what already runs. */
  #refuse(job: HeldJob): Ending | undefined {
    if (this.#state !== 'taking') return { outcome: 'handed_back', code: 'queue.stopping', message: 'the node is stopping', at: { inMs: 0 }, attemptUsed: false };
    if (job.suspect && this.held.values().some((other) => other !== job && other.suspect && other.running)) {
      return { outcome: 'handed_back', code: 'queue.suspect', message: 'another job that may kill its process is running', at: { inMs: besideMs }, attemptUsed: false };
    }
    return undefined;
  }

  async #handle(job: HeldJob): Promise<Ending> {
    const { names, timings, emit, tasks } = this.#options;
    const { row } = job;
    const { runId, entity } = job.payload;
    const about: LogContext = { job: job.id, task: job.task, ...(typeof runId === 'string' ? { run: runId } : {}), ...(typeof entity === 'string' ? { entity } : {}) };
    const log = this.#options.log.child({ ...about, attempt: row.attempts });
    const handler = tasks[job.task];
    job.running = true;
    emit('job.started', { jobId: job.id, task: job.task, attempt: row.attempts, ...(typeof runId === 'string' ? { runId } : {}) });
    try {
      if (!handler) throw new QueueError('queue.unknown_task', `No handler has the name ${job.task}.`);
      const result = await withLogContext(about, async () => handler({
        payload: job.payload, jobId: job.id, task: job.task, attempt: row.attempts, maxAttempts: row.max_attempts, signal: job.signal, log,
        fence: (client, options) => fenceWith(client, names, job, timings.deadMs * 2, options),
      }));
      if (result instanceof Postponement) return this.#endingOf(job, result, log);
      return { outcome: 'done', ...(result?.runId === undefined ? {} : { runId: result.runId }) };
    } catch (error) {
      return this.#endingOf(job, error, log);
    }
  }

  #endingOf(job: HeldJob, error: unknown, log: Logger): Ending {
    const { clock, timings } = this.#options;
    const code = codeOf(error);
    const message = textOf(error);
    if (job.cancelled) return { outcome: 'cancelled' };
    if (!job.lost && job.signal.aborted) return { outcome: 'handed_back', code: 'queue.stopping', message: 'the node is stopping', at: { inMs: 0 }, attemptUsed: false };
    const verdict = verdictOn(error, clock.now());
    if (verdict.kind === 'postpone') {
      log.info('job postponed', { until: verdict.until, reason: verdict.reason });
      return { outcome: 'postponed', code: error instanceof Postponement ? 'queue.postponed' : code, message: verdict.reason, at: { until: verdict.until }, attemptUsed: false };
    }
    // Taken away under the handler's hands: if the job is this node's after all, it is free again by this.
    if (verdict.kind === 'drop') return { outcome: 'handed_back', code, message, at: { inMs: 0 }, attemptUsed: true };
    if (verdict.kind === 'retry' && job.row.attempts < job.row.max_attempts) {
      const inMs = retryPause(job.row.attempts, timings.retryMs, timings.retryMaxMs);
      log.warn('job failed and is tried again', { code, error, inMs: Math.round(inMs) });
      return { outcome: 'retried', code, message, at: { inMs }, attemptUsed: true };
    }
    log.error('job failed for good', { code, error });
    return { outcome: 'failed', error: isTdsError(error) ? error : new PermanentError(codeOf(error), message, { cause: error }) };
  }

  #workerLogger(): WorkerLogger {
    const { log } = this.#options;
    return new WorkerLogger(() => (level, message, meta) => {
      if (meta?.['failure'] === true || meta?.['success'] === true) return; // told by #run
      if (level === 'error' || level === 'warning') log.warn(`graphile-worker: ${message}`);
      else log.debug(`graphile-worker: ${message}`);
    });
  }
}
