/** What the tests of schedules share: definitions, and nodes on a real database whose clock the test moves. */
import type { Pool, PoolClient } from 'pg';
import type { ScheduleConfig } from '../../schemas/index.ts';
import { definitionsOf, type Definition } from '../../core/schedule/definition.ts';
import { Scheduler, type SchedulerDeps } from '../../core/schedule/scheduler.ts';
import type { EnqueueMany } from '../../core/operations/request-run.ts';
import { enqueueMany } from '../../core/queue/enqueue.ts';
import { namesOf } from '../../core/queue/names.ts';
import type { DatabaseAccess } from '../../core/sdk/index.ts';
import { listTicks, type Tick } from '../../core/store/ticks.ts';
import { databaseAccess, sessionOf } from '../../core/store/session.ts';
import { collectingLog } from '../queue/support.ts';
import { TestClock } from '../support/clock.ts';

export const minute = 60_000;
export const hour = 60 * minute;

export type Given = Partial<ScheduleConfig>;

/** A schedule as the config would have it, with the defaults. */
export function schedule(given: Given): ScheduleConfig {
  return {
    enabled: true, run: 'sync', entities: ['stock'], rules: [], priority: 'normal', jitter: 0, overlap: 'skip', missed: 'last', missedWithin: 24 * hour, pauseOnFailure: 0,
    exclude: { days: [], hours: [], dates: [] }, ...given,
  };
}

export function definitions(given: Record<string, Given>, timezone = 'UTC'): Map<string, Definition> {
  return definitionsOf({ timezone, schedules: Object.fromEntries(Object.entries(given).map(([id, one]) => [id, schedule(one)])) });
}

/** Adds jobs in the caller's session, as the queue does it. */
export const enqueue: EnqueueMany = (session, jobs) => enqueueMany(session as never, namesOf(), jobs);

export interface TestNode { scheduler: Scheduler; log: ReturnType<typeof collectingLog>; events: { name: string; detail: unknown }[]; cancelled: string[] }

/** A node that looks when the test says so. */
export function node(pool: Pool, known: ReadonlyMap<string, Definition>, more: Partial<SchedulerDeps> & { name?: string } = {}): TestNode {
  const { name = 'node-1', clock = new TestClock(), ...deps } = more;
  const log = collectingLog();
  const events: TestNode['events'] = [];
  const cancelled: string[] = [];
  const scheduler = new Scheduler({
    database: databaseAccess(pool), clock, log, enqueue, nodeId: () => name, isAtWork: () => true, now: async () => clock.now(),
    tell: (event, detail) => void events.push({ name: event, detail }), cancelJob: async (id) => void cancelled.push(id), ...deps,
  }, known);
  return { scheduler, log, events, cancelled };
}

/** All ticks, the oldest first. */
export async function ticks(pool: Pool): Promise<Tick[]> {
  const found = await databaseAccess(pool).transaction((session) => listTicks(session, { limit: 100_000 }));
  return found.toSorted((a, b) => a.schedule.localeCompare(b.schedule) || a.planned.getTime() - b.planned.getTime());
}

/** Ends all runs that are open, and the other work of ticks, as the queue's workers would. */
export async function endRuns(pool: Pool, status: string, at: Date): Promise<void> {
  await pool.query(`UPDATE runs SET status = $1, started_at = queued_at, ended_at = $2 WHERE ended_at IS NULL`, [status, at]);
  await pool.query(`UPDATE ticks SET status = $1, ended_at = $2 WHERE status IN ('queued', 'running') AND work <> 'sync'`, [status, at]);
}

/** A database of which a test can take a node away at any statement: its connection breaks, and the node hears nothing any more. */
export function mortalDatabase(pool: Pool): { database: DatabaseAccess; dieAfter(statements: number): void; dead: Promise<void> } {
  let left = Infinity;
  const died = Promise.withResolvers<void>();
  const forever = new Promise<never>(() => {});
  const query = async (client: PoolClient, text: string, values?: readonly unknown[]) => {
    left -= 1;
    if (left < 0) return forever;
    if (left > 0) return client.query(text, values as unknown[]);
    // The statement is sent and the process dies before it hears the answer: the server may have done it or not.
    const sent = client.query(text, values as unknown[]).catch(() => undefined);
    const pid = (client as unknown as { processID: number }).processID;
    if (values === undefined && Math.random() < 0.5) await sent;
    (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
    await gone(pool, pid);
    client.release(true);
    died.resolve();
    return forever;
  };
  return {
    dead: died.promise,
    dieAfter: (statements) => void (left = Math.min(left, statements)),
    database: {
      async transaction(use) {
        if (left <= 0) return forever;
        const client = await pool.connect();
        client.once('error', ignore);
        try {
          await query(client, 'BEGIN');
          const session = { ...sessionOf(client), query: async (text: string, values?: readonly unknown[]) => {
            const result = await query(client, text, values);
            return { rows: result.rows as Record<string, unknown>[], rowCount: result.rowCount ?? 0 };
          } };
          const value = await use(session as Parameters<typeof use>[0]);
          await query(client, 'COMMIT');
          client.off('error', ignore);
          client.release();
          return value;
        } catch (error) {
          client.release(true);
          throw error;
        }
      },
    },
  };
}

const ignore = (): void => undefined;

/** Resolves when the server has ended that connection, and with it the transaction. */
async function gone(pool: Pool, pid: number): Promise<void> {
  for (let there = true; there;) there = ((await pool.query('SELECT FROM pg_stat_activity WHERE pid = $1', [pid])).rowCount ?? 0) > 0;
}
