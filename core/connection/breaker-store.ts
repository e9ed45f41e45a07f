/** Breakers that are not closed, one row each, for all nodes and over restarts. The pool's search path must be TDS's schema. */
import { randomUUID } from 'node:crypto';
import type { Pool } from '../store/pool.ts';

/** An open breaker. Times in ms, by the clock of connections. */
export interface OpenBreaker { resumesAt: number; code?: string }

export interface BreakerStore {
  /** Undefined: it is closed. */
  read(): Promise<OpenBreaker | undefined>;
  /** Opens it, or lets it rest for longer. */
  open(breaker: OpenBreaker): Promise<void>;
  /** @returns whether it was open */
  close(): Promise<boolean>;
  /** Takes the right to the one call that tries, until `until`. False where another process has it, or the rest isn't over; true for a breaker that was closed meanwhile. */
  probe(now: number, until: number): Promise<boolean>;
}

interface BreakerRow { resumes_at: string | number; code: string | null }

/** SQL that selects the row of a breaker; `connection` is an expression. */
export function breakerRow(connection: string): string {
  return `SELECT resumes_at, code FROM breakers WHERE connection = ${connection}`;
}

export function breakerOf(row: BreakerRow | null | undefined): OpenBreaker | undefined {
  return row ? { resumesAt: Number(row.resumes_at), ...(row.code === null ? {} : { code: row.code }) } : undefined;
}

export function breakerStore(pool: Pool, connection: string): BreakerStore {
  const me = randomUUID();
  return {
    async read() {
      return breakerOf((await pool.query<BreakerRow>(breakerRow('$1'), [connection])).rows[0]);
    },
    async open({ resumesAt, code }) {
      await pool.query(
        `INSERT INTO breakers (connection, resumes_at, code) VALUES ($1, $2, $3)
         ON CONFLICT (connection) DO UPDATE SET resumes_at = excluded.resumes_at, code = excluded.code, probe = NULL, probe_until = NULL`,
        [connection, Math.ceil(resumesAt), code ?? null]);
    },
    async close() {
      const { rowCount } = await pool.query('DELETE FROM breakers WHERE connection = $1', [connection]);
      return (rowCount ?? 0) > 0;
    },
    async probe(now, until) {
      const { rows } = await pool.query<{ mine: boolean }>(
        `WITH taken AS (
           UPDATE breakers SET probe = $2, probe_until = $4
           WHERE connection = $1 AND resumes_at <= $3 AND (probe_until IS NULL OR probe_until <= $3 OR probe = $2) RETURNING 1)
         SELECT exists (SELECT FROM taken) OR NOT exists (SELECT FROM breakers WHERE connection = $1) AS mine`,
        [connection, me, Math.floor(now), Math.ceil(until)]);
      return rows[0]?.mine === true;
    },
  };
}
