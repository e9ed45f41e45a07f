/** For the healing: jobs that are held but don't get on, and jobs that are gone. */
import type { Queryable } from '../store/pool.ts';
import { markedError } from './settle.ts';
import { insertHistory, storableText } from './history.ts';
import type { Names } from './names.ts';

/** A job that a living pool has, and knows of. */
export interface HeldByNode { id: string; task: string; runId: string | null; /** What the job is about, where its payload says so and no run does. */ entity: string | null; lockedAt: Date; poolId: string; nodeId: string }

/** Jobs that living nodes work on. What dead nodes left locked is freed by the sweep, within seconds. */
export async function heldJobs(db: Queryable, names: Names): Promise<HeldByNode[]> {
  const { rows } = await db.query<HeldByNode>(
    `select j.id::text, t.identifier as task, j.payload->>'runId' as "runId", j.payload->>'entity' as entity, j.locked_at as "lockedAt", n.pool_id as "poolId", n.node_id as "nodeId"
     from ${names.jobs} j join ${names.tasks} t on t.id = j.task_id join ${names.nodes} n on n.pool_id = j.locked_by
     where not j.is_available and j.locked_at is not null and j.id = any (n.in_flight) order by j.id`);
  return rows;
}

/** Which of these jobs are on the queue, in whatever state. */
export async function jobsOnQueue(db: Queryable, names: Names, ids: readonly string[]): Promise<Set<string>> {
  const { rows } = await db.query<{ id: string }>(`select id::text from ${names.jobs} where id = any($1::bigint[])`, [ids]);
  return new Set(rows.map((row) => row.id));
}

/**
 * Takes a job from a pool that lives but doesn't get on with it, as if the pool had died: the pool learns of it at its next beat and aborts
 * the handler, whose writes the fence refuses from this moment. It counts as a loss. With `exhaust` the job is not tried again: the next
 * sweep hands it to `onExhausted` with this code and reason.
 * @returns false where the pool has it no longer
 */
export async function takeBack(db: Queryable, names: Names, held: Pick<HeldByNode, 'id' | 'poolId'>, why: { code: string; reason: string; exhaust: boolean }): Promise<boolean> {
  const reason = storableText(why.reason);
  const { rows } = await db.query(
    `with j as (select id, locked_at from ${names.jobs} where id = $1::bigint and locked_by = $2 for update),
     freed as (
       update ${names.jobs} u set locked_by = null, locked_at = null, updated_at = now(), run_at = now(), last_error = $3, attempts = case when $4::boolean then u.max_attempts else u.attempts end
       from j where u.id = j.id returning u.*, j.locked_at as since),
     unlocked as (update ${names.queues} q set locked_by = null, locked_at = null from freed where q.id = freed.job_queue_id and q.locked_by = $2),
     counted as (
       insert into ${names.losses} as l (job_id, losses, total, last_reason) select id, 1, 1, $5 from freed
       on conflict (job_id) do update set losses = l.losses + 1, total = l.total + 1, last_at = now(), last_reason = excluded.last_reason),
     noted as (${insertHistory(names, 'freed', { outcome: "'lost'", attempt: 'h.attempts', code: '$6::text', message: '$5::text', node: 'null', pool: '$2::text', started: 'h.since' })})
     select id from freed`, [held.id, held.poolId, markedError(why.code, reason), why.exhaust, reason, why.code]);
  return rows.length > 0;
}
