/** PostgreSQL's advisory locks by name. They belong to one database, and end with their connection or transaction at the latest. */
import { createHash } from 'node:crypto';
import type { SqlSession } from '../sdk/index.ts';
import type { Queryable } from './pool.ts';

/** The 64-bit number of a named lock, as text for a `bigint` parameter. */
export function lockNumber(space: string, name: string): string {
  return createHash('sha256').update(`tds\0${space}\0${name}`).digest().readBigInt64BE().toString();
}

/**
 * Runs `work` while this connection holds the named lock, waiting for it first. The client must not be shared with a transaction
 * pooler, and the wait counts against its statement timeout. Locks taken here and by `tryWithAdvisoryLock` exclude each other.
 */
export async function withAdvisoryLock<T>(client: Queryable, name: string, work: () => Promise<T>): Promise<T> {
  const number = lockNumber('session', name);
  await client.query('SELECT pg_advisory_lock($1::bigint)', [number]);
  return holding(client, number, work);
}

/** The same without waiting: undefined, and nothing run, where another holds the lock. */
export async function tryWithAdvisoryLock<T>(client: Queryable, name: string, work: () => Promise<T>): Promise<{ readonly value: T } | undefined> {
  const number = lockNumber('session', name);
  const { rows } = await client.query<{ got: boolean }>('SELECT pg_try_advisory_lock($1::bigint) AS got', [number]);
  return rows[0]?.got === true ? { value: await holding(client, number, work) } : undefined;
}

/** Takes a lock that the end of the running transaction frees; waits for it. `space` keeps the names of one subject apart from others'. */
export async function lockTransaction(client: Queryable, space: string, name: string): Promise<void> {
  await client.query('SELECT pg_advisory_xact_lock($1::bigint)', [lockNumber(space, name)]);
}

/** Takes several of them, in one order for all who ask: two who want the same ones wait for one another, and never crosswise. */
export async function lockTransactionAll(client: Pick<SqlSession, 'query'>, space: string, names: Iterable<string>): Promise<void> {
  const numbers = [...new Set(names)].map((name) => lockNumber(space, name));
  if (numbers.length > 0) await client.query('SELECT pg_advisory_xact_lock(number) FROM (SELECT unnest($1::bigint[]) AS number ORDER BY 1 OFFSET 0) n', [numbers]);
}

/** Takes one without waiting: false where another holds it. */
export async function tryLockTransaction(client: Queryable, space: string, name: string): Promise<boolean> {
  const { rows } = await client.query<{ got: boolean }>('SELECT pg_try_advisory_xact_lock($1::bigint) AS got', [lockNumber(space, name)]);
  return rows[0]?.got === true;
}

async function holding<T>(client: Queryable, number: string, work: () => Promise<T>): Promise<T> {
  let failed = true;
  try {
    const value = await work();
    failed = false;
    return value;
  } finally {
    const freed = client.query('SELECT pg_advisory_unlock($1::bigint)', [number]);
    // After a failure the unlock may fail too (connection lost, transaction aborted): the first error is the one to tell.
    await (failed ? freed.catch(() => {}) : freed);
  }
}
