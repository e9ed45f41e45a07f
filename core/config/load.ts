import path from 'node:path'
import { configSchema, type Config } from '../../schemas/config.ts'
import { crossCheck } from './cross-checks.ts'
import { sortFindings, type Finding } from './finding.ts'
import { mergeFiles } from './merge.ts'
import { outlineOf, type Outline } from './outline.ts'
import { readConfigFiles } from './read-files.ts'
import { checkAgainstSchema } from './schema-check.ts'
import { isMap } from './shape.ts'
import { Sources } from './sources.ts'
import { diskFiles, type ConfigFiles } from './text-file.ts'

export interface LoadOptions {
  /** The main file, as the user named it; findings repeat that name. */
  readonly file: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** What a relative `file` starts from; the working directory by default. */
  readonly folder?: string
  /** The file system; tests hand in another. */
  readonly files?: ConfigFiles
}

export interface LoadedConfig {
  /** The config, frozen; absent when any finding is an error. */
  readonly config?: Config
  /** All that is wrong, in the order of the files. Never throws for what a file holds. */
  readonly findings: readonly Finding[]
  readonly sources: Sources
  readonly outline: Outline
}

/** Reads, checks and types a config: the only way to a `Config`. It reads files and the given environment, nothing else. */
export function loadConfig({ file, env, folder = process.cwd(), files = diskFiles }: LoadOptions): LoadedConfig {
  const sources = new Sources(file)
  const { read, findings: reading, whole } = readConfigFiles(file, { files, env, folder: path.resolve(folder) })
  const merged = mergeFiles(read, sources)
  const findings = [...reading, ...merged.findings]
  if (read.length === 0) return { findings: sortFindings(findings, sources.fileNames), sources, outline: outlineOf({}) }
  rememberSecrets(merged.value, [], sources)
  const check = checkAgainstSchema(merged.value, configSchema, [], sources)
  findings.push(...check.findings, ...crossCheck(check.normal, sources, { whole }))
  const outcome = { findings: sortFindings(findings, sources.fileNames), sources, outline: outlineOf(check.normal) }
  if (outcome.findings.some((found) => found.severity === 'error')) return outcome
  return { ...outcome, config: freeze(finish(check.value as Config)) }
}

/** All that came from outside is secret until a schema says otherwise. */
function rememberSecrets(value: unknown, at: readonly (string | number)[], sources: Sources): void {
  if (isMap(value)) for (const [key, inner] of Object.entries(value)) rememberSecrets(inner, [...at, key], sources)
  else if (Array.isArray(value)) value.forEach((inner, index) => rememberSecrets(inner, [...at, index], sources))
  else if (sources.origin(at)?.outside) sources.secrets.add(at, value)
}

/** Writes `all` out as the list of entities, and leaves the sections for anchors (`x-…`) behind. */
function finish(config: Config): Config {
  const schedules = Object.fromEntries(Object.entries(config.schedules).map(([id, schedule]) => {
    const entities = schedule.entities.includes('all') ? Object.keys(config.entities) : schedule.entities
    return [id, { ...schedule, entities }]
  }))
  const known = Object.entries(config).filter(([key]) => !key.startsWith('x-'))
  return { ...(Object.fromEntries(known) as unknown as Config), schedules }
}

function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  for (const inner of Object.values(value)) freeze(inner)
  return Object.freeze(value)
}
