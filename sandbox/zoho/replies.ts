/** The words of an answer: what a call asks, and the bodies that more than one kind of call sends. */

import type { Answer } from './faults.ts'
import type { Api, Resource } from './resources.ts'
import type { Store } from './store.ts'

export interface Question {
  api: Api
  method: string
  /** Path below `/books/v3` or `/inventory/v1`. */
  path: string
  query: URLSearchParams
  headers: Readonly<Record<string, string | string[] | undefined>>
  body: string
  ignoreFilters?: boolean
}

export const json = (status: number, value: object, headers?: Record<string, string>): Answer => ({
  status,
  body: JSON.stringify(value),
  ...(headers ? { headers } : {}),
  ...('code' in value && typeof value.code === 'number' ? { code: value.code } : {}),
})

export const failure = (status: number, code: number, message: string): Answer => json(status, { code, message })
export const invalidUrl = (): Answer => failure(404, 5, 'Invalid URL Passed')
export const missing = (resource: Resource): Answer => failure(404, 1002, `${resource.noun} does not exist.`)

/** The detail answer of one record. */
export function detail(store: Store, resource: Resource, api: Api, id: string, message = 'success', status = 200): Answer {
  const record = store.get(resource.name, id)
  if (!record) return missing(resource)
  for (const field of resource.listOnly ?? []) delete record[field]
  const key = (api === 'inventory' ? resource.inventoryDetailKey : undefined) ?? resource.detailKey ?? resource.listKey
  return json(status, { code: 0, message, [key]: record })
}
