import type { SettingSchema } from '../../schemas/vocabulary.ts'
import type { Path } from './finding.ts'
import { formats } from './formats.ts'
import type { Sources } from './sources.ts'

/**
 * What comes before and after the check against a schema: `normalize` writes short forms out, `resolve` fills in
 * defaults and turns texts with units into numbers. Both work by the schema alone and never change what they are given.
 */

/** Writes short forms out, and reads numbers and booleans out of variables where the schema wants them. */
export function normalize(value: unknown, schema: SettingSchema, path: Path, sources: Sources): unknown {
  if (schema.opaque) return value
  // `schedules:` with every line below it commented out is empty, and means what leaving it out means.
  if (value === null && schema.default !== undefined && (schema.type === 'object' || schema.type === 'array')) return undefined
  if (typeof value === 'string' && sources.origin(path)?.plain) return normalizeVariable(value, schema, path, sources)
  if (schema.type === 'array') return normalizeList(value, schema, path, sources)
  if (schema.type !== 'object') return value
  if (schema.shorthand !== undefined && typeof value === 'string') {
    sources.standIn([...path, schema.shorthand], path)
    return { [schema.shorthand]: value }
  }
  if (!isMap(value)) return value
  const result: Record<string, unknown> = {}
  for (const [key, inner] of Object.entries(value)) {
    const known = schemaOf(schema, key)
    const normal = known ? normalize(inner, known, [...path, key], sources) : inner
    if (normal !== undefined) result[key] = normal
  }
  return result
}

function normalizeVariable(text: string, schema: SettingSchema, path: Path, sources: Sources): unknown {
  if (schema.shorthand !== undefined) {
    const step = schema.type === 'array' ? 0 : schema.shorthand
    sources.standIn([...path, step], path)
    return schema.type === 'array' ? [text] : { [schema.shorthand]: text }
  }
  // Where a schema says text, digits stay text: an organization's id is no number.
  const wanted = schema.type ?? ['number', 'boolean']
  const types: readonly string[] = typeof wanted === 'string' ? [wanted] : wanted
  if (types.includes('string') || (schema.type === undefined && schema.enum)) return text
  if (types.includes('boolean') && /^(?:true|false)$/u.test(text)) return text === 'true'
  if ((types.includes('number') || types.includes('integer')) && /^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/iu.test(text)) return Number(text)
  return text
}

function normalizeList(value: unknown, schema: SettingSchema, path: Path, sources: Sources): unknown {
  let items: readonly unknown[]
  if (Array.isArray(value)) items = value
  else if (schema.shorthand === 'list' && (typeof value === 'string' || typeof value === 'number')) {
    sources.standIn([...path, 0], path)
    items = [value]
  } else return value
  const { items: inner } = schema
  return inner ? items.map((item, index) => normalize(item, inner, [...path, index], sources)) : items
}

/** Fills in defaults and turns durations, sizes and shares into numbers. Values that a check would refuse pass through as they are. */
export function resolve(given: unknown, schema: SettingSchema): unknown {
  const value = given === undefined && schema.default !== undefined ? structuredClone(schema.default) : given
  if (schema.opaque || value === undefined) return value
  if (typeof value === 'string') return formats[schema.format ?? '']?.parse?.(value) ?? value
  if (Array.isArray(value)) {
    const { items } = schema
    return items ? value.map((item) => resolve(item, items)) : value
  }
  if (!isMap(value)) return value
  const result: Record<string, unknown> = {}
  for (const key of new Set([...Object.keys(schema.properties ?? {}), ...Object.keys(value)])) {
    const known = schemaOf(schema, key)
    const inner = known ? resolve(value[key], known) : value[key]
    if (inner !== undefined) result[key] = inner
  }
  return result
}

/** The schema that speaks of one key of a map. */
export function schemaOf(schema: SettingSchema, key: string): SettingSchema | undefined {
  if (schema.properties && Object.hasOwn(schema.properties, key)) return schema.properties[key]
  for (const [pattern, inner] of Object.entries(schema.patternProperties ?? {})) if (new RegExp(pattern, 'u').test(key)) return inner
  return typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined
}

/** Whether a setting's value must never be shown. */
export function isSecret(schema: SettingSchema): boolean {
  return schema.secret === true || schema.writeOnly === true
}

export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
