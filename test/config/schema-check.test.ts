/** What a plugin's own schema finds in the config, told like every other fault. */
import t from 'tap'
import { checkAgainstSchema, renderFinding, type SchemaCheck, type SettingSchema } from '../../core/config/index.ts'
import { load } from './memory-files.ts'

const path = ['connections', 'books', 'with']

const schema = {
  type: 'object',
  additionalProperties: false,
  required: ['organizationId'],
  properties: {
    organizationId: { type: 'string', pattern: '^[0-9]+$', examples: ['10234695'] },
    clientSecret: { type: 'string', minLength: 8, secret: true },
    dataCenter: { type: 'string', enum: ['com', 'eu'], default: 'com' },
    pause: { type: 'string', format: 'duration', default: '5s' },
    pages: { type: 'integer', default: 10 },
    accounts: { type: 'string', format: 'uri' },
    zone: { oneOf: [{ type: 'string', format: 'time-zone' }, { type: 'object', additionalProperties: false, properties: { offset: { type: 'integer' } } }] },
  },
} as const satisfies SettingSchema

function check(text: string, env: Record<string, string> = {}): SchemaCheck & { told: string[]; secrets: string[] } {
  const { sources, outline } = load(`connections:\n  books:\n    plugin: p\n    with: ${text}\n`, { env })
  const outcome = checkAgainstSchema(outline.connections[0]?.with, schema, path, sources)
  return { ...outcome, told: outcome.findings.map(renderFinding), secrets: sources.secrets.values }
}

void t.test('good settings come back with defaults and units resolved', async (t) => {
  const { value, told } = check('{ organizationId: ${ORG}, pages: ${PAGES:-3} }', { ORG: '10234695' })
  t.same(told, [])
  t.same(value, { organizationId: '10234695', dataCenter: 'com', pause: 5000, pages: 3 })
})

void t.test('faults are told with place, path and cure', async (t) => {
  t.same(check('{ organisationId: "1", dataCenter: euu, pages: many }').told, [
    'tds.config.yaml:4:5 connections.books.with.organizationId is missing; add it, for example organizationId: 10234695 (config.missing_field)',
    'tds.config.yaml:4:13 connections.books.with.organisationId is not a known setting; did you mean "organizationId"? (config.unknown_field)',
    'tds.config.yaml:4:46 connections.books.with.dataCenter must be one of com, eu, not "euu"; did you mean "eu"? (config.bad_value)',
    'tds.config.yaml:4:58 connections.books.with.pages must be a whole number, not the text "many" (config.wrong_type)',
  ])
})

void t.test('a long id without quotes is no text, and the cure says so', async (t) => {
  t.same(check('{ organizationId: 10234695 }').told, ['tds.config.yaml:4:29 connections.books.with.organizationId must be text, not 10234695; put it in quotes (config.wrong_type)'])
})

void t.test('what follows from a missing variable is not told again', async (t) => {
  t.same(check('{ organizationId: ${NOT_SET}, pages: ${NOT_SET} }').told, [])
})

void t.test('of a choice between forms one message remains', async (t) => {
  t.match(check('{ organizationId: "1", zone: 5 }').told, [/zone must be text or a map of settings, not 5 \(config.wrong_type\)/u])
  t.match(check('{ organizationId: "1", zone: Bagdad }').told, [/zone is "Bagdad", which is no time zone/u])
  t.match(check('{ organizationId: "1", zone: { ofset: 1 } }').told, [/zone.ofset is not a known setting; did you mean "offset"\?/u])
})

void t.test('a secret is not shown, and is known for masking even when it is written in the file', async (t) => {
  const { told, secrets } = check('{ organizationId: "1", clientSecret: short-1 }')
  t.same(told, ['tds.config.yaml:4:48 connections.books.with.clientSecret must have at least 8 characters (config.out_of_range)'])
  t.same(secrets, ['short-1'])
})

void t.test('what came from outside is a secret until the schema says otherwise', async (t) => {
  const env = { ORG: '10234695', SECRET: 'very-secret-value' }
  const text = '{ organizationId: ${ORG}, clientSecret: ${SECRET}, unknown: ${SECRET} }'
  const { sources, outline } = load(`connections: { books: { plugin: p, with: ${text} } }`, { env })
  t.same(sources.secrets.values, ['very-secret-value', '10234695'])
  checkAgainstSchema(outline.connections[0]?.with, schema, path, sources)
  t.same(sources.secrets.values, ['very-secret-value'])
  t.equal(sources.secrets.mask('token very-secret-value of 10234695'), 'token ••• of 10234695')
})

void t.test('a schema that is itself wrong throws, for that is its author\'s fault', async (t) => {
  const { sources } = load('{}')
  t.throws(() => checkAgainstSchema({}, { type: 'nonsense' } as unknown as SettingSchema, path, sources))
})

void t.test('two plugins may use one $id', async (t) => {
  const { sources } = load('{}')
  for (const title of ['one', 'two']) t.same(checkAgainstSchema({}, { $id: 'same', type: 'object', title }, path, sources).findings, [])
})
