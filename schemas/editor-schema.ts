import { unitPatterns } from './units.ts'
import type { SettingSchema } from './vocabulary.ts'

/**
 * The schema that editors use: plain JSON Schema 7 of what people *write*, made from the declarations, which describe
 * what code *reads*. Short forms and variables are allowed in it.
 */
export function editorSchema(schema: SettingSchema): object {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    ...written(schema),
    definitions: { variable: { type: 'string', pattern: '\\$\\{', description: 'A value with ${NAME}, ${NAME:-default} or ${file:/path} in it.' } },
  }
}

const variable = { $ref: '#/definitions/variable' }

/** Keywords that mean the same in both. */
const kept = ['minimum', 'maximum', 'minLength', 'maxLength', 'minItems', 'maxItems', 'minProperties', 'maxProperties', 'uniqueItems', 'required', 'enum', 'const'] as const

function written(schema: SettingSchema): object {
  const about = pick(schema, ['title', 'description', 'default', 'examples'])
  const shape = { ...(schema.type ? { type: schema.type } : {}), ...pick(schema, kept) }
  if (schema.opaque) return { ...about, ...(schema.type ? { type: schema.type } : {}) }
  if (schema.type === 'object') {
    const long = { ...shape, ...inside(schema) }
    return schema.shorthand === undefined ? { ...about, ...long } : { ...about, anyOf: [{ type: 'string', minLength: 1 }, long] }
  }
  if (schema.type === 'array') {
    const item = schema.items ? written(schema.items) : {}
    const long = { ...shape, items: item }
    return schema.shorthand === undefined ? { ...about, ...long } : { ...about, anyOf: [item, long] }
  }
  const pattern = unitPatterns[schema.format as keyof typeof unitPatterns] as string | undefined
  // A variable is text wherever it stands, and only when TDS runs is it known what it holds.
  const free = schema.type === undefined || (schema.type === 'string' && !pattern && !schema.enum)
  if (free) return { ...about, ...shape }
  return { ...about, anyOf: [{ ...shape, ...(pattern ? { pattern } : {}) }, variable] }
}

function inside(schema: SettingSchema): object {
  return {
    ...(schema.properties ? { properties: mapValues(schema.properties, written) } : {}),
    ...(schema.patternProperties ? { patternProperties: mapValues(schema.patternProperties, written) } : {}),
    ...(schema.additionalProperties === undefined ? {} : { additionalProperties: typeof schema.additionalProperties === 'object' ? written(schema.additionalProperties) : schema.additionalProperties }),
  }
}

function mapValues<T, U>(map: Readonly<Record<string, T>>, change: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, change(value)]))
}

function pick(schema: SettingSchema, keys: readonly string[]): object {
  return Object.fromEntries(keys.filter((key) => schema[key] !== undefined).map((key) => [key, schema[key]]))
}
