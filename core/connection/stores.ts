/** What a connection keeps in PostgreSQL, but for its tokens and the ledger of its calls. The pool's search path must be TDS's schema. */
import type { JsonValue, StateStore } from '../sdk/index.ts';
import type { Pool } from '../store/pool.ts';
import { parseJson } from './json-lossless.ts';

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
