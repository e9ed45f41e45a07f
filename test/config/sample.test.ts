/** The config that ships: it must be right, say what the shop needs, and please editors too. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { Ajv } from 'ajv'
import t from 'tap'
import { parse } from 'yaml'
import { loadConfig, renderFinding } from '../../core/config/index.ts'

const folder = path.join(import.meta.dirname, '..', '..')
const env = { ZOHO_ORGANIZATION_ID: '10234695', ZOHO_CLIENT_ID: '1000.CLIENT', ZOHO_CLIENT_SECRET: 'client-secret', ZOHO_REFRESH_TOKEN: '1000.refresh-token' }
const load = (given: Record<string, string> = env): ReturnType<typeof loadConfig> => loadConfig({ file: 'tds.config.yaml', folder, env: given })

void t.test('it is right when the four variables of a Zoho account are set', async (t) => {
  const { config, findings } = load()
  t.same(findings.map(renderFinding), [])
  t.same(Object.keys(config?.connections ?? {}), ['books', 'inventory', 'erp'])
  t.match(config?.connections['inventory']?.with, { organizationId: '10234695', dataCenter: 'com', accountsUrl: '', apiUrl: '' })
  t.equal(config?.timezone, 'Asia/Baghdad')
})

void t.test('without them each is named once, with the demo as the way out', async (t) => {
  const { findings } = load({})
  t.same(findings.map((found) => [found.code, /[A-Z_]{6,}/u.exec(found.message)?.[0]]), Object.keys(env).map((name) => ['config.missing_variable', name]))
  for (const found of findings) t.match(found.suggestion, /npm run demo/u)
})

void t.test('the environment moves it: port, host, database, data centre, another Zoho', async (t) => {
  const { config } = load({ ...env, TDS_PORT: '9000', TDS_HOST: '0.0.0.0', TDS_DATABASE_URL: 'postgres://u:p@h/d', ZOHO_DATA_CENTER: 'eu', ZOHO_API_URL: 'http://127.0.0.1:4010' })
  t.match(config, { api: { port: 9000, host: '0.0.0.0' }, database: { url: 'postgres://u:p@h/d' }, connections: { books: { with: { dataCenter: 'eu', apiUrl: 'http://127.0.0.1:4010' } } } })
})

void t.test('its credentials are known for masking', async (t) => {
  const { sources } = load({ ...env, TDS_DATABASE_URL: 'postgres://u:p@h/d' })
  t.same(new Set(sources.secrets.values), new Set([...Object.values(env), 'postgres://u:p@h/d']))
})

void t.test('it brings over what the shop asked for', async (t) => {
  const { config } = load()
  t.match(Object.entries(config?.entities ?? {}).map(([id, { from }]) => `${id}: ${from.connection} ${from.stream}`), [
    'products: inventory items', 'stock: inventory stock', 'item_groups: inventory itemgroups', 'composite_items: inventory compositeitems',
    'price_lists: books pricebooks', 'price_list_rates: books pricebook-rates', 'locations: inventory locations',
    'customers: books customers', 'vendors: books vendors',
    'invoices: books invoices', 'sales_orders: books salesorders', 'packages: inventory packages', 'shipments: inventory shipmentorders',
    'customer_payments: books customerpayments', 'credit_notes: books creditnotes',
    'purchase_orders: books purchaseorders', 'bills: books bills', 'vendor_payments: books vendorpayments', 'vendor_credits: books vendorcredits', 'expenses: books expenses',
    'transfer_orders: inventory transferorders', 'adjustments: inventory inventoryadjustments', 'taxes: books taxes', 'currencies: books currencies',
  ])
  t.same(Object.keys(config?.entities['bills']?.children['lines']?.fields ?? {}).includes('account_id'), true)
})

void t.test('its schedules are those of the shop', async (t) => {
  const { config } = load()
  const all = Object.keys(config?.entities ?? {})
  t.equal(config?.timezone, 'Asia/Baghdad')
  t.match(config?.schedules, {
    nightly: { cron: '0 2 * * *', run: 'sync', mode: 'full', entities: all },
    hourly: { cron: '0 * * * *', run: 'sync', mode: 'incremental', entities: all },
    stock: { every: 900_000, run: 'sync', entities: ['stock'] },
    comparison: { cron: '0 3 * * *', run: 'compare', entities: all },
    healing: { every: 900_000, run: 'heal', rules: [] },
    'stuck-jobs': { every: 300_000, run: 'heal', rules: ['stuck-jobs', 'orphaned-runs'] },
    summary: { cron: '0 7 * * *', run: 'report' },
    upkeep: { run: 'maintain' },
  })
})

void t.test('editors find no fault in it', async (t) => {
  const schema = JSON.parse(readFileSync(path.join(folder, 'schemas/tds.config.schema.json'), 'utf8')) as object
  const validate = new Ajv({ allErrors: true }).compile(schema)
  validate(parse(readFileSync(path.join(folder, 'tds.config.yaml'), 'utf8'), { merge: true }))
  t.same(validate.errors, null)
  t.notOk(validate({ connections: { a: { plugin: 'p', retries: 1 } } }), 'and do find an unknown setting')
  t.notOk(validate({ connections: { a: { plugin: 'p', retry: { first: '5 minutes' } } } }), 'and a wrong unit')
  t.ok(validate({ api: { port: '${TDS_PORT:-8080}' } }), 'and let a variable stand anywhere')
})

void t.test('it is checked fast enough to be watched', async (t) => {
  load()
  const start = process.cpuUsage()
  for (let round = 0; round < 10; round += 1) load()
  const { user, system } = process.cpuUsage(start)
  const each = (user + system) / 10_000
  t.comment(`${each.toFixed(1)} ms of processor time`)
  t.ok(each < 500)
})
