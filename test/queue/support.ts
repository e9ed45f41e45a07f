/** What the queue's tests share: short timings, a queue in this process, nodes in processes of their own, a table of effects. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createQueue, type ExhaustedJob, type Queue, type QueueOptions, type QueueTimings, type TaskHandler } from '../../core/queue/index.ts';
import type { Clock, Logger, TdsError } from '../../core/sdk/index.ts';
import type { Pool } from '../../core/store/pool.ts';
import { testDatabase, type TestDatabase } from '../support/database.ts';
import { Child } from '../support/processes.ts';

/** Loading takes longer than all else in a process that lives for a second. */
const compiled = join(tmpdir(), `tds-queue-compiled-${process.getuid?.() ?? 'user'}`);

export const timings = { beatMs: 100, deadMs: 1_500, sweepMs: 100, pollMs: 100, retryMs: 100 };

export const clock: Clock = {
  now: () => new Date(),
  sleep: () => Promise.reject(new Error('the queue does not sleep by the clock')),
};

/** Keeps what was logged; TDS_TEST_LOG shows it. */
export function collectingLog(): Logger & { readonly lines: string[] } {
  const lines: string[] = [];
  const write = (level: string) => (message: string, fields?: Record<string, unknown>): void => {
    const error = fields?.['error'];
    const line = `${level} ${message} ${JSON.stringify({ ...fields, ...(error instanceof Error ? { error: error.message } : {}) })}`;
    lines.push(line);
    if (process.env['TDS_TEST_LOG'] !== undefined) console.error(line);
  };
  const log = { lines, debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error'), child: (): Logger => log };
  return log;
}

export interface Exhausted { job: ExhaustedJob; error: TdsError }
export interface Bench {
  readonly database: TestDatabase; readonly pool: Pool; readonly exhausted: Exhausted[];
  /** A queue in this process; stopped at teardown. */
  queue(tasks: Record<string, TaskHandler>, options?: Partial<QueueOptions>): Queue & { readonly log: ReturnType<typeof collectingLog> };
  /** A node in a process of its own (`worker.ts`), taking jobs. */
  node(options?: WorkerOptions): Promise<Child>;
  /** Rows of `effects`, in order. */
  effects(): Promise<Effect[]>;
  /** Jobs and named queues that are locked. */
  locked(): Promise<number>;
  jobs(): Promise<{ id: string; attempts: number; run_at: Date; locked_by: string | null; last_error: string | null }[]>;
  outcomes(jobId: string): Promise<string[]>;
}
export interface Effect { job_id: string; attempt: number; node: string; note: string }
export interface WorkerOptions { readonly nodeId?: string; readonly concurrency?: number; readonly timings?: Partial<QueueTimings> }
interface Scope { teardown(action: () => unknown): unknown }

export async function bench(scope: Scope): Promise<Bench> {
  const queues: Queue[] = [];
  const children: Child[] = [];
  scope.teardown(async () => {
    for (const child of children) child.process.kill('SIGKILL');
    await Promise.all(queues.map((queue) => queue.stop({ drainMs: 500 })));
  });
  const database = await testDatabase(scope as Parameters<typeof testDatabase>[0]);
  const { pool, url } = database;
  await pool.query('create table effects (n serial primary key, job_id bigint, attempt int, node text, note text, at timestamptz default clock_timestamp())');
  const exhausted: Exhausted[] = [];
  return {
    database, pool, exhausted,
    queue(tasks, options = {}) {
      const log = collectingLog();
      const queue = createQueue({
        url, tasks, version: '0.1.0', concurrency: 4, clock, log, timings,
        onExhausted: async (job, error) => void exhausted.push({ job, error }), ...options,
      });
      queues.push(queue);
      return Object.assign(queue, { log });
    },
    async node(options = {}) {
      const child = new Child(scope as ConstructorParameters<typeof Child>[0], process.execPath, [fileURLToPath(new URL('worker.ts', import.meta.url)), JSON.stringify({ ...options, url })], { env: { ...process.env, NODE_COMPILE_CACHE: compiled } });
      children.push(child);
      await child.said(/^ready$/m);
      return child;
    },
    effects: async () => (await pool.query<Effect>('select job_id::text, attempt, node, note from effects order by n')).rows,
    locked: async () => (await pool.query<{ n: number }>(`select ((select count(*) from graphile_worker._private_jobs where locked_at is not null)
      + (select count(*) from graphile_worker._private_job_queues where locked_at is not null))::int as n`)).rows[0]?.n ?? -1,
    jobs: async () => (await pool.query('select id::text, attempts, run_at, locked_by, last_error from graphile_worker._private_jobs order by id')).rows,
    outcomes: async (jobId) => (await pool.query<{ outcome: string }>('select outcome from job_history where job_id = $1 order by ended_at', [jobId])).rows.map((row) => row.outcome),
  };
}

/** Resolves with the facts of the next event that `which` takes. */
export function next<K extends Parameters<Queue['on']>[0]>(queue: Queue, event: K, which: (facts: never) => boolean = () => true): Promise<Record<string, unknown>> {
  return new Promise((resolve) => {
    const off = queue.on(event, (facts) => {
      if (!which(facts as never)) return;
      off();
      resolve(facts as unknown as Record<string, unknown>);
    });
  });
}
