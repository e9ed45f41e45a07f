/** What the day's quota is to its users: the client, which counts each call, and people, who want to know. */
import type { Clock, Logger } from '../sdk/index.ts';
import type { CallContext } from './context.ts';
import type { QuotaReport } from './quota-report.ts';
import type { LedgerDay, QuotaStore } from './quota-store.ts';
import type { Limits } from './settings.ts';

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

export interface Quota {
  /** Returns when the ledger of the day is loaded, at once from the second call on. */
  ready(): Promise<void>;
  /** @throws QuotaSpentError when no call of this kind may be made any more */
  check(context: CallContext): void;
  /** Checks and counts a call that is about to be made. @throws QuotaSpentError as `check` does */
  take(context: CallContext): TakenCall;
  observe(observation: QuotaObservation): void;
  /** The service refused calls until then (such as Zoho's code 45). */
  spentUntil(moment: Date): void;
  setZone(zone: string): void;
  status(): QuotaStatus;
  /** The day as all nodes have counted it, by what was read of the ledger; nothing is read or written. */
  report(read: LedgerDay): QuotaReport;
  /** Writes what isn't written yet. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** A call that was counted before it is sent. */
export interface TakenCall {
  /**
   * Resolves when the call stands in the ledger that all nodes share: from then on it is counted whatever happens to this process.
   * @throws QuotaSpentError when other nodes were faster; the call is given back then
   */
  written(): Promise<void>;
  /** It was never sent. Safe to call twice. */
  giveBack(): void;
}

/** Bulk work has to wait: what is left of the day is reserved. */
export interface QuotaPause { left: number; reserve: number; resumesAt: Date }

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
  /** Told once a day when bulk work has to wait. */
  onPause?: (pause: QuotaPause) => void;
  /** ms between two writes. Default 1,000. */
  interval?: number;
}
