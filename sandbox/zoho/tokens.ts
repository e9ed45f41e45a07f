/** The token endpoint: what it gives, when it refuses, and how long a token lives. */

import type { SandboxClock } from './clock.ts'

export interface Credentials {
  clientId: string
  clientSecret: string
  refreshToken: string
  organizationId: string
}

export interface TokenAnswer {
  status: number
  body: Record<string, unknown>
}

const tenMinutes = 600_000

export class Tokens {
  /** Seconds that a token lives. */
  lifetime = 3600
  /** How many tokens ten minutes allow; Infinity switches the limit off. */
  perTenMinutes = 10
  readonly #credentials: Credentials
  readonly #clock: SandboxClock
  readonly #alive = new Map<string, number>()
  #given: number[] = []
  #count = 0
  #revoked = false

  constructor(credentials: Credentials, clock: SandboxClock) {
    this.#credentials = credentials
    this.#clock = clock
  }

  /** How many tokens were ever given. */
  get issued(): number {
    return this.#count
  }

  /** Answers `POST /oauth/v2/token`. Errors of the caller come with HTTP 200, as the real endpoint sends them. */
  answer(form: URLSearchParams, apiDomain: string): TokenAnswer {
    if (form.get('grant_type') !== 'refresh_token') return { status: 200, body: { error: 'unsupported_grant_type' } }
    if (form.get('client_id') !== this.#credentials.clientId) return { status: 200, body: { error: 'invalid_client' } }
    if (form.get('client_secret') !== this.#credentials.clientSecret) return { status: 200, body: { error: 'invalid_client_secret' } }
    if (this.#revoked || form.get('refresh_token') !== this.#credentials.refreshToken) return { status: 200, body: { error: 'invalid_code' } }
    const now = this.#clock.now()
    this.#given = this.#given.filter((at) => at > now - tenMinutes)
    if (this.#given.length >= this.perTenMinutes) {
      return {
        status: 400,
        body: {
          error: 'Access Denied',
          error_description: 'You have made too many requests continuously. Please try again after some time.',
          status: 'failure',
        },
      }
    }
    this.#given.push(now)
    const token = `sandbox-access-${++this.#count}`
    this.#alive.set(token, now + this.lifetime * 1000)
    return { status: 200, body: { access_token: token, scope: 'ZohoBooks.fullaccess.all', api_domain: apiDomain, token_type: 'Bearer', expires_in: this.lifetime } }
  }

  /** Whether a call with this Authorization header may pass. Older tokens live on until their own end. */
  allows(header: string | undefined): boolean {
    const token = /^Zoho-oauthtoken (.+)$/.exec(header ?? '')?.[1]
    const until = token === undefined ? undefined : this.#alive.get(token)
    return until !== undefined && until > this.#clock.now()
  }

  /** Ends every access token now, as a change of password does. */
  expireAll(): void {
    this.#alive.clear()
  }

  /** Takes the refresh token back, or gives it again. */
  revoke(revoked = true): void {
    this.#revoked = revoked
  }
}
