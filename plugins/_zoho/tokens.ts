import { createHash } from 'node:crypto';
import {
  AccessDeniedError, PermanentError, RateLimitedError, RetryLaterError, isRecord,
  type ConnectionContext, type HttpResponse, type Token,
} from 'tds/sdk';
import { hostsOf } from './data-centers.ts';
import type { ZohoSettings } from './settings.ts';

/** Zoho blocks a refresh token that was used ten times within ten minutes until those are over (Zoho API docs, "OAuth limits"). */
const lockOutMs = 10 * 60_000;

/** The connection's access token and the API server that belongs to it. */
export class ZohoTokens {
  readonly #context: ConnectionContext<ZohoSettings>;
  readonly #name: string;

  constructor(context: ConnectionContext<ZohoSettings>) {
    this.#context = context;
    // Another client secret is another try: what was said of the one before does not hold for it.
    this.#name = digestOf([signInOf(context.settings), context.settings.clientSecret]);
  }

  /** A token that is good at this moment. */
  get(signal?: AbortSignal): Promise<Token> {
    return this.#context.tokens.get(this.#name, () => this.#refresh(signal));
  }

  /** Says that Zoho refused this token. */
  reject(value: string): Promise<void> {
    return this.#context.tokens.reject(this.#name, value);
  }

  /** The API server: the setting, else what came with the token, else the data centre's. */
  async apiServer(signal?: AbortSignal): Promise<string> {
    const { apiUrl, dataCenter } = this.#context.settings;
    const server = apiUrl || (await this.get(signal)).extra?.api_domain || hostsOf(dataCenter).api;
    return server.replace(/\/+$/, '');
  }

  async #refresh(signal?: AbortSignal): Promise<Token> {
    const { clientId, clientSecret, refreshToken, dataCenter } = this.#context.settings;
    let token: Token | undefined;
    const response = await this.#context.http.send({
      method: 'POST',
      url: `${accountsOf(this.#context.settings)}/oauth/v2/token`,
      form: { grant_type: 'refresh_token', refresh_token: refreshToken, client_id: clientId, client_secret: clientSecret },
      counted: false,
      inspect: (answer) => { token = readToken(answer, dataCenter); },
      ...(signal ? { signal } : {}),
    });
    return token ?? readToken(response, dataCenter);
  }
}

/** The sign-in as the host may name it: two connections with one refresh token share one access token, as Zoho counts its refreshes. */
export function signInOf(settings: ZohoSettings): string {
  return digestOf([accountsOf(settings), settings.clientId, settings.refreshToken]);
}

function digestOf(parts: readonly string[]): string {
  return `zoho:${createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 24)}`;
}

function accountsOf({ accountsUrl, dataCenter }: ZohoSettings): string {
  return (accountsUrl || hostsOf(dataCenter).accounts).replace(/\/+$/, '');
}

function readToken(response: HttpResponse, dataCenter: string): Token {
  if (response.status >= 500) throw new RetryLaterError('zoho.accounts_unwell', `Zoho's accounts server answered ${response.status}.`);
  if (response.text.trimStart().startsWith('<')) throw new RetryLaterError('zoho.not_json', 'Zoho\'s accounts server answered with a page instead of a token.');
  const body = response.json();
  if (!isRecord(body)) throw new RetryLaterError('zoho.not_json', 'Zoho\'s accounts server answered something that is no token.');
  // Errors of this call come with status 200 as well.
  if (body.error !== undefined || typeof body.access_token !== 'string') throw refusal(body, response, dataCenter);
  const seconds = Number(body.expires_in ?? body.expires_in_sec ?? 3600);
  const lifetime = (Number.isFinite(seconds) && seconds > 0 ? seconds : 3600) * 1000;
  const apiDomain = typeof body.api_domain === 'string' && /^https?:\/\//.test(body.api_domain) ? body.api_domain : undefined;
  return {
    value: body.access_token,
    expiresAt: new Date(response.sentAt.getTime() + lifetime),
    ...(apiDomain === undefined ? {} : { extra: { api_domain: apiDomain } }),
  };
}

function refusal(body: Record<string, unknown>, response: HttpResponse, dataCenter: string): Error {
  const error = String(body.error ?? '');
  const description = String(body.error_description ?? '');
  if (response.status === 429 || /too many requests/i.test(description)) {
    return new RateLimitedError('zoho.token_limited', `Zoho refuses new access tokens for some minutes: ${description || error}.`, {
      scope: 'minute',
      retryAfterMs: lockOutMs,
      suggestion: 'Another program may be using the same refresh token; give TDS one of its own.',
    });
  }
  if (/invalid_client/.test(error)) {
    return new AccessDeniedError('zoho.client_refused', `Zoho does not know this client (${error}).`, {
      suggestion: `Check clientId and clientSecret, and that the client was registered in the data centre "${dataCenter}" (setting dataCenter).`,
    });
  }
  if (/invalid_(code|grant|token)|access_denied/.test(error)) {
    return new AccessDeniedError('zoho.refresh_token_refused', `Zoho does not accept the refresh token any more (${error}).`, {
      suggestion: `Make a new refresh token for this client in the data centre "${dataCenter}" (a token of another data centre is refused too) and set refreshToken.`,
    });
  }
  if (error === '' && response.status < 400) return new RetryLaterError('zoho.token_missing', 'Zoho\'s accounts server answered without an access token.');
  return new PermanentError('zoho.token_refused', `Zoho refused the call for a token: ${error || response.status} ${description}`.trim(), {
    suggestion: 'Check clientId, clientSecret, refreshToken and dataCenter.',
  });
}
