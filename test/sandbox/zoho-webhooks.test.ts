import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { startZohoSandbox } from '../../sandbox/zoho/server.ts'
import { signature } from '../../sandbox/zoho/webhooks.ts'
import { until } from '../support/processes.ts'

interface Heard { status: string; isGenuine: boolean; event: string }

const secret = 'thesecretofthesandbox'

t.test('each change is told to its URL, and lost, doubled, forged, late, out of order or sent again on demand', async (t) => {
  const heard: Heard[] = []
  let answer = 202
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (part: string) => (body += part)).once('end', () => {
      const { invoice } = JSON.parse(body) as { invoice: { status: string } }
      heard.push({ status: invoice.status, event: request.url ?? '', isGenuine: request.headers['x-zoho-webhook-signature'] === signature(`http://x${request.url ?? ''}`, body, secret) })
      response.writeHead(answer).end()
    })
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', () => resolve()))
  t.teardown(() => server.close())
  const { store, webhooks, close } = await startZohoSandbox({ scale: 'none', counts: { invoices: 10 }, limits: false, seed: 3 })
  t.teardown(close)
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const quiet = { loss: 0, doubling: 0, reordering: 0, forgery: 0, delay: 0, retries: 0, retryMs: 1, atOnce: 1 }
  const ids = [...store.ids('invoices')]
  /** Changes three invoices one after the other, and answers what was heard of it. */
  const change = async (settings: Partial<typeof webhooks.settings>): Promise<Heard[]> => {
    Object.assign(webhooks.settings, quiet, { secret, rules: (['changed', 'deleted'] as const).map((event) => ({ resource: 'invoices', event, url: `${url}/${event}?b=2&a=1` })) }, settings)
    heard.length = 0
    ids.slice(0, 3).forEach((id, n) => store.edit('invoices', id, { status: `s${n}` }))
    webhooks.flush()
    await until('all was sent', () => webhooks.pending === 0)
    return heard.slice()
  }
  const words = (all: readonly Heard[]): string => all.map(({ status }) => status).join(' ')

  const all = await change({})
  t.equal(words(all), 's0 s1 s2')
  t.ok(all.every(({ isGenuine, event }) => isGenuine && event === '/changed?b=2&a=1'), 'signed, the parameters too')
  t.equal(words(await change({ loss: 1 })), '', 'lost')
  t.equal(webhooks.lost.length, 3, 'and noted')
  t.equal(words(await change({ doubling: 1 })), 's0 s0 s1 s1 s2 s2', 'doubled')
  const forged = await change({ forgery: 1 })
  t.same(forged.map(({ isGenuine }) => isGenuine), [true, false, true, false, true, false], 'beside each a forged one')
  t.equal(words(await change({ reordering: 0.5 })).split(' ').toSorted().join(' '), 's0 s1 s2')
  const orders = new Set<string>()
  for (let n = 0; n < 8; n += 1) orders.add(words(await change({ reordering: 0.5 })))
  t.ok(orders.size > 1, 'out of order')
  const begin = performance.now()
  await change({ delay: 60 })
  t.ok(performance.now() - begin >= 59, 'late')
  answer = 503
  const again = await change({ retries: 2 })
  t.equal(again.length, 9, 'what is not taken comes twice more')
  answer = 202
  store.delete('invoices', ids[0] ?? '')
  await until('the deletion is told', () => heard.at(-1)?.event.startsWith('/deleted') === true)
})
