/** A Zoho that runs locally: Books, Inventory and the token endpoint on one port, with an admin plane under `/_sandbox`. */

import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { startActivity } from './activity.ts'
import { adminAnswer } from './admin.ts'
import { answer, needsNoOrganization, organizationProblem } from './answers.ts'
import { type Call, Calls } from './calls.ts'
import { type SandboxClock, Zone, makeClock } from './clock.ts'
import { World } from './data/world.ts'
import { type Answer, type Fault, type FaultOptions, Faults, bend, faultAnswer, sendBadly } from './faults.ts'
import { type LimitSettings, Limits } from './limits.ts'
import { type SandboxOptions, sizes } from './options.ts'
import { failure, invalidUrl } from './replies.ts'
import type { Api } from './resources.ts'
import { Store } from './store.ts'
import { type Credentials, Tokens } from './tokens.ts'
import { WebhookSender } from './webhooks.ts'

export type { SandboxOptions } from './options.ts'
export type { FaultOptions } from './faults.ts'

/** A running sandbox. */
export interface ZohoSandbox {
  readonly url: string
  readonly accountsUrl: string
  readonly apiUrl: string
  readonly credentials: Credentials
  readonly store: Store
  readonly clock: SandboxClock
  readonly calls: Calls
  readonly faults: Faults
  readonly limits: Limits
  readonly tokens: Tokens
  readonly webhooks: WebhookSender
  /** Milliseconds before each answer, and whether answers are compressed; both can be changed at any time. */
  readonly behaviour: { latency: number; gzip: boolean }
  /** Queues a fault. */
  fault(options: FaultOptions): Fault
  /** Makes realistic changes one after another until it is stopped. */
  startActivity(options: { everyMs: number }): () => void
  close(): Promise<void>
}

const defaultLimits: LimitSettings = {
  enabled: true, perMinute: 100, window: 'sliding', perDay: { books: 10_000, inventory: 10_000 }, concurrency: 10, countRefused: false, retryAfter: undefined,
}

/** Starts a sandbox and resolves when it listens. */
export async function startZohoSandbox(options: SandboxOptions = {}): Promise<ZohoSandbox> {
  const clock = options.clock ?? makeClock({ startAt: options.startAt, frozen: options.frozen })
  const zone = new Zone(options.zone ?? 'Asia/Baghdad')
  const credentials: Credentials = { clientId: 'sandbox-client', clientSecret: 'sandbox-secret', refreshToken: 'sandbox-refresh', organizationId: '870000001' }
  const world = new World({
    seed: options.seed ?? 1, zone, endsAt: Math.floor(clock.now() / 1000), recordBytes: options.recordBytes ?? 0, organizationId: credentials.organizationId, ...sizes(options),
  })
  const store = new Store(world, clock)
  const settings: LimitSettings = { ...defaultLimits, perDay: { ...defaultLimits.perDay }, ...(options.limits === false ? { enabled: false } : options.limits) }
  const limits = new Limits(settings, clock, zone)
  const tokens = new Tokens(credentials, clock)
  if (options.limits === false) tokens.perTenMinutes = Infinity
  const webhooks = new WebhookSender(store, options.seed ?? 1)
  const calls = new Calls()
  const faults = new Faults()
  const behaviour = { latency: options.latency ?? 0, gzip: options.gzip ?? false }
  const timers = new Set<NodeJS.Timeout>()
  const stops = new Set<() => void>()
  let url = ''

  const send = (request: IncomingMessage, response: ServerResponse, reply: Answer, fault?: Fault): void => {
    const headers: Record<string, string> = { 'Content-Type': 'application/json;charset=UTF-8', ...reply.headers }
    const text = fault ? bend(fault, reply.body) : reply.body
    let body = typeof text === 'string' ? Buffer.from(text) : text
    if (behaviour.gzip && /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''))) {
      body = gzipSync(body, { level: 1 })
      headers['Content-Encoding'] = 'gzip'
    }
    if (fault && sendBadly(fault, response, headers, reply.status, body, timers)) return
    response.writeHead(reply.status, { ...headers, 'Content-Length': String(body.length) })
    response.end(body)
  }

  const wait = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(() => {
        timers.delete(timer)
        resolve()
      }, ms)
      timers.add(timer)
    })

  /** Edits some records and deletes one, so that the pages behind the reader move. */
  const shift = (path: string, records: number): void => {
    const name = path.split('/').at(-1) ?? ''
    if (!store.resources.includes(name)) return
    for (let n = 0; n < records; n++) {
      const id = store.anyId(name)
      if (id === undefined) return
      if (n === 0) store.delete(name, id)
      else store.edit(name, id)
    }
  }

  const apiReply = (request: IncomingMessage, api: Api, path: string, target: URL, body: string, fault: Fault | undefined, entered: boolean): Answer => {
    const refused = entered ? limits.enter(api) : undefined
    const bare = needsNoOrganization(path)
    const withDay = (reply: Answer): Answer => (bare ? reply : { ...reply, headers: { ...limits.headers(api), ...reply.headers } })
    if (!tokens.allows(request.headers.authorization)) return failure(401, 57, 'You are not authorized to perform this operation')
    if (refused) {
      const retry: Record<string, string> = settings.retryAfter === undefined ? {} : { 'Retry-After': String(settings.retryAfter) }
      return withDay({ status: 429, body: JSON.stringify(refused), code: refused.code, headers: retry })
    }
    const faulty = fault ? faultAnswer(fault) : undefined
    if (faulty) return withDay(faulty)
    const problem = bare ? undefined : organizationProblem(store, target.searchParams.get('organization_id'))
    if (problem) return withDay(problem)
    if (fault?.kind === 'shift') shift(path, fault.records ?? 3)
    return withDay(answer(store, { api, method: request.method ?? 'GET', path, query: target.searchParams, headers: request.headers, body, ignoreFilters: fault?.kind === 'ignore-filters' }))
  }

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const target = new URL(request.url ?? '/', url)
    const body = await readBody(request)
    const method = request.method ?? 'GET'
    if (target.pathname.startsWith('/_sandbox/')) {
      send(request, response, adminAnswer(sandbox, method, target, body))
      return
    }
    const call: Call = calls.add(clock.now(), method, target)
    const fault = faults.take(method, `${target.pathname}${target.search}`)
    const route = /^\/(books\/v3|inventory\/v1)(\/.*)$/.exec(target.pathname)
    const api: Api | undefined = route ? (route[1] === 'books/v3' ? 'books' : 'inventory') : undefined
    const reply = (): Answer => {
      if (target.pathname === '/oauth/v2/token') return (fault && faultAnswer(fault)) ?? tokenReply(method, target, body)
      return api && route ? apiReply(request, api, route[2] as string, target, body, fault, true) : invalidUrl()
    }
    try {
      const ready = reply()
      call.status = ready.status
      if (ready.code !== undefined) call.code = ready.code
      if (fault?.kind === 'reset') {
        call.status = 0
        request.socket.resetAndDestroy()
        return
      }
      if (fault?.kind === 'hang') {
        call.status = 0
        await closed(response)
        return
      }
      const pause = behaviour.latency + (fault?.kind === 'delay' ? (fault.ms ?? 1000) : 0)
      if (pause > 0) await wait(pause)
      send(request, response, ready, fault)
      // A call is in process until its answer is gone.
      if (fault?.kind === 'slow-body') await closed(response)
    } finally {
      if (api) limits.leave()
    }
  }

  const tokenReply = (method: string, target: URL, body: string): Answer => {
    if (method !== 'POST') return failure(405, 37, 'Method not allowed')
    const form = new URLSearchParams(body)
    // The endpoint takes its fields from the query as well.
    for (const [key, value] of target.searchParams) if (!form.has(key)) form.set(key, value)
    const { status, body: value } = tokens.answer(form, url)
    return { status, body: JSON.stringify(value) }
  }

  const server: Server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      if (!response.headersSent) send(request, response, failure(500, 1000, `The sandbox failed: ${String(error)}`))
      else response.destroy()
    })
  })
  server.keepAliveTimeout = 60_000
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, options.host ?? '127.0.0.1', resolve)
  })
  url = `http://${options.host ?? '127.0.0.1'}:${(server.address() as AddressInfo).port}`

  const sandbox: ZohoSandbox = {
    url, accountsUrl: url, apiUrl: url, credentials, store, clock, calls, faults, limits, tokens, behaviour, webhooks,
    fault: (fault) => faults.add(fault),
    startActivity({ everyMs }) {
      const stop = startActivity(store, everyMs)
      stops.add(stop)
      return stop
    },
    async close() {
      for (const stop of stops) stop()
      webhooks.close()
      for (const timer of timers) clearTimeout(timer)
      timers.clear()
      if (!server.listening) return
      const done = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await done
    },
  }
  if (options.activity !== undefined) sandbox.startActivity({ everyMs: options.activity })
  return sandbox
}

function closed(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    if (response.destroyed || response.writableFinished) resolve()
    else response.once('close', () => resolve())
  })
}

async function readBody(request: IncomingMessage): Promise<string> {
  if (request.method === 'GET' || request.method === 'HEAD') return ''
  const pieces: Buffer[] = []
  for await (const piece of request) pieces.push(piece as Buffer)
  return Buffer.concat(pieces).toString('utf8')
}
