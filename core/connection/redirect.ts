import { PermanentError, type HttpResponse } from '../sdk/index.ts';
import { cureOf } from './codes.ts';
import type { PreparedRequest } from './request.ts';

/** Where the answer sends the call: within the host the same request goes there; elsewhere its credentials must not go. */
export class RedirectError extends PermanentError {
  readonly path: string | undefined;

  constructor(target: string, path: string | undefined) {
    super('http.redirect', `The answer sends the call to ${target}.`, { suggestion: cureOf('http.redirect') });
    this.path = path;
  }
}

/** @throws RedirectError for an answer that sends the call elsewhere */
export function refuseRedirect(response: HttpResponse, prepared: PreparedRequest): void {
  const location = response.headers['location'];
  if (location === undefined || ![301, 302, 303, 307, 308].includes(response.status)) return;
  const target = URL.parse(location, prepared.origin + prepared.path);
  const follow = target?.origin === prepared.origin && prepared.method === 'GET';
  throw new RedirectError(target === null ? 'a broken address' : target.origin + target.pathname, follow ? target.pathname + target.search : undefined);
}
