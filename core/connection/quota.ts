/** The calls of the day: counted by entity and purpose, corrected by what the service says, refused when they are used up. */
import { QuotaSpentError, type Clock, type Logger } from '../sdk/index.ts';
import { cureOf } from './codes.ts';
import { isUrgent, type CallContext } from './context.ts';
import type { Limits } from './settings.ts';
import { dayIn, nextDayIn, zoneOfMidnight } from './zone.ts';

/** What the service says of the day, such as by `X-Rate-Limit-Remaining`. */
export interface QuotaObservation {
  /** Calls that the day has in all. */
  limit?: number;
  remaining: number;
  /** When the day ends. */
  resetsAt?: Date;
}

export interface QuotaStatus {
  /** `2026-06-09`, in the service's zone. */
  day: string;
  zone: string;
  /** Calls of the day by whomever, as far as known. */
  used: number;
  /** The smaller of our own limit and the service's; undefined: none known. */
  limit?: number;
  resumesAt?: Date;
}

/** One line of the ledger. */
export interface QuotaEntry { day: string; entity: string; purpose: string; calls: number }

/** What the nodes know together about a day. */
export interface QuotaDay {
  /** Calls in the ledger. */
  calls: number;
  /** Calls beyond the ledger: made by others, or lost with a process. */
  elsewhere: number;
  /** The day's calls as the service says. */
  limit?: number;
  /** No call before this. */
  resumesAt?: Date;
}

/** Where the ledger is kept. */
export interface QuotaStore {
  /** Adds the entries and what was learned of the day, and answers what is known then. */
  save(day: string, entries: readonly QuotaEntry[], learned: Omit<QuotaDay, 'calls'>): Promise<QuotaDay>;
}

export interface Quota {
  /** Returns when the ledger of the day is loaded, at once from the second call on. */
  ready(): Promise<void>;
  /** @throws QuotaSpentError when no call of this kind may be made any more */
  check(context: CallContext): void;
  /** Counts a call; `-1` takes one back that was never sent. */
  add(context: CallContext, calls: 1 | -1): void;
  observe(observation: QuotaObservation): void;
  /** The service refused calls until then (such as Zoho's code 45). */
  spentUntil(moment: Date): void;
  setZone(zone: string): void;
  status(): QuotaStatus;
  /** Writes what isn't written yet. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

export interface QuotaDeps {
  connectionId: string;
  limits: Limits;
  clock: Clock & { after(ms: number, act: () => void): () => void };
  log: Logger;
  /** Zone of the service's day. Without it (or by `setZone`) it is learned from when the service says that its day ends; UTC until then. */
  zone?: string;
  /** Told of a zone that was learned, as an offset such as `+03:00`. */
  onZone?: (zone: string) => void;
  store?: QuotaStore;
  /** ms between two writes. Default 1,000. */
  interval?: number;
}

export function createQuota(deps: QuotaDeps): Quota {
  const { clock, limits, store } = deps;
  const interval = deps.interval ?? 1_000;
  let zone = deps.zone ?? 'UTC';
  let dayEnds = 0;
  /** A name is the service's own; an offset was learned, and may change with the seasons. */
  let isNamed = deps.zone !== undefined;
  let day = '';
  let known: QuotaDay = { calls: 0, elsewhere: 0 };
  let loaded: Promise<void> | undefined;
  let isLoaded = false;
  let pending = new Map<string, QuotaEntry>();
  let pendingCalls = 0;
  let learned = false;
  let flushing: Promise<void> = Promise.resolve();
  let cancelFlush: (() => void) | undefined;

  function turnDay(): void {
    const now = clock.now();
    if (now.getTime() < dayEnds && day !== '') return;
    const today = dayIn(zone, now);
    dayEnds = nextDayIn(zone, now).getTime();
    if (today === day) return;
    // What is pending keeps its own day and is written there.
    day = today;
    known = { calls: 0, elsewhere: 0, ...(known.resumesAt && known.resumesAt > now ? { resumesAt: known.resumesAt } : {}) };
    pendingCalls = 0;
    loaded = undefined;
    isLoaded = false;
  }

  const used = (): number => known.calls + known.elsewhere + pendingCalls;
  const limit = (): number | undefined => {
    if (limits.perDay === undefined || known.limit === undefined) return limits.perDay ?? known.limit;
    return Math.min(limits.perDay, known.limit);
  };

  function useZone(name: string): void {
    if (name === zone) return;
    zone = name;
    dayEnds = 0;
    turnDay();
  }

  function learnZone(name: string): void {
    if (name === zone) return;
    useZone(name);
    deps.onZone?.(name);
  }

  function check(context: CallContext): void {
    turnDay();
    const now = clock.now();
    const urgent = isUrgent(context);
    if (known.resumesAt && known.resumesAt > now) throw spent(known.resumesAt);
    const all = limit();
    if (all === undefined) return;
    const allowed = urgent ? all : Math.floor(all * (1 - (limits.reserve ?? 0)));
    if (used() >= allowed) throw spent(new Date(dayEnds), allowed < all ? `The ${allowed} calls of the day that bulk work may use` : `The ${all} calls of the day`);
  }

  function spent(resumesAt: Date, what = 'The calls of the day'): QuotaSpentError {
    return new QuotaSpentError('connection.quota_spent', `${what} are used up on ${deps.connectionId}; it goes on at ${resumesAt.toISOString()}.`, {
      resumesAt, suggestion: cureOf('connection.quota_spent'), details: { used: used(), day, zone },
    });
  }

  function arm(): void {
    if (!store || cancelFlush) return;
    cancelFlush = clock.after(interval, () => {
      cancelFlush = undefined;
      // What could not be written stays pending, for the next time.
      flush().catch((error: unknown) => {
        deps.log.warn('the quota ledger could not be written; it is tried again', { error });
        arm();
      });
    });
  }

  function flush(): Promise<void> {
    if (!store) return Promise.resolve();
    flushing = flushing.catch(() => {}).then(() => write(store));
    return flushing;
  }

  async function write(store: QuotaStore): Promise<void> {
    turnDay();
    const entries = [...pending.values()];
    if (entries.length === 0 && !learned && isLoaded) return;
    const today = day;
    const { calls: _calls, ...facts } = known;
    pending = new Map();
    learned = false;
    const written = entries.reduce((sum, entry) => sum + (entry.day === today ? entry.calls : 0), 0);
    try {
      const result = await store.save(today, entries, facts);
      if (today !== day) return;
      pendingCalls -= written;
      known = { ...result, elsewhere: Math.max(result.elsewhere, known.elsewhere) };
      isLoaded = true;
    } catch (error) {
      for (const entry of entries) count(entry, entry.calls);
      learned = true;
      throw error;
    }
  }

  function count(of: Omit<QuotaEntry, 'calls'>, calls: number): void {
    const name = `${of.day}\0${of.purpose}\0${of.entity}`;
    const entry = pending.get(name);
    if (entry) entry.calls += calls;
    else pending.set(name, { day: of.day, entity: of.entity, purpose: of.purpose, calls });
  }

  return {
    ready() {
      turnDay();
      if (isLoaded || !store) return Promise.resolve();
      loaded ??= flush().catch((error: unknown) => {
        loaded = undefined;
        deps.log.warn('the quota ledger could not be read; calls are counted from here', { error });
      });
      return loaded;
    },
    check,
    add(context, calls) {
      turnDay();
      pendingCalls += calls;
      if (!store) return;
      count({ day, entity: context.entity ?? '', purpose: context.purpose }, calls);
      arm();
    },
    observe({ limit: all, remaining, resetsAt }) {
      turnDay();
      const now = clock.now().getTime();
      // An answer from before midnight that arrives after it speaks of another day.
      if (!Number.isFinite(remaining) || (resetsAt && (resetsAt.getTime() <= now || resetsAt.getTime() > now + 90_000_000))) return;
      if (resetsAt && !isNamed) learnZone(zoneOfMidnight(resetsAt));
      const before = JSON.stringify(known);
      if (all !== undefined && all > 0) known.limit = all;
      const total = limit();
      if (total !== undefined) known.elsewhere = Math.max(known.elsewhere, (known.limit ?? total) - remaining - known.calls - pendingCalls);
      if (remaining <= 0) known.resumesAt = resetsAt ?? new Date(dayEnds);
      if (JSON.stringify(known) === before) return;
      learned = true;
      arm();
    },
    spentUntil(moment) {
      turnDay();
      known.resumesAt = moment;
      learned = true;
      arm();
    },
    setZone(name) {
      dayIn(name, clock.now());
      isNamed = !/^[+-]/.test(name);
      useZone(name);
    },
    status() {
      turnDay();
      const all = limit();
      const { resumesAt } = known;
      return { day, zone, used: used(), ...(all === undefined ? {} : { limit: all }), ...(resumesAt && resumesAt > clock.now() ? { resumesAt } : {}) };
    },
    flush,
    async close() {
      cancelFlush?.();
      cancelFlush = undefined;
      await flush();
    },
  };
}
