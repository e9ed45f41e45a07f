import type { ConfigCode } from './codes.ts'

/** The way to a value: `['entities', 'products', 'checks', 0, 'field']`. */
export type Path = readonly (string | number)[]

/** A place in a file; line and column count from 1, columns in UTF-16 units as editors do. */
export interface Place {
  readonly file: string
  readonly line: number
  readonly column: number
}

/** One fault of a config: what is wrong, where, and what to do. It never holds a secret's value. */
export interface Finding extends Place {
  /** Stable, listed in `docs/reference/errors.md`. Plugins may bring codes of their own. */
  readonly code: ConfigCode | (string & {})
  /** An `error` keeps TDS from starting; a `warning` is only told. */
  readonly severity: 'error' | 'warning'
  /** The way to the setting, as `entities.products.checks[0].field`; empty when the fault is the file's. */
  readonly path: string
  /** Follows the path, or the place where there is no path: `is not a known setting`. */
  readonly message: string
  /** The cure: `did you mean "price"?`. */
  readonly suggestion?: string
}

/** A fault before its place is known. */
export interface Fault {
  readonly code: Finding['code']
  readonly message: string
  readonly suggestion?: string | undefined
  readonly severity?: Finding['severity']
}

/** Puts a fault at a place. */
export function finding(fault: Fault, place: Place, path: Path = []): Finding {
  const { code, message, suggestion, severity = 'error' } = fault
  const { file, line, column } = place
  return { code, severity, file, line, column, path: renderPath(path), message, ...(suggestion ? { suggestion } : {}) }
}

/** `entities.products.checks[0].field`; a key that is not a plain word stands in brackets: `fields["a.b"]`. */
export function renderPath(path: Path): string {
  let text = ''
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`
    else if (/^[\p{L}_$][\p{L}\p{N}_$-]*$/u.test(step) && step.length <= 100) text += text ? `.${step}` : step
    else text += `[${quote(step)}]`
  }
  return text
}

/** One line: `tds.config.yaml:7:17 connections.books.with.x is not a known setting; did you mean "y"? (config.unknown_field)`. */
export function renderFinding(found: Finding): string {
  const what = found.path ? `${found.path} ${found.message}` : found.message
  const level = found.severity === 'warning' ? 'warning: ' : ''
  const cure = found.suggestion ? `; ${found.suggestion}` : ''
  return `${found.file}:${found.line}:${found.column} ${level}${what}${cure} (${found.code})`
}

/** Text from a file in quotes: cut when long, control characters escaped, so that a hostile file can't draw on a terminal. */
export function quote(text: string): string {
  const short = text.length > 80 ? `${text.slice(0, 77)}…` : text
  return JSON.stringify(short).replaceAll(/[\u007F-\u009F\u200B-\u200F\u2028-\u202E\u2066-\u2069\uFEFF]/gu, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** By file in the order of reading, then by place. A fault is told once, also where an alias brings it to several paths. */
export function sortFindings(found: readonly Finding[], files: readonly string[]): Finding[] {
  const seen = new Map<string, Finding>()
  for (const one of found) {
    const key = renderFinding({ ...one, path: '' })
    if (!seen.has(key)) seen.set(key, one)
  }
  const rank = (file: string): number => (files.includes(file) ? files.indexOf(file) : files.length)
  return [...seen.values()].sort((a, b) => rank(a.file) - rank(b.file) || a.line - b.line || a.column - b.column)
}
