/** The one way out: each call passes quota, limits, credentials, breaker and transport in this order, and is repeated as its error says. */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { TimerClock } from '../monitor/clock.ts';
import {
  AccessDeniedError, PermanentError, QuotaSpentError, RateLimitedError, RetryLaterError, TokenRejectedError, isTdsError,
  type HttpClient, type HttpRequest, type HttpResponse, type Logger,
} from '../sdk/index.ts';
import type { Breaker } from './breaker.ts';
import { asCallSpan } from './call-span.ts';
import { cureOf } from './codes.ts';
import { addCalls, callContext, priorityOf, type CallContext } from './context.ts';
import { ConnectionPausedError, closedError } from './errors.ts';
import { acquireAll, type PathMatcher } from './lanes.ts';
import type { Limiter, Permit } from './limiter-types.ts';
import type { Quota, QuotaObservation, TakenCall } from './quota-types.ts';
import { RedirectError, refuseRedirect } from './redirect.ts';
import { addHeaders, prepareRequest, type PreparedRequest } from './request.ts';
import { Response, inspectStatus, retryAfter, type Redact } from './response.ts';
import { retryPause, type RetryBudget } from './retry.ts';
import type { ConnectionSettings } from './settings.ts';
import type { Transport } from './transport.ts';

/** Pauses after "too many calls" without a `Retry-After`: the minute must pass; calls at once end sooner. */
const minutePause = 60_000;
const concurrentPause = { first: 1_000, max: 30_000 };
const mostRedirects = 5;

export interface ClientDeps {
  connectionId: string;
  settings: ConnectionSettings;
  clock: TimerClock;
  log: Logger;
  transport: Transport;
  limiter: Limiter;
  breaker: Breaker;
  quota: Quota;
  budget: RetryBudget;
  /** Stricter limits of some paths. */
  paths: readonly { limiter: Limiter; matches: PathMatcher }[];
  /** What the headers of an answer say of the day's quota. */
  readQuota?: ((headers: Record<string, string>, now: Date) => QuotaObservation | undefined) | undefined;
  random: () => number;
  /** Told of each exchange that ended, for metrics: the answer's status, undefined where there was none. Must not throw. */
  onCall?: ((call: { connection: string; status: number | undefined; seconds: number }) => void) | undefined;
  redact: Redact;
  /** Told of what goes out as credentials, so that an answer that repeats it shows none of it. */
  onSecret: (secret: string) => void;
  /** Aborts when the connection closes. */
  closing: AbortSignal;
}

/** One `send` and what it has used up. */
interface Call {
  request: HttpRequest;
  prepared: PreparedRequest;
  context: CallContext;
  counted: boolean;
  redirects: number;
  /** `Retry-After` of the last answer. */
  askedPause: number | undefined;
}

const single = new AsyncLocalStorage<true>();

/**
 * Runs `work` so that its calls are sent once and no more: each failure is thrown as it is. For the refresh of a token, whose calls
 * the service counts: who needs the token repeats the whole, and each request for a token is noted.
 */
export function withoutRepeats<T>(work: () => T): T {
  return single.run(true, work);
}

export function createClient(deps: ClientDeps): HttpClient {
  return { send: (request) => send(deps, request) };
}

async function send(deps: ClientDeps, request: HttpRequest): Promise<HttpResponse> {
  const { retry } = deps.settings;
  const call: Call = { request, prepared: prepareRequest(request), context: callContext(), counted: request.counted !== false, redirects: 0, askedPause: undefined };
  let [failures, limited, spentMs, renewed] = [0, 0, 0, false];
  for (;;) {
    let error: unknown;
    const timing = { ms: 0 };
    try {
      const response = await attempt(deps, call, timing);
      deps.budget.earn();
      return response;
    } catch (thrown) {
      error = thrown;
    }
    spentMs += timing.ms;
    if (single.getStore() && !(error instanceof RedirectError)) throw error;
    if (error instanceof RedirectError && error.path !== undefined && call.redirects < mostRedirects) {
      call.redirects++;
      call.prepared = { ...call.prepared, path: error.path };
    } else if (error instanceof TokenRejectedError && request.onTokenRejected) {
      if (renewed) throw new AccessDeniedError('http.token_refused_again', `A new access token was refused as well: ${error.message}`, { cause: error, suggestion: cureOf('http.token_refused_again'), details: error.details });
      renewed = true;
      await request.onTokenRejected();
    } else if (error instanceof RateLimitedError) {
      limited++;
      const pause = rateLimitPause(error, limited, call.askedPause, deps.random);
      if (error.scope === 'concurrent' && call.counted) {
        const concurrent = deps.limiter.narrow();
        if (concurrent !== undefined) deps.log.warn('the other side takes fewer calls at once than `limits.concurrent` says', { concurrent });
      }
      // Others must not run into it either, whether this call may still wait or not.
      if (call.counted) deps.limiter.pause(new Date(deps.clock.now().getTime() + Math.min(pause, retry.total)));
      if (spentMs + pause > retry.total) throw lastsTooLong(error, pause);
      spentMs += pause;
      deps.log.warn('the other side says "too many calls"; calls wait', { code: error.code, scope: error.scope, pauseMs: pause });
      if (!call.counted) await wait(deps, pause, request.signal);
    } else if (error instanceof RetryLaterError && !(error instanceof ConnectionPausedError)) {
      failures++;
      const { state, resumesAt } = call.counted ? deps.breaker.state() : { state: 'closed' };
      if (state === 'open' && resumesAt) throw new ConnectionPausedError(deps.connectionId, { resumesAt, cause: error });
      const pause = retryPause(retry, failures, call.askedPause, deps.random);
      if (failures >= retry.attempts || spentMs + pause > retry.total || deps.closing.aborted) throw error;
      if (!deps.budget.take()) {
        deps.log.warn('so many calls fail that this one is not repeated', { code: 'connection.retry_budget', cause: error.code });
        throw error;
      }
      spentMs += pause;
      deps.log.warn('a call failed and is tried again', { code: error.code, reason: error.message, attempt: failures, pauseMs: pause });
      await wait(deps, pause, request.signal);
    } else {
      throw error;
    }
  }
}

/** One attempt, redirects within the host included. */
async function attempt(deps: ClientDeps, call: Call, timing: { ms: number }): Promise<HttpResponse> {
  const { request, counted, context } = call;
  call.askedPause = undefined;
  if (!counted) return withTiming(deps, timing, () => exchange(deps, call, undefined));
  await deps.breaker.ready(request.signal);
  await deps.quota.ready();
  deps.quota.check(context);
  const stricter = deps.paths.filter(({ matches }) => matches(call.prepared.path)).map(({ limiter }) => limiter);
  const permit = await acquireAll([...stricter, deps.limiter], priorityOf(context), request.signal);
  let taken: TakenCall | undefined;
  try {
    // A limiter that others share goes on when this connection ends.
    if (deps.closing.aborted) throw closedError();
    // Checked and taken in one step, so that calls side by side can't take the same last one.
    taken = deps.quota.take(context);
    await taken.written();
    return await withTiming(deps, timing, () => exchange(deps, call, permit));
  } catch (error) {
    if (error instanceof QuotaSpentError && permit.wasSent) deps.quota.spentUntil(error.resumesAt);
    throw error;
  } finally {
    if (!permit.wasSent) taken?.giveBack();
    permit.release();
  }
}

async function withTiming<T>(deps: ClientDeps, timing: { ms: number }, work: () => Promise<T>): Promise<T> {
  const start = deps.clock.now().getTime();
  try {
    return await work();
  } finally {
    timing.ms = deps.clock.now().getTime() - start;
  }
}

async function exchange(deps: ClientDeps, call: Call, permit: Permit | undefined): Promise<HttpResponse> {
  const work = async (): Promise<HttpResponse> => {
    const credentials = await call.request.authorize?.();
    for (const value of Object.values(credentials ?? {})) tellSecret(deps, value);
    return once(deps, call, credentials ? { ...call.prepared, headers: addHeaders(call.prepared.headers, credentials) } : call.prepared, permit);
  };
  // A sign-in that is down counts as well: no call can be made without it.
  return permit ? deps.breaker.run(work) : work();
}

/** `Basic abc`: the whole, and what stands behind the scheme. */
function tellSecret({ onSecret }: ClientDeps, value: string): void {
  onSecret(value);
  const [, ...parts] = value.split(' ');
  if (parts.length > 0) onSecret(parts.join(' '));
}

async function once(deps: ClientDeps, call: Call, prepared: PreparedRequest, permit: Permit | undefined): Promise<HttpResponse> {
  const { clock } = deps;
  const { request } = call;
  await permit?.sent();
  const sentAt = clock.now();
  const told = (status: number | undefined): void => deps.onCall?.({ connection: deps.connectionId, status, seconds: (clock.now().getTime() - sentAt.getTime()) / 1000 });
  const raw = await asCallSpan(deps.connectionId, prepared, () => deps.transport.send(prepared, { signal: request.signal, ...(permit ? { onHeaders: permit.counted } : {}) })).catch((error: unknown) => {
    addCalls(1, 0);
    told(undefined);
    throw error;
  });
  addCalls(1, raw.bytes);
  told(raw.status);
  // The slot is free as soon as the body is here; looking at it costs the other side nothing.
  permit?.release();
  call.askedPause = retryAfter(raw.headers, clock.now());
  const observed = call.counted ? deps.readQuota?.(raw.headers, clock.now()) : undefined;
  if (observed) deps.quota.observe(observed);
  const response = new Response(raw, sentAt, deps.redact);
  refuseRedirect(response, prepared);
  inspect(request, response, clock.now(), deps.redact);
  return response;
}

function rateLimitPause(error: RateLimitedError, count: number, asked: number | undefined, random: () => number): number {
  const given = error.retryAfterMs ?? asked;
  if (given !== undefined) return Math.max(given, 100);
  if (error.scope === 'minute') return minutePause;
  // Half of it is fixed, so that it is a pause; half is random, so that callers come back one after another.
  return Math.round(Math.min(concurrentPause.max, concurrentPause.first * 2 ** (count - 1)) * (0.5 + random() / 2));
}

function lastsTooLong(error: RateLimitedError, retryAfterMs: number): RateLimitedError {
  return new RateLimitedError('connection.rate_limit_lasts', `The other side keeps saying "too many calls": ${error.message}`, {
    scope: error.scope, retryAfterMs, cause: error, suggestion: cureOf('connection.rate_limit_lasts'), details: error.details,
  });
}

async function wait(deps: ClientDeps, ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await deps.clock.sleep(ms, signal ? AbortSignal.any([signal, deps.closing]) : deps.closing);
  } catch (error) {
    if (!deps.closing.aborted) throw error;
    throw closedError();
  }
}

/** Lets the plugin say what the answer is. */
function inspect(request: HttpRequest, response: HttpResponse, now: Date, redact: Redact): void {
  if (!request.inspect) return inspectStatus(response, now, redact);
  try {
    request.inspect(response);
  } catch (error) {
    if (isTdsError(error)) throw error;
    throw new PermanentError('plugin.threw', `The plugin failed on an answer: ${error instanceof Error ? error.message : String(error)}`, { cause: error, suggestion: cureOf('plugin.threw') });
  }
}
