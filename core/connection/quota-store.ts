/** The ledger of the day's calls, as all nodes share it: what was called, by entity and purpose, and what was learned of the day. */
import type { QueryResult } from 'pg';
import { databaseErrorKind } from '../store/errors.ts';
import { toCount, type Pool } from '../store/pool.ts';
import { quoteLiteral } from '../store/sql.ts';

/** One line of the ledger. */
export interface QuotaEntry { day: string; entity: string; purpose: string; calls: number }

/** What the nodes know together about a day. */
export interface QuotaDay {
  /** Calls in the ledger. */
  calls: number;
  /** Calls beyond the ledger: made by others. */
  elsewhere: number;
  /** The day's calls as the service says. */
  limit?: number;
  /** No call before this. */
  resumesAt?: Date;
  /** When bulk work was first refused, as only the reserve was left. */
  pausedAt?: Date;
}

/** Where the ledger is kept. */
export interface QuotaStore {
  /** Adds the entries and what was learned of the day, and answers what is known then: of two callers one sees the other's. */
  save(day: string, entries: readonly QuotaEntry[], learned: Omit<QuotaDay, 'calls'>): Promise<QuotaDay>;
}

/** A day as the ledger has it. */
export interface LedgerDay { day: string; known: QuotaDay; entries: readonly QuotaEntry[] }

/** Times are texts where the row came as JSON. */
interface DayRow { elsewhere: number; day_limit: number | null; resumes_at: Date | string | null; paused_at: Date | string | null }

/** SQL that selects a day of the ledger, as JSON for `ledgerDayOf`; what is given are expressions. */
export function ledgerDayAsJson(connection: string, day: string): string {
  return `SELECT json_build_object('day', (SELECT row_to_json(d) FROM quota_days d WHERE d.connection = ${connection} AND d.day = ${day}),
    'lines', (SELECT json_agg(json_build_object('entity', c.entity, 'purpose', c.purpose, 'calls', c.calls)) FROM quota_calls c WHERE c.connection = ${connection} AND c.day = ${day}))`;
}

export function ledgerDayOf(day: string, json: unknown): LedgerDay {
  const { day: row, lines } = json as { day: DayRow | null; lines: Omit<QuotaEntry, 'day'>[] | null };
  const entries = (lines ?? []).map((line) => ({ day, ...line }));
  const calls = entries.reduce((sum, entry) => sum + entry.calls, 0);
  return { day, known: row ? dayOf(row, calls) : { calls, elsewhere: 0 }, entries };
}

const mostTries = 4;

/** The ledger of one connection. The pool's search path must be TDS's schema. */
export function quotaStore(pool: Pool, connection: string): QuotaStore {
  return {
    async save(day, entries, learned) {
      const text = saveText(connection, day, entries.filter(({ calls }) => calls !== 0), learned);
      for (let tries = 1; ; tries++) {
        try {
          // Several statements at once: pg answers a list then, and has no type for it.
          const results = await pool.query(text) as unknown as readonly QueryResult[];
          const [row, sum] = [results[0]?.rows[0] as DayRow | undefined, results.at(-1)?.rows[0] as { calls: string } | undefined];
          if (!row || !sum) throw new Error('the ledger answered nothing');
          return dayOf(row, toCount(sum.calls));
        } catch (error) {
          if (tries >= mostTries || databaseErrorKind(error) !== 'conflict') throw error;
        }
      }
    },
  };
}

/**
 * One transaction as one text, since a call waits for it: statements one by one would cost it a way to the database and back each, and the
 * other nodes, which wait for the row of the day, too. That row comes first: it is locked until the commit, so that the sum has all that
 * others have counted.
 */
function saveText(connection: string, day: string, entries: readonly QuotaEntry[], { elsewhere, limit, resumesAt, pausedAt }: Omit<QuotaDay, 'calls'>): string {
  const text = (value: string | number | Date | undefined): string => (value === undefined ? 'NULL' : quoteLiteral(value instanceof Date ? value.toISOString() : String(value)));
  const statements = [
    `INSERT INTO quota_days (connection, day, elsewhere, day_limit, resumes_at, paused_at) VALUES (${[connection, day, elsewhere, limit, resumesAt, pausedAt].map(text).join(', ')})
     ON CONFLICT (connection, day) DO UPDATE SET
       elsewhere = greatest(quota_days.elsewhere, excluded.elsewhere),
       day_limit = coalesce(excluded.day_limit, quota_days.day_limit),
       resumes_at = greatest(quota_days.resumes_at, excluded.resumes_at),
       paused_at = least(quota_days.paused_at, excluded.paused_at)
     RETURNING elsewhere, day_limit, resumes_at, paused_at`,
    entries.length > 0 && `INSERT INTO quota_calls (connection, day, entity, purpose, calls)
     SELECT ${text(connection)}, day, entity, purpose, calls FROM jsonb_to_recordset(${text(JSON.stringify(entries))}::jsonb) AS e (day date, entity text, purpose text, calls integer)
     ORDER BY day, entity, purpose
     ON CONFLICT (connection, day, entity, purpose) DO UPDATE SET calls = quota_calls.calls + excluded.calls`,
    `SELECT coalesce(sum(calls), 0) AS calls FROM quota_calls WHERE connection = ${text(connection)} AND day = ${text(day)}`,
  ];
  return statements.filter((statement) => statement !== false).join(';\n');
}

function dayOf(row: DayRow, calls: number): QuotaDay {
  return {
    calls, elsewhere: row.elsewhere,
    ...(row.day_limit === null ? {} : { limit: row.day_limit }),
    ...(row.resumes_at === null ? {} : { resumesAt: new Date(row.resumes_at) }),
    ...(row.paused_at === null ? {} : { pausedAt: new Date(row.paused_at) }),
  };
}
