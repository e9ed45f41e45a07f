/** Declarations, generated files and code agree. */
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { checkAgainstSchema, configCodes } from '../../core/config/index.ts'
import { configSchema, type SettingSchema } from '../../schemas/index.ts'
import { staleFiles } from '../../schemas/generate.ts'
import { load } from './memory-files.ts'

const source = path.join(import.meta.dirname, '..', '..', 'core', 'config')

void t.test('the generated files are current', async (t) => {
  t.same(await staleFiles(), [], 'else: npm run generate')
})

void t.test('every code that the loader uses is in the table, and every code of the table is used', async (t) => {
  const texts = readdirSync(source).filter((name) => name.endsWith('.ts') && name !== 'codes.ts').map((name) => readFileSync(path.join(source, name), 'utf8'))
  const used = new Set(texts.flatMap((text) => [...text.matchAll(/'(config\.[a-z_]+)'/gu)].map(([, code]) => code)))
  t.same([...used].sort(), Object.keys(configCodes).sort())
})

void t.test('every code is shown by an example that leads to it', async (t) => {
  const tests = path.join(import.meta.dirname)
  const golden = path.join(tests, 'cases')
  const texts = [...readdirSync(golden).filter((name) => name.endsWith('.findings')).map((name) => path.join(golden, name)), path.join(tests, 'hostile.test.ts'), path.join(tests, 'load.test.ts')]
    .map((file) => readFileSync(file, 'utf8')).join('\n')
  t.same(Object.keys(configCodes).filter((code) => !texts.includes(code)), [])
})

/** Every setting with its path. */
function settings(schema: SettingSchema, at: string): [string, SettingSchema][] {
  const inner = Object.entries(schema.properties ?? {}).flatMap(([name, one]) => [[`${at}.${name}`, one] as [string, SettingSchema], ...settings(one, `${at}.${name}`)])
  const item = schema.items ? settings(schema.items, `${at}[]`) : []
  const entry = typeof schema.additionalProperties === 'object' ? settings(schema.additionalProperties, `${at}.*`) : []
  return [...inner, ...item, ...entry]
}

void t.test('every setting has a description that is a sentence', async (t) => {
  for (const [name, schema] of settings(configSchema, '')) t.match(schema.description, /^[`A-Z].*\.$/u, name)
})

void t.test('every default and every example is accepted by the setting\'s own schema', async (t) => {
  const { sources } = load('{}')
  for (const [name, schema] of settings(configSchema, '')) {
    const shown = [...(schema.default === undefined ? [] : [schema.default]), ...(schema.examples ?? [])]
    for (const value of shown) t.same(checkAgainstSchema(value, schema, ['x'], sources).findings, [], `${name}: ${JSON.stringify(value)}`)
  }
})

void t.test('every setting with a unit in its value becomes a number', async (t) => {
  const { sources } = load('{}')
  for (const [name, schema] of settings(configSchema, '').filter(([, one]) => ['duration', 'size', 'share'].includes(one.format ?? ''))) {
    const shown = schema.default ?? schema.examples?.[0]
    t.type(checkAgainstSchema(shown, schema, ['x'], sources).value, 'number', name)
  }
})

void t.test('every map of settings refuses what it does not know', async (t) => {
  for (const [name, schema] of settings(configSchema, '').filter(([, one]) => one.type === 'object' && one.properties)) t.equal(schema.additionalProperties, false, name)
})
