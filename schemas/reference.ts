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
  const byFormat: Readonly<Record<string, string>> = { duration: 'duration', size: 'size', share: 'share', cron: 'cron line', 'time-zone': 'time zone', jsonata: 'JSONata', regex: 'regular expression', 'column-type': 'column type', identifier: 'name', table: 'table' }
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
export function errorsPage(codes: Readonly<Record<string, { readonly means: string; readonly cure: string }>>): string {
  const rows = Object.entries(codes).sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, { means, cure }]) => `| \`${name}\` | ${means.replaceAll('|', '\\|')} | ${cure.replaceAll('|', '\\|')} |`)
  return `${generated.replace('schemas/', 'core/config/codes.ts')}

# What the config can have wrong

Each fault is told as \`file:line:column\`, the setting, what is wrong, what to do, and one of these codes. The codes are stable: scripts may
go by them. All faults are told at once; \`tds validate\` exits with code 2 when there is one.

| code | what it means | what to do |
| --- | --- | --- |
${rows.join('\n')}
`
}
