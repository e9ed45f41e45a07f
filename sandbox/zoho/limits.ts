/** Zoho's limits: calls a minute, calls a day, calls at once. They run on the sandbox's clock. */

import type { SandboxClock, Zone } from './clock.ts'
import type { Api } from './resources.ts'

export interface LimitSettings {
  enabled: boolean
  perMinute: number
  /** A sliding minute lets no burst through at a minute's turn; a fixed one does. */
  window: 'sliding' | 'fixed'
  perDay: Record<Api, number>
  concurrency: number
  /** Whether calls that were refused count as calls too, which keeps an impatient caller locked out. */
  countRefused: boolean
  /** Seconds in a Retry-After header of a 429; undefined sends none. */
  retryAfter: number | undefined
}

export interface Refusal {
  readonly code: 44 | 45 | 1070
  readonly message: string
}

// The wording varies between products and years; a caller has to go by the code.
const wordings: Record<Refusal['code'], readonly string[]> = {
  44: [
    'For security reasons you have been blocked for some time as you have exceeded the maximum number of requests per minute that can be tried from one account.',
    'Too many requests within a minute. Try again later.',
  ],
  45: ['The number of API calls allowed for today is used up.', 'You have exceeded the maximum call rate limit of the day.'],
  1070: ['The maximum number of requests in process has been reached.', 'Too many concurrent requests.'],
}

export function refusal(code: Refusal['code'], turn = 0): Refusal {
  const texts = wordings[code]
  return { code, message: texts[turn % texts.length] as string }
}

export class Limits {
  readonly settings: LimitSettings
  readonly #clock: SandboxClock
  readonly #zone: Zone
  #recent: number[] = []
  #day = 0
  #used: Record<Api, number> = { books: 0, inventory: 0 }
  #inFlight = 0
  #refused = 0

  constructor(settings: LimitSettings, clock: SandboxClock, zone: Zone) {
    this.settings = settings
    this.#clock = clock
    this.#zone = zone
  }

  get inFlight(): number {
    return this.#inFlight
  }

  /** Calls that were refused, since the start. Refusals by a fault are not among them. */
  get refused(): number {
    return this.#refused
  }

  /** Takes one call into account. The answer says why it is refused, or undefined. Every enter needs one leave. */
  enter(api: Api): Refusal | undefined {
    this.#inFlight++
    this.#turn()
    if (!this.settings.enabled) {
      this.#used[api]++
      return undefined
    }
    const code = this.#broken(api)
    if (code !== undefined) this.#refused++
    if (code === undefined || this.settings.countRefused) {
      this.#recent.push(this.#clock.now())
      this.#used[api]++
    }
    return code === undefined ? undefined : refusal(code, this.#refused)
  }

  leave(): void {
    this.#inFlight--
  }

  /** The headers of the day; there is none for the minute or for calls at once. */
  headers(api: Api): Record<string, string> {
    this.#turn()
    const second = Math.floor(this.#clock.now() / 1000)
    // with the limits off a caller that plans by these headers must not see a day run out
    const perDay = this.settings.enabled ? this.settings.perDay[api] : 1_000_000_000
    return {
      'X-Rate-Limit-Limit': String(perDay),
      'X-Rate-Limit-Remaining': String(Math.max(0, perDay - this.#used[api])),
      'X-Rate-Limit-Reset': String(this.#day + 86400 - second),
    }
  }

  /** Forgets every call made so far. */
  reset(): void {
    this.#recent = []
    this.#used = { books: 0, inventory: 0 }
  }

  #broken(api: Api): Refusal['code'] | undefined {
    if (this.#inFlight > this.settings.concurrency) return 1070
    if (this.#used[api] >= this.settings.perDay[api]) return 45
    return this.#recent.length >= this.settings.perMinute ? 44 : undefined
  }

  #turn(): void {
    const now = this.#clock.now()
    const midnight = this.#zone.midnight(Math.floor(now / 1000))
    if (midnight !== this.#day) {
      this.#day = midnight
      this.#used = { books: 0, inventory: 0 }
    }
    const from = this.settings.window === 'sliding' ? now - 60_000 : Math.floor(now / 60_000) * 60_000 - 1
    let old = 0
    while (old < this.#recent.length && (this.#recent[old] as number) <= from) old++
    if (old > 0) this.#recent.splice(0, old)
  }
}
