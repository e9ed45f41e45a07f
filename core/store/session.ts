import type { ClientBase, Pool } from 'pg';
import type { DatabaseAccess, SqlSession } from '../sdk/index.ts';
import { copyFrom, withTransaction, type Queryable } from './pool.ts';

/** What can be asked one statement at a time: a session, or {@link Database.reads}. */
export type Reading = Pick<SqlSession, 'query'>;

/** TDS's own database as its core uses it. */
export interface Database extends DatabaseAccess {
  /** For what people and programs look at: each statement stands for itself, may change nothing, and never waits behind the work of a sync. */
  readonly reads: Reading;
  /** By the connections of the work, one statement that stands for itself: for who asks whether these can be had. */
  readonly work: Reading;
}

/** Who asks pg, a client or a pool, as one that answers rows. */
export function readingOf(db: Queryable): Reading {
  return {
    async query(text, values) {
      const result = await db.query(text, values as unknown[] | undefined);
      return { rows: result.rows as Record<string, unknown>[], rowCount: result.rowCount ?? 0 };
    },
  };
}

/** A pg client as the session that the pipeline and the plugins know. */
export function sessionOf(client: ClientBase): SqlSession {
  return { ...readingOf(client), copyFrom: (text, chunks) => copyFrom(client, text, chunks) };
}

/** TDS's own database. `looks` are the connections of those who only read, by default the same. */
export function databaseAccess(pool: Pool, looks: Pool = pool): Database {
  return { transaction: (use) => withTransaction(pool, (client) => use(sessionOf(client))), reads: readingOf(looks), work: readingOf(pool) };
}

/**
 * Runs a statement that compares two large sets, for the rest of the transaction without nested loops. PostgreSQL knows nothing about a
 * table that was filled a minute ago: it may take it for small and compare each row with each other one, 20,000 of them in 20 s.
 */
export async function bySets<T>(session: SqlSession, use: () => Promise<T>): Promise<T> {
  await session.query(`SELECT set_config('enable_nestloop', 'off', true)`);
  return use();
}
