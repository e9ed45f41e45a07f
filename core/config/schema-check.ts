import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import ajvFormats from 'ajv-formats'
import type { SettingSchema } from '../../schemas/vocabulary.ts'
import { faultOf } from './schema-faults.ts'
import { finding, sortFindings, type Finding, type Path } from './finding.ts'
import { formats } from './formats.ts'
import { fromPointer } from './pointer.ts'
import { isMap, isSecret, normalize, resolve, schemaOf } from './shape.ts'
import type { Sources } from './sources.ts'

/** What a check gives back. */
export interface SchemaCheck {
  readonly findings: readonly Finding[]
  /** As it is in the file, with short forms written out. */
  readonly normal: unknown
  /** With defaults filled in and units turned into numbers; only to be relied on when no finding is an error. */
  readonly value: unknown
}

/**
 * Checks a value of the config against a schema, be it ours or a plugin's, and tells each fault with its place.
 * Also learns from the schema which values are secrets (`secret: true`).
 * @param path where the value stands: `['connections', 'books', 'with']`
 * @throws when the schema itself is wrong, which is a fault of who wrote the schema
 */
export function checkAgainstSchema(value: unknown, schema: SettingSchema, path: Path, sources: Sources): SchemaCheck {
  const normal = normalize(value, schema, path, sources)
  learnSecrets(normal, schema, path, sources)
  const validate = compile(schema)
  const findings: Finding[] = []
  if (!validate(normal)) {
    for (const error of withoutBranches(validate.errors ?? [])) {
      const at = [...path, ...fromPointer(error.instancePath, normal)]
      if (sources.isMissing(at)) continue
      const told = faultOf(error, at, sources)
      if (!told) continue
      findings.push(finding(told.fault, told.atKey ? sources.locateKey(told.path) : sources.locate(told.path), told.path))
      if (findings.length >= 500) break
    }
  }
  return { findings: sortFindings(findings, sources.fileNames), normal, value: resolve(normal, schema) }
}

const compiled = new WeakMap<object, ValidateFunction>()
let grammar: Ajv | undefined

/** Compiled at first use: `tds --help` should not wait for it. */
function compile(schema: SettingSchema): ValidateFunction {
  const known = compiled.get(schema)
  if (known) return known
  // What a schema may say is compiled once, for all of them: that takes as long as all else at a start.
  const { validateSchema } = (grammar ??= new Ajv({ strict: false, logger: false }))
  void validateSchema.call(grammar, schema, true)
  // An instance of its own for each, so that two plugins may both use one `$id`. A schema is used a few times only: nothing is won by better code.
  const ajv = new Ajv({ allErrors: true, verbose: true, strict: false, logger: false, validateSchema: false, code: { optimize: false } })
  ajvFormats.default(ajv)
  for (const [name, format] of Object.entries(formats)) ajv.addFormat(name, { type: 'string', validate: (text: string) => format.fault(text) === undefined })
  const validate = ajv.compile(schema)
  compiled.set(schema, validate)
  return validate
}

/**
 * Of `anyOf` and `oneOf` ajv tells what is wrong in every branch. Where the value's kind fits one branch only, what is
 * wrong there is the fault; else the one line of the whole tells enough.
 */
function withoutBranches(errors: readonly ErrorObject[]): ErrorObject[] {
  let kept = [...errors]
  for (const whole of errors.filter((error) => error.keyword === 'anyOf' || error.keyword === 'oneOf')) {
    const inside = kept.filter((error) => error !== whole && error.schemaPath.startsWith(`${whole.schemaPath}/`) && error.instancePath.startsWith(whole.instancePath))
    const branches = Map.groupBy(inside, (error) => error.schemaPath.slice(whole.schemaPath.length + 1).split('/')[0])
    const fitting = [...branches.values()].filter((found) => !found.some((error) => error.instancePath === whole.instancePath && ['type', 'const', 'enum'].includes(error.keyword)))
    const drop = new Set<ErrorObject>(fitting.length === 1 ? [whole, ...inside.filter((error) => !fitting[0]?.includes(error))] : inside)
    kept = kept.filter((error) => !drop.has(error))
  }
  return kept
}

function learnSecrets(value: unknown, schema: SettingSchema, path: Path, sources: Sources): void {
  if (isSecret(schema)) sources.secrets.add(path, value)
  else if (schema.opaque) return
  else if (isMap(value)) {
    for (const [key, inner] of Object.entries(value)) {
      const known = schemaOf(schema, key)
      if (known) learnSecrets(inner, known, [...path, key], sources)
    }
  } else if (Array.isArray(value)) {
    const { items } = schema
    if (items) value.forEach((item, index) => learnSecrets(item, items, [...path, index], sources))
  } else sources.secrets.clear(path)
}
