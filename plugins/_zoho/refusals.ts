import { AccessDeniedError, TokenRejectedError, isTdsError, type Clock } from 'tds/sdk';

/** How long a missing permission is remembered. Zoho gives ten access tokens in ten minutes and then none. */
const rememberMs = 10 * 60_000;

/**
 * Tells an access token that has ended from a permission that is missing. Zoho answers both with 401 and code 57, so a
 * new token is the only way to know; but each costs one of ten in ten minutes, so what was learnt is remembered.
 */
export class Refusals {
  readonly #clock: Clock;
  /** The token with which a scope was refused, where a token before it had been refused too. */
  readonly #denied = new Map<string, number>();
  /** The token by which a scope was first refused. */
  readonly #first = new Map<string, string>();
  /** A token that was made in vain: what it may not do, its successor may not either. */
  #vain: { token: string; at: number } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Runs `read` and turns a refusal into what it means for a call with this scope and token. */
  judge<T>(scope: string, token: string, read: () => T): T {
    try {
      const value = read();
      this.#denied.delete(scope);
      this.#first.delete(scope);
      return value;
    } catch (error) {
      if (isTdsError(error) && error instanceof AccessDeniedError && error.code === 'zoho.not_authorized') throw this.#meaning(scope, token, error);
      throw error;
    }
  }

  #meaning(scope: string, token: string, error: AccessDeniedError): Error {
    const now = this.#clock.now().getTime();
    if (now - (this.#denied.get(scope) ?? -Infinity) < rememberMs) return error;
    const before = this.#first.get(scope);
    if (before !== undefined && before !== token) {
      this.#vain = { token, at: now };
      this.#denied.set(scope, now);
      this.#first.delete(scope);
      return error;
    }
    if (this.#vain?.token === token && now - this.#vain.at < rememberMs / 5) {
      this.#denied.set(scope, now);
      return error;
    }
    this.#first.set(scope, token);
    return new TokenRejectedError('zoho.token_rejected', error.message, { cause: error, details: error.details, ...(error.suggestion ? { suggestion: error.suggestion } : {}) });
  }
}
