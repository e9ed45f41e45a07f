/** Keeps the history of records in partitions of a month, and drops what is older than it is to be kept. */
import type { SqlSession } from '../sdk/index.ts';
import { trimRuns } from './runs.ts';
import { quoteIdentifier, quoteLiteral } from './sql.ts';

/** How long what is kept, in milliseconds. */
export interface Retention { rawHistory: number; runs: number; quota: number }

/** What a maintenance did. */
export interface Maintained { made: string[]; dropped: string[]; runs: number; /** Lines of the ledger of calls. */ quota: number }

const monthsAhead = 3;

/**
 * Makes the partitions of this month and the next ones, drops the months that are wholly older than `rawHistory`, and
 * removes runs that ended longer ago than `runs` and the ledger of calls beyond `quota`. Safe beside other nodes and as often as one likes; where another node is
 * at it, nothing is done. Called at a start and once a day.
 */
export async function maintainPartitions(session: SqlSession, now: Date, keep: Retention): Promise<Maintained> {
  const turn = await session.query(`SELECT pg_try_advisory_xact_lock(hashtextextended('tds.partitions', 0)) AS mine`);
  if (turn.rows[0]?.['mine'] !== true) return { made: [], dropped: [], runs: 0, quota: 0 };
  // a long transaction that reads the history must not hold up the writers that would queue behind this
  await session.query(`SET LOCAL lock_timeout = '2s'`);
  const result = await session.query(`SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'record_history'::regclass`);
  const present = new Set(result.rows.map((row) => row['name'] as string));
  const made: string[] = [];
  for (let ahead = 0; ahead <= monthsAhead; ahead += 1) {
    const from = monthOf(now, ahead);
    if (present.has(nameOf(from))) continue;
    await makePartition(session, from, monthOf(now, ahead + 1));
    made.push(nameOf(from));
  }
  const oldest = new Date(now.getTime() - keep.rawHistory);
  const dropped = [...present].filter((name) => /^record_history_\d{6}$/.test(name) && name < nameOf(monthOf(oldest, 0)));
  for (const name of dropped) await session.query(`DROP TABLE ${quoteIdentifier(name)}`);
  await session.query('DELETE FROM record_history_default WHERE replaced_at < $1', [oldest]);
  return { made, dropped, runs: await trimRuns(session, new Date(now.getTime() - keep.runs)), quota: await trimQuota(session, new Date(now.getTime() - keep.quota)) };
}

/** Days are the services' own, so one more is kept than asked for. */
async function trimQuota(session: SqlSession, before: Date): Promise<number> {
  const days = await session.query(`DELETE FROM quota_days WHERE day < ($1::timestamptz AT TIME ZONE 'UTC')::date - 1`, [before]);
  const calls = await session.query(`DELETE FROM quota_calls WHERE day < ($1::timestamptz AT TIME ZONE 'UTC')::date - 1`, [before]);
  return days.rowCount + calls.rowCount;
}

/** Attached, not created in its place: that lets the writers go on, and what lies in the default partition already moves over first. */
async function makePartition(session: SqlSession, from: Date, until: Date): Promise<void> {
  const name = quoteIdentifier(nameOf(from));
  await session.query(`CREATE TABLE ${name} (LIKE record_history INCLUDING ALL)`);
  await session.query(`WITH moved AS (DELETE FROM record_history_default WHERE replaced_at >= $1 AND replaced_at < $2 RETURNING *) INSERT INTO ${name} SELECT * FROM moved`, [from, until]);
  await session.query(`ALTER TABLE record_history ATTACH PARTITION ${name} FOR VALUES FROM (${quoteLiteral(from.toISOString())}) TO (${quoteLiteral(until.toISOString())})`);
}

/** The begin of the month, in UTC. */
function monthOf(time: Date, ahead: number): Date {
  return new Date(Date.UTC(time.getUTCFullYear(), time.getUTCMonth() + ahead, 1));
}

function nameOf(month: Date): string {
  return `record_history_${month.toISOString().slice(0, 7).replace('-', '')}`;
}
