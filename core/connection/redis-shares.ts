/**
 * An account's state in Redis. Redis may go away and may forget, so a row in PostgreSQL says which of the two keeps the counts (the seat).
 * Each process looks at it before it believes Redis. Who can't reach Redis moves the seat; whoever had something from the old place has
 * used it up or lost it before the new one gives anything out. So there are never two who give out the same calls.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from '../sdk/index.ts';
import { emptyState, type AccountState } from './division.ts';
import { moveMs, moved, seatMs, type RowStore, type Seat } from './share-store.ts';
import type { ShareStore } from './share.ts';

/** What is needed of Redis. Each throws when it gives no answer within a second. */
export interface RedisAccess {
  /** The value, and Redis's time in ms from before it was read. */
  read(key: string): Promise<{ value: string | null; now: number }>;
  /** Writes `next` if `value` still stands there (null: nothing does). */
  swap(key: string, value: string | null, next: string): Promise<boolean>;
}

export interface RedisSharesDeps { rows: RowStore; redis: RedisAccess; account: string; log: Logger; now?: (() => number) | undefined }

/** How long Redis must be away before the seat moves, and how long it must have been there for all before it moves back. */
const awayMs = 3_000;
export const backMs = 600_000;
const mostTries = 100;
const notice = 'Redis can\'t be used; the limits are divided between nodes by PostgreSQL until it can';

class RedisAway extends Error {}

function away(cause: unknown): never {
  throw new RedisAway('Redis gives no answer', { cause });
}

const keyOf = (seat: Seat): string => `tds:limits:${seat.id}`;

export function redisShareStore(deps: RedisSharesDeps): ShareStore {
  const { rows, redis, log } = deps;
  const local = (): number => deps.now?.() ?? performance.now();
  let looked: { seat: Seat; at: number; untilOpen: number } | undefined;
  let awaySince: number | undefined;
  let inDatabase = false;

  /** The seat as it stands; the first process of all takes Redis. */
  async function seatNow(): Promise<{ seat: Seat; untilOpen: number }> {
    if (looked && local() - looked.at < seatMs) return { seat: looked.seat, untilOpen: looked.untilOpen - (local() - looked.at) };
    const at = local();
    const { seat, untilOpen } = await rows.changeRow(({ seat: stands, state }, now) => {
      if (stands) return { row: undefined, result: { seat: stands, untilOpen: stands.opensAt - now } };
      // Until now PostgreSQL may have kept them.
      const used = Object.keys(state.members).length > 0 || state.opensAt > now;
      const seat: Seat = { place: 'redis', id: randomUUID(), generation: 1, fresh: true, opensAt: used ? now + moveMs : now, missedAt: 0 };
      return { row: { state: emptyState, seat }, result: { seat, untilOpen: seat.opensAt - now } };
    });
    looked = { seat, at, untilOpen };
    return { seat, untilOpen };
  }

  /** Gives the seat to `place`, unless someone else has moved it. */
  async function move(from: Seat, place: Seat['place'], why: string): Promise<void> {
    looked = undefined;
    const done = await rows.changeRow((row, now) => (
      row.seat?.generation === from.generation ? { row: moved(from, place, now), result: true } : { row: undefined, result: false }));
    if (done) log.warn(`${why}; calls go on in ${Math.round(moveMs / 1000)} s, when all that was called before is older than a minute`, { account: deps.account, place });
  }

  async function inRedis<T>(seat: Seat, untilOpen: number, change: (state: AccountState, now: number) => { state: AccountState; result: T }): Promise<T> {
    const key = keyOf(seat);
    let began = false;
    for (let tries = 0, missing = 0; tries < mostTries; tries++) {
      const { value, now: its } = await redis.read(key).catch(away);
      const now = deps.now?.() ?? its;
      let state = value === null ? undefined : (JSON.parse(value) as AccountState);
      if (!state) {
        if (!(began ||= await takeFresh(seat))) {
          // Another process is about to write it; if it does not, Redis has lost it.
          if (++missing < 20) {
            await pause(50);
            continue;
          }
          await move(seat, 'redis', 'Redis has lost the counts of calls');
          throw new Error('Redis has lost the counts of calls');
        }
        state = { ...emptyState, opensAt: now + Math.max(0, untilOpen) };
      }
      const changed = change(state, now);
      if (await redis.swap(key, value, JSON.stringify(changed.state)).catch(away)) return changed.result;
    }
    throw new Error(`the limits of ${deps.account} could not be changed: others were always faster`);
  }

  /** Whether this process is the one that begins the generation. */
  async function takeFresh(seat: Seat): Promise<boolean> {
    if (!seat.fresh) return false;
    if (looked) looked.seat = { ...seat, fresh: false };
    return rows.changeRow((row) => (row.seat?.generation === seat.generation && row.seat.fresh
      ? { row: { state: row.state, seat: { ...row.seat, fresh: false } }, result: true } : { row: undefined, result: false }));
  }

  async function ofDatabase<T>(change: (state: AccountState, now: number) => { state: AccountState; result: T }): Promise<T> {
    const answers = await redis.read('tds:limits').then(() => true, () => false);
    const done = await rows.changeRow((row, now) => {
      if (row.seat?.place !== 'database') return { row: undefined, result: undefined };
      const changed = change(row.state, now);
      return { row: { state: changed.state, seat: { ...row.seat, missedAt: answers ? row.seat.missedAt : now } }, result: { result: changed.result, mayMove: answers && now - row.seat.missedAt > backMs, seat: row.seat } };
    });
    if (!done) {
      looked = undefined;
      throw new Error('the seat of the limits has just moved');
    }
    if (done.mayMove) await move(done.seat, 'redis', 'Redis is back');
    return done.result;
  }

  return {
    get notice() {
      return inDatabase ? notice : undefined;
    },
    async change(change) {
      const { seat, untilOpen } = await seatNow();
      inDatabase = seat.place === 'database';
      if (inDatabase) return ofDatabase(change);
      try {
        const result = await inRedis(seat, untilOpen, change);
        awaySince = undefined;
        return result;
      } catch (error) {
        if (!(error instanceof RedisAway)) throw error;
        awaySince ??= local();
        if (local() - awaySince >= awayMs) {
          awaySince = undefined;
          await move(seat, 'database', notice);
        }
        throw error;
      }
    },
  };
}
