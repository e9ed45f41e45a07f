/** What people and programs are told of a day's calls. */
import type { QuotaDay, QuotaEntry } from './quota-store.ts';
import { dayStartIn, nextDayIn } from './zone.ts';

/** The calls of one connection's day. Null where there is no limit, or no moment. */
export interface QuotaReport {
  connection: string;
  /** `2026-06-09`, in the service's zone. */
  day: string;
  zone: string;
  /** Calls that the day has: the smaller of our own limit and the service's. */
  limit: number | null;
  /** Calls made, those of `elsewhere` among them. */
  used: number;
  /** Of these, calls that stand in no ledger: another program uses the same account, as the service says. */
  elsewhere: number;
  left: number | null;
  /** Calls that are kept for webhooks, persons and repairs. */
  reserve: number;
  /** What bulk work may still use: `left` without the reserve. */
  leftForBulk: number | null;
  /** Who spent them, the most first. An empty entity: calls of the connection itself. */
  spent: { entity: string; purpose: string; calls: number }[];
  /** Calls an hour, on the average of today so far. */
  perHour: number;
  /** When the last call of the day would be made at today's pace; null: not today. */
  runsOutAt: Date | null;
  /** The same for bulk work, which pauses when only the reserve is left. */
  bulkPausesAt: Date | null;
  /** Bulk work (full and incremental reads, details, comparisons) waits for `turnsAt`. */
  bulkPaused: boolean;
  /** The service refuses all calls until then. */
  resumesAt: Date | null;
  /** When the service's next day begins. */
  turnsAt: Date;
}

export interface ReportSource { connection: string; day: string; zone: string; limit: number | undefined; reserve: number; known: QuotaDay; used: number; entries: readonly QuotaEntry[]; now: Date }

const hourMs = 3_600_000;

/** Puts a report together. Pure. */
export function quotaReport({ connection, day, zone, limit, reserve, known, used, entries, now }: ReportSource): QuotaReport {
  const turnsAt = nextDayIn(zone, now);
  // In the day's first minute a pace says nothing yet.
  const elapsed = Math.max(60_000, now.getTime() - dayStartIn(zone, now).getTime());
  const perMs = used / elapsed;
  const allowed = limit === undefined ? null : Math.max(0, limit - reserve);
  const runsOut = (calls: number | null): Date | null => {
    if (calls === null || perMs <= 0) return null;
    const at = now.getTime() + Math.max(0, calls - used) / perMs;
    return at < turnsAt.getTime() ? new Date(Math.floor(at / 60_000) * 60_000) : null;
  };
  const resumesAt = known.resumesAt && known.resumesAt > now ? known.resumesAt : null;
  return {
    connection, day, zone, limit: limit ?? null, used, elsewhere: known.elsewhere, left: limit === undefined ? null : Math.max(0, limit - used),
    reserve, leftForBulk: allowed === null ? null : Math.max(0, allowed - used),
    spent: entries.map(({ entity, purpose, calls }) => ({ entity, purpose, calls })),
    perHour: Math.round(perMs * hourMs * 10) / 10,
    runsOutAt: runsOut(limit ?? null), bulkPausesAt: runsOut(allowed), bulkPaused: resumesAt !== null || (allowed !== null && used >= allowed),
    resumesAt, turnsAt,
  };
}
