/** The calls of the day: when it turns, how many it has, which of them may be made and by whom. `QuotaLedger` counts them. */
import { QuotaSpentError } from '../sdk/index.ts';
import { cureOf } from './codes.ts';
import { isUrgent, type CallContext } from './context.ts';
import { QuotaLedger, type Line } from './quota-ledger.ts';
import { quotaReport } from './quota-report.ts';
import type { QuotaDay } from './quota-store.ts';
import type { Quota, QuotaDeps, QuotaPause, TakenCall } from './quota-types.ts';
import { reservedCalls } from './settings.ts';
import { dayIn, nextDayIn, zoneOfMidnight } from './zone.ts';

export function createQuota(deps: QuotaDeps): Quota {
  const { clock, limits, store, log } = deps;
  const ledger = new QuotaLedger({ clock, log, store, interval: deps.interval ?? 1_000, turn: turnDay });
  let zone = deps.zone ?? 'UTC';
  let dayEnds = 0;
  /** A name is the service's own; an offset was learned, and may change with the seasons. */
  let isNamed = deps.zone !== undefined;
  let day = '';

  function turnDay(): void {
    const now = clock.now();
    if (now.getTime() < dayEnds && day !== '') return;
    const today = dayIn(zone, now);
    dayEnds = nextDayIn(zone, now).getTime();
    if (today === day) return;
    const { pausedAt, resumesAt } = ledger.known;
    if (pausedAt) log.info('the day has turned: bulk work goes on', { day: today });
    day = today;
    ledger.begin(today, { calls: 0, elsewhere: 0, ...(resumesAt && resumesAt > now ? { resumesAt } : {}) });
  }

  const used = (): number => ledger.calls + ledger.known.elsewhere;
  const limit = (known: QuotaDay = ledger.known): number | undefined => {
    if (limits.perDay === undefined || known.limit === undefined) return limits.perDay ?? known.limit;
    return Math.min(limits.perDay, known.limit);
  };
  const reserve = (): number => reservedCalls(limits, limit());

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

  function check(context: CallContext, counted = 0): void {
    turnDay();
    const { resumesAt } = ledger.known;
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
    if (ledger.known.pausedAt) return;
    ledger.known.pausedAt = clock.now();
    ledger.learn();
    log.warn('bulk work pauses: what is left of the day is kept for webhooks, persons and repairs', { ...facts });
    deps.onPause?.(facts);
  }

  function take(context: CallContext): TakenCall {
    check(context);
    const line: Line = { day, entity: context.entity ?? '', purpose: context.purpose };
    const isPrepaid = ledger.usePrepaid(line);
    const extra = isPrepaid ? 0 : extraCalls();
    let isCounted = true;
    if (!isPrepaid) ledger.add(line, 1 + extra);
    const giveBack = (): void => {
      if (isCounted) ledger.add(line, -1);
      isCounted = false;
    };
    return {
      giveBack,
      async written() {
        if (isPrepaid) return;
        try {
          await ledger.flush();
        } catch (error) {
          ledger.add(line, -extra);
          log.warn('the quota ledger could not be written; calls are counted here until it can', { error });
          return;
        }
        ledger.prepay(line, extra);
        if (line.day !== day) return;
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
    const room = (limit() ?? Infinity) - reserve() - used();
    return Math.max(0, Math.min(ledger.ahead(), Math.floor(room / 50)));
  }

  return {
    ready() {
      turnDay();
      return ledger.ready();
    },
    check,
    take,
    observe({ limit: all, remaining, resetsAt }) {
      turnDay();
      const now = clock.now().getTime();
      // An answer from before midnight that arrives after it speaks of another day.
      if (!Number.isFinite(remaining) || (resetsAt && (resetsAt.getTime() <= now || resetsAt.getTime() > now + 90_000_000))) return;
      if (resetsAt && !isNamed) learnZone(zoneOfMidnight(resetsAt));
      const { known } = ledger;
      const before = JSON.stringify(known);
      if (all !== undefined && all > 0) known.limit = all;
      const total = limit();
      if (total !== undefined) known.elsewhere = Math.max(known.elsewhere, (known.limit ?? total) - remaining - ledger.calls);
      if (remaining <= 0) known.resumesAt = resetsAt ?? new Date(dayEnds);
      if (JSON.stringify(known) !== before) ledger.learn();
    },
    spentUntil(moment) {
      turnDay();
      ledger.known.resumesAt = moment;
      ledger.learn();
    },
    setZone(name) {
      dayIn(name, clock.now());
      isNamed = !/^[+-]/.test(name);
      useZone(name);
    },
    status() {
      turnDay();
      const all = limit();
      const { resumesAt } = ledger.known;
      return { day, zone, used: used(), ...(all === undefined ? {} : { limit: all }), ...(resumesAt && resumesAt > clock.now() ? { resumesAt } : {}) };
    },
    report(read) {
      turnDay();
      const { known, entries } = ledger.asOf(read);
      const all = limit(known);
      return quotaReport({ connection: deps.connectionId, day, zone, limit: all, reserve: reservedCalls(limits, all), known, used: known.calls + known.elsewhere, entries, now: clock.now() });
    },
    flush: () => ledger.flush(),
    close: () => ledger.close(),
  };
}
