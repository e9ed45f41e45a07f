import t from 'tap'
import { changeSomething } from '../../sandbox/zoho/activity.ts'
import { Random } from '../../sandbox/zoho/random.ts'
import { type Fields, rows, startCaller } from './support.ts'

t.test('the default shop has the size of a real one', async (t) => {
  const { sandbox } = await startCaller({ scale: 'shop', limits: false })
  t.teardown(() => sandbox.close())
  const expected = { items: 2218, contacts: 580, salesorders: 10_950, invoices: 11_000, pricebooks: 6, locations: 4 }
  for (const [name, count] of Object.entries(expected)) t.equal(sandbox.store.count(name), count, name)
})

t.test('a million items cost little memory and are read in pages, edited and sorted at once', async (t) => {
  const { sandbox, get } = await startCaller({ items: 1_000_000, recordBytes: 2000, limits: false })
  t.teardown(() => sandbox.close())
  const { store, clock } = sandbox
  const before = process.memoryUsage().heapUsed
  const last = await get('/inventory/v1/items?page=5000')
  t.equal(rows(last, 'items').length, 200)
  t.match(last.json['page_context'], { has_more_page: false })
  t.ok(last.text.length / 200 > 1600, 'records are heavy')
  clock.advance(1000)
  const id = store.world.id('items', 777_777)
  store.edit('items', id, { rate: 1.5 })
  const newest = rows(await get('/inventory/v1/items?sort_column=last_modified_time&sort_order=D&per_page=1'), 'items')[0]
  t.match(newest, { item_id: id, rate: 1.5 })
  const since = encodeURIComponent(store.world.stamp(Math.floor(clock.now() / 1000)))
  t.equal(rows(await get(`/inventory/v1/items?sort_column=last_modified_time&last_modified_time=${since}`), 'items').length, 1)
  t.ok(process.memoryUsage().heapUsed - before < 100e6)
})

t.test('the quick way to the JSON of an item says the same as the slow one', async (t) => {
  const { sandbox } = await startCaller({ recordBytes: 2000, limits: false })
  t.teardown(() => sandbox.close())
  const items = sandbox.store.collection('items')
  for (let i = 20; i < 60; i++) t.same(JSON.parse(String(items.json(i))), JSON.parse(JSON.stringify(items.listed(i))))
})

t.test('orders stay true to a sort from nothing after many changes', async (t) => {
  const { sandbox, get } = await startCaller({ limits: false })
  t.teardown(() => sandbox.close())
  const { store, clock } = sandbox
  const list = async (name: string, query = ''): Promise<Fields[]> => {
    const found: Fields[] = []
    for (let page = 1; ; page++) {
      const reply = await get(`/inventory/v1/${name}?page=${page}${query}`)
      found.push(...rows(reply, name))
      if (!(reply.json['page_context'] as Fields)['has_more_page']) return found
    }
  }
  await list('items')
  await list('items', '&sort_column=last_modified_time')
  const random = new Random(5)
  for (let n = 0; n < 300; n++) {
    clock.advance(random.below(3) * 500)
    changeSomething(store, random)
    if (n % 10 === 0) store.edit('items', store.anyId('items') as string, { name: `Renamed ${random.below(9999)}` })
    if (n % 25 === 0) store.delete('items', store.anyId('items') as string)
  }
  const truth = [...store.records('items')].map((record) => record.id).toSorted()
  const byName = await list('items')
  t.same(byName.map((item) => item['item_id'] as string).toSorted(), truth)
  const names = byName.map((item) => String(item['name']).toLowerCase())
  t.same(names, names.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0)))
  const times = (await list('items', '&sort_column=last_modified_time')).map((item) => String(item['last_modified_time']))
  t.same(times, times.toSorted())
  t.equal(times.length, truth.length)
})
