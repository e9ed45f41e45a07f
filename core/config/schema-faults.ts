import type { ErrorObject } from 'ajv'
import type { SettingSchema } from '../../schemas/vocabulary.ts'
import { configCodes } from './codes.ts'
import { quote, type Fault, type Path } from './finding.ts'
import { formats } from './formats.ts'
import { isSecret } from './shape.ts'
import type { Sources } from './sources.ts'
import { didYouMean, suggest } from './suggest.ts'

/** A fault, the path it is about, and whether the key is to be pointed at rather than the value. */
export interface Told {
  readonly fault: Fault
  readonly path: Path
  readonly atKey?: boolean
}

/** Turns one of ajv's errors into words for the person who wrote the file; nothing for errors that only repeat another. */
export function faultOf(error: ErrorObject, at: Path, sources: Sources): Told | undefined {
  const schema = (error.parentSchema ?? {}) as SettingSchema
  const params = error.params as Record<string, unknown>
  // An id or a column's name that is refused: the error speaks of the map, but the fault is the key's.
  if (error.propertyName !== undefined) return { ...keyFault(error, error.propertyName), path: [...at, error.propertyName], atKey: true }
  switch (error.keyword) {
    case 'propertyNames':
    case 'if':
      return undefined
    case 'additionalProperties':
    case 'unevaluatedProperties': {
      const name = String(params['additionalProperty'] ?? params['unevaluatedProperty'])
      return { fault: unknownField(name, schema), path: [...at, name], atKey: true }
    }
    case 'required': {
      const name = String(params['missingProperty'])
      return { fault: { code: 'config.missing_field', message: 'is missing', suggestion: example(name, schema.properties?.[name]) }, path: [...at, name], atKey: true }
    }
    case 'type':
      return { fault: wrongType(error.data, schema, at, sources), path: at }
    case 'format':
      return { fault: formatFault(error, schema, at, sources), path: at }
    default:
      return { fault: valueFault(error, schema, at, sources), path: at }
  }
}

function formatFault(error: ErrorObject, schema: SettingSchema, at: Path, sources: Sources): Fault {
  const name = String((error.params as Record<string, unknown>)['format'])
  const shown = display(error.data, schema, at, sources).replace(/^the text /u, '')
  const format = formats[name]
  const fault = format?.fault(String(error.data))
  if (!format || !fault) return { code: 'config.bad_value', message: `is ${shown}, which is not of the form ${quote(name)}` }
  if (!isHidden(schema, at, sources)) return { code: format.code, message: `is ${shown}, which ${fault.message}`, suggestion: fault.suggestion }
  // The messages and cures of formats may repeat the text, which must not be shown here.
  return { code: format.code, message: `is ${shown}, which ${format.wrong}`, suggestion: lowerFirst(configCodes[format.code].cure) }
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1).replace(/\.$/u, '').replaceAll('`', '')
}

function unknownField(name: string, schema: SettingSchema): Fault {
  const known = Object.keys(schema.properties ?? {})
  return { code: 'config.unknown_field', message: 'is not a known setting', suggestion: didYouMean(name, known) }
}

function keyFault(error: ErrorObject, name: string): { fault: Fault } {
  const params = error.params as Record<string, unknown>
  const format = formats[String(params['format'])]
  const fault = format?.fault(name)
  if (!format || !fault) return { fault: { code: 'config.bad_key', message: `is no allowed name: it ${error.message ?? 'is refused'}` } }
  return { fault: { code: format.code, message: fault.message, suggestion: fault.suggestion } }
}

/** `key: item_id`, from the first example of the setting. */
function example(name: string, schema: SettingSchema | undefined): string {
  const shown = schema?.examples?.[0] ?? schema?.enum?.[0]
  return shown === undefined ? 'add it' : `add it, for example ${name}: ${typeof shown === 'string' ? shown : JSON.stringify(shown)}`
}

function wrongType(value: unknown, schema: SettingSchema, at: Path, sources: Sources): Fault {
  const wanted = kinds(schema)
  const message = `must be ${wanted}, not ${display(value, schema, at, sources)}`
  return { code: 'config.wrong_type', message, suggestion: typeCure(value, schema, at, sources) }
}

function typeCure(value: unknown, schema: SettingSchema, at: Path, sources: Sources): string | undefined {
  const unit = { duration: 'ms, s, m, h or d, such as 60s', size: 'kB or MB, such as 1MB', share: 'a percentage, such as 10%', reserve: 'a percentage, such as 15%, or a number of calls' }[schema.format ?? '']
  if (unit && schema.format === 'reserve') return `write ${unit}`
  if (unit && typeof value === 'number') return schema.format === 'share' ? `write ${unit}` : `add a unit: ${unit}`
  if (schema.type === 'string' && (typeof value === 'number' || typeof value === 'boolean')) return 'put it in quotes'
  const number = schema.type === 'number' || schema.type === 'integer'
  if ((number || schema.type === 'boolean') && typeof value === 'string' && !sources.origin(at)?.plain) {
    if (number && value.trim() !== '' && Number.isFinite(Number(value))) return 'take the quotes away'
    if (schema.type === 'boolean') return 'write true or false'
  }
  return value === null ? 'give it a value, or take the line away' : undefined
}

function kinds(schema: SettingSchema): string {
  const names: Readonly<Record<string, string>> = { object: 'a map of settings', array: 'a list', string: 'text', number: 'a number', integer: 'a whole number', boolean: 'true or false', null: 'nothing' }
  const withUnit = { duration: 'a length of time', size: 'a size', share: 'a share', reserve: 'a share or a whole number' }[schema.format ?? '']
  if (withUnit) return withUnit
  const { type = [] } = schema
  const all = (typeof type === 'string' ? [type] : type).map((one) => names[one] ?? one)
  if (schema.shorthand !== undefined && schema.type === 'object') all.unshift('text')
  return all.join(' or ')
}

function valueFault(error: ErrorObject, schema: SettingSchema, at: Path, sources: Sources): Fault {
  const params = error.params as Record<string, unknown>
  const limit = Number(params['limit'])
  const shown = display(error.data, schema, at, sources)
  const range = (message: string): Fault => ({ code: 'config.out_of_range', message })
  switch (error.keyword) {
    case 'enum': return notOneOf(error.data, shown, (params['allowedValues'] as unknown[]).map(String), isHidden(schema, at, sources))
    case 'const': return { code: 'config.bad_value', message: `must be ${JSON.stringify(params['allowedValue'])}, not ${shown}` }
    case 'minimum': return range(`must be at least ${limit}, not ${shown}`)
    case 'maximum': return range(`must be at most ${limit}, not ${shown}`)
    case 'exclusiveMinimum': return range(`must be more than ${limit}, not ${shown}`)
    case 'exclusiveMaximum': return range(`must be less than ${limit}, not ${shown}`)
    case 'multipleOf': return range(`must be a multiple of ${String(params['multipleOf'])}, not ${shown}`)
    case 'minLength': return range(limit === 1 ? 'must not be empty' : `must have at least ${limit} characters`)
    case 'maxLength': return range(`must have at most ${limit} characters`)
    case 'minItems': return range(limit === 1 ? 'must not be empty' : `must have at least ${limit} items`)
    case 'maxItems': return range(`must have at most ${limit} items`)
    case 'minProperties': return range(limit === 1 ? 'must not be empty' : `must have at least ${limit} entries`)
    case 'maxProperties': return range(`must have at most ${limit} entries`)
    case 'uniqueItems': return { code: 'config.duplicate_item', message: `has the same value twice: items ${Number(params['j'])} and ${Number(params['i'])}`, suggestion: 'keep one' }
    case 'pattern': return { code: 'config.bad_value', message: `is ${shown.replace(/^the text /u, '')}, which does not have the form ${String(params['pattern'])}`, suggestion: schema.examples?.length ? `write for example ${JSON.stringify(schema.examples[0])}` : undefined }
    case 'anyOf':
    case 'oneOf': return { code: 'config.wrong_type', message: branchMessage(schema, error.keyword, shown) }
    default: return { code: 'config.bad_value', message: `${error.message ?? 'is not allowed'}`.slice(0, 300) }
  }
}

function notOneOf(value: unknown, shown: string, allowed: string[], hidden: boolean): Fault {
  const near = hidden ? undefined : suggest(String(value), allowed)
  const list = allowed.length > 20 ? `${allowed.slice(0, 20).join(', ')} …` : allowed.join(', ')
  return { code: 'config.bad_value', message: `must be one of ${list}, not ${shown.replace(/^the text /u, '')}`, suggestion: near === undefined ? undefined : `did you mean ${JSON.stringify(near)}?` }
}

function branchMessage(schema: SettingSchema, keyword: string, shown: string): string {
  const branches = (schema[keyword] as readonly SettingSchema[] | undefined) ?? []
  const wanted = [...new Set(branches.map((branch) => branch.title ?? (branch.enum ? branch.enum.join(', ') : branch.const === undefined ? kinds(branch) : JSON.stringify(branch.const))))].filter(Boolean)
  return wanted.length > 0 ? `must be ${wanted.join(' or ')}, not ${shown}` : `has a form that is not allowed: ${shown}`
}

/** A value for a message, short, and never one that came from outside the file or that is a secret. */
function display(value: unknown, schema: SettingSchema, at: Path, sources: Sources): string {
  if (isHidden(schema, at, sources)) {
    // The names alone: a default, or the text around the variables, may be secret too.
    const names = sources.origin(at)?.written.matchAll(/\$\{(file:[^}]*|\w+)/gu).map(([, name]) => `\${${name}}`).toArray() ?? []
    return names.length > 0 ? `the value of ${names.join(' and ').slice(0, 200)}` : 'this value'
  }
  if (value === null || value === undefined) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a map'
  return typeof value === 'string' ? `the text ${quote(value)}` : String(value)
}

function isHidden(schema: SettingSchema, at: Path, sources: Sources): boolean {
  return isSecret(schema) || sources.secrets.has(at) || sources.origin(at)?.outside === true
}
