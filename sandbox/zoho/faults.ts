/** Faults on demand: what goes wrong, on which calls, how often. */

import type { ServerResponse } from 'node:http'
import { refusal } from './limits.ts'

export const faultKinds = [
  'limit-minute', 'limit-day', 'limit-concurrency', 'error-500', 'unauthorized', 'html', 'maintenance', 'hang', 'reset', 'cut-body', 'empty-body',
  'bad-json', 'slow-body', 'delay', 'shift', 'ignore-filters', 'token-error', 'no-page-context', 'endless-pages', 'deny',
] as const
export type FaultKind = (typeof faultKinds)[number]

export interface FaultOptions {
  kind: FaultKind
  /** Part of the path with its query, or a pattern for it. Every call where it is left out. */
  match?: string | RegExp
  method?: string
  /** How many calls it hits; 1 where it is left out, Infinity for all. */
  times?: number
  /** How many matching calls it lets pass first. */
  after?: number
  /** Milliseconds, for delay and slow-body. */
  ms?: number
  /** Seconds in Retry-After, for the limits. */
  retryAfter?: number
  /** Error word of token-error. `Access Denied` comes with HTTP 400, others with 200. */
  error?: string
  /** How many records shift edits or deletes before the page is answered. */
  records?: number
}

export interface Fault extends FaultOptions {
  times: number
  after: number
  hits: number
}

export class Faults {
  readonly queue: Fault[] = []

  add(options: FaultOptions): Fault {
    if (!faultKinds.includes(options.kind)) throw new Error(`There is no fault "${String(options.kind)}". There are: ${faultKinds.join(', ')}.`)
    const fault: Fault = { ...options, times: options.times ?? 1, after: options.after ?? 0, hits: 0 }
    this.queue.push(fault)
    return fault
  }

  clear(): void {
    this.queue.length = 0
  }

  /** The fault that this call meets, if any. The first that matches is used up by one. */
  take(method: string, target: string): Fault | undefined {
    for (const fault of this.queue) {
      if (fault.method !== undefined && fault.method !== method) continue
      const { match } = fault
      if (typeof match === 'string' ? !target.includes(match) : match !== undefined && !match.test(target)) continue
      if (fault.after > 0) {
        fault.after--
        continue
      }
      if (fault.hits >= fault.times) continue
      fault.hits++
      return fault
    }
    return undefined
  }
}

const html = (title: string): string => `<!DOCTYPE html><html><head><title>${title}</title></head><body><h1>${title}</h1></body></html>`

/** An answer that is ready to be sent: a JSON text with its status. */
export interface Answer {
  status: number
  body: string | Buffer
  headers?: Record<string, string>
  code?: number
}

/** The whole answer of a fault that needs no look at the records; undefined where the fault only bends the real answer. */
export function faultAnswer(fault: Fault): Answer | undefined {
  const retry: Record<string, string> = fault.retryAfter === undefined ? {} : { 'Retry-After': String(fault.retryAfter) }
  const limit = (code: 44 | 45 | 1070): Answer => ({ status: 429, body: JSON.stringify(refusal(code, fault.hits)), headers: retry, code })
  switch (fault.kind) {
    case 'limit-minute':
      return limit(44)
    case 'limit-day':
      return limit(45)
    case 'limit-concurrency':
      return limit(1070)
    case 'error-500':
      return { status: 500, body: '{"code":1000,"message":"Sorry, an internal error occurred. Please try again later."}', code: 1000 }
    case 'unauthorized':
      return { status: 401, body: '{"code":57,"message":"You are not authorized to perform this operation"}', code: 57 }
    case 'deny':
      return { status: 401, body: '{"code":57,"message":"You are not authorized to perform this operation. The scope is missing."}', code: 57 }
    case 'html':
      return { status: 200, body: html('Zoho Accounts'), headers: { 'Content-Type': 'text/html;charset=UTF-8' } }
    case 'maintenance':
      return { status: 503, body: html('We will be back soon'), headers: { 'Content-Type': 'text/html;charset=UTF-8', ...retry } }
    case 'empty-body':
      return { status: 200, body: '' }
    case 'token-error':
      return fault.error === 'Access Denied'
        ? { status: 400, body: '{"error":"Access Denied","error_description":"You have made too many requests continuously. Please try again after some time.","status":"failure"}' }
        : { status: 200, body: JSON.stringify({ error: fault.error ?? 'invalid_code' }) }
    default:
      return undefined
  }
}

/** Spoils the text of a good answer. */
export function bend(fault: Fault, bytes: string | Buffer): string | Buffer {
  const body = (): string => String(bytes)
  switch (fault.kind) {
    case 'bad-json':
      return body().replace(':', '')
    case 'no-page-context':
      return body().replace(/,"page_context":\{.*\}\}$/s, '}')
    case 'endless-pages':
      return body().replace('"has_more_page":false', '"has_more_page":true')
    default:
      return bytes
  }
}

/** Sends an answer the bad way. Returns whether the fault was about sending. */
export function sendBadly(fault: Fault, response: ServerResponse, headers: Record<string, string>, status: number, body: Buffer, timers: Set<NodeJS.Timeout>): boolean {
  if (fault.kind === 'cut-body') {
    response.writeHead(status, { ...headers, 'Content-Length': String(body.length) })
    // The half has to be on its way before the line is cut, or the caller sees a plain reset.
    response.write(body.subarray(0, Math.floor(body.length / 2)), () => response.socket?.destroySoon())
    return true
  }
  if (fault.kind === 'slow-body') {
    response.writeHead(status, { ...headers, 'Content-Length': String(body.length) })
    const pieces = 10
    const size = Math.ceil(body.length / pieces)
    let sent = 0
    const step = (): void => {
      if (response.destroyed) return
      response.write(body.subarray(sent, sent + size))
      sent += size
      if (sent >= body.length) {
        response.end()
        return
      }
      const timer = setTimeout(() => {
        timers.delete(timer)
        step()
      }, (fault.ms ?? 1000) / pieces)
      timers.add(timer)
    }
    step()
    return true
  }
  return false
}
