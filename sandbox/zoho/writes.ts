/** Writing through the API: create, change, delete, upsert by a unique field, and the calls that only set a status. */

import { detail, failure, invalidUrl, missing, type Question } from './replies.ts'
import type { Fields } from './collection.ts'
import type { Answer } from './faults.ts'
import type { Resource } from './resources.ts'
import type { Store } from './store.ts'

/** Ids of another document, which count only in the query; in the body they are dropped without a word. */
const fromQueryOnly = ['salesorder_id', 'purchaseorder_id', 'estimate_id']

export function write(store: Store, resource: Resource, id: string | undefined, action: string, question: Question): Answer {
  const { method } = question
  if (id !== undefined && store.indexOf(resource.name, id) === undefined) return missing(resource)
  if (id !== undefined && action !== '') return status(store, resource, id, action, method)
  if (id !== undefined && method === 'DELETE') {
    store.delete(resource.name, id)
    return { status: 200, body: JSON.stringify({ code: 0, message: `The ${resource.noun.toLowerCase()} has been deleted.` }), code: 0 }
  }
  if (method !== 'POST' && method !== 'PUT') return failure(405, 37, 'Method not allowed')
  const fields = readBody(question)
  if (!fields) return failure(400, 4, 'Invalid value passed for JSONString')
  delete fields[resource.idField]
  if (id !== undefined) {
    if (method !== 'PUT') return failure(405, 37, 'Method not allowed')
    store.edit(resource.name, id, fields)
    return detail(store, resource, question.api, id, `${resource.noun} information has been updated.`)
  }
  return method === 'PUT' ? upsert(store, resource, fields, question) : create(store, resource, fields, question)
}

function create(store: Store, resource: Resource, fields: Fields, question: Question): Answer {
  for (const field of fromQueryOnly) {
    if (field === resource.idField) continue
    delete fields[field]
    const given = question.query.get(field)
    if (given !== null) fields[field] = given
  }
  const id = store.create(resource.name, fields)
  const answer = detail(store, resource, question.api, id, `The ${resource.noun.toLowerCase()} has been added.`, 201)
  const root = question.api === 'books' ? '/books/v3' : '/inventory/v1'
  return { ...answer, headers: { Location: `${root}${resource.path}/${id}` } }
}

function upsert(store: Store, resource: Resource, fields: Fields, question: Question): Answer {
  const key = question.headers['x-unique-identifier-key']
  const value = question.headers['x-unique-identifier-value']
  if (typeof key !== 'string' || typeof value !== 'string') return invalidUrl()
  const collection = store.collection(resource.name)
  for (let i = 0; i < collection.size; i++) {
    if (!collection.has(i) || String(collection.detailed(i)[key] ?? '') !== value) continue
    const id = store.world.id(resource.name, i)
    store.edit(resource.name, id, fields)
    return detail(store, resource, question.api, id, `${resource.noun} information has been updated.`)
  }
  if (question.headers['x-upsert'] !== 'true') return missing(resource)
  return create(store, resource, { ...fields, [key]: value }, question)
}

function status(store: Store, resource: Resource, id: string, action: string, method: string): Answer {
  const word = /^\/(?:status\/)?([a-z]+)$/.exec(action)?.[1]
  if (method !== 'POST' || word === undefined) return invalidUrl()
  store.edit(resource.name, id, { status: word })
  return { status: 200, body: JSON.stringify({ code: 0, message: `The ${resource.noun.toLowerCase()} has been marked as ${word}.` }), code: 0 }
}

function readBody(question: Question): Fields | undefined {
  try {
    // Older callers send the JSON inside a form.
    const type = String(question.headers['content-type'] ?? '')
    const text = type.includes('x-www-form-urlencoded') ? (new URLSearchParams(question.body).get('JSONString') ?? '') : question.body
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined
  } catch {
    return undefined
  }
}
