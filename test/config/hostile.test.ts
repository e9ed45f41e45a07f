/** Files that mean harm, or are no config at all: each is refused by a finding, quickly, and nothing is thrown. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import * as fc from 'fast-check'
import t from 'tap'
import { isCollection, parseDocument, visit } from 'yaml'
import { tooDeepAt } from '../../core/config/depth.ts'
import { loadConfig } from '../../core/config/index.ts'
import { codes, load, tell } from './memory-files.ts'

/** Measures the processor's time, which other work on the machine does not lengthen much. */
function cpuSeconds(): () => number {
  const start = process.cpuUsage()
  return () => {
    const { user, system } = process.cpuUsage(start)
    return (user + system) / 1e6
  }
}

const repeat = (text: string, times: number): string => text.repeat(times)

/** Ten levels, each naming the one below it ten times: 10^10 values when written out. */
const aliasBomb = `x-bomb:\n  a0: &a0 [x, x]\n${Array.from({ length: 10 }, (_, n) => `  a${n + 1}: &a${n + 1} [${Array(10).fill(`*a${n}`).join(', ')}]\n`).join('')}`
const mergeBomb = `x-bomb:\n  a0: &a0 { k: v }\n${Array.from({ length: 12 }, (_, n) => `  a${n + 1}: &a${n + 1} { <<: [${Array(10).fill(`*a${n}`).join(', ')}] }\n`).join('')}`
/** Each anchor lies 60 deep and holds the one before: shallow as text, 6,000 deep when written out. */
const deepAliases = `x-deep:\n  a0: &a0 1\n${Array.from({ length: 100 }, (_, n) => `  a${n + 1}: &a${n + 1} ${repeat('[', 60)}*a${n} ${repeat(']', 60)}\n`).join('')}`

const cases: Readonly<Record<string, readonly [content: string | Uint8Array, code: string]>> = {
  'brackets 20,000 deep': [repeat('[', 20_000), 'config.too_deep'],
  'braces 20,000 deep': [repeat('{a: ', 20_000), 'config.too_deep'],
  'a list in a list in a list, on one line': [repeat('- ', 10_000), 'config.too_deep'],
  'keys that are maps that are keys': [repeat('? ', 10_000), 'config.too_deep'],
  'lines that go in one step each': [Array.from({ length: 600 }, (_, n) => `${repeat(' ', n)}a:\n`).join(''), 'config.too_deep'],
  'brackets whose ends stand in comments': [repeat('[ # ]\n', 20_000), 'config.too_deep'],
  'brackets whose ends stand in quotes': [repeat('["]", ', 20_000), 'config.too_deep'],
  'a key in a key in a key, on one line': [repeat('a: ', 20_000), 'config.too_deep'],
  'all ways to go deeper, mixed': [repeat('- ? - : ', 10_000), 'config.too_deep'],
  'deep steps that quotes without indentation seem to undo': [Array.from({ length: 60 }, (_, n) => `${repeat(' ', n * 120)}${repeat('- ', 59)}? "\n"\n`).join(''), 'config.syntax'],
  'an alias bomb': [aliasBomb, 'config.too_many_values'],
  'a merge bomb': [mergeBomb, 'config.too_many_values'],
  'aliases that add up to depth': [deepAliases, 'config.too_deep'],
  'an anchor that holds itself': ['x-a: &a [*a]', 'config.bad_alias'],
  'a merge of itself': ['x-a: &a { <<: *a, connections: 1 }\ntop: 1', 'config.bad_alias'],
  'a huge file': [`a: ${repeat('x', 300_000)}`, 'config.too_large'],
  'a binary file': [Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0, 1, 2, 3, 255, 254]), 'config.not_text'],
  'a NUL byte': ['timezone: U\u0000TC', 'config.not_text'],
  'UTF-16': [Buffer.from('timezone: UTC', 'utf16le'), 'config.not_text'],
  'invalid UTF-8': [Buffer.from([...Buffer.from('timezone: '), 0xc3, 0x28]), 'config.not_text'],
  'characters that stand in for variables': ['timezone: \uFDD0', 'config.not_text'],
  'an escape sequence for terminals': ['\u001B[2Jtimezone: UTC', 'config.not_text'],
  'nothing at all': ['', 'config.not_a_map'],
  'text': ['just words', 'config.not_a_map'],
  'another version of YAML': ['%YAML 1.1\n---\napi: { port: 0o17, host: yes, prt: 1 }', 'config.unknown_field'],
  'a typed value': ['timezone: !!binary aGVsbG8=', 'config.syntax'],
}

for (const [name, [content, code]] of Object.entries(cases)) {
  void t.test(`refused: ${name}`, async (t) => {
    const cost = cpuSeconds()
    const { config, findings } = load(content)
    t.equal(config, undefined)
    t.ok(findings.some((found) => found.code === code), `${findings.map((found) => found.code).join(', ')} has ${code}`)
    t.ok(findings.length <= 500, 'and it does not talk for ever')
    t.ok(cost() < 5, 'at little cost')
  })
}

void t.test('a config that goes as deep as configs do is not taken for a hostile one', async (t) => {
  const brackets = `x-a: [${Array(200).fill("'[a-z'").join(', ')}] # ${repeat('[', 100)}\n`
  const long = `x-b:\n${Array.from({ length: 500 }, (_, n) => `  - a: { b: [1, { c: ${n} }] }\n    d: |\n      [[[[\n    e: "{{{{\n      {{{{"\n`).join('')}`
  t.same(codes(brackets + long), [])
})

void t.test('keys that reach into objects are refused, and nothing is polluted', async (t) => {
  t.same(codes('{ "__proto__": { polluted: 1 }, connections: { a: { plugin: p, with: { constructor: { prototype: { polluted: 1 } } } } } }'), ['config.bad_key', 'config.bad_key'])
  t.equal(({} as { polluted?: number }).polluted, undefined)
  t.same(codes('x-a: &a { __proto__: { polluted: 1 } }\napi: { <<: *a }'), ['config.bad_key'])
})

void t.test('text from a file can\'t draw on a terminal', async (t) => {
  for (const line of tell('"\\e[31mred\\u202E": 1\ntimezone: "\\x1b[2J"')) t.notMatch(line, /[\p{Cc}\u202E]/u)
})

void t.test('what is no regular file is refused at once', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'tds-config-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const told = (file: string): string[] => loadConfig({ file, folder, env: {} }).findings.map((found) => found.code)
  t.same(told('.'), ['config.unreadable'], 'a directory')
  t.same(told('/dev/zero'), ['config.unreadable'], 'a device')
  t.same(told('nowhere.yaml'), ['config.not_found'])
  writeFileSync(path.join(folder, 'big.yaml'), repeat('a', 1_000_000))
  t.same(told('big.yaml'), ['config.too_large'])
  writeFileSync(path.join(folder, 'a.yaml'), 'api: { host: "${file:/dev/zero}" }\ninclude: [/dev/zero, ., "*/*.yaml"]')
  t.same(told('a.yaml').sort(), ['config.include_empty', 'config.missing_secret_file', 'config.unreadable', 'config.unreadable'])
})

void t.test('too many files are refused', async (t) => {
  const more = Object.fromEntries(Array.from({ length: 250 }, (_, n) => [`f${n}.yaml`, `x-${n}: 1`]))
  t.ok(codes('include: "f*.yaml"', { more }).includes('config.too_large'))
})

void t.test('many keys, many variables and long patterns take no quadratic time', async (t) => {
  const cost = cpuSeconds()
  load(Array.from({ length: 25_000 }, (_, n) => `k${n}: 1\n`).join(''))
  load(`x-a: ${repeat('${A:-', 40_000)}`)
  load(`x-a: "${repeat('${', 100_000)}"`)
  load(`include: "${repeat('*a', 200)}b"`, { more: { [repeat('a', 250)]: '' } })
  load(Array.from({ length: 500 }, () => `? ${repeat('a', 300)}\n`).join(''))
  t.ok(cost() < 10)
})

void t.test('what passes the scan for depth is never much deeper for the parser', async (t) => {
  const parts = fc.constantFrom('- ', '? ', ': ', 'a: ', 'a', '\n', '\n ', '\n  ', '\n   ', '\n    ', '\n- ', '[', ']', '{', '}', ', ', '"', "'", '"a"', '# ', '|\n', '>-\n', '&a ', '!!map ', '*a ', '\t', '---\n')
  const limit = 6
  fc.assert(fc.property(fc.array(parts, { minLength: 10, maxLength: 120 }), (chosen) => {
    const text = chosen.join('')
    if (tooDeepAt(text, limit) !== -1) return true
    let deepest = 0
    visit(parseDocument(text, { logLevel: 'silent', uniqueKeys: false }), { Collection: (_, __, path) => { deepest = Math.max(deepest, path.filter(isCollection).length + 1) } })
    return deepest <= 2 * limit + 2
  }), { numRuns: 2000 })
  t.pass()
})

void t.test('no bytes whatever make it throw', async (t) => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
    const { config, findings } = load(bytes)
    return config !== undefined || findings.length > 0
  }), { numRuns: 500 })
  t.pass()
})

void t.test('no mixture of YAML\'s signs and the config\'s words makes it throw', async (t) => {
  const words = ['connections', 'entities', 'fields', 'erp', 'key', 'from', '${A}', '${A:-1}', '${file:x}', '$${', '<<', '&a', '*a', '__proto__', '- ', ': ', '? ', '{', '}', '[', ']', ', ', '\n', '\n  ', '\n    ', '"', "'", '|', '>', '#', '!!str', '---', '\t', '1', 'true', '~', '%', '@']
  fc.assert(fc.property(fc.array(fc.constantFrom(...words), { maxLength: 60 }), (parts) => {
    const { config, findings } = load(parts.join(''))
    return config !== undefined || findings.length > 0
  }), { numRuns: 2000 })
  t.pass()
})

void t.test('no values whatever in the place of settings make it throw', async (t) => {
  const keys = fc.constantFrom('connections', 'entities', 'schedules', 'policies', 'include', 'plugins', 'a', 'from', 'to', 'fields', 'children', 'checks', 'key', 'connection', 'table', 'with', 'retry', 'expr', 'pattern', 'type', 'cron', 'deletes', 'limits', 'x-a')
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof({ maxDepth: 6 }, fc.string(), fc.double(), fc.boolean(), fc.constant(null), fc.array(tie('value'), { maxLength: 4 }), fc.dictionary(keys, tie('value'), { maxKeys: 5 })),
  }))
  fc.assert(fc.property(fc.dictionary(keys, value, { maxKeys: 6 }), (config) => {
    // JSON is YAML; what JSON can't say is left out by it.
    const loaded = load(JSON.stringify(config))
    return loaded.config !== undefined || loaded.findings.length > 0
  }), { numRuns: 1000 })
  t.pass()
})
