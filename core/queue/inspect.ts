/** Looks at the queue for people, metrics and the healing; and the one thing a person does to a single job. */
import type { Queryable } from '../store/pool.ts';
import { flags } from './held.ts';
import { insertHistory } from './history.ts';
import type { Names } from './names.ts';
import type { NodeInfo, TaskStats } from './types.ts';

/** The living nodes, the oldest first. */
export async function listNodes(db: Pick<Queryable, 'query'>, names: Names): Promise<NodeInfo[]> {
  const { rows } = await db.query<NodeInfo>(
    `select node_id as "nodeId", min(host) as host, min(pid) as pid, min(version) as version, max(concurrency) as concurrency, max(roles) as roles, min(since) as since, max(beat_at) as "beatAt",
       extract(epoch from clock_timestamp() - max(beat_at))::float8 as "secondsSinceBeat", array_agg(pool_id order by since) as pools,
       coalesce((select array_agg(id::text) from ${names.nodes} m, unnest(m.in_flight) as f (id) where m.node_id = n.node_id), '{}') as "inFlight"
     from ${names.nodes} n group by node_id order by min(since), node_id`);
  return rows;
}

/** Depth and age by task. Reads the whole jobs table: not more often than some seconds apart. */
export async function taskStats(db: Pick<Queryable, 'query'>, names: Names): Promise<TaskStats[]> {
  const { rows } = await db.query<TaskStats>(
    `select t.identifier as task,
       count(*) filter (where j.is_available and j.run_at <= now())::int as waiting,
       count(*) filter (where j.is_available and j.run_at > now())::int as later,
       count(*) filter (where j.locked_at is not null)::int as running,
       count(*) filter (where j.locked_at is null and not j.is_available)::int as exhausted,
       coalesce(extract(epoch from now() - min(j.run_at) filter (where j.is_available and j.run_at <= now())), 0)::float8 as "oldestSeconds"
     from ${names.jobs} j join ${names.tasks} t on t.id = j.task_id group by t.identifier order by t.identifier`);
  return rows;
}

/** Removes a waiting job, or marks a running one: its node sees the mark at its next beat. */
export async function cancelJob(db: Queryable, names: Names, jobId: string): Promise<'removed' | 'marked' | 'unknown'> {
  if (!/^\d{1,18}$/.test(jobId)) return 'unknown';
  // Between the two a job may begin or end its run: look once more.
  for (let attempt = 0; attempt < 3; attempt++) {
    const removed = await db.query(
      `with j as (delete from ${names.jobs} where id = $1::bigint and locked_at is null returning *), l as (delete from ${names.losses} l using j where l.job_id = j.id),
       h as (${insertHistory(names, 'j', { outcome: "'cancelled'", attempt: 'h.attempts', code: 'null', message: 'null', node: 'null', pool: 'null', started: 'null' })})
       select id from j`, [jobId]);
    if (removed.rows.length > 0) return 'removed';
    const marked = await db.query(
      `update ${names.jobs} set flags = coalesce(flags, '{}') || jsonb_build_object($2::text, true) where id = $1::bigint and locked_at is not null returning id`, [jobId, flags.cancelled]);
    if (marked.rows.length > 0) return 'marked';
  }
  return 'unknown';
}

/** What the queue needs beside the migrations: an index on the few jobs that are locked or exhausted, which the sweep reads each second. */
export async function prepareTables(db: Queryable, names: Names): Promise<boolean> {
  const { rows } = await db.query<{ tables: boolean; index: boolean }>(
    `select to_regclass($1) is not null and to_regclass($2) is not null as tables, exists (select from pg_indexes where schemaname = $3 and indexname = 'tds_unavailable') as index`,
    [names.nodes, names.jobs, names.workerSchema]);
  if (rows[0]?.tables !== true) return false;
  if (!rows[0].index) {
    // Nodes that start at once may race in it; the one that lost finds it there.
    await db.query(`create index if not exists tds_unavailable on ${names.jobs} (id) where not is_available`).catch((error: { code?: string }) => {
      if (error.code !== '23505' && error.code !== '42P07') throw error;
    });
  }
  return true;
}
