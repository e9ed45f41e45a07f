/**
 * The connections as graphile-worker sees them. It stands between for what graphile-worker leaves open (measured on 0.18.0):
 * - it completes and fails jobs without waiting, without a guard, and loses them on a database error: `settle.ts` has done that already,
 *   so those statements are answered here and never sent; the same for its unlocking of whatever is four hours old, running or not;
 * - after some errors it waits minutes, and after one in its first statement for ever: a look for jobs that fails finds none, and is
 *   made again at the next poll; its other statements are tried until they pass;
 * - it hands broken connections back to the pool: they are thrown away; and that of its LISTEN twice, where that fails while it stops, which
 *   would end the process;
 * - a job that was found is known to its engine in the moment the answer arrives, before any heartbeat can leave without it.
 */
import type { Pool, PoolClient, QueryConfig, QueryResult } from 'pg';
import { setTimeout as pause } from 'node:timers/promises';
import { databaseErrorKind } from '../store/errors.ts';

const swallowed = /^(complete_job|fail_job|return_job|clear_stale_locks)/;
const look = /^get_job/;
const nothing = { rows: [], rowCount: 0, command: '', oid: 0, fields: [] } as QueryResult;
const againMs = 200;

type ListenCallback = Parameters<Pool['connect']>[0];

export interface EnginePoolHooks {
  /** The rows of jobs that were just locked for this pool. */
  found(rows: readonly { id: string }[]): void;
  /** A look for jobs failed: what it locked, if anything, is not known here. */
  missed(error: unknown): void;
}

export class EnginePool {
  readonly #pool: Pool;
  readonly #hooks: EnginePoolHooks;
  readonly #opened = Promise.withResolvers<void>();
  #closed = false;
  #paused = false;
  #looking = 0;
  #quiet: (() => void)[] = [];
  /** Statements of graphile-worker that were answered here. For the test that holds its version to what stands above. */
  swallowedCount = 0;

  constructor(pool: Pool, hooks: EnginePoolHooks) {
    this.#pool = pool;
    this.#hooks = hooks;
  }

  /** Lets statements through: the pool is registered. */
  open(): void {
    this.#opened.resolve();
  }

  /** From now on no job is found. Resolves when the looks under way have ended, whatever they found. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#opened.resolve();
    await this.#quietness();
  }

  /** Runs `work` while no look for jobs is under way. */
  async whileQuiet<T>(work: () => Promise<T>): Promise<T> {
    this.#paused = true;
    try {
      await this.#quietness();
      return await work();
    } finally {
      this.#paused = false;
    }
  }

  /** What is handed to graphile-worker as its pool: of it, only `connect` is used. */
  asPool(): Pool {
    return { connect: (callback?: unknown) => this.#connect(callback), options: this.#pool.options } as unknown as Pool;
  }

  #connect(callback: unknown): unknown {
    if (typeof callback === 'function') return this.#connectToListen(callback as ListenCallback);
    let client: PoolClient | undefined;
    let broken: Error | undefined;
    const send = async (config: QueryConfig): Promise<QueryResult> => {
      client ??= await this.#pool.connect();
      try {
        return await client.query(config);
      } catch (error) {
        if (databaseErrorKind(error) === 'unavailable') broken = error as Error;
        throw error;
      }
    };
    const drop = (): void => {
      client?.release(broken);
      client = undefined;
      broken = undefined;
    };
    const query = (text: string | QueryConfig, values?: unknown[]): Promise<QueryResult> => {
      const config: QueryConfig = typeof text === 'string' ? { text, ...(values ? { values } : {}) } : text;
      const name = config.name ?? '';
      if (swallowed.test(name)) {
        this.swallowedCount++;
        return Promise.resolve(nothing);
      }
      return look.test(name) ? this.#look(() => send(config)) : this.#insist(() => send(config), drop);
    };
    return Promise.resolve({ query, release: drop });
  }

  #connectToListen(callback: ListenCallback): void {
    this.#pool.connect((error, client, release) => {
      let isOut = true;
      callback(error, client, (reason) => {
        if (isOut) release(reason);
        isOut = false;
      });
    });
  }

  async #look(send: () => Promise<QueryResult>): Promise<QueryResult> {
    await this.#opened.promise;
    if (this.#closed || this.#paused) return nothing;
    this.#looking++;
    try {
      const result = await send();
      this.#hooks.found(result.rows as { id: string }[]);
      return result;
    } catch (error) {
      this.#hooks.missed(error);
      return nothing;
    } finally {
      this.#looking--;
      if (this.#looking === 0) for (const resolve of this.#quiet.splice(0)) resolve();
    }
  }

  async #insist(send: () => Promise<QueryResult>, drop: () => void): Promise<QueryResult> {
    await this.#opened.promise;
    while (!this.#closed) {
      try {
        return await send();
      } catch {
        drop();
        await pause(againMs, undefined, { ref: false });
      }
    }
    return nothing;
  }

  #quietness(): Promise<void> {
    if (this.#looking === 0) return Promise.resolve();
    return new Promise((resolve) => this.#quiet.push(resolve));
  }
}
