/**
 * Errors that steer the host. A plugin throws the class that says what is true; the host does what stands in the
 * class's comment. Anything else that a plugin throws counts as a {@link PermanentError} with code `plugin.threw`.
 */

/** What every TDS error may carry beside its message. */
export interface TdsErrorOptions {
  /** The error that led to this one. Kept whole in the log and the dead letter. */
  cause?: unknown;
  /** What a person can do about it, as one sentence. */
  suggestion?: string;
  /** Facts for the log, such as ids. Never a secret. */
  details?: Record<string, unknown>;
}

/** An error with a stable, dotted code (`zoho.quota_spent`). */
export class TdsError extends Error {
  readonly code: string;
  readonly suggestion: string | undefined;
  readonly details: Record<string, unknown>;

  constructor(code: string, message: string, options: TdsErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.suggestion = options.suggestion;
    this.details = options.details ?? {};
  }
}

/** The remote is unwell (5xx, reset, time-out, cut-off body). The host tries again by the connection's retry policy and counts it in the breaker. */
export class RetryLaterError extends TdsError {}

/**
 * The remote says "slower". The host waits `retryAfterMs` (or its own pause) and tries again; other calls of the
 * connection wait too. Does not count in the breaker, uses no attempt of the job.
 */
export class RateLimitedError extends TdsError {
  /** What ran out: calls in a minute, or calls at once. */
  readonly scope: 'minute' | 'concurrent';
  readonly retryAfterMs: number | undefined;

  constructor(code: string, message: string, options: TdsErrorOptions & { scope: 'minute' | 'concurrent'; retryAfterMs?: number }) {
    super(code, message, options);
    this.scope = options.scope;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** The day's quota is spent. The host stops calling this connection until `resumesAt`; runs pause and go on by themselves. */
export class QuotaSpentError extends TdsError {
  readonly resumesAt: Date;

  constructor(code: string, message: string, options: TdsErrorOptions & { resumesAt: Date }) {
    super(code, message, options);
    this.resumesAt = options.resumesAt;
  }
}

/** The access token was refused. The host calls the request's `onTokenRejected` and sends the request once more. */
export class TokenRejectedError extends TdsError {}

/** The credentials themselves are refused (revoked, wrong client, missing permission). The host stops the run at once and tells a person. */
export class AccessDeniedError extends TdsError {}

/** The request can never succeed as it is. The host does not try again. */
export class PermanentError extends TdsError {}

/** The record does not exist at the source any more: proof of a deletion. */
export class RecordGoneError extends TdsError {}

/** The stream does not exist for this account (module switched off, edition without it). The run ends as failed with the reason; others go on. */
export class StreamUnavailableError extends TdsError {}

/** Whether an error is one of TDS, also across copies of the SDK. */
export function isTdsError(error: unknown): error is TdsError {
  return error instanceof Error && typeof (error as TdsError).code === 'string' && 'suggestion' in error;
}
