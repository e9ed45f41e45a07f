import path from 'node:path'
import { finding, type Finding, type Path } from './finding.ts'
import { pointer } from './pointer.ts'
import type { Located, Sources } from './sources.ts'
import type { TextFile } from './text-file.ts'
import type { Origin } from './variables.ts'

/** One file, read: its value, and where each part of it stands. */
export interface ReadFile {
  readonly file: TextFile
  readonly value: Readonly<Record<string, unknown>>
  readonly places: ReadonlyMap<string, { readonly path: Path; readonly located: Located; readonly origin: Origin | undefined }>
}

/** Sections whose entries go by an id: an entry stands in one file as a whole. */
const byId = new Set(['connections', 'entities', 'schedules'])

/** Lists to which each file adds. */
const lists = new Set(['include', 'plugins'])

/** Puts the files together into one value. What two files both give is told with both places, and the first one counts. */
export function mergeFiles(files: readonly ReadFile[], sources: Sources): { value: Record<string, unknown>; findings: Finding[] } {
  const value: Record<string, unknown> = {}
  const findings: Finding[] = []
  for (const read of files) {
    sources.addFile(read.file)
    const merge = new Merge(read, sources, findings)
    merge.into(value, read.value, [])
  }
  return { value, findings }
}

class Merge {
  readonly #read: ReadFile
  readonly #sources: Sources
  readonly #findings: Finding[]
  readonly #children = new Map<string, Path[]>()

  constructor(read: ReadFile, sources: Sources, findings: Finding[]) {
    this.#read = read
    this.#sources = sources
    this.#findings = findings
    for (const { path: at } of read.places.values()) {
      if (at.length === 0) continue
      const parent = pointer(at.slice(0, -1))
      const known = this.#children.get(parent)
      if (known) known.push(at)
      else this.#children.set(parent, [at])
    }
    const top = read.places.get('')
    if (top && !sources.has([])) sources.add([], top.located)
  }

  into(target: Record<string, unknown>, source: Readonly<Record<string, unknown>>, at: Path): void {
    for (const [key, value] of Object.entries(source)) {
      const here = [...at, key]
      const top = at.length === 0 ? key : undefined
      if (top !== undefined && lists.has(top)) this.#append(target, key, value)
      else if (!Object.hasOwn(target, key)) {
        target[key] = value
        this.#takePlaces(here, here)
      } else if (isMap(target[key]) && isMap(value) && !(at.length > 0 && byId.has(String(at[0])))) this.into(target[key], value, here)
      else if (!top?.startsWith('x-') && value !== null) this.#duplicate(here)
    }
  }

  /** `plugins` become absolute here, since only here the folder that they are relative to is known. */
  #append(target: Record<string, unknown>, key: string, value: unknown): void {
    const before = Array.isArray(target[key]) ? (target[key] as unknown[]) : []
    if (!Object.hasOwn(target, key)) this.#takePlaces([key], [key], false)
    const items = Array.isArray(value) ? value : value === null ? [] : [value]
    const folder = path.dirname(this.#read.file.path)
    target[key] = [...before, ...items.map((item: unknown) => (key === 'plugins' && typeof item === 'string' && item !== '' ? path.resolve(folder, item) : item))]
    items.forEach((_, index) => this.#takePlaces(Array.isArray(value) ? [key, index] : [key], [key, before.length + index]))
  }

  #takePlaces(from: Path, to: Path, deep = true): void {
    const found = this.#read.places.get(pointer(from))
    if (found) this.#sources.add(to, found.located, found.origin)
    if (!deep) return
    for (const child of this.#children.get(pointer(from)) ?? []) this.#takePlaces(child, [...to, child.at(-1) ?? ''])
  }

  #duplicate(at: Path): void {
    const here = this.#read.places.get(pointer(at))
    const first = this.#sources.locateKey(at)
    if (!here) return
    const place = this.#read.file.place(here.located.key ?? here.located.value)
    const message = `is given already in ${first.file}:${first.line}:${first.column}`
    this.#findings.push(finding({ code: 'config.duplicate_id', message, suggestion: 'keep one of the two' }, place, at))
  }
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
