import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import t from 'tap'

interface Started {
  child: ChildProcessWithoutNullStreams
  url: string
  clientId: string
  clientSecret: string
  refreshToken: string
  organizationId: string
}

const main = join(import.meta.dirname, '..', '..', 'sandbox', 'zoho', 'main.ts')

async function start(...args: string[]): Promise<Started> {
  const child = spawn(process.execPath, [main, '--scale', 'small', ...args])
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  t.equal(String(line).trim().split('\n').length, 1, 'one line')
  return { child, ...(JSON.parse(String(line)) as Omit<Started, 'child'>) }
}

async function post(url: string, body: unknown): Promise<Record<string, unknown>> {
  const response = await fetch(url, { method: 'POST', body: body instanceof URLSearchParams ? body : JSON.stringify(body) })
  return (await response.json()) as Record<string, unknown>
}

const look = async (url: string): Promise<Record<string, unknown>> => (await (await fetch(url)).json()) as Record<string, unknown>

t.test('a sandbox of its own is driven by the admin plane and exits with its parent', async (t) => {
  const { child, url, clientId, clientSecret, refreshToken, organizationId } = await start('--exit-with-parent', '--no-limits', '--items', '10')
  const token = await post(`${url}/oauth/v2/token`, new URLSearchParams({ grant_type: 'refresh_token', client_id: clientId, client_secret: clientSecret, refresh_token: refreshToken }))
  const headers = { Authorization: `Zoho-oauthtoken ${String(token['access_token'])}` }
  const items = async (): Promise<Response> => fetch(`${url}/inventory/v1/items?organization_id=${organizationId}`, { headers })

  const changed = await post(`${url}/_sandbox/change`, { resource: 'items', create: [{ name: 'Made', rate: { $raw: '0.10000000000000000001' } }], edit: 2, delete: 3 })
  t.equal((changed['deleted'] as string[]).length, 3)
  const text = await (await items()).text()
  t.match(text, /"rate":0\.10000000000000000001,/)
  const truth = await look(`${url}/_sandbox/records/items`)
  t.equal(truth['count'], 8)
  const made = (changed['created'] as string[])[0] as string
  t.match((truth['records'] as Record<string, object>)[made], { last_modified_time: /\+0300$/, record: { name: 'Made' } })

  await post(`${url}/_sandbox/faults`, { kind: 'error-500', pattern: 'items\\?' })
  t.equal((await items()).status, 500)
  await post(`${url}/_sandbox/limits`, { enabled: true, perMinute: 0 })
  t.equal((await items()).status, 429)
  await post(`${url}/_sandbox/limits`, { enabled: false })
  await post(`${url}/_sandbox/clock`, { advance: 3_600_000 })
  t.equal((await items()).status, 401, 'the token has died')
  const calls = await look(`${url}/_sandbox/calls`)
  t.equal((calls['byPath'] as Record<string, number>)['GET /inventory/v1/items'], 4)
  const moved = await post(`${url}/_sandbox/change`, { activity: 20 })
  t.equal((moved['activity'] as string[]).length, 20)
  t.equal((await post(`${url}/_sandbox/change`, { resource: 'nothing', edit: 1 }))['code'], 1)

  child.stdin.end()
  t.same(await once(child, 'exit'), [0, null])
})

t.test('it stops cleanly on SIGTERM', async (t) => {
  const { child } = await start()
  child.kill('SIGTERM')
  t.same(await once(child, 'exit'), [0, null])
})

t.test('it says what is wrong with an option', async (t) => {
  const child = spawn(process.execPath, [main, '--items', 'many'])
  const [text] = (await once(child.stderr, 'data')) as [Buffer]
  t.match(String(text), /--items must be a number|items/)
  t.same(await once(child, 'exit'), [1, null])
})
