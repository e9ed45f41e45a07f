/** The sandbox's own time: real time by default, movable, or standing still until it is moved. */

export interface SandboxClock {
  /** Milliseconds since 1970. */
  now(): number
  /** Moves the clock forward; tokens expire and limits refill without anybody having to wait. */
  advance(ms: number): void
  /** Sets the clock to a time. It goes on from there unless it is frozen. */
  set(ms: number): void
  /** Makes time stand still; only advance and set move it. */
  freeze(): void
}

/** Makes a clock; one that is frozen from the start makes every timestamp of a test predictable. */
export function makeClock(options: { startAt?: number | undefined; frozen?: boolean | undefined } = {}): SandboxClock {
  let offset = options.startAt === undefined ? 0 : options.startAt - Date.now()
  let still: number | undefined = options.frozen ? (options.startAt ?? Date.now()) : undefined
  const now = (): number => still ?? Date.now() + offset
  return {
    now,
    advance(ms) {
      if (still === undefined) offset += ms
      else still += ms
    },
    set(ms) {
      if (still === undefined) offset = ms - Date.now()
      else still = ms
    },
    freeze() {
      still = now()
    },
  }
}

/** An organization's zone: how Zoho writes times and where the day of the quota begins. */
export class Zone {
  readonly name: string
  readonly #format: Intl.DateTimeFormat
  readonly #offsets = new Map<number, number>()
  readonly #days = new Map<number, string>()

  constructor(name: string) {
    this.name = name
    this.#format = new Intl.DateTimeFormat('en-US', { timeZone: name, timeZoneName: 'longOffset', hour: 'numeric' })
  }

  /** Offset from UTC in seconds. Kept per hour, as no zone changes within one. */
  offset(second: number): number {
    const hour = Math.floor(second / 3600)
    let offset = this.#offsets.get(hour)
    if (offset === undefined) {
      const label = this.#format.formatToParts(hour * 3_600_000).find((part) => part.type === 'timeZoneName')?.value ?? ''
      const found = /([+-])(\d\d):(\d\d)/.exec(label)
      offset = found ? (found[1] === '-' ? -1 : 1) * (Number(found[2]) * 3600 + Number(found[3]) * 60) : 0
      this.#offsets.set(hour, offset)
    }
    return offset
  }

  /** `2026-06-09T09:45:44-0400`, as the wire writes it: no colon in the offset. */
  stamp(second: number): string {
    const offset = this.offset(second)
    const minutes = Math.abs(offset) / 60
    const inDay = (((second + offset) % 86400) + 86400) % 86400
    const time = `${two(Math.floor(inDay / 3600))}:${two(Math.floor(inDay / 60) % 60)}:${two(inDay % 60)}`
    return `${this.date(second)}T${time}${offset < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}${two(minutes % 60)}`
  }

  /** `yyyy-mm-dd` in the organization's zone. */
  date(second: number): string {
    const day = Math.floor((second + this.offset(second)) / 86400)
    let text = this.#days.get(day)
    if (text === undefined) {
      text = new Date(day * 86_400_000).toISOString().slice(0, 10)
      this.#days.set(day, text)
    }
    return text
  }

  /** The second at which the organization's day began. */
  midnight(second: number): number {
    const offset = this.offset(second)
    return Math.floor((second + offset) / 86400) * 86400 - offset
  }
}

/** Reads a time as Zoho's callers send it; with or without a colon in the offset, `Z` too. Undefined where it is none. */
export function parseStamp(text: string): number | undefined {
  const ms = Date.parse(text.trim().replace(/ (\d{2}:?\d{2})$/, '+$1').replace(/([+-]\d{2})(\d{2})$/, '$1:$2'))
  return Number.isNaN(ms) ? undefined : Math.floor(ms / 1000)
}

function two(n: number): string {
  return n < 10 ? `0${n}` : String(n)
}
