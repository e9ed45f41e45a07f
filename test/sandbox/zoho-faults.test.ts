import t from 'tap'
import { type Caller, context, rows, startCaller } from './support.ts'

let caller: Caller
t.beforeEach(async () => {
  caller = await startCaller({ limits: false })
})
t.afterEach(() => caller.sandbox.close())

const items = '/inventory/v1/items'

t.test('each limit can be hit on demand with its own code', async (t) => {
  for (const [kind, code] of [['limit-minute', 44], ['limit-day', 45], ['limit-concurrency', 1070]] as const) {
    caller.sandbox.fault({ kind, match: '/items', retryAfter: 3 })
    const refused = await caller.get(items)
    t.match(refused, { status: 429, json: { code } })
    t.equal(refused.headers.get('retry-after'), '3')
    t.equal((await caller.get(items)).status, 200, 'once only')
  }
})

t.test('a fault can wait for the third page', async (t) => {
  caller.sandbox.fault({ kind: 'unauthorized', match: /items\?page=\d/, after: 2 })
  const statuses = []
  for (const page of [1, 2, 3, 3]) statuses.push((await caller.get(`${items}?page=${page}`)).status)
  t.same(statuses, [200, 200, 401, 200])
})

t.test('answers that are no JSON: a page of HTML, nothing, half of it', async (t) => {
  caller.sandbox.fault({ kind: 'html' })
  const html = await caller.get(items)
  t.equal(html.status, 200)
  t.match(html.headers.get('content-type'), /text\/html/)
  caller.sandbox.fault({ kind: 'empty-body' })
  t.equal((await caller.get(items)).text, '')
  caller.sandbox.fault({ kind: 'cut-body' })
  await t.rejects(caller.get(items))
  caller.sandbox.fault({ kind: 'error-500' })
  t.match(await caller.get(items), { status: 500, json: { code: 1000 } })
})

t.test('a line that is reset, and one that never answers', async (t) => {
  caller.sandbox.fault({ kind: 'reset' })
  await t.rejects(caller.get(items))
  caller.sandbox.fault({ kind: 'hang' })
  const hanging = caller.get(items)
  const outcome = t.rejects(hanging)
  while (caller.sandbox.limits.inFlight === 0) await new Promise((resolve) => setImmediate(resolve))
  await caller.sandbox.close()
  await outcome
})

t.test('a slow body comes whole in the end', async (t) => {
  caller.sandbox.fault({ kind: 'slow-body', ms: 20 })
  t.equal(rows(await caller.get(items), 'items').length, 200)
})

t.test('pages shift while they are read', async (t) => {
  const before = rows(await caller.get(`${items}?sort_column=last_modified_time&page=2`), 'items')
  caller.sandbox.clock.advance(1000)
  caller.sandbox.fault({ kind: 'shift', records: 60 })
  const after = rows(await caller.get(`${items}?sort_column=last_modified_time&page=2`), 'items')
  t.notSame(after.map((item) => item['item_id']), before.map((item) => item['item_id']))
  t.equal(caller.sandbox.store.count('items'), 449)
})

t.test('a filter is ignored, more pages are promised than there are, the page context is left out', async (t) => {
  caller.sandbox.fault({ kind: 'ignore-filters' })
  t.equal(rows(await caller.get('/books/v3/contacts?contact_type=vendor'), 'contacts').length, 40)
  caller.sandbox.fault({ kind: 'endless-pages' })
  t.equal(context(await caller.get(`${items}?page=9`))['has_more_page'], true)
  caller.sandbox.fault({ kind: 'no-page-context' })
  t.notOk('page_context' in (await caller.get(items)).json)
})

t.test('the token endpoint fails on demand', async (t) => {
  caller.sandbox.fault({ kind: 'token-error', match: '/oauth', error: 'Access Denied' })
  t.equal((await caller.token()).status, 400)
  caller.sandbox.fault({ kind: 'token-error', match: '/oauth' })
  t.match(await caller.token(), { status: 200, json: { error: 'invalid_code' } })
})

t.test('an unknown fault is refused with the list of those there are', async (t) => {
  t.throws(() => caller.sandbox.fault({ kind: 'flood' as 'hang' }), /There are: limit-minute/)
})

t.test('answers are compressed where both sides want it', async (t) => {
  caller.sandbox.behaviour.gzip = true
  const packed = await caller.get(items)
  t.equal(packed.headers.get('content-encoding'), 'gzip')
  t.equal(rows(packed, 'items').length, 200)
})
