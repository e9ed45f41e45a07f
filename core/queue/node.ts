/** One node's membership: it joins with a pool, beats, fences itself when it can't, and joins again with a new pool when it can. */
import type { Logger } from '../sdk/index.ts';
import type { Pool } from '../store/pool.ts';
import type { Engine } from './engine.ts';
import type { Heartbeat } from './heartbeat.ts';
import type { HeldJob } from './held.ts';
import type { QueueEvents, QueueTimings } from './types.ts';

export interface NodeOptions {
  readonly heartbeat: Heartbeat; readonly pool: Pool; readonly timings: QueueTimings; readonly log: Logger;
  readonly makeEngine: (onEnd: (engine: Engine, error: unknown) => void) => Engine;
  readonly emit: <K extends keyof QueueEvents>(event: K, facts: QueueEvents[K]) => void;
}

/** The share of the dead time after which a node without a good beat gives its jobs up: before the others take them. */
const fenceShare = 0.8;
/** Later than this by the same share, the timer itself stood still: this process did, not the database. */
const stallShare = 0.1;
const againMs = 200;
/** `read_only_sql_transaction`: what a standby answers to a beat. */
const readOnly = '25006';

export class Node {
  readonly #options: NodeOptions;
  /** The one that takes jobs, and those that only end theirs. */
  readonly engines = new Set<Engine>();
  #current: Engine | undefined;
  #toLeave = new Set<string>();
  /** Pools whose time ran out because this process stood still: their jobs count as lost. */
  readonly stalled = new Set<string>();
  #goodAt = -Infinity;
  #lostAt: number | undefined;
  #backAt = -Infinity;
  #outageMs = 0;
  #wasReadOnly = false;
  #beatTimer: NodeJS.Timeout | undefined;
  #fenceTimer: NodeJS.Timeout | undefined;
  #joining = true;
  #ended = false;
  #beating: Promise<void> = Promise.resolve();

  constructor(options: NodeOptions) {
    this.#options = options;
  }

  get fenced(): boolean {
    return this.#current === undefined;
  }

  get secondsSinceBeat(): number | undefined {
    return Number.isFinite(this.#goodAt) ? (performance.now() - this.#goodAt) / 1000 : undefined;
  }

  /** For how long, in ms, the database gave no answer, until every node has had the dead time to beat again; 0 when all is well. */
  get patienceMs(): number {
    if (this.#lostAt !== undefined) return performance.now() - this.#goodAt;
    return performance.now() - this.#backAt < this.#options.timings.deadMs ? this.#outageMs : 0;
  }

  get held(): HeldJob[] {
    return [...this.engines].flatMap((engine) => [...engine.held.values()]);
  }

  /** Registers, takes jobs, and begins to beat. @throws what PostgreSQL says */
  async start(): Promise<void> {
    const sent = performance.now();
    await this.#join();
    this.#good(sent);
    this.#plan(this.#options.timings.beatMs);
  }

  /** No new pool from now on, and no jobs. The beats go on, for the jobs that run. Resolves when no other job can come. */
  async retire(): Promise<void> {
    this.#joining = false;
    await Promise.all([...this.engines].map((engine) => engine.retire()));
  }

  /** Resolves when no job runs. */
  async idle(): Promise<void> {
    await Promise.all([...this.engines].map((engine) => engine.idle()));
  }

  abortAll(reason: Error): void {
    for (const engine of this.engines) engine.abortAll(reason);
  }

  cancel(jobId: string): void {
    for (const engine of this.engines) engine.cancel(jobId);
  }

  /** Ends the beats, gives up what still runs and hands it back. Tries until `deadline` (by performance.now). */
  async end(deadline: number, why: string): Promise<void> {
    this.#ended = true;
    clearTimeout(this.#beatTimer);
    clearTimeout(this.#fenceTimer);
    for (const engine of this.engines) {
      engine.abandon(why);
      this.#toLeave.add(engine.poolId);
    }
    this.engines.clear();
    this.#current = undefined;
    await this.#beating;
    while (this.#toLeave.size > 0) {
      try {
        await this.#leave();
      } catch (error) {
        if (performance.now() + againMs >= deadline) {
          this.#options.log.warn('the node could not hand its jobs back; the others free them', { error });
          break;
        }
        await new Promise((resolve) => setTimeout(resolve, againMs));
      }
    }
    await this.#options.heartbeat.client.end();
  }

  async #join(): Promise<void> {
    const engine = this.#options.makeEngine((ended, error) => this.#engineEnded(ended, error));
    try {
      await this.#options.heartbeat.register(engine.poolId);
    } catch (error) {
      engine.abandon('it was never registered');
      this.#toLeave.add(engine.poolId); // the answer may have been lost, not the row
      throw error;
    }
    this.engines.add(engine);
    this.#current = engine;
    engine.open();
    this.#options.emit('node.joined', { poolId: engine.poolId });
  }

  #engineEnded(engine: Engine, error: unknown): void {
    this.#options.log.error('a pool of workers ended, or is held by a handler; a new one is made', { pool: engine.poolId, error });
    // Its running jobs go on, under its own id.
    if (this.#current === engine) this.#current = undefined;
    engine.retire().catch(() => {});
  }

  #plan(inMs: number): void {
    if (this.#ended) return;
    clearTimeout(this.#beatTimer);
    this.#beatTimer = setTimeout(() => {
      this.#beating = this.#beat();
    }, Math.max(0, inMs));
  }

  async #beat(): Promise<void> {
    const sent = performance.now();
    try {
      if (this.#toLeave.size > 0) await this.#leave();
      if (this.#current === undefined && this.#joining && !this.#ended) await this.#join();
      for (const engine of this.engines) await this.#beatFor(engine);
      this.#good(sent);
      this.#plan(this.#options.timings.beatMs - (performance.now() - sent));
    } catch (error) {
      this.#bad(error);
      this.#plan(Math.min(this.#options.timings.beatMs, againMs));
    }
  }

  async #beatFor(engine: Engine): Promise<void> {
    const listed = [...engine.held.values()];
    const answer = await this.#options.heartbeat.beat(engine.poolId, listed.map((job) => job.id));
    if (this.#ended || !this.engines.has(engine)) return;
    if (!answer.alive) return this.#fence('the others had taken it for dead');
    for (const job of listed) {
      // The answer speaks of the job as it was listed; by now it may have ended, and even come again.
      if (engine.held.get(job.id) !== job) continue;
      if (answer.gone.includes(job.id)) engine.lose(job, 'it is no longer locked by this node');
      else if (answer.cancelled.includes(job.id)) engine.cancel(job.id);
    }
    if (engine.unsure) this.#makeSure(engine);
    if (!engine.taking && engine.held.size === 0 && this.#joining) {
      this.engines.delete(engine);
      this.#toLeave.add(engine.poolId);
    }
  }

  #makeSure(engine: Engine): void {
    engine.unsure = false;
    const { heartbeat, pool, log } = this.#options;
    engine.whileQuiet(() => heartbeat.returnUnknown(pool, engine.poolId, [...engine.held.keys()])).then(
      (jobs) => jobs > 0 && log.info('jobs whose hand-over was cut off were given back', { jobs }),
      () => void (engine.unsure = true),
    );
  }

  async #leave(): Promise<void> {
    const leaving = [...this.#toLeave];
    const jobs = await this.#options.heartbeat.leave(leaving);
    for (const poolId of leaving) this.#toLeave.delete(poolId);
    if (jobs > 0) this.#options.log.info('jobs were handed back', { jobs });
  }

  #good(sent: number): void {
    const before = this.#goodAt;
    this.#goodAt = sent;
    if (this.#lostAt !== undefined) {
      const lostForMs = performance.now() - this.#lostAt;
      this.#lostAt = undefined;
      this.#backAt = performance.now();
      this.#outageMs = this.#backAt - before;
      this.#options.log.info('the database is back', { lostForMs: Math.round(lostForMs) });
      this.#options.emit('database.back', { lostForMs, moved: this.#wasReadOnly });
      this.#wasReadOnly = false;
    }
    this.#watch(sent);
  }

  #bad(error: unknown): void {
    if ((error as { code?: unknown }).code === readOnly) this.#wasReadOnly = true;
    if (this.#lostAt !== undefined || this.#ended) return;
    this.#lostAt = performance.now();
    this.#options.log.warn('the heartbeat failed', { error });
    this.#options.emit('database.lost', { error });
  }

  #watch(sent: number): void {
    clearTimeout(this.#fenceTimer);
    if (this.#ended) return;
    const { deadMs } = this.#options.timings;
    const due = sent + deadMs * fenceShare;
    this.#fenceTimer = setTimeout(() => {
      const stalled = performance.now() - due > deadMs * stallShare;
      this.#fence(stalled ? 'this process stood still' : 'the database gave no answer', stalled);
    }, Math.max(0, due - performance.now()));
  }

  #fence(reason: string, stalled = true): void {
    if (this.#ended || this.engines.size === 0) return;
    for (const engine of this.engines) {
      const jobs = engine.held.size;
      (stalled ? this.stalled : this.#toLeave).add(engine.poolId);
      engine.abandon(reason);
      this.#options.log.warn('the node fenced itself', { pool: engine.poolId, reason, jobs });
      this.#options.emit('node.fenced', { poolId: engine.poolId, reason, jobs });
    }
    this.engines.clear();
    this.#current = undefined;
    if (stalled) this.#plan(0);
  }
}
