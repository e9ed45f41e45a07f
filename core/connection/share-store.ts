/** An account's state in PostgreSQL: one row, changed by whoever read the version that it changes. The pool's search path must be TDS's schema. */
import { randomUUID } from 'node:crypto';
import type { Pool } from '../store/pool.ts';
import { emptyState, partMs, type AccountState } from './division.ts';
import type { ShareStore } from './share.ts';
import { windowMs } from './window.ts';

/** Which place keeps the counts of an account, where Redis may. */
export interface Seat {
  place: 'database' | 'redis';
  generation: number;
  /** Names the counts of this generation in Redis. */
  id: string;
  /** Nothing was counted in this generation yet. */
  fresh: boolean;
  /** Nothing is given out before, by the time of PostgreSQL, in ms. */
  opensAt: number;
  /** When a process last could not use Redis, by the same time. */
  missedAt: number;
}

export interface AccountRow { state: AccountState; seat: Seat | undefined }

export interface RowStore extends ShareStore {
  read(): Promise<AccountRow & { version: string; now: number }>;
  /** Changes the row as one step. `undefined`: nothing is to be changed. */
  changeRow<T>(change: (row: AccountRow, now: number) => { row: AccountRow | undefined; result: T }): Promise<T>;
}

const mostTries = 100;
/** How long a look at the seat holds, in ms. */
export const seatMs = 2_000;
/** After a move nothing is given out for so long: until parts of the old place have ended, and what was called by them is older than a minute. */
export const moveMs = seatMs + partMs + windowMs + 3_000;

/** The row after the seat went to `place`. */
export function moved(from: Seat, place: Seat['place'], now: number): AccountRow {
  const opensAt = now + moveMs;
  return { state: { ...emptyState, opensAt }, seat: { place, id: randomUUID(), generation: from.generation + 1, fresh: true, opensAt, missedAt: now } };
}

/** `now` takes the place of the database's clock, for a time that is not the machine's. */
export function shareStore(pool: Pool, account: string, now?: () => number): RowStore {
  async function read(): Promise<AccountRow & { version: string; now: number }> {
    for (;;) {
      const { rows: [row] } = await pool.query<{ version: string; state: Partial<AccountState>; seat: Seat | null; now: number }>(
        'SELECT version::text AS version, state, seat, (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now FROM account_shares WHERE account = $1', [account]);
      if (row) return { version: row.version, state: { ...emptyState, ...row.state }, seat: row.seat ?? undefined, now: now?.() ?? Math.floor(row.now) };
      await pool.query('INSERT INTO account_shares (account) VALUES ($1) ON CONFLICT DO NOTHING', [account]);
    }
  }

  async function changeRow<T>(change: (row: AccountRow, now: number) => { row: AccountRow | undefined; result: T }): Promise<T> {
    for (let tries = 0; tries < mostTries; tries++) {
      const { version, state, seat, now } = await read();
      const { row, result } = change({ state, seat }, now);
      if (!row) return result;
      const { rowCount } = await pool.query(
        'UPDATE account_shares SET version = version + 1, state = $3, seat = $4 WHERE account = $1 AND version = $2',
        [account, version, JSON.stringify(row.state), row.seat === undefined ? null : JSON.stringify(row.seat)]);
      if (rowCount === 1) return result;
    }
    throw new Error(`the limits of ${account} could not be changed: others were always faster`);
  }

  return {
    read, changeRow,
    change: (change) => changeRow((row, now) => {
      // Others were told of a Redis, this process was not: the counts have to stand where all can see them.
      const { state, seat } = row.seat?.place === 'redis' ? moved(row.seat, 'database', now) : row;
      const changed = change(state, now);
      return { row: { state: changed.state, seat: seat && { ...seat, missedAt: now } }, result: changed.result };
    }),
  };
}
