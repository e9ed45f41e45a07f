/**
 * Ends attempts. Each way of ending is one statement (or one transaction) that holds the job to its owner and attempt, frees the named
 * queue, and writes the history: all of it lands, or none. It is tried until the database has taken it, or the job is lost.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Pool, PoolClient } from 'pg';
import type { Logger, TdsError } from '../sdk/index.ts';
import { databaseErrorKind } from '../store/errors.ts';
import type { AttemptOutcome } from '../store/job-attempts.ts';
import { withTransaction } from '../store/pool.ts';
import type { HeldJob } from './held.ts';
import { insertHistory, storableText } from './history.ts';
import type { Names } from './names.ts';
import type { ExhaustedJob, OnExhausted } from './types.ts';

/** What becomes of a job after an attempt. */
export type Ending =
  | { readonly outcome: 'done' | 'cancelled'; readonly runId?: string }
  | { readonly outcome: 'retried' | 'postponed' | 'handed_back'; readonly code: string; readonly message: string;
      readonly at: { readonly inMs: number } | { readonly until: Date }; readonly attemptUsed: boolean }
  | { readonly outcome: 'failed'; readonly error: TdsError };

export interface SettleOptions {
  readonly pool: Pool; readonly names: Names; readonly nodeId: string; readonly log: Logger; readonly onExhausted: OnExhausted; readonly redact: (text: string) => string;
}

const permanentTries = 3;

export class Settler {
  readonly #options: SettleOptions;
  readonly #remove: string;
  readonly #removeSuperseded: string;
  readonly #putBack: string;

  constructor(options: SettleOptions) {
    this.#options = options;
    const { names } = options;
    const mine = 'id = $1::bigint and locked_by = $2';
    // A job whose key was added again while it ran has lost its key and its attempts (graphile-worker's add_jobs).
    const superseded = '(key is null and attempts = max_attempts and $4::boolean)';
    const unlock = `update ${names.queues} q set locked_by = null, locked_at = null from j where q.id = j.job_queue_id and q.locked_by = $2`;
    const history = (outcome: string, attempt = '$3::int'): string => insertHistory(names, 'j', {
      outcome, attempt, code: '$5::text', message: '$6::text', node: '$7::text', pool: '$2', started: '$8::timestamptz', runId: '$9::text',
    });
    const forget = `delete from ${names.losses} l using j where l.job_id = j.id and $3::int > 1`;
    const ended = (change: string, outcome: string, extra: string): string => `with j as (${change} returning *), q as (${unlock}), h as (${history(outcome)})${extra} select * from j`;
    this.#remove = ended(`delete from ${names.jobs} where ${mine} and (attempts = $3::int or ${superseded})`, '$10::text', `, l as (${forget})`);
    this.#removeSuperseded = ended(`delete from ${names.jobs} where ${mine} and attempts <> $3::int and ${superseded}`, '$10::text', '');
    this.#putBack = ended(
      `update ${names.jobs} set locked_by = null, locked_at = null, attempts = attempts - $11::int, last_error = $6::text, updated_at = now(),
         run_at = coalesce($12::timestamptz, clock_timestamp() + $13::float8 * interval '1 millisecond')
       where ${mine} and attempts = $3::int and $4::boolean is not null`, '$10::text', '');
  }

  /** Ends the attempt. @returns the outcome that landed; undefined when the job was lost. Never throws. */
  async settle(job: HeldJob, ending: Ending): Promise<AttemptOutcome | undefined> {
    let refused = 0;
    for (let wait = 100; !job.lost; wait = Math.min(wait * 2, 1_000)) {
      try {
        return await this.#once(job, ending);
      } catch (error) {
        if (databaseErrorKind(error) === 'permanent' && ++refused >= permanentTries) {
          // Left locked and unlisted: the sweep frees it, and counts the loss.
          this.#options.log.error('the end of a job could not be written', { jobId: job.id, task: job.task, outcome: ending.outcome, error });
          return undefined;
        }
        await pause(wait, undefined, { ref: false });
      }
    }
    return undefined;
  }

  async #once(job: HeldJob, ending: Ending): Promise<AttemptOutcome | undefined> {
    if (job.lost) return undefined;
    const { pool } = this.#options;
    if ('error' in ending) return await this.#fail(job, ending.error);
    if (!('at' in ending)) {
      const { rows } = await pool.query({ name: 'tds_remove', text: this.#remove, values: this.#values(job, ending.outcome, null, null, ending.runId) });
      return rows.length > 0 ? ending.outcome : undefined;
    }
    const values = this.#values(job, ending.outcome, ending.code, ending.message);
    if (job.row.key !== null) {
      const { rows } = await pool.query({ name: 'tds_superseded', text: this.#removeSuperseded, values: values.with(9, 'superseded') });
      if (rows.length > 0) return 'superseded';
    }
    const until = 'until' in ending.at ? ending.at.until.toISOString() : null;
    const inMs = 'inMs' in ending.at ? ending.at.inMs : 0;
    const { rows } = await pool.query({ name: 'tds_put_back', text: this.#putBack, values: [...values, ending.attemptUsed ? 0 : 1, until, inMs] });
    return rows.length > 0 ? ending.outcome : undefined;
  }

  async #fail(job: HeldJob, error: TdsError): Promise<AttemptOutcome | undefined> {
    const { pool, log } = this.#options;
    let telling: unknown;
    const values = this.#values(job, 'failed', error.code, error.message);
    try {
      return await withTransaction(pool, async (client) => {
        if (job.row.key !== null) {
          const { rows } = await client.query({ name: 'tds_superseded', text: this.#removeSuperseded, values: values.with(9, 'superseded') });
          if (rows.length > 0) return 'superseded';
        }
        const { rows } = await client.query({ name: 'tds_remove', text: this.#remove, values });
        if (rows.length === 0) return undefined;
        await this.tell(rows[0] as ExhaustedRow, job.task, error, client).catch((reason: unknown) => {
          telling = reason;
          throw reason;
        });
        return 'failed';
      });
    } catch (reason) {
      if (reason !== telling || databaseErrorKind(reason) === 'unavailable') throw reason;
      log.error('onExhausted failed; the job stays, and the next sweep tells of it again', { jobId: job.id, task: job.task, error: reason });
      await this.#leaveExhausted(job, error);
      return undefined;
    }
  }

  /** Calls `onExhausted` in the transaction of `client`. Also used by the sweep. */
  async tell(row: ExhaustedRow, task: string, error: TdsError, client: PoolClient): Promise<void> {
    const { rows } = row.job_queue_id === null ? { rows: [] }
      : await client.query<{ name: string }>(`select queue_name as name from ${this.#options.names.queues} where id = $1`, [row.job_queue_id]);
    const job: ExhaustedJob = {
      id: String(row.id), task, payload: row.payload as ExhaustedJob['payload'], queueName: rows[0]?.name ?? null, jobKey: row.key,
      attempts: row.attempts, maxAttempts: row.max_attempts, createdAt: row.created_at,
    };
    await this.#options.onExhausted(job, error, client);
  }

  async #leaveExhausted(job: HeldJob, error: TdsError): Promise<void> {
    const { pool, names } = this.#options;
    await pool.query(
      `with j as (update ${names.jobs} set locked_by = null, locked_at = null, attempts = max_attempts, last_error = $3 where id = $1::bigint and locked_by = $2 returning *)
       update ${names.queues} q set locked_by = null, locked_at = null from j where q.id = j.job_queue_id and q.locked_by = $2`,
      [job.id, job.poolId, markedError(error.code, this.#text(error.message))]);
  }

  #values(job: HeldJob, outcome: AttemptOutcome, code: string | null, message: string | null, runId?: string): unknown[] {
    return [job.id, job.poolId, job.row.attempts, job.row.key !== null, code, message === null ? null : this.#text(message), this.#options.nodeId,
      job.since.toISOString(), runId ?? null, outcome];
  }

  #text(message: string): string {
    return storableText(this.#options.redact(message));
  }
}

/** A row of the jobs table as `returning *` gives it. */
export interface ExhaustedRow {
  readonly id: string; readonly job_queue_id: number | null; readonly task_id: number; readonly payload: unknown; readonly attempts: number; readonly max_attempts: number;
  readonly key: string | null; readonly created_at: Date; readonly last_error: string | null; readonly flags: Record<string, true> | null;
}

/** An error as `last_error` carries it, until `onExhausted` has been told. */
export function markedError(code: string, message: string): string {
  return `[${code}] ${message}`;
}

/** The reverse of {@link markedError}. */
export function readMarkedError(text: string | null): { code: string; message: string } | undefined {
  const found = /^\[([\w.]+)\] (.*)$/s.exec(text ?? '');
  return found ? { code: found[1] as string, message: found[2] as string } : undefined;
}
