/** Finished attempts: the columns, and the partitions by age. */
import type { Queryable } from '../store/pool.ts';
import { quoteIdentifier, quoteLiteral, quoteQualified } from '../store/sql.ts';
import type { Names } from './names.ts';

/** Days for which partitions stand ready. */
const aheadDays = 3;
const longestMessage = 2_000;

/**
 * `insert … select` of one history row per row of `source`, a CTE of columns of the jobs table. `outcome`, `code` and the rest are SQL.
 * It stands in the statement that ends the attempt, so that both land or none.
 */
export function insertHistory(names: Names, source: string, sql: {
  outcome: string; code: string; message: string; node: string; pool: string; started: string; attempt: string; runId?: string;
}): string {
  return `insert into ${names.history} (ended_at, started_at, job_id, task, payload, queue, job_key, run_id, attempt, outcome, error_code, error_message, node_id, pool_id)
    select clock_timestamp(), ${sql.started}, h.id, (select t.identifier from ${names.tasks} t where t.id = h.task_id), h.payload::jsonb,
      (select q.queue_name from ${names.queues} q where q.id = h.job_queue_id), h.key, coalesce(${sql.runId ?? 'null::text'}, h.payload->>'runId'), ${sql.attempt},
      ${sql.outcome}, ${sql.code}, ${sql.message}, ${sql.node}, ${sql.pool}
    from ${source} h`;
}

/** An error's text as it may be stored. */
export function storableText(text: string): string {
  const clean = text.replaceAll('\0', '\uFFFD').toWellFormed();
  return clean.length > longestMessage ? `${clean.slice(0, longestMessage)}…`.toWellFormed() : clean;
}

/**
 * Makes the partitions of the next days and drops those older than `keepDays`. Run by the sweeper each hour.
 * Anything that fails here costs only tidiness: rows without a partition land in the default one.
 * @returns the names of the dropped partitions
 */
export async function maintainHistory(client: Queryable, names: Names, keepDays: number): Promise<string[]> {
  const { rows } = await client.query<{ name: string; wanted: boolean; present: boolean; from: string; until: string }>(
    `with wanted as (
       select 'job_history_' || to_char(d, 'YYYYMMDD') as name, d::text || ' UTC' as from, (d + 1)::text || ' UTC' as until
       from generate_series(0, $1::int) i, lateral (select ((now() at time zone 'UTC')::date + i) as d) s),
     present as (
       select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = $2::regclass)
     select name, w.name is not null as wanted, p.name is not null as present, w.from, w.until from wanted w full join present p using (name)`,
    [aheadDays, names.history]);
  for (const row of rows) {
    if (!row.wanted || row.present) continue;
    await client.query(`create table if not exists ${quoteQualified(names.schema, row.name)} partition of ${names.history}
      for values from (${quoteLiteral(row.from)}) to (${quoteLiteral(row.until)})`);
  }
  const oldest = new Date(Date.now() - keepDays * 86_400_000).toISOString().slice(0, 10).replaceAll('-', '');
  const old = rows.filter((row) => row.present && /^job_history_\d{8}$/.test(row.name) && row.name.slice(-8) < oldest).map((row) => row.name);
  for (const name of old) await client.query(`drop table ${quoteIdentifier(names.schema)}.${quoteIdentifier(name)}`);
  await client.query(`delete from ${quoteQualified(names.schema, 'job_history_default')} where ended_at < now() - make_interval(days => $1)`, [keepDays]);
  return old;
}
