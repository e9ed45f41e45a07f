/** What only plugins can tell of the entities of a config: keys, details, and tables that are one. */
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import t, { type Test } from 'tap'
import { renderFinding } from '../../core/config/index.ts'
import { buildEntities } from '../../core/entities.ts'
import { createConnector } from '../../core/host/index.ts'
import { inertContext } from '../../core/inert-context.ts'
import { loadProject, projectRoot, type Project } from '../../core/main.ts'
import { silentLogger } from '../../core/monitor/log.ts'

const account = '{ organizationId: "1", clientId: c, clientSecret: s, refreshToken: r }'
const connections = `connections:
  books: { plugin: zoho-books, with: ${account} }
  inventory: { plugin: zoho-inventory, with: ${account} }
  erp: { plugin: postgres, with: { schema: erp } }
  same: { plugin: postgres, with: { schema: other } }
  far: { plugin: postgres, with: { url: "postgres://one:secret@DB.example.com/shop" } }
  afar: { plugin: postgres, with: { url: "postgresql://two:other@db.example.com:5432/shop" } }
  elsewhere: { plugin: postgres, with: { url: "postgres://one:secret@db.example.com/another" } }
entities:
`

async function project(t: Test, entities: string): Promise<Project> {
  const folder = t.testdir({})
  const file = path.join(folder, 'c.yaml')
  await writeFile(file, connections + entities)
  return loadProject({ file, env: {}, cwd: projectRoot, log: silentLogger })
}

const told = ({ findings, file }: Project): string[] => findings.map((found) => renderFinding(found).replaceAll(file, 'c.yaml'))
const entity = (id: string, from: string, table: string, key: string, fields: string, more = ''): string => `  ${id}: { from: { connection: ${from} }, to: { connection: erp, table: ${table} }, key: ${key}, fields: { ${fields} }${more} }\n`

void t.test('a key that does not tell the records of its stream apart is a fault at its place, with the key that does', async (t) => {
  const bad = await project(t, entity('one', 'inventory, stream: items', 'one', 'sku', 'sku: sku, id: item_id')
    + entity('two', 'inventory, stream: stock', 'two', 'item_id', 'item_id: item_id, on_hand: location_stock_on_hand')
    + entity('three', 'books, stream: custom, with: { path: things, recordKey: things, idField: thing_id }', 'three', 'name', 'name: name')
    + entity('four', 'books, stream: taxes', 'four', 'fixed', 'fixed: { value: x }, id: tax_id'))
  t.same(told(bad), [
    'c.yaml:10:100 entities.one.key can\'t tell the records of "items" apart: they are told apart by item_id; write "key: id" (host.key_not_unique)',
    'c.yaml:11:100 entities.two.key can\'t tell the records of "stock" apart: they are told apart by item_id and location_id; add "location_id: location_id" to the fields and write "key: [item_id, location_id]" (host.key_not_unique)',
    'c.yaml:12:163 entities.three.key can\'t tell the records of "custom" apart: they are told apart by thing_id; add "thing_id: thing_id" to the fields and write "key: thing_id" (host.key_not_unique)',
    'c.yaml:13:98 entities.four.key can\'t tell the records of "taxes" apart: they are told apart by tax_id; write "key: id" (host.key_not_unique)',
  ])
  t.equal(bad.config, undefined)

  const good = await project(t, entity('one', 'inventory, stream: items', 'one', 'article', 'article: item_id')
    + entity('two', 'inventory, stream: stock', 'two', '[place, item, shop]', 'item: item_id, place: location_id, shop: { value: 1 }')
    + entity('three', 'books, stream: pricebook-rates', 'three', '[pricebook_id, item_id]', 'item_id: item_id, pricebook_id: { from: pricebook_id }')
    + entity('four', 'books, stream: contactpersons', 'four', 'id', 'id: contact_person_id')
    + entity('five', 'books, stream: custom, with: { path: things, recordKey: things, idField: a.id }', 'five', 'id', 'id: a.id')
    + entity('six', 'books, stream: taxes', 'six', 'id', `id: { expr: "'tax-' & tax_id" }`)
    + '  own: { from: { connection: inventory, stream: items }, to: { connection: erp, table: inventory.articles, manage: false }, key: no, fields: { no: item_id }, deletes: { mode: keep } }\n')
  t.same(told(good), [])

  const unsure = await project(t, entity('one', 'inventory, stream: items', 'one', 'sku', 'sku: { expr: sku }, id: item_id')
    + entity('two', 'inventory, stream: items', 'two', '[id, sku]', 'id: item_id, sku: sku')
    + entity('three', 'inventory, stream: items', 'three', 'id', 'id: { expr: "$string($)" }'))
  t.match(told(unsure), [
    /^c\.yaml:10:100 warning: entities\.one\.key is made by an expression that leaves out item_id.*write "key: id" \(host\.key_unsure\)/u,
    /entities\.two\.key takes sku besides .*a second row .*\(host\.key_unsure\)/u,
    /entities\.three\.key takes the whole record besides/u,
  ])
  t.ok(unsure.config, 'which keeps nobody from starting')
})

void t.test('two entities into one table are found whatever the table is called', async (t) => {
  const into = (id: string, connection: string, table: string, more = ''): string => `  ${id}: { from: { connection: books, stream: taxes }, to: { connection: ${connection}, table: ${table} }, key: id, fields: { id: tax_id }${more} }\n`
  const bad = await project(t, into('one', 'erp', 'products') + into('two', 'erp', 'erp.products') + into('three', 'same', 'erp."products"')
    + into('four', 'far', 'things') + into('five', 'afar', 'public.things') + into('seven', 'erp', 'six') + into('six', 'same', 'other', ', children: { lines: { from: lines, table: erp.six, key: no, fields: { no: no } } }'))
  t.same(bad.findings.map(({ code, path, line, message }) => [code, path, line, message.replaceAll(bad.file, 'c.yaml')]), [
    ['entities.two.to.table', 11, 'entities.one', 10], ['entities.three.to.table', 12, 'entities.one', 10], ['entities.five.to.table', 14, 'entities.four', 13], ['entities.six.children.lines.table', 16, 'entities.seven', 15],
  ].map(([place, line, owner, first]) => ['config.table_used_twice', place, line, `names the table into which ${owner} is written already (c.yaml:${first})`]))
  t.same(told(await project(t, into('one', 'far', 'things') + into('two', 'elsewhere', 'things') + into('three', 'erp', 'things') + into('four', 'same', 'things'))), [])
})

void t.test('details are read where a field, an expression or a list needs them, and where that is not known it is said', async (t) => {
  const invoice = (id: string, fields: string, more = ''): string => entity(id, 'books, stream: invoices', id, 'id', `id: invoice_id, ${fields}`, more)
  const given = await project(t, invoice('head', "open: { expr: \"status in ['sent', 'draft']\" }, total: total") + invoice('plain', 'city: billing_address.city')
    + invoice('expr', 'city: { expr: "billing_address.city" }') + invoice('inside', 'rates: { expr: "$sum(line_items.rate)", type: numeric }') + invoice('entire', 'text: { expr: "$string($)" }')
    + invoice('parent', 'total: total', ', children: { people: { from: tags, table: people, key: no, fields: { no: no, city: { expr: "$parent.billing_address.city" } } } }')
    + invoice('check', 'total: total', ', checks: [{ expr: "notes != 1" }]') + invoice('never', 'city: { expr: "billing_address.city" }', ', details: never')
    + entity('unknown', 'books, stream: recurringinvoices', 'unknown', 'id', 'id: recurring_invoice_id, notes: notes')
    + entity('said', 'books, stream: recurringinvoices', 'said', 'id', 'id: recurring_invoice_id, notes: notes', ', details: always'))
  t.match(told(given), [/^c\.yaml:18:\d+ warning: entities\.unknown\.fields are read from the list of "recurringinvoices" alone.*details: always.*\(host\.details_unknown\)$/u])
  t.equal(given.findings.length, 1)
  const connectors = new Map([...given.connections.values()].map(({ id, loaded, settings }) => [id, createConnector(loaded, inertContext(id, settings))]))
  const built = buildEntities(given.config as NonNullable<Project['config']>, connectors)
  t.same([...built.values()].filter(({ wantsDetails }) => wantsDetails).map(({ id }) => id), ['plain', 'expr', 'inside', 'entire', 'parent', 'said'])
})

void t.test('the config that ships has nothing to be told of', async (t) => {
  const names = ['ZOHO_ORGANIZATION_ID', 'ZOHO_CLIENT_ID', 'ZOHO_CLIENT_SECRET', 'ZOHO_REFRESH_TOKEN']
  t.same((await loadProject({ file: 'tds.config.yaml', env: Object.fromEntries(names.map((name) => [name, '123456'])), cwd: projectRoot, log: silentLogger })).findings.map(renderFinding), [])
})
