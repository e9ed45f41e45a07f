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
  /** The lines of a day, the most calls first. */
  entries(day: string): Promise<QuotaEntry[]>;
}

interface DayRow { elsewhere: number; day_limit: number | null; resumes_at: Date | null; paused_at: Date | null }

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
    async entries(day) {
      const { rows } = await pool.query<QuotaEntry>(
        'SELECT day::text AS day, entity, purpose, calls FROM quota_calls WHERE connection = $1 AND day = $2 AND calls > 0 ORDER BY calls DESC, entity, purpose', [connection, day]);
      return rows;
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
    ...(row.resumes_at === null ? {} : { resumesAt: row.resumes_at }),
    ...(row.paused_at === null ? {} : { pausedAt: row.paused_at }),
  };
}

/** The same in memory, for a connection without a database. */
export function memoryQuotaStore(): QuotaStore {
  const days = new Map<string, { known: Omit<QuotaDay, 'calls'>; entries: Map<string, QuotaEntry> }>();
  const of = (day: string): NonNullable<ReturnType<typeof days.get>> => {
    let known = days.get(day);
    if (!known) days.set(day, (known = { known: { elsewhere: 0 }, entries: new Map() }));
    return known;
  };
  return {
    async save(day, entries, learned) {
      const today = of(day);
      today.known = { ...today.known, ...learned };
      for (const entry of entries) {
        const lines = of(entry.day).entries;
        const name = `${entry.purpose}\0${entry.entity}`;
        lines.set(name, { ...entry, calls: entry.calls + (lines.get(name)?.calls ?? 0) });
      }
      return { ...today.known, calls: [...today.entries.values()].reduce((sum, { calls }) => sum + calls, 0) };
    },
    entries: async (day) => [...of(day).entries.values()].filter(({ calls }) => calls > 0).sort((a, b) => b.calls - a.calls || (a.entity < b.entity ? -1 : 1)),
  };
}
