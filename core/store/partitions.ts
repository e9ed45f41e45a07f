/** Keeps what grows by time in partitions, and drops what is older than it is to be kept. */
import type { SqlSession } from '../sdk/index.ts';
import { trimRuns } from './runs.ts';
import { quoteIdentifier, quoteLiteral } from './sql.ts';
import { trimGaps } from './webhook-gaps.ts';
import { dropOrphans } from './webhook-inbox.ts';

/** How long what is kept, in milliseconds. */
export interface Retention { rawHistory: number; runs: number; webhooks: number; quota: number }

/** What a maintenance did. */
export interface Maintained { made: string[]; dropped: string[]; runs: number; /** Lines of the ledger of calls. */ quota: number }

/** A table in partitions of a month (`_202601`) or a day (`_20260131`), with a default one for what no other takes. */
interface Partitioned { table: string; column: string; by: 'month' | 'day'; ahead: number; keep: keyof Retention; /** Rows for which a partition stays, however old. */ unless?: string }

const partitioned: readonly Partitioned[] = [
  { table: 'record_history', column: 'replaced_at', by: 'month', ahead: 3, keep: 'rawHistory' },
  { table: 'webhook_inbox', column: 'received_at', by: 'day', ahead: 3, keep: 'webhooks', unless: 'outcome IS NULL' },
];

/**
 * Makes the partitions of now and those that come next, drops those that are wholly older than they are to be kept, and
 * removes runs that ended longer ago than `runs` and the ledger of calls beyond `quota`. Safe beside other nodes and as often as one likes; where another node is
 * at it, nothing is done. Called at a start and once an hour.
 * @param hearing entities whose messages may wait for longer than messages are kept; those of others would hold their partitions for ever
 */
export async function maintainPartitions(session: SqlSession, now: Date, keep: Retention, hearing?: readonly string[]): Promise<Maintained> {
  const turn = await session.query(`SELECT pg_try_advisory_xact_lock(hashtextextended('tds.partitions', 0)) AS mine`);
  if (turn.rows[0]?.['mine'] !== true) return { made: [], dropped: [], runs: 0, quota: 0 };
  // a long transaction that reads what is kept must not hold up the writers that would queue behind this
  await session.query(`SET LOCAL lock_timeout = '2s'`);
  const done: Maintained = { made: [], dropped: [], runs: 0, quota: 0 };
  if (hearing) await dropOrphans(session, hearing, new Date(now.getTime() - keep.webhooks));
  for (const one of partitioned) await maintain(session, one, now, new Date(now.getTime() - keep[one.keep]), done);
  await trimGaps(session, new Date(now.getTime() - keep.webhooks));
  return { ...done, runs: await trimRuns(session, new Date(now.getTime() - keep.runs)), quota: await trimQuota(session, new Date(now.getTime() - keep.quota)) };
}

async function maintain(session: SqlSession, one: Partitioned, now: Date, oldest: Date, done: Maintained): Promise<void> {
  const result = await session.query(`SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = $1::regclass`, [one.table]);
  const present = new Set(result.rows.map((row) => row['name'] as string));
  for (let ahead = 0; ahead <= one.ahead; ahead += 1) {
    const name = nameOf(one, beginOf(one, now, ahead));
    if (present.has(name)) continue;
    await makePartition(session, one, name, beginOf(one, now, ahead), beginOf(one, now, ahead + 1));
    done.made.push(name);
  }
  const first = nameOf(one, beginOf(one, oldest, 0));
  const old = [...present].filter((name) => new RegExp(`^${one.table}_\\d{${one.by === 'month' ? 6 : 8}}$`).test(name) && name < first);
  const dropped: string[] = [];
  for (const name of old) {
    if (one.unless !== undefined && (await session.query(`SELECT 1 FROM ${quoteIdentifier(name)} WHERE ${one.unless} LIMIT 1`)).rowCount > 0) continue;
    await session.query(`DROP TABLE ${quoteIdentifier(name)}`);
    dropped.push(name);
  }
  await session.query(`DELETE FROM ${quoteIdentifier(`${one.table}_default`)} WHERE ${quoteIdentifier(one.column)} < $1${one.unless === undefined ? '' : ` AND NOT (${one.unless})`}`, [oldest]);
  done.dropped.push(...dropped);
}

/** Attached, not created in its place: that lets the writers go on, and what lies in the default partition already moves over first. */
async function makePartition(session: SqlSession, { table, column }: Partitioned, partition: string, from: Date, until: Date): Promise<void> {
  const name = quoteIdentifier(partition);
  await session.query(`CREATE TABLE ${name} (LIKE ${quoteIdentifier(table)} INCLUDING ALL EXCLUDING IDENTITY)`);
  await session.query(`WITH moved AS (DELETE FROM ${quoteIdentifier(`${table}_default`)} WHERE ${quoteIdentifier(column)} >= $1 AND ${quoteIdentifier(column)} < $2 RETURNING *) INSERT INTO ${name} SELECT * FROM moved`, [from, until]);
  await session.query(`ALTER TABLE ${quoteIdentifier(table)} ATTACH PARTITION ${name} FOR VALUES FROM (${quoteLiteral(from.toISOString())}) TO (${quoteLiteral(until.toISOString())})`);
}

/** The begin of the month or the day, in UTC. */
function beginOf({ by }: Partitioned, time: Date, ahead: number): Date {
  return by === 'month' ? new Date(Date.UTC(time.getUTCFullYear(), time.getUTCMonth() + ahead, 1)) : new Date(Date.UTC(time.getUTCFullYear(), time.getUTCMonth(), time.getUTCDate() + ahead));
}

function nameOf({ table, by }: Partitioned, begin: Date): string {
  return `${table}_${begin.toISOString().slice(0, by === 'month' ? 7 : 10).replaceAll('-', '')}`;
}

/** Days are the services' own, so one more is kept than asked for. */
async function trimQuota(session: SqlSession, before: Date): Promise<number> {
  const days = await session.query(`DELETE FROM quota_days WHERE day < ($1::timestamptz AT TIME ZONE 'UTC')::date - 1`, [before]);
  const calls = await session.query(`DELETE FROM quota_calls WHERE day < ($1::timestamptz AT TIME ZONE 'UTC')::date - 1`, [before]);
  return days.rowCount + calls.rowCount;
}
