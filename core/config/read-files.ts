import path from 'node:path'
import { finding, quote, type Fault, type Finding, type Path, type Place } from './finding.ts'
import type { ReadFile } from './merge.ts'
import { pointer } from './pointer.ts'
import { maxFileBytes, readText, TextFile, type ConfigFiles } from './text-file.ts'
import { TreeReader, maxValues, type Budget } from './tree.ts'
import { didYouMean } from './suggest.ts'
import { matches } from './wildcard.ts'
import { parseYaml } from './yaml-text.ts'

const maxFiles = 200
const maxTotalBytes = 4_000_000

export interface ReadDeps {
  readonly files: ConfigFiles
  readonly env: Readonly<Record<string, string | undefined>>
  /** The folder that relative names start from. */
  readonly folder: string
}

export interface ReadResult {
  readonly read: readonly ReadFile[]
  readonly findings: readonly Finding[]
  /** All files could be read and parsed, so that what is missing is missing indeed. */
  readonly whole: boolean
}

/** Which \`include\` led to a file; \`hidden\` when a variable is in it, whose value is not to be shown. */
interface IncludedBy {
  readonly place: Place
  readonly path: Path
  readonly hidden: boolean
}

/** Reads the main file and all that it includes, each once. */
export function readConfigFiles(main: string, deps: ReadDeps): ReadResult {
  const reader = new FilesReader(deps)
  reader.readFile(main, path.resolve(deps.folder, main), [], { place: { file: main, line: 1, column: 1 }, path: [], hidden: false })
  return { read: reader.read, findings: reader.findings, whole: reader.whole }
}

class FilesReader {
  readonly read: ReadFile[] = []
  readonly findings: Finding[] = []
  whole = true
  readonly #deps: ReadDeps
  readonly #budget: Budget = { left: maxValues }
  readonly #known = new Set<string>()
  #bytes = 0

  constructor(deps: ReadDeps) {
    this.#deps = deps
  }

  /** `chain` holds the files that are being read. */
  readFile(name: string, absolute: string, chain: readonly string[], by: IncludedBy): void {
    if (chain.includes(absolute)) {
      this.#tell({ code: 'config.include_cycle', message: `names ${by.hidden ? 'a file' : quote(name)}, which includes this file`, suggestion: 'take it away' }, by.place, by.path)
      return
    }
    if (this.#known.has(absolute)) return
    this.#known.add(absolute)
    const text = readText(this.#deps.files, absolute, maxFileBytes)
    if ('fault' in text) {
      this.whole = false
      this.#tellUnreadable(name, absolute, text, by)
      return
    }
    this.#bytes += text.text.length
    if (this.#known.size > maxFiles || this.#bytes > maxTotalBytes) {
      this.whole = false
      const message = `leads to more than a config may have: ${maxFiles} files and ${maxTotalBytes / 1_000_000} MB in all`
      this.#tell({ code: 'config.too_large', message }, by.place, by.path)
      return
    }
    this.#parse(new TextFile(name, absolute, text.text), chain)
  }

  #parse(file: TextFile, chain: readonly string[]): void {
    const { document, findings } = parseYaml(file)
    this.findings.push(...findings)
    if (!document) {
      this.whole = false
      return
    }
    const places: ReadFile['places'] extends ReadonlyMap<infer Key, infer Value> ? Map<Key, Value> : never = new Map()
    const tree = new TreeReader({
      file,
      budget: this.#budget,
      variables: { env: this.#deps.env, files: this.#deps.files, folder: path.dirname(file.path) },
      found: (at, located, origin) => places.set(pointer(at), { path: at, located, origin }),
    })
    const value = tree.read(document)
    this.findings.push(...tree.findings)
    if (tree.cut) {
      this.whole = false
      return
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.whole = false
      const seen = value === null || value === undefined ? 'nothing' : Array.isArray(value) ? 'a list' : 'a single value'
      this.#tell({ code: 'config.not_a_map', message: `must hold settings by name, but holds ${seen}`, suggestion: 'begin with a key, such as "connections:"' }, file.place(document.contents?.range?.[0] ?? 0), [])
      return
    }
    const read: ReadFile = { file, value: value as Record<string, unknown>, places }
    this.read.push(read)
    this.#include(read, [...chain, file.path])
  }

  #include({ file, value, places }: ReadFile, chain: readonly string[]): void {
    const wanted: unknown[] = Array.isArray(value['include']) ? value['include'] : [value['include']]
    wanted.slice(0, maxFiles).forEach((pattern, index) => {
      const at: Path = Array.isArray(value['include']) ? ['include', index] : ['include']
      const place = places.get(pointer(at))
      // What is no text, or lacks a variable, is told elsewhere.
      if (typeof pattern !== 'string' || pattern === '' || !place || place.origin?.missing) return
      const from = file.place(place.located.value)
      const hidden = place.origin?.outside === true
      for (const name of this.#expand(pattern, { file, chain, from, at, hidden })) {
        this.readFile(path.join(path.isAbsolute(name) ? '' : path.dirname(file.name), name), path.resolve(path.dirname(file.path), name), chain, { place: from, path: at, hidden })
      }
    })
  }

  #expand(pattern: string, { file, chain, from, at, hidden }: { file: TextFile; chain: readonly string[]; from: Place; at: Path; hidden: boolean }): string[] {
    if (!pattern.includes('*')) return [pattern]
    const folder = path.dirname(pattern)
    const absolute = path.resolve(path.dirname(file.path), folder)
    let names: string[]
    try {
      names = this.#deps.files.list(absolute)
    } catch {
      names = []
    }
    const base = path.basename(pattern)
    // A pattern that covers the file it stands in means the others.
    const found = names.filter((name) => matches(name, base) && !chain.includes(path.join(absolute, name))).sort()
    if (found.length === 0) this.#tell({ code: 'config.include_empty', severity: 'warning', message: hidden ? 'matches no file' : `matches no file: ${quote(pattern)}`, suggestion: folder.includes('*') ? '"*" may stand in the file\'s name only, not in a folder\'s' : 'check the folder and the pattern' }, from, at)
    return found.map((name) => path.join(folder, name))
  }

  #tellUnreadable(name: string, absolute: string, read: { fault: Fault; offset?: number; text?: string }, by: IncludedBy): void {
    const { fault, offset, text } = read
    if (offset !== undefined && text !== undefined) this.#tell(fault, new TextFile(name, absolute, text).place(offset), [])
    else if (by.path.length === 0) this.#tell({ ...fault, suggestion: fault.suggestion ?? this.#neighbours(name, absolute) ?? 'check the path; TDS_CONFIG names another file' }, by.place, by.path)
    else if (by.hidden) this.#tell({ ...fault, message: `names a file which ${fault.message}` }, by.place, by.path)
    else this.#tell({ ...fault, message: `names ${quote(name)}, which ${fault.message}`, suggestion: fault.suggestion ?? this.#neighbours(name, absolute) }, by.place, by.path)
  }

  #neighbours(name: string, absolute: string): string | undefined {
    try {
      const near = didYouMean(path.basename(absolute), this.#deps.files.list(path.dirname(absolute)).filter((one) => /\.ya?ml$/u.test(one)))
      return near?.startsWith('did') ? near.replace(/"(.*)"/u, (_, base: string) => JSON.stringify(path.join(path.dirname(name), base))) : undefined
    } catch {
      return undefined
    }
  }

  #tell(fault: Fault, place: Place, at: Path): void {
    this.findings.push(finding(fault, place, at))
  }
}
