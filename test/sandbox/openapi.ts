/** Reads Zoho's OpenAPI files where they are beside the repository, and compares answers with them. */

import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'

export const folder = join(import.meta.dirname, '..', '..', '..', 'shared', 'zoho')
export const present = existsSync(join(folder, 'openapi-books'))

interface Schema {
  $ref?: string
  type?: string
  properties?: Record<string, Schema>
  items?: Schema
}

interface Document {
  paths: Record<string, { get?: { responses?: Record<string, { $ref?: string; content?: Record<string, { schema?: Schema }> }> } }>
}

/** One documented GET: where the records stand in the answer and what a record is said to hold. */
export interface Documented {
  readonly keys: Record<string, Shape>
}

/** A schema with its references followed, as deep as it is compared. */
export interface Shape {
  type: string
  properties?: Record<string, Shape>
  items?: Shape
}

export function documented(api: 'books' | 'inventory'): Map<string, Documented> {
  const found = new Map<string, Documented>()
  const home = join(folder, `openapi-${api}`)
  for (const file of readdirSync(home)) {
    // Debit notes are kept under the path of invoices, custom modules under any path at all.
    if (file === 'customer-debit-notes.yml' || file === 'custom-modules.yml') continue
    const document = parse(readFileSync(join(home, file), 'utf8'), { maxAliasCount: -1 }) as Document
    for (const [path, operations] of Object.entries(document.paths)) {
      const response = operations.get?.responses?.['200']
      const schema = response && Object.values(follow(document, response).content ?? {})[0]?.schema
      const shape = schema && expand(document, schema, 5)
      if (shape?.properties) found.set(path.replace(/\{\w+\}/g, '{}'), { keys: shape.properties })
    }
  }
  return found
}

function follow<T extends { $ref?: string }>(document: Document, value: T): T {
  let here: T | undefined = value
  while (here?.$ref !== undefined) {
    here = here.$ref.slice(2).split('/').reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], document) as T | undefined
  }
  return here ?? ({} as T)
}

function expand(document: Document, schema: Schema, depth: number): Shape {
  const here = follow(document, schema)
  const type = here.type ?? (here.properties ? 'object' : 'any')
  if (depth === 0) return { type }
  return {
    type,
    ...(here.properties ? { properties: Object.fromEntries(Object.entries(here.properties).map(([key, value]) => [key, expand(document, value, depth - 1)])) } : {}),
    ...(here.items ? { items: expand(document, here.items, depth - 1) } : {}),
  }
}

/** The shape of one record, whether the file writes it as an object or, as it does in places, as a list of one. */
export function recordShape(shape: Shape | undefined): Shape | undefined {
  return shape?.items?.properties ? shape.items : shape?.properties ? shape : undefined
}

// What FACTS.md says of the wire goes before the files: amounts are numbers where a file says string, ids are strings where it says
// number, and a missing value is "". Some fields the files themselves type in different ways from one resource to the next.
const amounts = /(^|_)(total|balance|rate|amount|percentage|quantity|charge|price|discount|stock|depth|count|index|bcy_\w+)(_|$)/

/** Lists what is wrong with a record against its shape; an empty list is good. */
export function differences(record: Record<string, unknown>, shape: Shape, at = ''): string[] {
  const wrong: string[] = []
  for (const [key, expected] of Object.entries(shape.properties ?? {})) {
    if (!(key in record)) continue
    const value = record[key]
    const where = `${at}${key}`
    if (value === null) wrong.push(`${where} is null, which the wire never sends`)
    else if (!fits(key, value, expected)) wrong.push(`${where} is ${JSON.stringify(value).slice(0, 40)}, the file says ${expected.type}`)
    const inner = recordShape(expected)
    if (inner) for (const one of Array.isArray(value) ? value : [value]) if (typeof one === 'object' && one !== null) wrong.push(...differences(one as Record<string, unknown>, inner, `${where}.`))
  }
  return wrong
}

function fits(key: string, value: unknown, expected: Shape): boolean {
  if (value === '' || expected.type === 'any') return true
  if (key.endsWith('_id')) return typeof value === 'string'
  switch (expected.type) {
    case 'string':
      // A yes or no is called a string in the files of retainer and recurring invoices alone.
      if (typeof value === 'boolean') return /^(is|has)_/.test(key)
      return typeof value === 'string' || (typeof value === 'number' && amounts.test(key))
    case 'number':
    case 'integer':
      // Codes such as ean are text on the wire, however numeric the file calls them.
      return typeof value === 'number' || (typeof value === 'string' && !amounts.test(key))
    case 'boolean':
      return typeof value === 'boolean'
    default:
      // The files mix up an object and a list of them.
      return typeof value === 'object'
  }
}
