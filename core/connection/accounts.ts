import { systemClock, type TimerClock } from '../monitor/clock.ts';
import type { Logger } from '../sdk/index.ts';
import type { Pool } from '../store/pool.ts';
import { createLimiter } from './limiter.ts';
import type { Limiter } from './limiter-types.ts';
import { pathMatcher, type PathMatcher } from './lanes.ts';
import { redisShareStore, type RedisAccess } from './redis-shares.ts';
import type { Limits, PathLimit } from './settings.ts';
import { shareStore } from './share-store.ts';
import { createShare, type Share } from './share.ts';

/** A limit with those who wait for it, and with what divides it between nodes. */
export interface Lane { readonly limiter: Limiter; readonly share: Share | undefined }

/** What the remote counts together: the calls of all connections that use one account. */
export interface Account extends Lane {
  /** Names it in the database. */
  readonly name: string;
  /** Stricter limits of some paths. */
  readonly paths: readonly (Lane & { matches: PathMatcher })[];
  /** Lets go of it; the last one closes it. */
  release(): Promise<void>;
}

export interface AccountDeps {
  clock: TimerClock;
  log: Logger;
  /** Where nodes divide the limits, and a restart finds the calls of the last minute. Without it the limits are this process's own. */
  pool?: Pool | undefined;
  /** Keeps the counts instead of the database, where it is configured. */
  redis?: RedisAccess | undefined;
  /** For tests: see `LimiterDeps`. */
  margin?: number | undefined;
}

/** Limiters with what divides them, for one user. */
export function openAccount(name: string, limits: Limits, deps: AccountDeps): Account {
  const main = openLane(name, limits, deps);
  const paths = (limits.paths ?? []).map((limit) => ({ ...openLane(`${name} ${limit.path}`, limit, deps), matches: pathMatcher(limit.path) }));
  return {
    name, ...main, paths,
    async release() {
      for (const { limiter } of [main, ...paths]) limiter.close();
      await Promise.all([main, ...paths].map(({ share }) => share?.close()));
    },
  };
}

function openLane(name: string, { perMinute, concurrent }: Omit<PathLimit, 'path'>, { clock, log, pool, redis, margin }: AccountDeps): Lane {
  const limits = { ...(perMinute === undefined ? {} : { perMinute }), ...(concurrent === undefined ? {} : { concurrent }) };
  if (!pool || Object.keys(limits).length === 0) return { limiter: createLimiter({ clock, limits, margin }), share: undefined };
  // A clock of its own (a test's) is the time of all who share it; else they go by the clock of the place that keeps the counts.
  const now = clock === systemClock ? undefined : () => clock.now().getTime();
  const rows = shareStore(pool, name, now);
  const share = createShare({ clock, log: log.child({ account: name }), limits, margin, store: redis ? redisShareStore({ rows, redis, account: name, log, now }) : rows });
  const limiter = createLimiter({ clock, limits, margin, divider: share });
  share.serve(limiter);
  return { limiter, share };
}

/**
 * Accounts that several connections share. Made once per process from all connections of the config, so that an account's
 * limit is the smallest that any of them names, whichever is used first.
 */
export class Accounts {
  readonly #limits = new Map<string, Limits>();
  readonly #open = new Map<string, { account: Account; users: number }>();
  readonly #deps: AccountDeps;

  constructor(members: Iterable<{ account: string; limits: Limits }>, deps: AccountDeps) {
    this.#deps = deps;
    for (const { account, limits } of members) {
      const others = this.#limits.get(account) ?? {};
      this.#limits.set(account, { ...limits, ...smallest(limits, others), paths: joinPaths(limits.paths ?? [], others.paths ?? []) });
    }
  }

  /** The account of this name; `release` it once. @throws RangeError for a name that was not among the members */
  share(name: string): Account {
    const limits = this.#limits.get(name);
    if (!limits) throw new RangeError(`no connection uses the account ${name}`);
    const entry = this.#open.get(name) ?? { account: openAccount(name, limits, this.#deps), users: 0 };
    entry.users += 1;
    this.#open.set(name, entry);
    return { ...entry.account, release: () => this.#release(name) };
  }

  async #release(name: string): Promise<void> {
    const entry = this.#open.get(name);
    if (!entry || --entry.users > 0) return;
    this.#open.delete(name);
    await entry.account.release();
  }
}

function smallest(one: Omit<PathLimit, 'path'>, other: Omit<PathLimit, 'path'>): Pick<Limits, 'perMinute' | 'concurrent'> {
  return Object.assign({}, ...(['perMinute', 'concurrent'] as const).map((name) => {
    const value = Math.min(one[name] ?? Infinity, other[name] ?? Infinity);
    return value === Infinity ? {} : { [name]: value };
  })) as Pick<Limits, 'perMinute' | 'concurrent'>;
}

/** Of a path that both name, the smaller limits. */
export function joinPaths(ones: readonly PathLimit[], others: readonly PathLimit[]): PathLimit[] {
  const joined = new Map(others.map((limit) => [limit.path, limit]));
  for (const limit of ones) joined.set(limit.path, { path: limit.path, ...smallest(limit, joined.get(limit.path) ?? limit) });
  return [...joined.values()];
}
