/** The queue: put together, started, stopped. Made by `core/main.ts`, once per process. */
import { EventEmitter } from 'node:events';
import { databaseErrorKind } from '../store/errors.ts';
import { breakSilent, createPool, type Pool, type Queryable } from '../store/pool.ts';
import { Engine } from './engine.ts';
import { enqueue, enqueueMany } from './enqueue.ts';
import { QueueError } from './errors.ts';
import { Heartbeat, SteadyClient } from './heartbeat.ts';
import { cancelJob, listNodes, prepareTables, taskStats } from './inspect.ts';
import { hurryJob, listJobs, readJob } from './jobs.ts';
import { machineName } from '../monitor/machine.ts';
import { namesOf, newNodeId, queueSessionName, type Names } from './names.ts';
import { Node } from './node.ts';
import { Settler } from './settle.ts';
import { Sweeper } from './sweep.ts';
import type { JobDetail, JobFilter, JobSpec, NodeInfo, QueuedJob, Queue, QueueEvents, QueueHealth, QueueOptions, QueueTimings, TaskStats } from './types.ts';

const defaults: QueueTimings = { beatMs: 1_000, deadMs: 5_000, sweepMs: 1_000, pollMs: 1_000, retryMs: 1_000, retryMaxMs: 3_600_000 };
/** Of the time to stop, what is kept for aborting and handing back. */
const reserveShare = 0.25;
const reserveMostMs = 2_000;
/** Begun for so long, a start is tried again where the database was slow to answer. */
const startPatienceMs = 20_000;

/** Makes a queue. It connects at `start`. @throws StoreError `store.identifier` for a schema that can't be a name */
export function createQueue(options: QueueOptions): Queue {
  return new DurableQueue(options);
}

class DurableQueue implements Queue {
  readonly nodeId: string;
  readonly #options: QueueOptions;
  readonly #names: Names;
  readonly #timings: QueueTimings;
  readonly #pool: Pool;
  readonly #reads: Pick<Queryable, 'query'>;
  readonly #node: Node;
  readonly #sweeper: Sweeper;
  readonly #sweepClient: SteadyClient;
  readonly #events = new EventEmitter();
  #state: QueueHealth['state'] = 'new';
  #sweepTimer: NodeJS.Timeout | undefined;
  #sweeping: Promise<unknown> = Promise.resolve();
  #stopped: Promise<void> | undefined;

  constructor(options: QueueOptions) {
    const { log, clock, onExhausted, concurrency, version, tasks, roles = null, redact = (text: string) => text, maxLosses = 3, historyDays = 30 } = options;
    this.#options = options;
    this.nodeId = options.nodeId ?? newNodeId();
    const names = (this.#names = namesOf(options.schema, options.workerSchema));
    const timings = (this.#timings = { ...defaults, ...options.timings });
    const statementMs = Math.max(1_000, Math.round(timings.deadMs * 0.6));
    // Old connections are replaced, and silent ones given up: a black-holed pool takes work again within seconds.
    const pool = (this.#pool = createPool({
      url: options.url, schema: names.schema, max: Math.min(Math.max(concurrency + 2, 3), 16), applicationName: queueSessionName(this.nodeId), exclusive: true,
      statementTimeout: statementMs, queryTimeout: statementMs, connectTimeout: statementMs, idleInTransactionTimeout: statementMs * 2, maxLifetime: 15,
      onError: (error) => log.debug('an idle connection of the queue broke', { error }),
    }));
    this.#reads = options.reads ?? pool;
    const emit = <K extends keyof QueueEvents>(event: K, facts: QueueEvents[K]): void => void this.#events.emit(event, facts);
    const machine = machineName();
    const settler = new Settler({ pool, names, nodeId: this.nodeId, log, onExhausted, redact });
    const heartbeat = new Heartbeat(pool, names, { nodeId: this.nodeId, machine, version, concurrency, roles }, timings.deadMs);
    this.#node = new Node({
      heartbeat, pool, timings, log, emit,
      makeEngine: (onEnd) => new Engine({ pool, names, settler, clock, log, concurrency, tasks, timings, emit, onEnd }),
    });
    // What the net has swallowed would be found one by one, each after a statement's time-out.
    this.on('database.back', ({ moved }) => void breakSilent(pool, moved ? 0 : statementMs / 3));
    this.on('node.fenced', () => void breakSilent(pool, statementMs / 3));
    this.#sweepClient = new SteadyClient(pool, statementMs, 'tds sweep');
    this.#sweeper = new Sweeper({
      pool, client: this.#sweepClient, names, machine, settler, log, emit, maxLosses, historyDays,
      deadMs: timings.deadMs, sweepMs: timings.sweepMs, graceMs: Math.max(timings.deadMs, statementMs * 1.5),
    });
  }

  async start(): Promise<void> {
    if (this.#state !== 'new') throw new QueueError('queue.state', `The queue can be started once; it is ${this.#state}.`, { suggestion: 'Make another queue.' });
    this.#state = 'running';
    try {
      if (!(await this.#patiently(() => prepareTables(this.#pool, this.#names)))) {
        throw new QueueError('queue.schema', `The tables of the queue are missing in the schemas "${this.#names.schema}" and "${this.#names.workerSchema}".`,
          { suggestion: 'Run the migrations first (migrate and migrateQueue).' });
      }
      await this.#patiently(async () => {
        // Before the first job is taken: what a crash left locked is free by then.
        await this.sweep();
        if (this.#state === 'running') await this.#node.start();
      });
      if (this.#state !== 'running') return;
      this.#planSweep();
    } catch (error) {
      await this.stop({ drainMs: 0 });
      throw error;
    }
  }

  /** Tries again what the database was too slow for: on a machine that has much to do, a first connection takes longer than a beat may. */
  async #patiently<T>(work: () => Promise<T>): Promise<T> {
    const deadline = performance.now() + startPatienceMs;
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (this.#state !== 'running' || performance.now() > deadline || !isSlowness(error)) throw error;
        this.#options.log.debug('the database was slow to answer at the start; tried again', { error });
      }
    }
  }

  stop(options: { readonly drainMs?: number } = {}): Promise<void> {
    return (this.#stopped ??= this.#stop(options.drainMs ?? 10_000));
  }

  async #stop(drainMs: number): Promise<void> {
    const deadline = performance.now() + drainMs;
    const reserve = Math.min(reserveMostMs, drainMs * reserveShare);
    const wasNew = this.#state === 'new';
    this.#state = 'stopping';
    clearTimeout(this.#sweepTimer);
    if (!wasNew) {
      const drained = this.#node.retire().then(() => this.#node.idle());
      await before(deadline - reserve, drained);
      if (this.#node.held.length > 0) {
        this.#options.log.warn('the time to stop is over; running jobs are aborted', { jobs: this.#node.held.length });
        this.#node.abortAll(new QueueError('queue.stopping', 'The node is stopping, and the time for running jobs is over.'));
        await before(deadline - reserve / 2, drained);
      }
      await before(deadline + reserveMostMs, this.#node.end(deadline, 'the node stopped'));
      await before(deadline, this.#sweeping);
    }
    await this.#sweepClient.end();
    // A connection that never answers is not waited for.
    await before(Math.max(deadline, performance.now() + 200), this.#pool.end());
    this.#state = 'stopped';
  }

  enqueue(db: Queryable, job: JobSpec): Promise<string> {
    return enqueue(db, this.#names, job);
  }

  enqueueMany(db: Queryable, jobs: readonly JobSpec[]): Promise<string[]> {
    return enqueueMany(db, this.#names, jobs);
  }

  async cancel(jobId: string): Promise<boolean> {
    const answer = await cancelJob(this.#pool, this.#names, jobId);
    if (answer === 'marked') this.#node.cancel(jobId);
    return answer !== 'unknown';
  }

  jobs(filter: JobFilter): Promise<QueuedJob[]> {
    return listJobs(this.#reads, this.#names, filter);
  }

  job(id: string): Promise<JobDetail | undefined> {
    return readJob(this.#reads, this.#names, id);
  }

  hurry(jobId: string): Promise<boolean> {
    return hurryJob(this.#pool, this.#names, jobId);
  }

  nodes(): Promise<NodeInfo[]> {
    return listNodes(this.#reads, this.#names);
  }

  stats(): Promise<TaskStats[]> {
    return taskStats(this.#reads, this.#names);
  }

  health(): QueueHealth {
    const state = this.#state === 'running' && this.#node.fenced ? 'fenced' : this.#state;
    return { state, secondsSinceBeat: this.#node.secondsSinceBeat, inFlight: this.#node.held.length };
  }

  on<K extends keyof QueueEvents>(event: K, listener: (facts: QueueEvents[K]) => void): () => void {
    const guarded = (facts: QueueEvents[K]): void => {
      try {
        listener(facts);
      } catch (error) {
        this.#options.log.error('a listener of the queue threw', { event, error });
      }
    };
    this.#events.on(event, guarded);
    return () => void this.#events.off(event, guarded);
  }

  async sweep(): Promise<boolean> {
    const dead = [...this.#node.stalled];
    const swept = await this.#sweeper.sweep({ patienceMs: this.#node.patienceMs, dead });
    if (swept) for (const poolId of dead) this.#node.stalled.delete(poolId);
    return swept;
  }

  #planSweep(): void {
    if (this.#state !== 'running') return;
    this.#sweepTimer = setTimeout(() => {
      this.#sweeping = (this.#node.fenced ? Promise.resolve() : this.sweep())
        .catch((error: unknown) => this.#options.log.debug('a sweep failed; tried again', { error }))
        .finally(() => this.#planSweep());
    }, this.#timings.sweepMs);
  }
}

/** An answer that did not come in time, as from a machine that has much to do. A server that is not there is told at once. */
function isSlowness(error: unknown): boolean {
  return databaseErrorKind(error) === 'timeout' || /^(timeout|Connection terminated due to connection timeout|Query read timeout)/.test((error as { message?: string } | null)?.message ?? '');
}

/** Resolves when `work` ends, well or badly, and at `deadline` (by performance.now) at the latest. */
async function before(deadline: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, Math.max(0, deadline - performance.now()));
  });
  await Promise.race([work.catch(() => {}), over]);
  clearTimeout(timer);
}
