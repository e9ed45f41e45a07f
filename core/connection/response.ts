/** The answer as plugins see it, and what its status alone says. */
import {
  PermanentError, RateLimitedError, RetryLaterError, TokenRejectedError, type HttpResponse, type JsonValue,
} from '../sdk/index.ts';
import { parseAnswer } from './answer-json.ts';
import { cureOf } from './codes.ts';
import type { RawResponse } from './transport.ts';

/** Takes secrets out of a text. */
export type Redact = (text: string) => string;

/** An {@link HttpResponse} that turns its body into text or values when it is asked for them, and at most once. */
export class Response implements HttpResponse {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly sentAt: Date;
  readonly #body: Buffer;
  readonly #redact: Redact;
  #text: string | undefined;
  #json: { value: JsonValue } | undefined;

  constructor(raw: RawResponse, sentAt: Date, redact: Redact) {
    this.status = raw.status;
    this.headers = raw.headers;
    this.#body = raw.body;
    this.sentAt = sentAt;
    this.#redact = redact;
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
        cause: withoutQuotes(error as Error),
        suggestion: cureOf('http.not_json'),
        details: { status: this.status, contentType: this.headers['content-type'] ?? '', begins: excerpt(this.text, this.#redact) },
      });
    }
  }
}

/** What stands for `inspect` where a request has none: 429 limited, 5xx and 408 later, 401 token, other 4xx permanent. */
export function inspectStatus(response: HttpResponse, now: Date, redact: Redact): void {
  const { status } = response;
  if (status < 400) return;
  const details = { status, begins: excerpt(response.text, redact) };
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

/** Redacted before it is cut, as half a secret is one still and would not be known as such. */
function excerpt(text: string, redact: Redact): string {
  return redact(text.slice(0, 4000)).slice(0, 200);
}

/** JSON.parse quotes a piece of the text, and with it perhaps a piece of a secret. */
function withoutQuotes({ message }: Error): SyntaxError {
  return new SyntaxError(message.replaceAll(/"[\s\S]*"/g, '"…"'));
}
