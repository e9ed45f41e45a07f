/** What a connection keeps in PostgreSQL, but for its tokens. The pool's search path must be TDS's schema. */
import type { JsonValue, StateStore } from '../sdk/index.ts';
import { withTransaction, type Pool } from '../store/pool.ts';
import { parseJson } from './json-lossless.ts';
import type { QuotaStore } from './quota.ts';

/** The ledger of one connection. */
export function quotaStore(pool: Pool, connection: string): QuotaStore {
  return {
    save: (day, entries, learned) =>
      withTransaction(pool, async (client) => {
        if (entries.length > 0) {
          await client.query(
            `INSERT INTO quota_calls (connection, day, entity, purpose, calls)
             SELECT $1, day, entity, purpose, calls FROM jsonb_to_recordset($2::jsonb) AS e (day date, entity text, purpose text, calls integer)
             ORDER BY day, entity, purpose
             ON CONFLICT (connection, day, entity, purpose) DO UPDATE SET calls = quota_calls.calls + excluded.calls`,
            [connection, JSON.stringify(entries.filter(({ calls }) => calls !== 0))],
          );
        }
        const { rows } = await client.query<{ elsewhere: number; day_limit: number | null; resumes_at: Date | null; calls: string }>(
          `WITH learned AS (
             INSERT INTO quota_days (connection, day, elsewhere, day_limit, resumes_at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (connection, day) DO UPDATE SET
               elsewhere = greatest(quota_days.elsewhere, excluded.elsewhere),
               day_limit = coalesce(excluded.day_limit, quota_days.day_limit),
               resumes_at = greatest(quota_days.resumes_at, excluded.resumes_at)
             RETURNING elsewhere, day_limit, resumes_at
           )
           SELECT learned.*, (SELECT coalesce(sum(calls), 0) FROM quota_calls WHERE connection = $1 AND day = $2) AS calls FROM learned`,
          [connection, day, learned.elsewhere, learned.limit ?? null, learned.resumesAt ?? null],
        );
        const [row] = rows;
        if (!row) throw new Error('the ledger answered nothing');
        return {
          calls: Number(row.calls),
          elsewhere: row.elsewhere,
          ...(row.day_limit === null ? {} : { limit: row.day_limit }),
          ...(row.resumes_at === null ? {} : { resumesAt: row.resumes_at }),
        };
      }, { retries: 3 }),
  };
}

/** What a connector keeps. `onChange` is told of each value that is read or set here. */
export function stateStore(pool: Pool, connection: string, onChange: (name: string, value: JsonValue) => void = () => {}): StateStore {
  return {
    async get(name) {
      const { rows } = await pool.query<{ value: string }>('SELECT value::text FROM plugin_state WHERE connection = $1 AND name = $2', [connection, name]);
      const [row] = rows;
      if (!row) return undefined;
      const value = parseJson(row.value);
      onChange(name, value);
      return value;
    },
    async set(name, value) {
      await pool.query(
        `INSERT INTO plugin_state (connection, name, value) VALUES ($1, $2, $3)
         ON CONFLICT (connection, name) DO UPDATE SET value = excluded.value, updated_at = now()`,
        [connection, name, JSON.stringify(value)],
      );
      onChange(name, value);
    },
    async delete(name) {
      await pool.query('DELETE FROM plugin_state WHERE connection = $1 AND name = $2', [connection, name]);
    },
  };
}

/** The same in memory, for tests and for a connection without a database. */
export function memoryStateStore(onChange: (name: string, value: JsonValue) => void = () => {}): StateStore {
  const values = new Map<string, string>();
  return {
    async get(name) {
      const text = values.get(name);
      return text === undefined ? undefined : parseJson(text);
    },
    async set(name, value) {
      values.set(name, JSON.stringify(value));
      onChange(name, value);
    },
    async delete(name) {
      values.delete(name);
    },
  };
}
