import type { TimerClock } from '../monitor/clock.ts';
import type { Logger } from '../sdk/index.ts';
import type { Pool } from '../store/pool.ts';
import { createLimiter, type Limiter } from './limiter.ts';
import type { Limits } from './settings.ts';
import { windowStore } from './stores.ts';
import { createWindowMemory, type WindowMemory } from './window-memory.ts';

/** What the remote counts together: the calls of all connections that use one account. */
export interface Account {
  /** Names it in the database. */
  readonly name: string;
  readonly limiter: Limiter;
  readonly memory: WindowMemory | undefined;
  /** Lets go of it; the last one closes it. */
  release(): Promise<void>;
}

export interface AccountDeps {
  clock: TimerClock;
  log: Logger;
  /** Where a restart finds the calls of the last minute; without it they are forgotten. */
  pool?: Pool | undefined;
  /** For tests: see `LimiterDeps`. */
  margin?: number | undefined;
}

/** A limiter with its memory, for one user. */
export function openAccount(name: string, limits: Limits, { clock, log, pool, margin }: AccountDeps): Account {
  const limiter = createLimiter({ clock, limits, ...(margin === undefined ? {} : { margin }) });
  const memory = pool && limits.perMinute !== undefined
    ? createWindowMemory({ clock, log, limiter, perMinute: limits.perMinute, store: windowStore(pool, name) })
    : undefined;
  return {
    name, limiter, memory,
    async release() {
      limiter.close();
      await memory?.close();
    },
  };
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
      this.#limits.set(account, { ...limits, ...smaller('perMinute', limits, others), ...smaller('concurrent', limits, others) });
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

function smaller(name: 'perMinute' | 'concurrent', one: Limits, other: Limits): Limits {
  const value = Math.min(one[name] ?? Infinity, other[name] ?? Infinity);
  return value === Infinity ? {} : { [name]: value };
}
