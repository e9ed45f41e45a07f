import { closeSync, constants, fstatSync, openSync, readdirSync, readSync } from 'node:fs'
import type { Fault, Place } from './finding.ts'

/** The largest config file; the YAML parser needs a bound, and a config this large wants splitting. */
export const maxFileBytes = 256_000

/** What the loader needs of a file system; tests hand in one made of text. */
export interface ConfigFiles {
  /** The bytes of a regular file, at most `limit + 1` of them. Throws Node's error (`ENOENT`, `EACCES`, `EISDIR` …) where that fails. */
  read(path: string, limit: number): Uint8Array
  /** The names in a folder, in any order; throws like `read`. */
  list(folder: string): string[]
}

export const diskFiles: ConfigFiles = {
  read(path, limit) {
    // Non-blocking, or opening a pipe that nobody writes to would wait for ever.
    const handle = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
    try {
      if (!fstatSync(handle).isFile()) throw Object.assign(new Error(`${path} is not a regular file`), { code: 'EISDIR' })
      const buffer = Buffer.alloc(limit + 1)
      let length = 0
      // The size that the system tells is no guide: files below /proc say 0.
      for (let got = -1; got !== 0 && length < buffer.length; length += got) got = readSync(handle, buffer, length, buffer.length - length, null)
      return buffer.subarray(0, length)
    } finally {
      closeSync(handle)
    }
  },
  list: (folder) => readdirSync(folder),
}

/** One file's text and where its lines begin. */
export class TextFile {
  /** The name for people, as the user wrote it or as `include` led to it. */
  readonly name: string
  /** The absolute path. */
  readonly path: string
  readonly text: string
  readonly #lineStarts: number[] = [0]

  constructor(name: string, path: string, text: string) {
    this.name = name
    this.path = path
    this.text = text
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) this.#lineStarts.push(at + 1)
  }

  /** Line and column of an offset into the text. */
  place(offset: number): Place {
    let low = 0
    let high = this.#lineStarts.length - 1
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      if ((this.#lineStarts[middle] ?? 0) <= offset) low = middle
      else high = middle - 1
    }
    return { file: this.name, line: low + 1, column: offset - (this.#lineStarts[low] ?? 0) + 1 }
  }
}

/** Reads a file as text, or tells why it can't be. */
export function readText(files: ConfigFiles, path: string, limit: number): { text: string } | { fault: Fault; offset?: number; text?: string } {
  let bytes: Uint8Array
  try {
    bytes = files.read(path, limit)
  } catch (error) {
    return { fault: unreadable(error) }
  }
  if (bytes.length > limit) return { fault: { code: 'config.too_large', message: `is larger than ${Math.floor(limit / 1000)} kB`, suggestion: 'split it with "include"' } }
  return decode(bytes)
}

function decode(bytes: Uint8Array): { text: string } | { fault: Fault; offset: number; text: string } {
  // The decoder drops a byte order mark, which is welcome.
  const text = new TextDecoder('utf-8').decode(bytes)
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  const control = text.search(/[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F\uFDD0-\uFDEF\uFFFE\uFFFF]/u)
  if (control !== -1) {
    const sign = text.charCodeAt(control).toString(16).toUpperCase().padStart(4, '0')
    return { text, offset: control, fault: { code: 'config.not_text', message: `holds the character U+${sign}, which is no text`, suggestion: 'save the file as UTF-8 text' } }
  }
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return { text, offset: Math.max(0, text.indexOf('\uFFFD')), fault: { code: 'config.not_text', message: 'is not valid UTF-8', suggestion: 'save the file as UTF-8' } }
  }
  return { text }
}

function unreadable(error: unknown): Fault {
  const code = (error as NodeJS.ErrnoException | undefined)?.code
  if (code === 'ENOENT' || code === 'ENOTDIR') return { code: 'config.not_found', message: 'does not exist' }
  const reason = code === 'EISDIR' ? 'it is not a regular file' : code === 'EACCES' || code === 'EPERM' ? 'permission is denied' : (code ?? 'the system refuses')
  return { code: 'config.unreadable', message: `can't be read: ${reason}` }
}
