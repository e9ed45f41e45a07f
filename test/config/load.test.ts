import t from 'tap'
import { codes, load, tell } from './memory-files.ts'

const connections = 'connections: { erp: { plugin: postgres } }\n'
const entity = 'from: { connection: erp, stream: items }, to: { connection: erp, table: products }, key: id, fields: { id: id }'

void t.test('an empty map is a config, with every default filled in', async (t) => {
  const { config, findings } = load('{}')
  t.same(findings, [])
  t.match(config, {
    timezone: 'UTC', plugins: [], connections: {}, entities: {}, schedules: {},
    database: { url: '', schema: 'tds', poolSize: 10 }, api: { host: '127.0.0.1', port: 8080 },
    policies: { sync: { concurrency: 4, readAhead: 12 }, retention: { runs: 30 * 86_400_000 }, log: { level: 'info' } },
  })
})

void t.test('durations become milliseconds, sizes bytes, shares fractions, defaults included', async (t) => {
  const { config } = load('connections: { a: { plugin: p, maxBody: 1.5MB, retry: { first: 1m30s }, timeout: { connect: 250ms } } }')
  const a = config?.connections['a']
  t.equal(a?.maxBody, 1_500_000)
  t.match(a?.retry, { first: 90_000, max: 60_000, attempts: 3 })
  t.match(a?.timeout, { connect: 250, total: 120_000 })
  t.equal(load(`${connections}entities: { a: { ${entity}, deletes: { maxShare: 0.1% } } }`).config?.entities['a']?.deletes.maxShare, 0.001)
})

void t.test('limits that are not given are not there, so that the plugin\'s own apply', async (t) => {
  t.notOk(Object.hasOwn(load(connections).config?.connections['erp'] ?? {}, 'limits'))
  t.same(load('connections: { a: { plugin: p, limits: { perMinute: 5 } } }').config?.connections['a']?.limits, { perMinute: 5 })
})

void t.test('short forms are written out', async (t) => {
  const { config } = load(`${connections}entities: { a: { ${entity} } }\nschedules: { s: { every: 1h, run: sync, entities: all } }`)
  t.same(config?.entities['a']?.key, ['id'])
  t.same(config?.entities['a']?.fields['id'], { from: 'id', required: false })
  t.same(config?.schedules['s']?.entities, ['a'], '"all" is the list of entities')
})

void t.test('the config is frozen to its depth', async (t) => {
  const { config } = load(connections)
  t.throws(() => { (config as unknown as { timezone: string }).timezone = 'x' }, TypeError)
  t.throws(() => { (config as unknown as { connections: Record<string, { with: object }> }).connections['erp']!.with = {} }, TypeError)
})

void t.test('a section that is empty counts as left out', async (t) => {
  t.same(load('connections:\nentities:\nschedules:\npolicies:\n').findings, [])
})

void t.test('anchors, aliases and merges can be used, and x- sections hold them', async (t) => {
  const text = `
x-fields: &id { id: id, name: { from: name, required: true } }
${connections}
entities:
  a: &a { ${entity} }
  b:
    <<: *a
    to: { connection: erp, table: others }
    fields: { <<: *id, name: title }
`
  const { config, findings } = load(text)
  t.same(findings, [])
  t.match(config?.entities['b'], { to: { table: 'others' }, key: ['id'], fields: { id: { from: 'id' }, name: { from: 'title' } } })
  t.notOk(Object.keys(config ?? {}).some((key) => key.startsWith('x-')))
})

void t.test('a byte order mark and Windows line ends are welcome', async (t) => {
  const { config, findings } = load('\uFEFFtimezone: Asia/Baghdad\r\nconnections:\r\n  erp:\r\n    plugin: postgres\r\n')
  t.same(findings, [])
  t.match(config, { timezone: 'Asia/Baghdad', connections: { erp: { plugin: 'postgres' } } })
  t.same(tell('\uFEFFtimezone: UTC\r\napi:\r\n  prt: 1\r\n'), ['tds.config.yaml:3:3 api.prt is not a known setting; did you mean "port"? (config.unknown_field)'])
})

void t.test('included files add to the sections, and plugin folders start from the file that names them', async (t) => {
  const more = { 'entities/a.yaml': `plugins: [../mine]\nentities: { a: { ${entity} } }`, 'entities/b.yml': 'timezone: UTC', 'entities/.hidden.yaml': '5' }
  const { config, findings, sources } = load(`include: ./entities/*.yaml\nplugins: ./others\n${connections}`, { more })
  t.same(findings, [])
  t.same(Object.keys(config?.entities ?? {}), ['a'])
  t.same(config?.plugins, ['/project/others', '/project/mine'])
  t.same(sources.fileNames, ['tds.config.yaml', 'entities/a.yaml'])
  t.same(sources.locate(['entities', 'a', 'key']), { file: 'entities/a.yaml', line: 2, column: 107 })
})

void t.test('a file that two files include is read once, and a pattern does not mean the file it stands in', async (t) => {
  t.same(codes('include: [a.yaml, b.yaml]', { more: { 'a.yaml': 'include: c.yaml', 'b.yaml': 'include: c.yaml', 'c.yaml': 'timezone: UTC' } }), [])
  t.same(codes('include: "*.yaml"', { more: { 'c.yaml': 'timezone: UTC' } }), [])
  t.same(codes('include: a.yaml', { more: { 'a.yaml': 'include: b.yaml', 'b.yaml': 'include: a.yaml' } }), ['config.include_cycle'])
})

void t.test('settings of one section may stand in two files, but each in one only', async (t) => {
  t.same(codes('include: a.yaml\npolicies: { log: { level: warn } }', { more: { 'a.yaml': 'policies: { sync: { concurrency: 2 } }' } }), [])
  t.same(tell('include: a.yaml\napi: { port: 1 }', { more: { 'a.yaml': 'api: { port: 2 }' } }),
    ['a.yaml:1:8 api.port is given already in tds.config.yaml:2:8; keep one of the two (config.duplicate_id)'])
})

void t.test('faults of all files are told together, in the order of reading', async (t) => {
  const found = load('include: [a.yaml, b.yaml]\ntimezone: Nowhere', { more: { 'a.yaml': 'api: { port: x }', 'b.yaml': 'a: [' } }).findings
  t.same(found.map((one) => `${one.file} ${one.code}`), ['tds.config.yaml config.bad_time_zone', 'a.yaml config.wrong_type', 'b.yaml config.syntax'])
})

void t.test('a main file that is not there is told with what lies beside it', async (t) => {
  const { loadConfig, renderFinding } = await import('../../core/config/index.ts')
  const { memoryFiles } = await import('./memory-files.ts')
  const told = loadConfig({ file: 'tds.confg.yaml', folder: '/project', env: {}, files: memoryFiles({ 'tds.config.yaml': '{}' }) }).findings.map(renderFinding)
  t.same(told, ['tds.confg.yaml:1:1 does not exist; did you mean "tds.config.yaml"? (config.not_found)'])
})

void t.test('the outline is there even when the config has faults', async (t) => {
  const { config, outline } = load(`api: { port: x }\nplugins: [p]\n${connections}entities: { a: { ${entity} }, b: { from: 5 } }`)
  t.equal(config, undefined)
  t.same(outline.pluginFolders, ['/project/p'])
  t.match(outline.connections, [{ id: 'erp', plugin: 'postgres', with: {}, path: ['connections', 'erp'] }])
  t.match(outline.entities, [{ id: 'a', connection: 'erp', stream: 'items', path: ['entities', 'a'] }])
})
