import { checkRules } from '../../schemas/entity.ts'
import { parseDuration } from '../../schemas/units.ts'
import { finding, quote, type Fault, type Finding, type Path } from './finding.ts'
import { isMap } from './shape.ts'
import type { Sources } from './sources.ts'
import { didYouMean } from './suggest.ts'

const longestPause = 366 * 86_400_000
const longestJitter = 12 * 3_600_000

/**
 * What no schema can say: names that must exist elsewhere in the file, things that must not be given twice. It runs on
 * configs with faults too, so that all are told at once, and passes over whatever does not have the form it should.
 * Where not the whole config could be read, what is unknown may stand in the unread part, and is not told.
 */
export function crossCheck(config: unknown, sources: Sources, { whole }: { whole: boolean }): Finding[] {
  const checks = new CrossChecks(config, sources, whole)
  checks.run()
  return checks.findings
}

class CrossChecks {
  readonly findings: Finding[] = []
  readonly #sources: Sources
  readonly #whole: boolean
  readonly #connections: Record<string, unknown>
  readonly #entities: Record<string, unknown>
  readonly #schedules: Record<string, unknown>
  readonly #notifiers: Record<string, unknown>
  /** Who writes into which table: `connection table` to the path of who came first. */
  readonly #tables = new Map<string, Path>()

  constructor(config: unknown, sources: Sources, whole: boolean) {
    this.#sources = sources
    this.#whole = whole
    this.#connections = map(config, 'connections')
    this.#entities = map(config, 'entities')
    this.#schedules = map(config, 'schedules')
    this.#notifiers = map(config, 'notifiers')
  }

  run(): void {
    for (const [id, entity] of Object.entries(this.#entities)) this.#entity(entity, ['entities', id])
    for (const [id, schedule] of Object.entries(this.#schedules)) this.#schedule(schedule, ['schedules', id])
  }

  #entity(entity: unknown, path: Path): void {
    for (const end of ['from', 'to']) this.#connection(text(map(entity, end), 'connection'), [...path, end, 'connection'])
    const to = map(entity, 'to')
    const connection = text(to, 'connection')
    this.#table(connection, text(to, 'table'), [...path, 'to', 'table'])
    const fields = map(entity, 'fields')
    this.#fields(fields, [...path, 'fields'])
    this.#key(entity, fields, path)
    for (const [name, child] of Object.entries(map(entity, 'children'))) {
      const here = [...path, 'children', name]
      const columns = map(child, 'fields')
      this.#table(connection, text(child, 'table'), [...here, 'table'])
      this.#fields(columns, [...here, 'fields'])
      // rows without a key of their own are numbered: `key: position`
      this.#key(child, Object.keys(columns).length === 0 ? columns : { ...columns, position: {} }, here)
    }
    list(entity, 'checks').forEach((check, index) => this.#check(check, fields, [...path, 'checks', index]))
    this.#deletes(map(entity, 'deletes'), fields, path)
  }

  #connection(id: string | undefined, path: Path): void {
    if (id === undefined || id === '' || Object.hasOwn(this.#connections, id) || !this.#whole) return
    this.#tellUnknown('config.unknown_connection', 'connection', id, 'is not in this config', path, Object.keys(this.#connections), 'connections')
  }

  #table(connection: string | undefined, table: string | undefined, path: Path): void {
    if (connection === undefined || table === undefined) return
    const key = JSON.stringify([connection, table])
    const first = this.#tables.get(key)
    if (!first) {
      this.#tables.set(key, path)
      return
    }
    const { file, line } = this.#sources.locate(first)
    this.#tell({ code: 'config.table_used_twice', message: `names the table ${this.#shown(table, path)}, into which ${first.slice(0, -1).filter((step) => step !== 'to').join('.')} is written already (${file}:${line})`, suggestion: 'give each a table of its own' }, path)
  }

  #fields(fields: Record<string, unknown>, path: Path): void {
    for (const [column, field] of Object.entries(fields)) {
      if (isMap(field)) this.#exactlyOne(field, ['from', 'expr', 'value'], [...path, column])
    }
  }

  #key(owner: unknown, fields: Record<string, unknown>, path: Path): void {
    list(owner, 'key').forEach((column, index) => this.#column(column, fields, [...path, 'key', index]))
  }

  #column(column: unknown, fields: Record<string, unknown>, path: Path): void {
    if (typeof column !== 'string' || column === '' || Object.keys(fields).length === 0 || Object.hasOwn(fields, column)) return
    this.#tellUnknown('config.unknown_column', 'column', column, 'is not among the fields', path, Object.keys(fields), 'fields')
  }

  #check(check: unknown, fields: Record<string, unknown>, path: Path): void {
    if (!isMap(check)) return
    this.#exactlyOne(check, checkRules, path)
    this.#column(check['field'], fields, [...path, 'field'])
    if (check['field'] === undefined && check['expr'] === undefined) this.#tell({ code: 'config.missing_field', message: 'is missing', suggestion: 'add it: the column that the rule is about' }, [...path, 'field'], true)
  }

  #deletes(deletes: Record<string, unknown>, fields: Record<string, unknown>, path: Path): void {
    const column = text(deletes, 'column') ?? 'deleted_at'
    if ((deletes['mode'] ?? 'mark') !== 'mark' || !Object.hasOwn(fields, column)) return
    this.#tell({ code: 'config.duplicate_column', message: `is also the column into which deletions are marked`, suggestion: 'rename it, or name another column in "deletes.column"' }, [...path, 'fields', column], true)
  }

  #schedule(schedule: unknown, path: Path): void {
    if (!isMap(schedule)) return
    this.#exactlyOne(schedule, ['cron', 'every'], path)
    const every = parseDuration(text(schedule, 'every') ?? '')
    if (every !== undefined && (every < 1000 || every > longestPause)) this.#tell({ code: 'config.out_of_range', message: 'must be from 1s to 366d', suggestion: 'write a pause such as 15m' }, [...path, 'every'])
    const jitter = parseDuration(text(schedule, 'jitter') ?? '')
    if (jitter !== undefined && jitter > (every ?? longestJitter)) this.#tell({ code: 'config.out_of_range', message: `must be at most ${every === undefined ? '12h' : 'as long as "every"'}`, suggestion: 'shorten it' }, [...path, 'jitter'])
    for (const [name, run] of [['mode', 'sync'], ['rules', 'heal'], ['notifiers', 'report']] as const) {
      const given = schedule['run']
      if (typeof given !== 'string' || given === run || !Object.hasOwn(schedule, name)) continue
      this.#tell({ code: 'config.without_effect', message: `does nothing here, as it belongs to ${quote(`run: ${run}`)}`, suggestion: 'take it away, or change "run"' }, [...path, name], true)
    }
    list(schedule, 'notifiers').forEach((id, index) => {
      if (typeof id === 'string' && id !== '' && !Object.hasOwn(this.#notifiers, id) && this.#whole) this.#tellUnknown('config.unknown_notifier', 'notifier', id, 'is not in this config', [...path, 'notifiers', index], Object.keys(this.#notifiers), 'notifiers')
    })
    list(schedule, 'entities').forEach((id, index) => {
      if (typeof id !== 'string' || id === '' || id === 'all' || Object.hasOwn(this.#entities, id) || !this.#whole) return
      this.#tellUnknown('config.unknown_entity', 'entity', id, 'is not in this config', [...path, 'entities', index], Object.keys(this.#entities), 'entities')
    })
  }

  /** One message for what a schema would tell by several branches. */
  #exactlyOne(value: Record<string, unknown>, choices: readonly string[], path: Path): void {
    const given = choices.filter((choice) => Object.hasOwn(value, choice))
    if (given.length === 1) return
    const all = `${choices.slice(0, -1).map(quote).join(', ')} and ${quote(choices.at(-1) ?? '')}`
    if (given.length === 0) this.#tell({ code: 'config.choose_one', message: `needs exactly one of ${all}`, suggestion: 'add one' }, path, true)
    else this.#tell({ code: 'config.choose_one', message: `has ${given.map(quote).join(' and ')}, but takes exactly one of ${all}`, suggestion: 'keep one' }, [...path, given[1] ?? ''], true, path)
  }

  #tellUnknown(code: Finding['code'], kind: string, name: string, state: string, path: Path, known: readonly string[], section: string): void {
    const hidden = this.#sources.origin(path)?.outside
    const suggestion = hidden ? `known are ${known.slice(0, 20).join(', ')}` : didYouMean(name, known) ?? `add it under ${quote(section)}`
    this.#tell({ code, message: `names the ${kind} ${this.#shown(name, path)}, which ${state}`, suggestion }, path)
  }

  /** A name for a message; what came from outside the file is not repeated. */
  #shown(name: string, path: Path): string {
    return this.#sources.origin(path)?.outside ? 'from a variable' : quote(name)
  }

  #tell(fault: Fault, path: Path, atKey = false, shown: Path = path): void {
    if (this.#sources.isMissing(path)) return
    this.findings.push(finding(fault, atKey ? this.#sources.locateKey(path) : this.#sources.locate(path), shown))
  }
}

function map(value: unknown, key: string): Record<string, unknown> {
  const inner = isMap(value) ? value[key] : undefined
  return isMap(inner) ? inner : {}
}

function list(value: unknown, key: string): readonly unknown[] {
  const inner = isMap(value) ? value[key] : undefined
  return Array.isArray(inner) ? inner : []
}

function text(value: unknown, key: string): string | undefined {
  const inner = isMap(value) ? value[key] : undefined
  return typeof inner === 'string' ? inner : undefined
}
