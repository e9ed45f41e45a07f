/** What the host shall do by an answer of a service that takes messages over HTTP. */
import { AccessDeniedError, PermanentError, RateLimitedError, RetryLaterError, isRecord, type HttpResponse } from 'tds/sdk';
import { cureOf } from './codes.ts';

/** Throws what is true of an answer that is no success. `reason` reads the service's own words. */
export function inspectAnswer(response: HttpResponse, reason: (response: HttpResponse) => string = shortText): void {
  const { status } = response;
  if (status >= 200 && status < 300) return;
  const message = `the service answered ${status}: ${reason(response)}`;
  if (status === 429) {
    const after = retryAfterMs(response);
    throw new RateLimitedError('notify.busy', message, { scope: 'minute', suggestion: cureOf('notify.busy'), ...(after === undefined ? {} : { retryAfterMs: after }) });
  }
  if (status === 401 || status === 403) throw new AccessDeniedError('notify.denied', message, { suggestion: cureOf('notify.denied') });
  if (status >= 500 || status === 408) throw new RetryLaterError('notify.unwell', message, { suggestion: cureOf('notify.unwell') });
  throw new PermanentError('notify.refused', message, { suggestion: cureOf('notify.refused') });
}

/** By the header, or as Telegram says it in the body. */
function retryAfterMs({ headers, text }: HttpResponse): number | undefined {
  const inHeader = Number(headers['retry-after']);
  if (inHeader > 0) return inHeader * 1000;
  const found = /"retry_after"\s*:\s*(\d{1,6})/.exec(text)?.[1];
  return found === undefined ? undefined : Number(found) * 1000;
}

function shortText({ text }: HttpResponse): string {
  return text.slice(0, 200) || 'nothing more';
}

/** The member of a JSON answer that says why, where there is one. */
export function saysBy(...names: readonly string[]): (response: HttpResponse) => string {
  return (response) => {
    try {
      const body = response.json();
      const words = isRecord(body) ? names.flatMap((name) => (body[name] === undefined ? [] : [typeof body[name] === 'string' ? body[name] : JSON.stringify(body[name])])) : [];
      return words.length > 0 ? words.join(': ').slice(0, 300) : shortText(response);
    } catch {
      return shortText(response);
    }
  };
}

/** The text, with `…` where it is longer than the service takes; never through the middle of a character. */
export function cutTo(text: string, most: number): string {
  if (text.length <= most) return text;
  return `${text.slice(0, most - 1).toWellFormed().replace(/\uFFFD$/, '')}…`;
}
