import t from 'tap'
import { type Caller, context, rows, startCaller } from './support.ts'

let caller: Caller
t.beforeEach(async () => {
  caller = await startCaller({ limits: false })
})
t.afterEach(() => caller.sandbox.close())

const items = '/inventory/v1/items'

t.test('a list comes in pages of 200 at most, says whether more follow, and never how many there are', async (t) => {
  const first = await caller.get(items)
  t.equal(rows(first, 'items').length, 200)
  t.match(context(first), { page: 1, per_page: 200, has_more_page: true, sort_column: 'name', sort_order: 'A' })
  t.notOk(Object.keys(context(first)).some((key) => key.includes('total')))
  const last = await caller.get(`${items}?page=3&per_page=1000`)
  t.equal(rows(last, 'items').length, 50)
  t.match(context(last), { per_page: 200, has_more_page: false })
  t.equal((await caller.get(`${items}?page=0`)).status, 400)
})

t.test('every record is read once when nothing changes, with ids that do not fit a double', async (t) => {
  const ids = new Set<string>()
  for (const page of [1, 2, 3]) for (const item of rows(await caller.get(`${items}?page=${page}`), 'items')) ids.add(item['item_id'] as string)
  t.equal(ids.size, 450)
  t.ok([...ids].every((id) => /^\d{18}$/.test(id) && Number(id) > Number.MAX_SAFE_INTEGER))
})

t.test('a record deleted while pages are read makes the reader miss another one', async (t) => {
  const { store } = caller.sandbox
  const first = rows(await caller.get(`${items}?per_page=100`), 'items')
  const expected = rows(await caller.get(`${items}?per_page=100&page=2`), 'items')[0]
  store.delete('items', first[0]?.['item_id'] as string)
  const second = rows(await caller.get(`${items}?per_page=100&page=2`), 'items')
  t.not(second[0]?.['item_id'], expected?.['item_id'])
  const gone = await caller.get(`${items}/${String(first[0]?.['item_id'])}`)
  t.equal(gone.status, 404)
  t.match(gone.json, { code: 1002, message: /does not exist/ })
})

t.test('an edit moves a record to the end of the list by last_modified_time, where that sort is obeyed', async (t) => {
  const { store, clock } = caller.sandbox
  clock.advance(5000)
  const id = store.anyId('items') as string
  store.edit('items', id, { rate: 7.25 })
  const sorted = '?sort_column=last_modified_time&sort_order=D&per_page=1'
  const newest = rows(await caller.get(`${items}${sorted}`), 'items')[0]
  t.match(newest, { item_id: id, rate: 7.25 })
  t.match(newest?.['last_modified_time'], /^2026-06-01T12:00:\d\d\+0300$/)
  const books = await caller.get(`/books/v3/items${sorted}`)
  t.match(context(books), { sort_column: 'name' }, 'Books does not sort items so and says nothing')
})

t.test('the last_modified_time filter includes equal times where it works and is ignored without a word where it does not', async (t) => {
  const { store, clock } = caller.sandbox
  clock.advance(5000)
  const id = store.anyId('invoices') as string
  store.edit('invoices', id)
  const since = encodeURIComponent(store.world.stamp(Math.floor(clock.now() / 1000)))
  t.same(rows(await caller.get(`/books/v3/invoices?last_modified_time=${since}`), 'invoices').map((row) => row['invoice_id']), [id])
  t.equal(rows(await caller.get(`/inventory/v1/invoices?last_modified_time=${since}`), 'invoices').length, 200)
  t.equal(rows(await caller.get(`/books/v3/items?last_modified_time=${since}`), 'items').length, 200)
  t.equal(rows(await caller.get(`/inventory/v1/bills?status=nonsense`), 'bills').length, 30)
})

t.test('a page after page by last_modified_time is in order, with many records in one second', async (t) => {
  const times: string[] = []
  for (const page of [1, 2, 3]) for (const item of rows(await caller.get(`${items}?sort_column=last_modified_time&page=${page}`), 'items')) times.push(item['last_modified_time'] as string)
  t.same(times, times.toSorted())
  t.ok(new Set(times).size < times.length - 290)
})

t.test('customers and vendors share one list that can be told apart by contact_type', async (t) => {
  const customers = rows(await caller.get('/books/v3/contacts?contact_type=customer'), 'contacts')
  const vendors = rows(await caller.get('/books/v3/contacts?filter_by=Status.Vendors'), 'contacts')
  t.equal(customers.length, 30)
  t.equal(vendors.length, 10)
  t.ok(vendors.every((row) => row['contact_type'] === 'vendor'))
})

t.test('details hold what lists do not, and a payment tells its last_modified_time only in the list', async (t) => {
  const order = rows(await caller.get('/books/v3/salesorders?per_page=1'), 'salesorders')[0]
  t.notOk('line_items' in (order as object))
  const detail = (await caller.get(`/books/v3/salesorders/${String(order?.['salesorder_id'])}`)).json['salesorder'] as Record<string, unknown>
  const lines = detail['line_items'] as { item_total: number }[]
  t.ok(lines.length > 0)
  t.ok(Math.abs(lines.reduce((sum, line) => sum + line.item_total, 0) - (detail['sub_total'] as number)) < 0.01, 'lines add up')
  const payment = rows(await caller.get('/books/v3/customerpayments?per_page=1'), 'customerpayments')[0]
  t.ok('last_modified_time' in (payment as object))
  const paid = (await caller.get(`/books/v3/customerpayments/${String(payment?.['payment_id'])}`)).json['payment'] as object
  t.notOk('last_modified_time' in paid)
})

t.test('one world: an item is the same in both APIs, and its stock is the sum of its locations', async (t) => {
  const { store } = caller.sandbox
  const id = store.anyId('items') as string
  store.moveStock(id, 2, -3)
  const book = (await caller.get(`/books/v3/items/${id}`)).json['item'] as Record<string, unknown>
  const stock = (await caller.get(`${items}/${id}`)).json['item'] as Record<string, unknown>
  t.same(book, stock)
  const sum = (stock['locations'] as { location_stock_on_hand: number | string }[]).reduce((total, place) => total + Number(place.location_stock_on_hand), 0)
  t.equal(sum, stock['stock_on_hand'])
  const many = await caller.get(`/inventory/v1/itemdetails?item_ids=${id},${store.world.id('items', 3)}`)
  t.equal(rows(many, 'items').length, 2)
})

t.test('odd values come as they are: digits beyond a double, empty numbers, a zero byte, half an emoji, twins', async (t) => {
  const text = (await Promise.all([1, 2, 3].map((page) => caller.get(`${items}?page=${page}`)))).map((reply) => reply.text).join('')
  t.match(text, /"rate":12345678901234\.567891,/)
  t.match(text, /"rate":"",/)
  t.match(text, /\\u0000/)
  t.match(text, /\\ud83d /)
  t.match(text, /🇮🇶/)
  t.equal(text.split('"name":"Twin product"').length - 1, 2)
  t.match(text, /"stock_on_hand":-5\.5/)
  t.match((await caller.get('/books/v3/settings/currencies')).text, /0\.000763358778625954/)
})

t.test('a call without organization_id is ambiguous, and an unknown path is said to be one', async (t) => {
  const without = await caller.get(items, { bare: true })
  t.equal(without.status, 400)
  t.match(without.json, { code: 6024, error_info: [{}, {}] })
  t.equal((await caller.get('/books/v3/organizations', { bare: true })).status, 200)
  const unknown = await caller.get('/books/v3/nothing')
  t.equal(unknown.status, 404)
  t.equal(unknown.json['code'], 5)
})

t.test('price lists give their rates, also after one was changed', async (t) => {
  const { store } = caller.sandbox
  const list = store.world.id('pricebooks', 0)
  const item = store.priceListItems(list)[0]?.['item_id'] as string
  store.setRate(list, item, 99.5)
  const rates = rows(await caller.get(`/books/v3/pricebooks/items?pricebook_id=${list}`), 'items')
  t.equal(rates.find((row) => row['item_id'] === item)?.['pricebook_rate'], 99.5)
  const listed = rows(await caller.get('/books/v3/pricebooks'), 'pricebooks').find((row) => row['pricebook_id'] === list)
  t.match(listed, { pricebook_items: [{ item_id: item, pricebook_rate: 99.5 }] })
})

t.test('writing creates with 201 and a Location, upserts by a unique field, and drops a document id that is not in the query', async (t) => {
  const { store } = caller.sandbox
  const made = await caller.get(items, { method: 'POST', body: '{"name":"جديد","rate":5}' })
  t.equal(made.status, 201)
  const id = (made.json['item'] as Record<string, unknown>)['item_id'] as string
  t.equal(made.headers.get('location'), `/inventory/v1/items/${id}`)
  const upsert = { 'X-Unique-Identifier-Key': 'name', 'X-Unique-Identifier-Value': 'جديد' }
  t.equal((await caller.get(items, { method: 'PUT', body: '{"rate":6}', headers: Object.fromEntries(Object.entries(upsert).map(([key, value]) => [key, key.endsWith('Value') ? 'cf-1' : value])) })).status, 404)
  t.equal((await caller.get(`${items}/${id}`, { method: 'PUT', body: '{"rate":6}' })).status, 200)
  t.match(store.get('items', id), { rate: 6 })
  const order = store.anyId('salesorders') as string
  const packed = await caller.get('/inventory/v1/packages', { method: 'POST', body: JSON.stringify({ salesorder_id: order }) })
  t.not((packed.json['package'] as Record<string, unknown>)['salesorder_id'], order)
  const query = await caller.get(`/inventory/v1/packages?salesorder_id=${order}`, { method: 'POST', body: '{}' })
  t.equal((query.json['package'] as Record<string, unknown>)['salesorder_id'], order)
  t.equal((await caller.get(`${items}/${id}`, { method: 'DELETE' })).status, 200)
  t.equal((await caller.get(`${items}/${id}`)).status, 404)
})

t.test('the same seed gives the same shop, another seed another', async (t) => {
  const first = await caller.get(`${items}?page=2`)
  const [same, other] = await Promise.all([startCaller({ limits: false }), startCaller({ limits: false, seed: 2 })])
  t.teardown(() => Promise.all([same.sandbox.close(), other.sandbox.close()]))
  const untouched = rows(await same.get('/books/v3/bills'), 'bills')
  t.same(rows(await caller.get('/books/v3/bills'), 'bills'), untouched)
  t.notSame(rows(await other.get('/books/v3/bills'), 'bills'), untouched)
  t.ok(first.status)
})
