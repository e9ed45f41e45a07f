import { isAlias, isMap, isScalar, isSeq, visit, type Alias, type Document, type Node, type Pair, type Scalar, type YAMLMap } from 'yaml'
import { maxDepth } from './depth.ts'
import { finding, quote, type Fault, type Finding, type Path } from './finding.ts'
import type { Located } from './sources.ts'
import type { TextFile } from './text-file.ts'
import { interpolate, unmaskVariables, type Origin, type VariableSources } from './variables.ts'

/** How many values all files may hold together, with every alias written out: the bound on alias bombs. */
export const maxValues = 50_000

/** Keys that would reach into the machinery of JavaScript's objects. */
const reservedKeys = new Set(['__proto__', 'constructor', 'prototype'])

/** Counts values over all files of one config. */
export interface Budget { left: number }

/** Called for each value, the containers first. */
export type Found = (path: Path, located: Located, origin?: Origin) => void

interface Entry { readonly key: string; readonly keyAt: number; readonly value: Node | null }

/** Turns a parsed document into plain values: aliases and merges written out, variables put in, each value's place told. */
export class TreeReader {
  readonly findings: Finding[] = []
  /** A bound was met: the value is not whole, and not to be judged. */
  cut = false
  readonly #file: TextFile
  readonly #variables: VariableSources
  readonly #budget: Budget
  readonly #found: Found
  readonly #targets = new Map<Alias, Node>()
  readonly #open = new Set<Node>()

  constructor(deps: { file: TextFile; variables: VariableSources; budget: Budget; found: Found }) {
    this.#file = deps.file
    this.#variables = deps.variables
    this.#budget = deps.budget
    this.#found = deps.found
  }

  read(document: Document.Parsed): unknown {
    this.#linkAliases(document)
    return this.#value(document.contents, [], {})
  }

  /** An alias means the nearest anchor of its name before it. Found once for all: the library searches anew for each. */
  #linkAliases(document: Document.Parsed): void {
    const anchors = new Map<string, Node>()
    visit(document, {
      Node: (_, node) => {
        if (isAlias(node)) {
          const target = anchors.get(node.source)
          if (target) this.#targets.set(node, target)
        } else if (node.anchor) anchors.set(node.anchor, node as Node)
      },
    })
  }

  #value(node: Node | null, path: Path, at: { key?: number }): unknown {
    const offset = node?.range?.[0] ?? at.key ?? 0
    if (!this.#spend(offset, path)) return undefined
    if (isAlias(node)) {
      const target = this.#follow(node, path)
      return target === undefined ? undefined : this.#value(target, path, at)
    }
    const located: Located = { file: this.#file, value: offset, ...at }
    if (isScalar(node)) return this.#scalar(node, path, located)
    this.#found(path, located)
    if (node === null || this.#open.has(node)) return null
    this.#open.add(node)
    try {
      if (isSeq(node)) return node.items.map((item, index) => this.#value(item as Node | null, [...path, index], {}))
      return isMap(node) ? this.#map(node, path) : null
    } finally {
      this.#open.delete(node)
    }
  }

  #spend(offset: number, path: Path): boolean {
    this.#budget.left -= 1
    if (this.#budget.left === -1) this.#tell({ code: 'config.too_many_values', message: `the config has more than ${maxValues} values, with all aliases written out` }, offset)
    if (path.length > maxDepth) this.#tell({ code: 'config.too_deep', message: `lies more than ${maxDepth} levels deep, with all aliases written out` }, offset)
    const fits = this.#budget.left >= 0 && path.length <= maxDepth
    if (!fits) this.cut = true
    return fits
  }

  #follow(alias: Alias, path: Path): Node | undefined {
    const target = this.#targets.get(alias)
    const offset = alias.range?.[0] ?? 0
    if (!target) this.#tell({ code: 'config.bad_alias', message: `${quote(`*${alias.source}`)} has no anchor ${quote(`&${alias.source}`)} above it` }, offset, path)
    else if (this.#open.has(target)) this.#tell({ code: 'config.bad_alias', message: `${quote(`*${alias.source}`)} lies inside its own anchor` }, offset, path)
    else return target
    return undefined
  }

  #map(node: YAMLMap, path: Path): Record<string, unknown> {
    const result: Record<string, unknown> = {}
    for (const entry of this.#entries(node, path).values()) {
      const value = this.#value(entry.value, [...path, entry.key], { key: entry.keyAt })
      if (value !== undefined) result[entry.key] = value
    }
    return result
  }

  /** The map's own entries, then what `<<` brings in and the map does not have itself. */
  #entries(node: YAMLMap, path: Path): Map<string, Entry> {
    const entries = new Map<string, Entry>()
    const merged: Node[] = []
    for (const pair of node.items as Pair<Node | null, Node | null>[]) {
      if (isScalar(pair.key) && pair.key.value === '<<' && pair.key.type === 'PLAIN') {
        if (pair.value) merged.push(...(isSeq(pair.value) ? (pair.value.items as Node[]) : [pair.value]))
        continue
      }
      const entry = this.#entry(pair, path)
      if (!entry) continue
      const first = entries.get(entry.key)
      if (first) this.#tell({ code: 'config.duplicate_key', message: `is given twice; the first is in line ${this.#file.place(first.keyAt).line}`, suggestion: 'keep one' }, entry.keyAt, [...path, entry.key])
      else entries.set(entry.key, entry)
    }
    for (const source of merged) {
      for (const [key, entry] of this.#merge(source, path)) if (!entries.has(key)) entries.set(key, entry)
    }
    return entries
  }

  #merge(source: Node, path: Path): Map<string, Entry> {
    const offset = source.range?.[0] ?? 0
    const target = isAlias(source) ? this.#follow(source, path) : source
    if (target === undefined || !this.#spend(offset, path)) return new Map()
    if (!isMap(target)) {
      this.#tell({ code: 'config.bad_alias', message: 'has "<<" with something that is no map' }, offset, path)
      return new Map()
    }
    if (this.#open.has(target)) return new Map()
    this.#budget.left -= Math.min(target.items.length, Math.max(0, this.#budget.left))
    this.#open.add(target)
    try {
      return this.#entries(target, path)
    } finally {
      this.#open.delete(target)
    }
  }

  #entry(pair: Pair<Node | null, Node | null>, path: Path): Entry | undefined {
    const offset = pair.key?.range?.[0] ?? 0
    const key = isScalar(pair.key) ? pair.key.value : undefined
    if (typeof key !== 'string') {
      const shown = isScalar(pair.key) && key !== null ? `the key ${quote(String(key))}` : 'a key'
      this.#tell({ code: 'config.bad_key', message: `has ${shown} that is not text`, suggestion: 'put it in quotes' }, offset, path)
      return undefined
    }
    if (reservedKeys.has(key)) {
      this.#tell({ code: 'config.bad_key', message: `has the key ${quote(key)}, which is not allowed`, suggestion: 'choose another name' }, offset, path)
      return undefined
    }
    return { key: unmaskVariables(key), keyAt: offset, value: pair.value }
  }

  #scalar(node: Scalar, path: Path, located: Located): unknown {
    const written = typeof node.value === 'string' ? unmaskVariables(node.value) : node.value
    if (typeof written !== 'string' || !written.includes('${')) {
      this.#found(path, located)
      return written
    }
    const { text, outside, missing, faults } = interpolate(written, this.#variables)
    this.#found(path, located, { written, outside, missing, plain: node.type === 'PLAIN' && !node.tag })
    // In a place for anchors a variable counts only where an alias brings it.
    if (String(path[0]).startsWith('x-')) return text
    let from = located.value
    for (const { fault, written: part } of faults) {
      const at = this.#file.text.indexOf(part, from)
      if (at !== -1) from = at
      this.#tell(fault, from, path)
      if (at !== -1) from += part.length
    }
    return text
  }

  #tell(fault: Fault, offset: number, path: Path = []): void {
    if (this.findings.length < 500) this.findings.push(finding(fault, this.#file.place(offset), path))
  }
}
