/** Finished attempts: the columns, and the partitions by age. */
import { withTransaction, type Pool } from '../store/pool.ts';
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
 * Makes the partitions of the next days and drops those older than `keepDays`. Run by the sweeper before its first sweep, and each hour.
 * Anything that fails here costs only tidiness, and nothing that comes after it: rows without a partition land in the default one.
 * @returns the names of the dropped partitions, and what failed
 */
export async function maintainHistory(pool: Pool, names: Names, keepDays: number): Promise<{ dropped: string[]; failures: unknown[] }> {
  const failures: unknown[] = [];
  const attempt = (work: () => Promise<unknown>): Promise<boolean> => work().then(() => true, (error: unknown) => {
    failures.push(error);
    return false;
  });
  const { rows } = await pool.query<{ name: string; wanted: boolean; present: boolean; from: string; until: string }>(
    `with wanted as (
       select 'job_history_' || to_char(d, 'YYYYMMDD') as name, d::text || ' UTC' as from, (d + 1)::text || ' UTC' as until
       from generate_series(0, $1::int) i, lateral (select ((now() at time zone 'UTC')::date + i) as d) s),
     present as (
       select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = $2::regclass)
     select name, w.name is not null as wanted, p.name is not null as present, w.from, w.until from wanted w full join present p using (name)`,
    [aheadDays, names.history]);
  for (const row of rows) {
    if (row.wanted && !row.present) await attempt(() => makePartition(pool, names, row));
  }
  const oldest = new Date(Date.now() - keepDays * 86_400_000).toISOString().slice(0, 10).replaceAll('-', '');
  const old = rows.filter((row) => row.present && /^job_history_\d{8}$/.test(row.name) && row.name.slice(-8) < oldest).map((row) => row.name);
  const dropped: string[] = [];
  for (const name of old) if (await attempt(() => pool.query(`drop table ${quoteIdentifier(names.schema)}.${quoteIdentifier(name)}`))) dropped.push(name);
  await attempt(() => pool.query(`delete from ${defaultOf(names)} where ended_at < now() - make_interval(days => $1)`, [keepDays]));
  return { dropped, failures };
}

/**
 * Attached, not created in its place: what lies in the default partition already moves over first, such as what the first sweep after some
 * days off has written; PostgreSQL would refuse the partition for it. Nobody writes meanwhile.
 */
function makePartition(pool: Pool, names: Names, { name, from, until }: { name: string; from: string; until: string }): Promise<void> {
  const table = quoteQualified(names.schema, name);
  return withTransaction(pool, async (client) => {
    await client.query(`lock table ${names.history} in share update exclusive mode`);
    await client.query(`lock table ${defaultOf(names)} in access exclusive mode`);
    const { rows } = await client.query<{ present: boolean }>('select exists (select from pg_inherits where inhrelid = to_regclass($1)) as present', [table]);
    if (rows[0]?.present) return; // another node was faster
    await client.query(`create table ${table} (like ${names.history} including all)`);
    await client.query(`with moved as (delete from ${defaultOf(names)} where ended_at >= $1::timestamptz and ended_at < $2::timestamptz returning *) insert into ${table} select * from moved`, [from, until]);
    await client.query(`alter table ${names.history} attach partition ${table} for values from (${quoteLiteral(from)}) to (${quoteLiteral(until)})`);
  });
}

function defaultOf(names: Names): string {
  return quoteQualified(names.schema, 'job_history_default');
}
