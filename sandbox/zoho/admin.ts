/** The admin plane under `/_sandbox`, for those who drive a sandbox from another process. No limit counts it and no fault meets it. */

import { changeSomething } from './activity.ts'
import type { Fields } from './collection.ts'
import { rawNumber } from './data/words.ts'
import type { Answer, FaultOptions } from './faults.ts'
import type { LimitSettings } from './limits.ts'
import { Random } from './random.ts'
import { failure, json } from './replies.ts'
import type { ZohoSandbox } from './server.ts'

interface ChangeOrder {
  resource?: string
  /** How many records to edit, create or delete where no ids are given; activity makes so many of any kind. */
  edit?: number | { id: string; fields?: Fields }[]
  create?: number | Fields[]
  delete?: number | string[]
  activity?: number
  rate?: { pricebook: string; item: string; rate: unknown }
  stock?: { item: string; location: number; by: number; bump?: boolean }
}

let turns = 0

export function adminAnswer(sandbox: ZohoSandbox, method: string, url: URL, body: string): Answer {
  const path = url.pathname.slice('/_sandbox'.length)
  try {
    if (method === 'GET') return look(sandbox, path, url.searchParams)
    if (method === 'DELETE' && path === '/calls') return done(() => sandbox.calls.reset())
    if (method === 'DELETE' && path === '/faults') return done(() => sandbox.faults.clear())
    if (method === 'POST') return act(sandbox, path, body === '' ? {} : (JSON.parse(body, reviveRaw) as Fields))
  } catch (error) {
    return failure(400, 1, error instanceof Error ? error.message : String(error))
  }
  return failure(404, 5, `The admin plane has no ${method} ${url.pathname}`)
}

function look(sandbox: ZohoSandbox, path: string, query: URLSearchParams): Answer {
  if (path === '/calls') return json(200, sandbox.calls.toJSON())
  if (path === '/faults') return json(200, { faults: sandbox.faults.queue.map((fault) => ({ ...fault, match: String(fault.match ?? '') })) })
  if (path === '/webhooks') return json(200, { ...sandbox.webhooks.settings, counts: sandbox.webhooks.counts, pending: sandbox.webhooks.pending })
  if (path === '/limits') return json(200, { ...sandbox.limits.settings, inFlight: sandbox.limits.inFlight, refused: sandbox.limits.refused })
  if (path === '/clock') return json(200, { now: sandbox.clock.now(), iso: new Date(sandbox.clock.now()).toISOString() })
  if (path === '/credentials') return json(200, { ...sandbox.credentials, apiUrl: sandbox.apiUrl, accountsUrl: sandbox.accountsUrl })
  if (path === '/resources') return json(200, Object.fromEntries(sandbox.store.resources.map((name) => [name, sandbox.store.count(name)])))
  const resource = /^\/records\/([a-z]+)$/.exec(path)?.[1]
  if (resource === undefined) return failure(404, 5, `The admin plane has no GET /_sandbox${path}`)
  const idsOnly = query.get('ids') === '1'
  const records: Fields = {}
  for (const { id, last_modified_time, record } of sandbox.store.records(resource)) records[id] = idsOnly ? { last_modified_time } : { last_modified_time, record }
  return json(200, { resource, count: sandbox.store.count(resource), records })
}

function act(sandbox: ZohoSandbox, path: string, order: Fields): Answer {
  switch (path) {
    case '/faults': {
      const { match, pattern, ...rest } = order as Fields & { match?: string; pattern?: string }
      const where = pattern === undefined ? match : new RegExp(pattern)
      return done(() => sandbox.fault({ ...(rest as unknown as FaultOptions), ...(where === undefined ? {} : { match: where }) }))
    }
    case '/limits':
      return done(() => {
        const { reset, perDay, ...settings } = order as Partial<LimitSettings> & { reset?: boolean }
        Object.assign(sandbox.limits.settings, settings)
        if (perDay) Object.assign(sandbox.limits.settings.perDay, perDay)
        if (reset) sandbox.limits.reset()
      })
    case '/clock':
      return done(() => {
        if (typeof order['advance'] === 'number') sandbox.clock.advance(order['advance'])
        if (typeof order['set'] === 'number') sandbox.clock.set(order['set'])
        if (order['freeze'] === true) sandbox.clock.freeze()
      })
    case '/tokens':
      return done(() => {
        if (order['expireAll'] === true) sandbox.tokens.expireAll()
        if (typeof order['revoked'] === 'boolean') sandbox.tokens.revoke(order['revoked'])
      })
    case '/webhooks':
      return done(() => {
        const { flush, ...settings } = order
        Object.assign(sandbox.webhooks.settings, settings)
        if (flush === true) sandbox.webhooks.flush()
      })
    case '/behaviour':
      return done(() => Object.assign(sandbox.behaviour, order))
    case '/change':
      return json(200, change(sandbox, order as ChangeOrder))
    default:
      return failure(404, 5, `The admin plane has no POST /_sandbox${path}`)
  }
}

function change(sandbox: ZohoSandbox, order: ChangeOrder): { created: string[]; edited: string[]; deleted: string[]; activity: string[] } {
  const { store } = sandbox
  const changed = { created: [] as string[], edited: [] as string[], deleted: [] as string[], activity: [] as string[] }
  const resource = order.resource ?? 'items'
  const some = (n: number): string[] => Array.from({ length: n }, () => store.anyId(resource)).filter((id) => id !== undefined)
  const edited = order.edit ?? 0
  for (const { id, fields } of typeof edited === 'number' ? some(edited).map((id) => ({ id, fields: {} })) : edited) if (store.edit(resource, id, fields ?? {})) changed.edited.push(id)
  const deleted = order.delete ?? 0
  // Drawn one by one, as the same record must not be drawn twice.
  if (typeof deleted === 'number') {
    for (let n = 0; n < deleted; n++) for (const id of some(1)) if (store.delete(resource, id)) changed.deleted.push(id)
  } else for (const id of deleted) if (store.delete(resource, id)) changed.deleted.push(id)
  // Last, so that what is drawn to be deleted was there before.
  const created = order.create ?? 0
  for (const fields of typeof created === 'number' ? Array.from({ length: created }, () => ({})) : created) changed.created.push(store.create(resource, fields))
  if (order.rate && store.setRate(order.rate.pricebook, order.rate.item, order.rate.rate)) changed.edited.push(order.rate.pricebook)
  if (order.stock && store.moveStock(order.stock.item, order.stock.location, order.stock.by, order.stock.bump ?? true)) changed.edited.push(order.stock.item)
  const random = new Random(++turns)
  for (let n = 0; n < (order.activity ?? 0); n++) changed.activity.push(changeSomething(store, random))
  return changed
}

function done(run: () => unknown): Answer {
  run()
  return json(200, { ok: true })
}

/** `{"$raw": "0.10"}` stands for a number with exactly these digits. */
function reviveRaw(_key: string, value: unknown): unknown {
  return typeof value === 'object' && value !== null && '$raw' in value && typeof value.$raw === 'string' ? rawNumber(value.$raw) : value
}
