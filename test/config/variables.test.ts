import t from 'tap'
import { codes, load, tell } from './memory-files.ts'

/** The plugin's settings of one connection, as loaded. */
function settings(text: string, env: Record<string, string> = {}, more: Record<string, string> = {}): unknown {
  const { config, findings } = load(`connections: { a: { plugin: p, with: ${text} } }`, { env, more })
  return config?.connections['a']?.with ?? findings
}

void t.test('a variable is put in, alone or within text, also in a flow map', async (t) => {
  t.same(settings('{ a: ${A}, b: "x-${A}-${B:-y}", c: ${B:-} }', { A: '1' }), { a: '1', b: 'x-1-y', c: '' })
})

void t.test('a default may hold signs that mean something to YAML', async (t) => {
  t.same(settings('{ a: ${A:-http://h:1/x?y=[1], z #}, b: 1 }'), { a: 'http://h:1/x?y=[1], z #', b: 1 })
})

void t.test('what comes from the environment is text, never YAML', async (t) => {
  t.same(settings('{ a: ${A} }', { A: '{ b: 1 }\nc: [' }), { a: '{ b: 1 }\nc: [' })
  t.same(settings('{ a: ${A} }', { A: '${B}', B: 'x' }), { a: '${B}' }, 'and is not looked through for more variables')
})

void t.test('where a number or a boolean is needed a variable without quotes becomes one', async (t) => {
  t.equal(load('api: { port: ${PORT:-9} }', { env: { PORT: '8081' } }).config?.api.port, 8081)
  t.equal(load('api: { port: ${PORT:-9} }').config?.api.port, 9)
  t.same(codes('api: { port: "${PORT:-9}" }'), ['config.wrong_type'])
  const entity = (value: string): string => `connections: { e: { plugin: p } }\nentities: { a: { enabled: ${value}, from: { connection: e, stream: s }, to: { connection: e, table: t }, key: id, fields: { id: id } } }`
  t.equal(load(entity('${ON:-false}')).config?.entities['a']?.enabled, false)
})

void t.test('where text is needed digits stay text', async (t) => {
  t.equal(load('api: { host: ${HOST} }', { env: { HOST: '00123' } }).config?.api.host, '00123')
  t.same(settings('{ organizationId: ${ID} }', { ID: '900719925474099312' }), { organizationId: '900719925474099312' }, 'and a plugin\'s settings wait for the plugin\'s schema')
})

void t.test('an empty variable counts as not set', async (t) => {
  t.same(settings('{ a: ${A:-x} }', { A: '' }), { a: 'x' })
  t.same(codes('api: { host: ${A} }', { env: { A: '' } }), ['config.missing_variable'])
})

void t.test('a file\'s content is put in without its last line end', async (t) => {
  t.same(settings('{ a: ${file:secrets/a}, b: "${file:/project/secrets/a}!" }', {}, { 'secrets/a': 'one\ntwo\r\n' }), { a: 'one\ntwo', b: 'one\ntwo!' })
})

void t.test('two dollar signs stand for one', async (t) => {
  t.same(settings('{ a: "$${A}", b: $${B:-c}, c: $5 }'), { a: '${A}', b: '${B:-c}', c: '$5' })
})

void t.test('each missing variable is told at its own place, once, also when an alias repeats it', async (t) => {
  const text = 'x-a: &a { one: ${ONE}, two: "${TWO} ${THREE}" }\nconnections:\n  a: { plugin: p, with: *a }\n  b: { plugin: p, with: *a }\n'
  t.same(tell(text).map((line) => line.replace(/;.*/u, '')), [
    'tds.config.yaml:1:16 connections.a.with.one needs the variable ONE, which is not set',
    'tds.config.yaml:1:30 connections.a.with.two needs the variable TWO, which is not set',
    'tds.config.yaml:1:37 connections.a.with.two needs the variable THREE, which is not set',
  ])
})

void t.test('variables in a comment, or in a place for anchors that nothing uses, are nobody\'s concern', async (t) => {
  t.same(codes('# ${NOT_SET}\nx-a: ${NOT_SET}\n'), [])
})

void t.test('names that every object has are no variables', async (t) => {
  t.same(codes('api: { host: ${constructor} }'), ['config.missing_variable'])
})
