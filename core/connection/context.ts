/** Who makes a call and what for, without handing it through every function. */
import { AsyncLocalStorage } from 'node:async_hooks';

/** What a call is made for. Webhooks and persons come first, then incremental reads, full reads, details; comparisons come last. */
export type CallPurpose = 'webhook' | 'person' | 'repair' | 'check' | 'incremental' | 'full' | 'details' | 'comparison' | 'other';

export interface CallContext {
  /** The entity that the call serves; absent for calls of the connection itself. */
  entity?: string;
  purpose: CallPurpose;
  runId?: string;
  /** 0 (first) to 9 (last). Default: by the purpose. */
  priority?: number;
}

/** What was called within one context so far. */
export interface CallCounts {
  /** Requests sent, repeats and tokens included. */
  calls: number;
  /** Bytes of bodies as they came over the wire. */
  bytes: number;
}

interface Scope { context: CallContext; counts: CallCounts; outer: Scope | undefined }

const scopes = new AsyncLocalStorage<Scope>();
const priorities: Record<CallPurpose, number> = { webhook: 0, person: 1, repair: 2, check: 2, incremental: 4, full: 6, details: 7, comparison: 9, other: 5 };
/** Purposes for which the reserve of the day's quota is kept. */
const urgent = new Set<CallPurpose>(['webhook', 'person', 'repair', 'check']);

/** Runs `work` so that all calls inside, however deep, carry this context and are counted for it. */
export function withCallContext<T>(context: CallContext, work: () => T): T {
  return scopes.run({ context, counts: { calls: 0, bytes: 0 }, outer: scopes.getStore() }, work);
}

/** The context around the caller. */
export function callContext(): CallContext {
  return scopes.getStore()?.context ?? { purpose: 'other' };
}

/** What was called so far within the nearest context around the caller; zeros outside of any. A copy. */
export function countCalls(): CallCounts {
  const counts = scopes.getStore()?.counts;
  return { calls: counts?.calls ?? 0, bytes: counts?.bytes ?? 0 };
}

/** Counts for the context around the caller and those around that one. */
export function addCalls(calls: number, bytes: number): void {
  for (let scope = scopes.getStore(); scope; scope = scope.outer) {
    scope.counts.calls += calls;
    scope.counts.bytes += bytes;
  }
}

/** 0 to 9; the limiter serves lower numbers first. */
export function priorityOf(context: CallContext): number {
  return Math.min(9, Math.max(0, Math.round(context.priority ?? priorities[context.purpose])));
}

/** Whether the call may use the reserve of the day's quota. */
export function isUrgent(context: CallContext): boolean {
  return urgent.has(context.purpose);
}
