/** Webhooks of workflow rules: each change is told to the URLs that were set up, signed, and lost, doubled, late or out of order on demand. */

import { createHmac } from 'node:crypto'
import { Agent, request } from 'node:http'
import { Random } from './random.ts'
import type { Fields } from './collection.ts'
import { resourceNamed } from './resources.ts'
import type { Change, Store } from './store.ts'

/** Where the changes of a resource go. */
export interface WebhookRule {
  resource: string
  event: 'changed' | 'deleted'
  url: string
  /** Records whose field has this value alone, such as the customers among the contacts. */
  only?: { field: string; value: string }
}

/** What the sender is told; all can be changed at any time. Shares are 0 to 1. */
export interface WebhookSettings {
  secret: string
  rules: WebhookRule[]
  /** Never sent. */
  loss: number
  /** Sent twice. */
  doubling: number
  /** Held back until the next one has gone. */
  reordering: number
  /** Signed with another secret. */
  forgery: number
  /** Milliseconds before each is sent. */
  delay: number
  /** How often a message that was not answered 2xx is sent again, and the pause between. */
  retries: number
  retryMs: number
  /** Messages on their way at once. */
  atOnce: number
}

/** What became of the messages. A message counts as taken once it was answered 2xx. */
export interface WebhookCounts { changes: number; lost: number; sent: number; taken: number; refused: number; failed: number; forged: number; forgedTaken: number }

interface Message { url: string; event: 'changed' | 'deleted'; body: string; forged: boolean; tries: number }

export class WebhookSender {
  readonly settings: WebhookSettings = { secret: 'sandboxwebhooksecret', rules: [], loss: 0, doubling: 0, reordering: 0, forgery: 0, delay: 0, retries: 5, retryMs: 200, atOnce: 32 }
  readonly counts: WebhookCounts = { changes: 0, lost: 0, sent: 0, taken: 0, refused: 0, failed: 0, forged: 0, forgedTaken: 0 }
  /** What was never sent. */
  readonly lost: { resource: string; id: string; event: 'changed' | 'deleted' }[] = []
  /** Told of each message that was answered 2xx. */
  onTaken: ((event: 'changed' | 'deleted', body: string) => void) | undefined
  readonly #store: Store
  readonly #random: Random
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 })
  readonly #queue: Message[] = []
  readonly #timers = new Set<NodeJS.Timeout>()
  #held: Message[] = []
  #flying = 0
  #closed = false

  constructor(store: Store, seed: number) {
    this.#store = store
    this.#random = new Random(seed)
    store.onChange((change) => this.#tell(change))
  }

  /** Messages that are still to go, those that wait for another try among them. */
  get pending(): number {
    return this.#queue.length + this.#flying + this.#timers.size + this.#held.length
  }

  /** Sends what is held back for the next one. */
  flush(): void {
    for (const message of this.#held.splice(0)) this.#plan(message)
  }

  close(): void {
    this.#closed = true
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
    this.#queue.length = 0
    this.#agent.destroy()
  }

  #tell({ resource, id, kind, last }: Change): void {
    const { settings, counts } = this
    const event = kind === 'delete' ? 'deleted' : 'changed'
    const rules = settings.rules.filter((rule) => rule.resource === resource && rule.event === event)
    if (rules.length === 0) return
    const record = kind === 'delete' ? last : this.#store.get(resource, id)
    if (!record) return
    for (const { url, only } of rules) {
      if (only && record[only.field] !== only.value) continue
      counts.changes++
      if (this.#random.chance(settings.loss)) {
        counts.lost++
        this.lost.push({ resource, id, event })
        continue
      }
      const message: Message = { url, event, body: bodyOf(resource, record), forged: false, tries: 0 }
      const copies = this.#random.chance(settings.doubling) ? [message, { ...message }] : [message]
      if (this.#random.chance(settings.forgery)) copies.push({ ...message, body: bodyOf(resource, { ...record, name: 'forged', status: 'forged' }), forged: true })
      if (this.#random.chance(settings.reordering)) this.#held.push(...copies)
      else {
        for (const copy of copies) this.#plan(copy)
        if (this.#held.length >= 8) this.flush()
      }
    }
  }

  #plan(message: Message): void {
    if (this.settings.delay > 0 && message.tries === 0) this.#later(message, this.settings.delay)
    else this.#push(message)
  }

  #later(message: Message, ms: number): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      this.#push(message)
    }, ms)
    this.#timers.add(timer)
  }

  #push(message: Message): void {
    if (this.#closed) return
    this.#queue.push(message)
    this.#pump()
  }

  #pump(): void {
    while (this.#flying < this.settings.atOnce) {
      const message = this.#queue.shift()
      if (!message) return
      this.#flying++
      void this.#deliver(message)
    }
  }

  async #deliver(message: Message): Promise<void> {
    const status = await this.#send(message)
    this.#flying--
    this.#note(message, status)
    this.#pump()
  }

  #note(message: Message, status: number): void {
    const { counts, settings } = this
    const taken = status >= 200 && status < 300
    if (message.forged) {
      if (message.tries === 0) counts.forged++
      if (taken) counts.forgedTaken++
    } else if (taken) {
      counts.taken++
      this.onTaken?.(message.event, message.body)
      return
    }
    // what is refused for good is not sent again; a forged one only where nobody answered at all
    if (taken || (status >= 400 && status < 500 && status !== 408 && status !== 429)) {
      if (!message.forged) counts.refused++
      return
    }
    message.tries++
    if (message.tries > settings.retries) counts.failed++
    else if (!this.#closed) this.#later(message, settings.retryMs)
  }

  #send({ url, body, forged }: Message): Promise<number> {
    this.counts.sent++
    return new Promise((resolve) => {
      const outgoing = request(url, {
        method: 'POST', agent: this.#agent, timeout: 10_000,
        headers: { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body), 'User-Agent': 'zoho-webhook', 'X-Zoho-Webhook-Signature': signature(url, body, forged ? `${this.settings.secret}x` : this.settings.secret) },
      }, (incoming) => {
        incoming.resume()
        incoming.once('close', () => resolve(incoming.statusCode ?? 0))
      })
      outgoing.on('timeout', () => outgoing.destroy())
      outgoing.on('error', () => resolve(0))
      outgoing.end(body)
    })
  }
}

/** The record whole, under the name of its module. */
function bodyOf(resource: string, record: Fields): string {
  const { detailKey, listKey } = resourceNamed(resource)
  return JSON.stringify({ [detailKey ?? listKey]: record })
}

/** Hex HMAC-SHA256 over the query's parameters, sorted, name and value joined with nothing between, then the body. */
export function signature(url: string, body: string, secret: string): string {
  const parameters = [...new URL(url).searchParams].sort(([one], [other]) => (one < other ? -1 : one > other ? 1 : 0))
  return createHmac('sha256', secret).update(parameters.map(([name, value]) => name + value).join('')).update(body).digest('hex')
}
