import t from 'tap'
import { resources } from '../../sandbox/zoho/resources.ts'
import { type Shape, differences, documented, present, recordShape } from './openapi.ts'
import { type Fields, startCaller } from './support.ts'

const skip = present ? false : "Zoho's OpenAPI files are not beside this repository"
// The file says customer_payments and packagea; the wire does not.
const misnamed: Record<string, string> = { customerpayments: 'customer_payments', packages: 'packagea' }
const root = { books: '/books/v3', inventory: '/inventory/v1' } as const

t.test("answers have the keys and types of Zoho's OpenAPI files, and most of their fields", { skip }, async (t) => {
  const { get, sandbox } = await startCaller({ limits: false })
  t.teardown(() => sandbox.close())
  const contact = sandbox.store.world.id('contacts', 0)
  for (const api of ['books', 'inventory'] as const) {
    const files = documented(api)
    for (const resource of resources) {
      if (!resource.apis.includes(api)) continue
      const path = resource.path.replace('{contact_id}', contact)
      const list = await get(`${root[api]}${path}?per_page=50`)
      const found = list.json[resource.listKey] as Fields[] | undefined
      t.ok(found && found.length > 0, `${api} ${path} has records under ${resource.listKey}`)
      const pattern = resource.path.replace(/\{\w+\}/g, '{}')
      compare(t, `${api} ${resource.name}`, files.get(pattern)?.keys, resource.listKey, misnamed[resource.name], found ?? [])
      if (resource.detailKey === undefined) continue
      const key = (api === 'inventory' ? resource.inventoryDetailKey : undefined) ?? resource.detailKey
      const ids = (found ?? []).slice(0, 5).map((record) => String(record[resource.idField]))
      const details: Fields[] = []
      for (const id of ids) {
        const detail = await get(`${root[api]}${resource.detailPath ?? path}/${id}`)
        details.push(detail.json[key] as Fields)
      }
      t.ok(details.every((record) => typeof record === 'object'), `${api} ${resource.name} has its detail under ${key}`)
      compare(t, `${api} ${resource.name} detail`, files.get(`${resource.detailPath ?? pattern}/{}`)?.keys, key, undefined, details)
    }
  }
})

/** Properties of the files' answers that are no record. */
const around = new Set(['code', 'message', 'page_context', 'locations'])

type Checks = Pick<typeof t, 'ok' | 'same' | 'comment'>

function compare(t: Checks, title: string, keys: Record<string, Shape> | undefined, key: string, other: string | undefined, records: Fields[]): void {
  if (!keys || records.length === 0) {
    t.comment(`${title}: not in the files`)
    return
  }
  // Three details stand without a key in the files; the wire wraps them.
  const flat = !(key in keys) && Object.keys(keys).length > 6
  const shape = flat ? { type: 'object', properties: keys } : recordShape(keys[key] ?? keys[other ?? ''])
  if (!shape) {
    t.ok(Object.keys(keys).every((name) => around.has(name) || name === key || name === other), `${title}: the file has the key ${Object.keys(keys).join(', ')}`)
    return
  }
  const wrong = new Set(records.flatMap((record) => differences(record, shape)))
  t.same([...wrong], [], `${title}: types are those of the file`)
  const names = Object.keys(shape.properties ?? {}).filter((name) => name !== 'code' && name !== 'message')
  const sent = names.filter((name) => records.some((record) => name in record))
  const share = Math.round((sent.length / names.length) * 100)
  t.ok(share > 50, `${title}: ${share} % of ${names.length} fields are sent`, share > 50 ? {} : { missing: names.filter((name) => !sent.includes(name)) })
}
