import type { CodeTable } from './code-tables.ts'
import type { StreamList } from './stream-lists.ts'
import type { SettingSchema } from './vocabulary.ts'

/** The head of every generated page. */
const generated = '<!-- Made by `npm run generate` from schemas/. Change it there. -->'

/** The reference page of all settings, as Markdown: a section per map of settings, a row per setting. */
export function referencePage(schema: SettingSchema): string {
  return `${generated}

# The settings of \`tds.config.yaml\`

${schema.description ?? ''}

- **Durations** are a number and a unit: \`500ms\`, \`60s\`, \`15m\`, \`1h30m\`, \`30d\`, \`2w\`. **Sizes** likewise: \`64kB\`, \`1MB\` (a million
  bytes), \`1MiB\` (1,048,576). **Shares** are percentages: \`10%\`.
- **Variables**: \`\${NAME}\` must be set and not be empty; \`\${NAME:-default}\` has a default, which may be empty; \`\${file:/run/secrets/x}\`
  is the content of a file (relative to the file that names it), without the line end at its end. An empty variable counts as not set. \`$\${\` stands for a plain \`\${\`. Variables work in values, not in
  keys, and what they hold is text, never YAML. Where a setting is a number or a boolean, a variable without quotes becomes one.
- **Anchors** (\`&name\`, \`*name\`, \`<<: *name\`) work; a top-level key that begins with \`x-\` is a place to keep them.
- \`[name]\` in the tables below stands for an id that you choose.

${sections(schema, '').join('\n\n')}
`
}

function sections(schema: SettingSchema, path: string): string[] {
  const own = Object.entries(schema.properties ?? {})
  const table = own.length > 0 ? [section(schema, path, own)] : []
  const below = own.flatMap(([name, inner]) => sectionsBelow(inner, path ? `${path}.${name}` : name))
  return [...table, ...below]
}

function sectionsBelow(schema: SettingSchema, path: string): string[] {
  if (schema.opaque) return []
  if (schema.type === 'array' && schema.items) return sections(schema.items, `${path}[]`)
  if (typeof schema.additionalProperties === 'object') return sections(schema.additionalProperties, `${path}.[name]`)
  return schema.type === 'object' ? sections(schema, path) : []
}

function section(schema: SettingSchema, path: string, settings: readonly [string, SettingSchema][]): string {
  const rows = settings.map(([name, inner]) => row(name, inner, schema.required?.includes(name) ?? false))
  const head = path ? `## \`${path}\`\n\n${schema.description ?? ''}\n` : '## The top of the file\n'
  return `${head}\n| setting | kind | default | meaning |\n| --- | --- | --- | --- |\n${rows.join('\n')}`
}

function row(name: string, schema: SettingSchema, required: boolean): string {
  const examples = schema.examples ? ` For example ${schema.examples.map((one) => code(one)).join(', ')}.` : ''
  const range = limits(schema)
  const meaning = `${schema.description ?? ''}${range ? ` ${range}` : ''}${examples}`
  return `| \`${name}\` | ${kind(schema)} | ${required ? '**required**' : defaultOf(schema)} | ${meaning.replaceAll('|', '\\|')} |`
}

function kind(schema: SettingSchema): string {
  if (schema.enum) return schema.enum.map((one) => code(one)).join(', ')
  if (schema.type === 'array') return schema.shorthand === 'list' ? `${schema.items ? kind(schema.items) : 'value'}, or a list` : 'list'
  if (schema.type === 'object') return schema.shorthand === undefined ? 'map' : 'text or map'
  const byFormat: Readonly<Record<string, string>> = { duration: 'duration', size: 'size', share: 'share', reserve: 'share, or whole number', cron: 'cron line', 'time-zone': 'time zone', jsonata: 'JSONata', regex: 'regular expression', 'column-type': 'column type', identifier: 'name', table: 'table' }
  const named = byFormat[schema.format ?? '']
  if (named) return named
  const words: Readonly<Record<string, string>> = { string: 'text', integer: 'whole number', number: 'number', boolean: 'true or false' }
  const word = words[String(schema.type)] ?? 'any value'
  return `${schema.secret ? 'secret ' : ''}${schema.unit ? `${word}, ${schema.unit}` : word}`
}

function limits(schema: SettingSchema): string {
  const { minimum, maximum } = schema
  if (typeof minimum === 'number' && typeof maximum === 'number') return `From ${minimum} to ${maximum}.`
  return typeof minimum === 'number' ? `At least ${minimum}.` : ''
}

function defaultOf(schema: SettingSchema): string {
  const { default: value } = schema
  if (value === undefined) return ''
  if (schema.type === 'object') return ''
  return Array.isArray(value) && value.length === 0 ? 'none' : code(value)
}

function code(value: unknown): string {
  if (value === '') return 'empty'
  const single = Array.isArray(value) && value.length === 1 && value[0] === 'all' ? 'all' : value
  return `\`${(typeof single === 'string' ? single : JSON.stringify(single)).replaceAll('|', '\\|')}\``
}

/** The page of error codes, as Markdown. */
export function errorsPage(tables: readonly CodeTable[]): string {
  const parts = tables.map(({ title, about, codes }) => `## ${title}\n\n${about}\n\n| code | what it means | what to do |\n| --- | --- | --- |\n${rowsOf(codes)}`)
  return `${generated.replace('schemas/', 'the tables of codes in core/ and plugins/')}

# Errors and findings

Whatever TDS has to tell carries a code. The codes are stable: scripts may go by them. A message says what is wrong, where, and what to do;
this page says it in general.

${parts.join('\n\n')}
`
}

function rowsOf(codes: CodeTable['codes']): string {
  const cell = (text: string): string => text.replaceAll('|', '\\|')
  return Object.entries(codes).sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, { meaning, cure }]) => `| \`${name}\` | ${cell(meaning)} | ${cell(cure)} |`).join('\n')
}

/** The page of streams, as Markdown. */
export function streamsPage(lists: readonly StreamList[]): string {
  const parts = lists.map(({ plugin, description, streams }) => `## ${plugin}\n\n${description}\n\n| stream | what it is | key | modified | incremental | details | deletions |\n| --- | --- | --- | --- | --- | --- | --- |\n${streams.map(streamRow).join('\n')}`)
  return `${generated.replace('schemas/', 'what the connectors in plugins/ tell of their streams')}

# Streams

What \`from.stream\` of an entity may name. Any other list resource of the two Zoho APIs is read with \`stream: custom\`; the README shows how.

- **key**: the field, or fields, by which the stream tells its records apart. The \`key\` of your mapping usually names the same.
- **modified**: the field with the record's own modified time, by which newer wins over older.
- **incremental**: \`changes\` reads what changed since the last time; with \`full\` every read is a whole one, and unchanged records cost no write.
- **details**: what the list leaves out comes by calls of its own: \`one by one\`, or so many records a call. They are made only where a mapping needs them.
- **deletions**: \`by asking\` – a record that a full read did not see is asked for by its key; \`by reading all\` – it is gone when the read was certainly complete.

${parts.join('\n\n')}
`
}

function streamRow({ name, description, key, modified, incremental, details, detailBatch, provesGone }: StreamList['streams'][number]): string {
  const detail = details === 'single' ? 'one by one' : details === 'bulk' ? `${detailBatch ?? 1} a call` : ''
  return `| \`${name}\` | ${description} | ${key.map((field) => code(field)).join(', ')} | ${modified === undefined ? '' : code(modified)} | ${incremental === 'changes' ? 'changes' : 'full'} | ${detail} | ${provesGone ? 'by asking' : 'by reading all'} |`
}
