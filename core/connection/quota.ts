/** The calls of the day: counted by entity and purpose, corrected by what the service says, refused when they are used up. */
import { QuotaSpentError } from '../sdk/index.ts';
import { cureOf } from './codes.ts';
import { isUrgent, type CallContext } from './context.ts';
import { Prepaid } from './prepaid.ts';
import { quotaReport } from './quota-report.ts';
import { memoryQuotaStore, type QuotaDay, type QuotaEntry } from './quota-store.ts';
import type { Quota, QuotaDeps, QuotaPause, TakenCall } from './quota-types.ts';
import { reservedCalls } from './settings.ts';
import { dayIn, nextDayIn, zoneOfMidnight } from './zone.ts';

export function createQuota(deps: QuotaDeps): Quota {
  const { clock, limits } = deps;
  const store = deps.store ?? memoryQuotaStore();
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
  const prepaid = new Prepaid();
  let learned = false;
  let flushing: Promise<void> = Promise.resolve();
  let cancelFlush: (() => void) | undefined;

  function turnDay(): void {
    const now = clock.now();
    if (now.getTime() < dayEnds && day !== '') return;
    const today = dayIn(zone, now);
    dayEnds = nextDayIn(zone, now).getTime();
    if (today === day) return;
    if (known.pausedAt) deps.log.info('the day has turned: bulk work goes on', { day: today });
    // What is pending keeps its own day and is written there.
    giveUpPrepaid();
    day = today;
    known = { calls: 0, elsewhere: 0, ...(known.resumesAt && known.resumesAt > now ? { resumesAt: known.resumesAt } : {}) };
    pendingCalls = 0;
    loaded = undefined;
    isLoaded = false;
  }

  /** Calls of ours that stand in the ledger, or will. */
  const ours = (): number => known.calls + pendingCalls - prepaid.left;
  const used = (): number => ours() + known.elsewhere;
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

  const reserve = (): number => reservedCalls(limits, limit());

  function check(context: CallContext, counted = 0): void {
    turnDay();
    const { resumesAt } = known;
    const bulk = !isUrgent(context);
    if (resumesAt && resumesAt > clock.now()) throw spent(bulk, resumesAt, 'The calls of the day');
    const all = limit();
    if (all === undefined) return;
    const kept = bulk ? reserve() : 0;
    if (used() - counted < all - kept) return;
    if (kept > 0) throw spent(bulk, new Date(dayEnds), `Of the ${all} calls of the day ${kept} are kept for webhooks, persons and repairs, and the others`, 'connection.quota_reserved');
    throw spent(bulk, new Date(dayEnds), `The ${all} calls of the day`);
  }

  function spent(bulk: boolean, resumesAt: Date, what: string, code: 'connection.quota_spent' | 'connection.quota_reserved' = 'connection.quota_spent'): QuotaSpentError {
    if (bulk) pause({ left: Math.max(0, (limit() ?? 0) - used()), reserve: reserve(), resumesAt });
    return new QuotaSpentError(code, `${what} are used up on ${deps.connectionId}; it goes on at ${resumesAt.toISOString()}.`, {
      resumesAt, suggestion: cureOf(code), details: { used: used(), day, zone },
    });
  }

  function pause(facts: QuotaPause): void {
    if (known.pausedAt) return;
    known.pausedAt = clock.now();
    learned = true;
    arm();
    deps.log.warn('bulk work pauses: what is left of the day is kept for webhooks, persons and repairs', { ...facts });
    deps.onPause?.(facts);
  }

  function take(context: CallContext): TakenCall {
    check(context);
    const line = { day, entity: context.entity ?? '', purpose: context.purpose };
    const isPrepaid = prepaid.use(line, clock.now().getTime());
    const extra = isPrepaid ? 0 : extraCalls();
    let isCounted = true;
    if (!isPrepaid) add(line, 1 + extra);
    const giveBack = (): void => {
      if (isCounted) add(line, -1);
      isCounted = false;
    };
    return {
      giveBack,
      async written() {
        if (isPrepaid) return;
        try {
          await flush();
        } catch (error) {
          add(line, -extra);
          deps.log.warn('the quota ledger could not be written; calls are counted here until it can', { error });
          return;
        }
        if (line.day !== day) return add(line, -extra);
        if (extra > 0) prepaid.add(line, extra);
        try {
          // One after another, so that of several calls only those too many are refused.
          check(context, 1);
        } catch (error) {
          giveBack();
          throw error;
        }
      },
    };
  }

  /** How many calls more are written down with one. None where the day's end is near: they might be another node's last ones. */
  function extraCalls(): number {
    if (!deps.store) return 0;
    const room = (limit() ?? Infinity) - reserve() - used();
    return Math.max(0, Math.min(prepaid.block(), Math.floor(room / 50)));
  }

  function add(line: Omit<QuotaEntry, 'calls'>, calls: number): void {
    if (line.day === day) pendingCalls += calls;
    count(line, calls);
    arm();
  }

  function giveUpPrepaid(): void {
    for (const { calls, ...line } of prepaid.drain()) add(line, -calls);
  }

  function arm(): void {
    if (!deps.store || cancelFlush) return;
    cancelFlush = clock.after(interval, () => {
      cancelFlush = undefined;
      if (prepaid.left > 0) {
        if (prepaid.isIdle(clock.now().getTime())) giveUpPrepaid();
        arm();
      }
      // What could not be written stays pending, for the next time.
      flush().catch((error: unknown) => {
        deps.log.warn('the quota ledger could not be written; it is tried again', { error });
        arm();
      });
    });
  }

  function flush(): Promise<void> {
    flushing = flushing.catch(() => {}).then(write);
    return flushing;
  }

  async function write(): Promise<void> {
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
      // What was learned while this was being written is not in the answer; it is written next.
      known = { ...(learned ? { ...result, ...known } : result), calls: result.calls, elsewhere: Math.max(result.elsewhere, known.elsewhere) };
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
      if (isLoaded || !deps.store) return Promise.resolve();
      loaded ??= flush().catch((error: unknown) => {
        loaded = undefined;
        deps.log.warn('the quota ledger could not be read; calls are counted from here', { error });
      });
      return loaded;
    },
    check,
    take,
    observe({ limit: all, remaining, resetsAt }) {
      turnDay();
      const now = clock.now().getTime();
      // An answer from before midnight that arrives after it speaks of another day.
      if (!Number.isFinite(remaining) || (resetsAt && (resetsAt.getTime() <= now || resetsAt.getTime() > now + 90_000_000))) return;
      if (resetsAt && !isNamed) learnZone(zoneOfMidnight(resetsAt));
      const before = JSON.stringify(known);
      if (all !== undefined && all > 0) known.limit = all;
      const total = limit();
      if (total !== undefined) known.elsewhere = Math.max(known.elsewhere, (known.limit ?? total) - remaining - ours());
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
    async report() {
      turnDay();
      // Also where nothing is to be written: other nodes may have counted meanwhile.
      learned = true;
      giveUpPrepaid();
      await flush();
      const entries = await store.entries(day);
      return quotaReport({ connection: deps.connectionId, day, zone, limit: limit(), reserve: reserve(), known, used: used(), entries, now: clock.now() });
    },
    flush,
    async close() {
      giveUpPrepaid();
      cancelFlush?.();
      cancelFlush = undefined;
      await flush();
    },
  };
}
