import type { ClientBase, Pool } from 'pg';
import type { DatabaseAccess, SqlSession } from '../sdk/index.ts';
import { copyFrom, withTransaction } from './pool.ts';

/** A pg client as the session that the pipeline and the plugins know. */
export function sessionOf(client: ClientBase): SqlSession {
  return {
    async query(text, values) {
      const result = await client.query(text, values as unknown[] | undefined);
      return { rows: result.rows, rowCount: result.rowCount ?? 0 };
    },
    copyFrom: (text, chunks) => copyFrom(client, text, chunks),
  };
}

/** TDS's own database as plugins and the pipeline use it. */
export function databaseAccess(pool: Pool): DatabaseAccess {
  return { transaction: (use) => withTransaction(pool, (client) => use(sessionOf(client))) };
}

/**
 * Runs a statement that compares two large sets, for the rest of the transaction without nested loops. PostgreSQL knows nothing about a
 * table that was filled a minute ago: it may take it for small and compare each row with each other one, 20,000 of them in 20 s.
 */
export async function bySets<T>(session: SqlSession, use: () => Promise<T>): Promise<T> {
  await session.query(`SELECT set_config('enable_nestloop', 'off', true)`);
  return use();
}
