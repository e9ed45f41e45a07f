/** What the chaos tests hold every ending to: the table is the source, nothing came twice, nothing is left behind. */
import type { Pool } from '../../../core/store/pool.ts';

/** One record of the scripted source. */
export interface Thing extends Record<string, string | number> { id: string; name: string; price: number; modified: string }

/**
 * The table, made beforehand, with a trigger that writes down each change of a row that changes something. A state of a row never comes
 * again by itself (each change at the source is numbered, each mapping too), so one that is there twice is an effect that was doubled.
 */
export async function prepareAudit(pool: Pool): Promise<void> {
  await pool.query(`
    create schema if not exists erp;
    create schema if not exists chaos;
    create table erp.things (id text primary key, name text, price numeric(12,2), modified timestamptz, label text, deleted_at timestamptz);
    create table chaos.audit (n bigserial primary key, key text not null, modified timestamptz, state text not null, at timestamptz not null default clock_timestamp());
    create function chaos.note() returns trigger language plpgsql as $$ begin
      if tg_op = 'UPDATE' and old is not distinct from new then return null; end if;
      insert into chaos.audit (key, modified, state) values (new.id, new.modified, concat_ws('|', new.name, new.price, new.modified, new.label, new.deleted_at is not null));
      return null;
    end $$;
    create trigger audit after insert or update on erp.things for each row execute function chaos.note();`);
}

const some = (rows: readonly unknown[]): string => `${rows.length}, such as ${JSON.stringify(rows.slice(0, 3))}`;

/** The differences between the table and the source, in words. An incremental read can't see what is gone: `goneToo` is false after one. */
export async function differences(pool: Pool, truth: ReadonlyMap<string, Thing>, { label, goneToo }: { label: string; goneToo: boolean }): Promise<string[]> {
  const { rows } = await pool.query<{ id: string; text: string }>(
    `select id, concat_ws('|', name, price::float8, to_char(modified at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), label) as text from erp.things where deleted_at is null`);
  const found = new Map(rows.map((row) => [row.id, row.text]));
  const told: string[] = [];
  for (const [id, thing] of truth) {
    const right = [thing.name, thing.price, thing.modified, `${thing.name} ${label}`].join('|');
    if (found.get(id) !== right) told.push(`${id} is ${found.get(id) ?? 'missing'}, and ${right} at the source`);
  }
  if (goneToo) for (const id of found.keys()) if (!truth.has(id)) told.push(`${id} is not at the source`);
  return told.length > 5 ? [...told.slice(0, 5), `… and ${told.length - 5} more`] : told;
}

/** What came twice, went backwards, was counted wrongly, or is left behind. None when all is well and no run is under way. */
export async function leftovers(pool: Pool): Promise<string[]> {
  const looks: [what: string, query: string][] = [
    ['doubled effects', `select key, state, count(*)::int as times from chaos.audit group by 1, 2 having count(*) > 1`],
    ['stale writes', `select key, state from (select *, lag(modified) over (partition by key order by n) as before from chaos.audit) a where modified < before`],
    ['versions of raw records kept twice', `select key, count(*)::int from (select key, raw::text, deleted_at is null as live from tds.record_history
       union all select key, raw::text, deleted_at is null from tds.records) v where raw is not null group by key, raw, live having count(*) > 1`],
    ['counts that are not the effects', `select r.counted, a.effects from (select coalesce(sum(new + changed + deleted), 0)::int as counted from tds.runs) r, (select count(*)::int as effects from chaos.audit) a where counted <> effects`],
    ['runs that did not succeed', `select id::text, mode, status, code, reason from tds.runs where status <> 'succeeded'`],
    ['dead letters', 'select key, code, message from tds.dead_letters'],
    ['jobs', 'select id::text, locked_by, attempts, last_error from graphile_worker._private_jobs'],
    ['locked queues', 'select queue_name from graphile_worker._private_job_queues where locked_at is not null'],
  ];
  const told: string[] = [];
  for (const [what, query] of looks) {
    const { rows } = await pool.query(query);
    if (rows.length > 0) told.push(`${what}: ${some(rows)}`);
  }
  return told;
}
