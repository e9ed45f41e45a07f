import { AccessDeniedError, PermanentError, RateLimitedError, RetryLaterError, TokenRejectedError } from '../errors.ts';
import type { HttpClient, HttpRequest, HttpResponse } from '../http.ts';
import type { JsonValue } from '../json.ts';
import type { Clock } from '../services.ts';

/** One call that left. */
export interface HttpCall { method: string; url: string; status: number | undefined; counted: boolean; sentAt: Date }

/** A client for tests, which remembers its calls. */
export interface TestHttpClient extends HttpClient {
  readonly calls: HttpCall[];
}

/** How the client of a test behaves. */
export interface TestHttpOptions {
  clock: Clock;
  /** Where calls go instead of to their own host; path and query are kept. For plugins whose address can't be set. */
  baseUrl?: string | undefined;
  /** Calls in all where the remote is unwell or limits; waits between them move the clock and take no time. Default 3. */
  attempts?: number | undefined;
  /** Time for one call, in milliseconds of the machine. Default 10,000. */
  timeoutMs?: number | undefined;
}

/**
 * The contract of {@link HttpClient} over `fetch`, without limits, breaker and quota. `inspect`, `authorize` and the one repeat
 * after a rejected token work as in the host.
 */
export function createTestHttp(options: TestHttpOptions): TestHttpClient {
  const calls: HttpCall[] = [];
  return {
    calls,
    async send(request) {
      let renewed = false;
      for (let attempt = 1; ; attempt += 1) {
        request.signal?.throwIfAborted();
        try {
          return await sendOnce(request, options, calls);
        } catch (error) {
          if (error instanceof TokenRejectedError) {
            if (renewed || !request.onTokenRejected) throw new AccessDeniedError(renewed ? 'http.token_refused_again' : error.code, error.message, { cause: error });
            renewed = true;
            attempt -= 1;
            await request.onTokenRejected();
          } else {
            const isPassing = error instanceof RetryLaterError || error instanceof RateLimitedError;
            if (!isPassing || attempt >= (options.attempts ?? 3)) throw error;
            await options.clock.sleep((error instanceof RateLimitedError ? error.retryAfterMs : undefined) ?? 1000, request.signal);
          }
        }
      }
    },
  };
}

async function sendOnce(request: HttpRequest, { clock, baseUrl, timeoutMs = 10_000 }: TestHttpOptions, calls: HttpCall[]): Promise<HttpResponse> {
  const { headers, body } = bodyOf(request);
  Object.assign(headers, request.headers, await request.authorize?.());
  const call: HttpCall = { method: request.method ?? 'GET', url: addressOf(request, baseUrl), status: undefined, counted: request.counted ?? true, sentAt: clock.now() };
  calls.push(call);
  const signal = AbortSignal.any([AbortSignal.timeout(timeoutMs), ...(request.signal ? [request.signal] : [])]);
  const { response, text } = await exchange(call, { method: call.method, headers, signal, redirect: 'manual', ...(body === undefined ? {} : { body }) }, request.signal);
  call.status = response.status;
  const answer: HttpResponse = {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    text,
    json: () => parseJson(text),
    sentAt: call.sentAt,
  };
  if (request.inspect) request.inspect(answer);
  else inspectStatus(answer);
  return answer;
}

async function exchange(call: HttpCall, init: RequestInit, outer: AbortSignal | undefined): Promise<{ response: Response; text: string }> {
  try {
    const response = await fetch(call.url, init);
    return { response, text: await response.text() };
  } catch (cause) {
    outer?.throwIfAborted();
    const reason = cause instanceof Error ? cause : new Error(String(cause));
    const { cause: inner } = reason;
    throw new RetryLaterError(reason.name === 'TimeoutError' ? 'http.timeout' : 'http.network', inner instanceof Error ? inner.message : reason.message, { cause });
  }
}

function addressOf({ url, query = {} }: HttpRequest, baseUrl: string | undefined): string {
  const parts = Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [`${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`]));
  const address = new URL(url);
  const base = baseUrl === undefined ? address.origin : new URL(baseUrl).origin;
  return `${base}${address.pathname}${parts.length === 0 ? address.search : `?${parts.join('&')}`}`;
}

function bodyOf({ form, json, text }: HttpRequest): { headers: Record<string, string>; body: string | undefined } {
  if ([form, json, text].filter((each) => each !== undefined).length > 1) throw new PermanentError('http.bad_request', 'only one of form, json and text may stand');
  if (form) return { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams(form).toString() };
  if (json !== undefined) return { headers: { 'content-type': 'application/json' }, body: JSON.stringify(json) };
  if (text !== undefined) return { headers: { 'content-type': 'text/plain; charset=utf-8' }, body: text };
  return { headers: {}, body: undefined };
}

function inspectStatus({ status, headers, text }: HttpResponse): void {
  if (status < 300) return;
  const message = `the answer was ${status}: ${text.slice(0, 200)}`;
  if (status === 401) throw new TokenRejectedError('http.unauthorized', message);
  const retryAfter = Number(headers['retry-after']);
  if (status === 429) throw new RateLimitedError('http.rate_limited', message, { scope: 'minute', ...(retryAfter > 0 ? { retryAfterMs: retryAfter * 1000 } : {}) });
  if (status >= 500) throw new RetryLaterError('http.server_error', message);
  throw new PermanentError(status < 400 ? 'http.redirect' : 'http.refused', message);
}

const lossless = JSON as unknown as {
  parse(text: string, reviver: (name: string, value: unknown, context: { source?: string }) => unknown): JsonValue;
  rawJSON(text: string): JsonValue;
};

/** Digits that a double would change are kept as raw JSON. Fifteen digits always fit a double. */
function parseJson(text: string): JsonValue {
  try {
    return lossless.parse(text, (_, value, { source = '' }) => {
      const fits = typeof value !== 'number' || String(value) === source || /^-?[\d.]{1,15}$/.test(source);
      return fits ? value : lossless.rawJSON(source);
    });
  } catch (cause) {
    throw new RetryLaterError('http.not_json', `the answer is not JSON: ${text.slice(0, 100)}`, { cause });
  }
}
