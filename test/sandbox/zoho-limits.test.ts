import t from 'tap'
import { startCaller } from './support.ts'

const path = '/books/v3/settings/taxes'

t.test('the 101st call in a sliding minute is refused with code 44, and passes when the minute is over', async (t) => {
  const { get, sandbox } = await startCaller()
  t.teardown(() => sandbox.close())
  for (let n = 0; n < 60; n++) await get(path)
  sandbox.clock.advance(40_000)
  for (let n = 0; n < 40; n++) t.equal((await get(path)).status, 200)
  const refused = await get('/inventory/v1/items')
  t.equal(refused.status, 429)
  t.equal(refused.json['code'], 44, 'both APIs share the minute')
  sandbox.clock.advance(20_001)
  for (let n = 0; n < 60; n++) t.equal((await get(path)).status, 200)
  t.equal((await get(path)).json['code'], 44, 'the later forty still count')
})

t.test('a fixed minute lets a burst through when it turns', async (t) => {
  const { get, sandbox } = await startCaller({ limits: { window: 'fixed', perMinute: 3 } })
  t.teardown(() => sandbox.close())
  sandbox.clock.advance(59_000)
  for (let n = 0; n < 3; n++) t.equal((await get(path)).status, 200)
  t.equal((await get(path)).status, 429)
  sandbox.clock.advance(1000)
  t.equal((await get(path)).status, 200)
})

t.test('the headers speak of the day in the zone of the organization, each API has its own day, and organizations send none', async (t) => {
  const { get, renew, sandbox } = await startCaller({ limits: { perDay: { books: 2, inventory: 5 } } })
  t.teardown(() => sandbox.close())
  const first = await get(path)
  t.equal(first.headers.get('x-rate-limit-limit'), '2')
  t.equal(first.headers.get('x-rate-limit-remaining'), '1')
  t.equal(first.headers.get('x-rate-limit-reset'), String(12 * 3600))
  await get(path)
  const spent = await get(path)
  t.equal(spent.status, 429)
  t.equal(spent.json['code'], 45)
  t.equal(spent.headers.get('retry-after'), null)
  t.equal((await get('/inventory/v1/locations')).headers.get('x-rate-limit-remaining'), '4')
  const bare = await get('/inventory/v1/organizations', { bare: true })
  t.equal(bare.headers.get('x-rate-limit-limit'), null)
  sandbox.clock.advance(12 * 3_600_000)
  await renew()
  t.equal((await get(path)).status, 200, 'a new day')
})

t.test('a call beyond those allowed at once is refused with code 1070', async (t) => {
  const { get, sandbox } = await startCaller({ limits: { concurrency: 2 } })
  t.teardown(() => sandbox.close())
  sandbox.fault({ kind: 'hang', times: 2, match: '/users' })
  const hanging = [get('/books/v3/users'), get('/books/v3/users')].map((call) => call.catch(() => 'cut'))
  while (sandbox.limits.inFlight < 2) await new Promise((resolve) => setImmediate(resolve))
  const third = await get(path)
  t.equal(third.status, 429)
  t.equal(third.json['code'], 1070)
  await sandbox.close()
  t.same(await Promise.all(hanging), ['cut', 'cut'])
})

t.test('limits can be changed and switched off while it runs', async (t) => {
  const { get, sandbox } = await startCaller({ limits: { perMinute: 1, retryAfter: 7 } })
  t.teardown(() => sandbox.close())
  await get(path)
  const refused = await get(path)
  t.equal(refused.status, 429)
  t.equal(refused.headers.get('retry-after'), '7')
  sandbox.limits.settings.enabled = false
  t.equal((await get(path)).status, 200)
})

t.test('the token endpoint gives a token with the api_domain and no new refresh token', async (t) => {
  const { token, sandbox } = await startCaller()
  t.teardown(() => sandbox.close())
  const given = await token()
  t.match(given.json, { api_domain: sandbox.apiUrl, expires_in: 3600, token_type: 'Bearer' })
  t.notOk('refresh_token' in given.json)
})

t.test('errors of the token call come with HTTP 200, the eleventh token in ten minutes with 400', async (t) => {
  const { token, sandbox } = await startCaller()
  t.teardown(() => sandbox.close())
  const wrongClient = await token({ client_id: 'nobody' })
  t.equal(wrongClient.status, 200)
  t.same(wrongClient.json, { error: 'invalid_client' })
  t.same((await token({ refresh_token: 'revoked' })).json, { error: 'invalid_code' })
  for (let n = 0; n < 9; n++) t.ok((await token()).json['access_token'])
  const eleventh = await token()
  t.equal(eleventh.status, 400)
  t.match(eleventh.json, { error: 'Access Denied', status: 'failure' })
  sandbox.clock.advance(600_001)
  t.ok((await token()).json['access_token'])
})

t.test('a token dies after an hour, and an older one lives beside a newer until then', async (t) => {
  const { get, token, sandbox } = await startCaller()
  t.teardown(() => sandbox.close())
  sandbox.clock.advance(1_800_000)
  await token()
  t.equal((await get(path)).status, 200)
  sandbox.clock.advance(1_800_001)
  const dead = await get(path)
  t.equal(dead.status, 401)
  t.equal(dead.json['code'], 57)
})
