/** What was called, for tests that count calls and for people who look at a demo. */

export interface Call {
  readonly at: number
  readonly method: string
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  status: number
  /** Zoho's own code in the answer, where the sandbox knows it. */
  code?: number
}

const keepLast = 10_000

export class Calls {
  total = 0
  readonly byPath = new Map<string, number>()
  entries: Call[] = []

  add(at: number, method: string, url: URL): Call {
    const call: Call = { at, method, path: url.pathname, query: Object.fromEntries(url.searchParams), status: 0 }
    this.total++
    // Ids are folded, so that the counts stay few however many details are read.
    const shape = `${method} ${url.pathname.replace(/\/\d{6,}/g, '/{id}')}`
    this.byPath.set(shape, (this.byPath.get(shape) ?? 0) + 1)
    this.entries.push(call)
    if (this.entries.length > keepLast * 2) this.entries = this.entries.slice(-keepLast)
    return call
  }

  /** The calls whose path matches, of the last ten thousand. */
  matching(match: string | RegExp): Call[] {
    return this.entries.filter((call) => (typeof match === 'string' ? call.path.includes(match) : match.test(call.path)))
  }

  /** How many calls matched. */
  count(match?: string | RegExp): number {
    return match === undefined ? this.total : this.matching(match).length
  }

  reset(): void {
    this.total = 0
    this.byPath.clear()
    this.entries = []
  }

  toJSON(): object {
    return { total: this.total, byPath: Object.fromEntries(this.byPath), entries: this.entries.slice(-200) }
  }
}
