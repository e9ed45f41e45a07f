/** Finds what a path asks for and words the answer: lists, details, bulk details, price lists, organizations, writes. */

import { bulkDetails, priceListItems, priceListRates, contactPersons } from './special.ts'
import type { Answer } from './faults.ts'
import { listPage } from './lists.ts'
import { type Question, detail, failure, invalidUrl, json } from './replies.ts'
import { type Api, type Resource, resources } from './resources.ts'
import { organization, organizationDetail, organizationIds } from './data/settings.ts'
import type { Store } from './store.ts'
import { write } from './writes.ts'

const listPaths: Record<Api, Map<string, Resource>> = { books: new Map(), inventory: new Map() }
const detailPaths: Record<Api, Map<string, Resource>> = { books: new Map(), inventory: new Map() }
for (const resource of resources) {
  for (const api of resource.apis) {
    if (resource.name === 'contactpersons') continue
    listPaths[api].set(resource.path, resource)
    if (resource.detailKey !== undefined) detailPaths[api].set(resource.detailPath ?? resource.path, resource)
  }
}

/** Whether the path is one of those that need no organization. */
export function needsNoOrganization(path: string): boolean {
  return path === '/organizations' || path.startsWith('/organizations/')
}

/** The refusal of a call with no organization, or one that is not the user's; undefined where it may pass. */
export function organizationProblem(store: Store, organizationId: string | null): Answer | undefined {
  const ids = organizationIds(store.world)
  if (organizationId === null || organizationId === '') {
    const error_info = ids.map((id, n) => ({ organization_id: id, organization_name: organization(store.world, n)['name'] }))
    return json(400, { code: 6024, message: 'You belong to multiple organizations. Please pass the organization_id parameter.', error_info })
  }
  if (!ids.includes(organizationId)) return failure(401, 6041, `This user is not associated with the CompanyID/CompanyName:${organizationId}.`)
  return undefined
}

/** Answers a call that was let in. */
export function answer(store: Store, question: Question): Answer {
  const { api, method, path, query } = question
  if (needsNoOrganization(path)) return organizations(store, method, path)
  const special = method === 'GET' ? specialAnswer(store, question) : undefined
  if (special) return special
  const list = listPaths[api].get(path)
  if (list && method === 'GET') {
    if (query.get('organization_id') === organizationIds(store.world)[1]) return emptyList(list)
    const page = listPage(store, list, query, { api, ignoreFilters: question.ignoreFilters })
    return 'refused' in page ? failure(400, 2, page.refused) : { status: 200, body: page.body, code: 0 }
  }
  if (list) return write(store, list, undefined, '', question)
  const found = /^(\/(?:settings\/)?[a-z_]+)\/(\d+)((?:\/[a-z]+)*)$/.exec(path)
  const resource = found ? detailPaths[api].get(found[1] as string) : undefined
  if (!found || !resource) return invalidUrl()
  const id = found[2] as string
  const action = found[3] as string
  if (method !== 'GET') return write(store, resource, id, action, question)
  if (action !== '') return invalidUrl()
  return detail(store, resource, api, id)
}

function specialAnswer(store: Store, question: Question): Answer | undefined {
  const { api, path, query } = question
  if (path === '/itemdetails') return bulkDetails(store, query)
  if (path === '/pricebooks/items') return priceListItems(store, query)
  if (path === '/pricebooks/bulkfetch' && api === 'books') {
    const resource = { ...(listPaths.books.get('/pricebooks') as Resource), modifiedFilter: ['books' as const] }
    const page = listPage(store, resource, query, { api, ignoreFilters: question.ignoreFilters })
    return 'refused' in page ? failure(400, 2, page.refused) : { status: 200, body: page.body, code: 0 }
  }
  if (path === '/items/pricebookrate' && api === 'books') return priceListRates(store, query)
  const people = /^\/contacts\/(\d+)\/contactpersons(?:\/(\d+))?$/.exec(path)
  return people ? contactPersons(store, people[1] as string, people[2], query) : undefined
}

function organizations(store: Store, method: string, path: string): Answer {
  if (method !== 'GET') return failure(405, 37, 'Method not allowed')
  if (path === '/organizations') return json(200, { code: 0, message: 'success', organizations: [0, 1].map((n) => organization(store.world, n)) })
  const n = (organizationIds(store.world) as readonly string[]).indexOf(path.slice('/organizations/'.length))
  return n < 0 ? failure(404, 1002, 'Organization does not exist.') : json(200, { code: 0, message: 'success', organization: organizationDetail(store.world, n) })
}

function emptyList(resource: Resource): Answer {
  const page_context = { page: 1, per_page: 200, has_more_page: false, report_name: `${resource.noun}s`, applied_filter: 'Status.All', custom_fields: [], sort_column: resource.sort.column, sort_order: resource.sort.descending ? 'D' : 'A' }
  return json(200, { code: 0, message: 'success', [resource.listKey]: [], page_context })
}
