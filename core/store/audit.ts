/** The rows of the audit, in partitions of a month. */
import type { JsonObject, SqlSession } from '../sdk/index.ts';
import { pageOfList, type Page } from './cursor.ts';
import type { Reading } from './session.ts';
import { quoteIdentifier, quoteLiteral } from './sql.ts';

/** One act, or the attempt at one. */
export interface AuditEntry {
  source: 'api' | 'cli';
  /** The name of a token, a user of the system, `open`, `nobody`. */
  actor: string;
  kind: 'open' | 'token' | 'session' | 'nobody' | 'user';
  tokenId: string | null;
  address: string | null;
  /** `POST /v1/runs`, `tds sync`. */
  action: string;
  /** What it was about, without secrets. */
  target: JsonObject;
  outcome: 'done' | 'refused' | 'failed';
  status: number | null;
  code: string | null;
}

export interface AuditRow extends AuditEntry { id: string; at: Date }

/** Which rows a list shows. */
export interface AuditFilter extends Page { actor?: string; source?: 'api' | 'cli'; action?: string; outcome?: AuditEntry['outcome']; since?: Date }

/** Rows come in the order of their ids, but for those whose transactions overlapped: by so many at most a time is missed when it is looked up. */
const overlap = 1000;

const monthsAhead = 3;

export async function insertAudit(session: SqlSession, entry: AuditEntry): Promise<void> {
  await session.query(
    `INSERT INTO audit (source, actor, kind, token_id, address, action, target, outcome, status, code) VALUES ($1, $2, $3, $4::bigint, $5, $6, $7::jsonb, $8, $9, $10)`,
    [entry.source, entry.actor, entry.kind, entry.tokenId, entry.address, entry.action, JSON.stringify(entry.target), entry.outcome, entry.status, entry.code]);
}

/** Rows, the newest first unless it is asked otherwise. */
export async function listAudit(session: Reading, filter: AuditFilter): Promise<AuditRow[]> {
  const page = pageOfList('audit.id', filter, 6);
  const since = filter.since ? `AND audit.id >= coalesce((SELECT id FROM audit WHERE at >= $5 ORDER BY at LIMIT 1), 9223372036854775807) - ${overlap}` : '';
  const { rows } = await session.query(
    `SELECT id::text AS id, at, source, actor, kind, token_id::text AS "tokenId", address, action, target, outcome, status, code FROM audit
      WHERE ($1::text IS NULL OR actor = $1) AND ($2::text IS NULL OR source = $2) AND ($3::text IS NULL OR action = $3) AND ($4::text IS NULL OR outcome = $4)
        AND ($5::timestamptz IS NULL OR at >= $5) ${since} ${page.text}`,
    [filter.actor ?? null, filter.source ?? null, filter.action ?? null, filter.outcome ?? null, filter.since ?? null, ...page.values]);
  return rows as unknown as AuditRow[];
}

/**
 * Makes the partitions of this month and the next ones, and drops the months that are wholly older than `oldest`: the only
 * way by which rows of the audit go. Called at a start, each hour, and where an insert finds no partition.
 */
export async function maintainAudit(session: SqlSession, now: Date, oldest: Date): Promise<{ made: string[]; dropped: string[] }> {
  await session.query(`SELECT pg_advisory_xact_lock(hashtextextended('tds.audit', 0))`);
  const result = await session.query(`SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'audit'::regclass`);
  const present = new Set(result.rows.map((row) => row['name'] as string));
  const made: string[] = [];
  for (let ahead = 0; ahead <= monthsAhead; ahead += 1) {
    const from = monthOf(now, ahead);
    if (present.has(nameOf(from))) continue;
    await makePartition(session, from, monthOf(now, ahead + 1));
    made.push(nameOf(from));
  }
  const dropped = [...present].filter((name) => name < nameOf(monthOf(oldest, 0)));
  for (const name of dropped) await session.query(`DROP TABLE ${quoteIdentifier(name)}`);
  return { made, dropped };
}

async function makePartition(session: SqlSession, from: Date, until: Date): Promise<void> {
  const name = quoteIdentifier(nameOf(from));
  await session.query(`CREATE TABLE ${name} PARTITION OF audit FOR VALUES FROM (${quoteLiteral(from.toISOString())}) TO (${quoteLiteral(until.toISOString())})`);
  await session.query(`CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON ${name} FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()`);
  // as on the audit itself: it holds too where a session has switched ordinary triggers off
  await session.query(`ALTER TABLE ${name} ENABLE ALWAYS TRIGGER audit_append_only, ENABLE ALWAYS TRIGGER audit_no_truncate`);
}

/** The begin of the month, in UTC. */
function monthOf(time: Date, ahead: number): Date {
  return new Date(Date.UTC(time.getUTCFullYear(), time.getUTCMonth() + ahead, 1));
}

function nameOf(month: Date): string {
  return `audit_${month.toISOString().slice(0, 7).replace('-', '')}`;
}
