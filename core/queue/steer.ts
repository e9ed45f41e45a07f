/** What an error of a handler means for its job. */
import { AccessDeniedError, isTdsError, PermanentError, RateLimitedError, RecordGoneError, StreamUnavailableError } from '../sdk/index.ts';
import { databaseErrorKind } from '../store/errors.ts';
import { JobLostError, Postponement } from './errors.ts';

export type Verdict =
  | { readonly kind: 'retry' }
  | { readonly kind: 'postpone'; readonly until: Date; readonly reason: string }
  | { readonly kind: 'fail' }
  | { readonly kind: 'drop' };

const permanent = [PermanentError, AccessDeniedError, RecordGoneError, StreamUnavailableError];
const permanentNames = new Set(permanent.map((each) => each.name));
/** For a limit that doesn't say when it ends. */
const limitedMs = 15_000;
/** For a database that is away or can't write: its outage is no fault of the job. */
const databaseMs = 1_000;

/**
 * - lost jobs are dropped; a {@link Postponement} and every error that says `resumesAt` (QuotaSpentError, a paused connection) wait for that time;
 * - a rate limit waits `retryAfterMs`, a database that can't be used some seconds, without using up an attempt;
 * - PermanentError, AccessDeniedError, RecordGoneError and StreamUnavailableError fail at once; everything else is tried again.
 *
 * Errors of another copy of the SDK are known by their names.
 */
export function verdictOn(error: unknown, now: Date): Verdict {
  if (error instanceof JobLostError) return { kind: 'drop' };
  if (error instanceof Postponement) return { kind: 'postpone', until: error.until, reason: error.reason };
  const until = (error as { resumesAt?: unknown } | null | undefined)?.resumesAt;
  if (until instanceof Date && Number.isFinite(until.getTime())) return { kind: 'postpone', until, reason: textOf(error) };
  const named = isTdsError(error) ? error.name : '';
  if (error instanceof RateLimitedError || named === 'RateLimitedError') {
    const wait = (error as RateLimitedError).retryAfterMs ?? limitedMs;
    return { kind: 'postpone', until: new Date(now.getTime() + wait), reason: textOf(error) };
  }
  if (permanentNames.has(named) || permanent.some((each) => error instanceof each)) return { kind: 'fail' };
  if (databaseErrorKind(error) === 'unavailable' && !isRemote(error)) {
    return { kind: 'postpone', until: new Date(now.getTime() + databaseMs * (0.5 + Math.random())), reason: textOf(error) };
  }
  return { kind: 'retry' };
}

/** A remote that resets its connection looks like a database that does; the SDK's classes tell them apart. */
function isRemote(error: unknown): boolean {
  return isTdsError(error);
}

/** The code of any error. */
export function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : error instanceof Error ? error.name : 'unknown';
}

/** The text of any error; never empty. */
export function textOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text === '' ? codeOf(error) : text;
}

/** The pause before the next attempt: doubled each time, between a half and one and a half of that. */
export function retryPause(attempt: number, firstMs: number, longestMs: number): number {
  return Math.min(longestMs, firstMs * 2 ** Math.min(attempt - 1, 30)) * (0.5 + Math.random());
}
