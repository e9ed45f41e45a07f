/** Single jobs, for people: those on the queue, and every attempt at one. */
import type { JsonObject } from '../sdk/index.ts';
import { pageOfList, type Page } from '../store/cursor.ts';
import { listAttempts, type JobAttempt } from '../store/job-attempts.ts';
import type { Queryable } from '../store/pool.ts';
import { readingOf } from '../store/session.ts';
import type { Names } from './names.ts';

/** `waiting`: ready to run. `later`: its time has not come. `exhausted`: without attempts, about to become a dead letter. */
export type JobState = 'waiting' | 'later' | 'running' | 'exhausted';

/** A job on the queue. */
export interface QueuedJob {
  id: string; task: string; state: JobState; runId: string | null; payload: JsonObject; queue: string | null; key: string | null; priority: number; attempts: number; maxAttempts: number;
  createdAt: Date; runAt: Date;
  /** Of a running one: since when, and where. */
  lockedAt: Date | null; node: string | null;
  /** Why the last attempt failed. */
  lastError: string | null;
}

/** All that is known of one job. */
export interface JobDetail extends Omit<QueuedJob, 'state' | 'priority' | 'maxAttempts' | 'createdAt' | 'runAt'> {
  state: JobState | 'ended';
  /** Null of one that has ended. */
  priority: number | null; maxAttempts: number | null; createdAt: Date | null; runAt: Date | null;
  /** The oldest first. */
  history: JobAttempt[];
}

export interface JobFilter extends Page { task?: string; state?: JobState }

const mostAttempts = 200;

const stateOf = `case when j.locked_at is not null then 'running' when not j.is_available then 'exhausted' when j.run_at <= now() then 'waiting' else 'later' end`;
/** Each is a plain condition, so that the queue's own indexes serve it. */
const conditions: Record<JobState, string> = {
  running: 'j.locked_at is not null and not j.is_available', exhausted: 'j.locked_at is null and not j.is_available', waiting: 'j.is_available and j.run_at <= now()', later: 'j.is_available and j.run_at > now()',
};

function select(names: Names): string {
  return `select j.id::text as id, t.identifier as task, ${stateOf} as state, j.payload->>'runId' as "runId", j.payload::jsonb as payload, q.queue_name as queue, j.key, j.priority::int as priority, j.attempts::int as attempts,
      j.max_attempts::int as "maxAttempts", j.created_at as "createdAt", j.run_at as "runAt", j.locked_at as "lockedAt", n.node_id as node, j.last_error as "lastError"
    from ${names.jobs} j join ${names.tasks} t on t.id = j.task_id left join ${names.queues} q on q.id = j.job_queue_id left join ${names.nodes} n on n.pool_id = j.locked_by`;
}

/** Jobs on the queue, the newest first unless it is asked otherwise. */
export async function listJobs(db: Pick<Queryable, 'query'>, names: Names, filter: JobFilter): Promise<QueuedJob[]> {
  const page = pageOfList('j.id', filter, 2);
  const { rows } = await db.query<QueuedJob>(`${select(names)} where ($1::text is null or j.task_id = (select id from ${names.tasks} where identifier = $1)) ${filter.state === undefined ? '' : `and ${conditions[filter.state]}`} ${page.text}`, [filter.task ?? null, ...page.values]);
  return rows;
}

/** One job, on the queue or over; undefined where nothing is known of it any more. */
export async function readJob(db: Pick<Queryable, 'query'>, names: Names, id: string): Promise<JobDetail | undefined> {
  if (!/^\d{1,18}$/.test(id)) return undefined;
  const { rows: [queued] } = await db.query<QueuedJob>(`${select(names)} where j.id = $1::bigint`, [id]);
  const attempts = await listAttempts(readingOf(db), { job: id, limit: mostAttempts });
  const history = attempts.toReversed();
  if (queued) return { ...queued, history };
  const [last] = attempts;
  if (!last) return undefined;
  const { rows: [asked] } = await db.query<Pick<QueuedJob, 'payload' | 'key'>>(`select payload, job_key as key from ${names.history} where job_id = $1::bigint order by ended_at desc limit 1`, [id]);
  const { task, runId, queue, attempt, message } = last;
  return { id, task, state: 'ended', runId, payload: asked?.payload ?? {}, queue, key: asked?.key ?? null, priority: null, attempts: attempt, maxAttempts: null, createdAt: null, runAt: null, lockedAt: null, node: null, lastError: message, history };
}

/** Lets a job whose time has not come run now. False: it is no such job. */
export async function hurryJob(db: Pick<Queryable, 'query'>, names: Names, id: string): Promise<boolean> {
  if (!/^\d{1,18}$/.test(id)) return false;
  const { rows } = await db.query(`update ${names.jobs} j set run_at = now(), updated_at = now() where id = $1::bigint and ${conditions.later} returning id`, [id]);
  return rows.length > 0;
}
