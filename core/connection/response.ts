/** The answer as plugins see it, and what its status alone says. */
import {
  PermanentError, RateLimitedError, RetryLaterError, TokenRejectedError, type HttpResponse, type JsonValue,
} from '../sdk/index.ts';
import { parseAnswer } from './answer-json.ts';
import { cureOf } from './codes.ts';
import type { RawResponse } from './transport.ts';

/** An {@link HttpResponse} that turns its body into text or values when it is asked for them, and at most once. */
export class Response implements HttpResponse {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly sentAt: Date;
  readonly #body: Buffer;
  #text: string | undefined;
  #json: { value: JsonValue } | undefined;

  constructor(raw: RawResponse, sentAt: Date) {
    this.status = raw.status;
    this.headers = raw.headers;
    this.#body = raw.body;
    this.sentAt = sentAt;
  }

  get text(): string {
    return this.#text ??= this.#body.toString('utf8');
  }

  json(): JsonValue {
    return (this.#json ??= { value: this.#parse() }).value;
  }

  #parse(): JsonValue {
    try {
      return parseAnswer(this.#body);
    } catch (error) {
      throw new RetryLaterError('http.not_json', `The answer (${this.status}) is not JSON.`, {
        cause: error,
        suggestion: cureOf('http.not_json'),
        details: { status: this.status, contentType: this.headers['content-type'] ?? '', begins: excerpt(this.text) },
      });
    }
  }
}

/** What stands for `inspect` where a request has none: 429 limited, 5xx and 408 later, 401 token, other 4xx permanent. */
export function inspectStatus(response: HttpResponse, now: Date): void {
  const { status } = response;
  if (status < 400) return;
  const details = { status, begins: excerpt(response.text) };
  if (status === 429) {
    const retryAfterMs = retryAfter(response.headers, now);
    throw new RateLimitedError('http.rate_limited', 'The other side says that there were too many calls (429).', {
      scope: 'minute', details, suggestion: cureOf('http.rate_limited'), ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    });
  }
  if (status >= 500 || status === 408) throw new RetryLaterError('http.server_error', `The other side answered ${status}.`, { details, suggestion: cureOf('http.server_error') });
  if (status === 401) throw new TokenRejectedError('http.unauthorized', 'The other side refused the credentials of the call (401).', { details, suggestion: cureOf('http.unauthorized') });
  throw new PermanentError('http.refused', `The other side refused the request (${status}).`, { details, suggestion: cureOf('http.refused') });
}

/** `Retry-After` in milliseconds, given as seconds or as a date; undefined when absent or senseless. Never negative. */
export function retryAfter(headers: Record<string, string>, now: Date): number | undefined {
  const text = headers['retry-after']?.trim();
  if (text === undefined || text === '') return undefined;
  const ms = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now.getTime();
  return Number.isFinite(ms) ? Math.max(0, Math.ceil(ms)) : undefined;
}

function excerpt(text: string): string {
  return text.slice(0, 200);
}
