import { pointer } from './pointer.ts'
import type { Path } from './finding.ts'

/**
 * The values that must never be shown in a log, an error or a page.
 *
 * What came from the environment or from a file counts as a secret until a schema that knows the place says otherwise:
 * a setting that is declared without `secret` is public, one with it is secret even when it is written in the file.
 */
export class Secrets {
  readonly #values = new Map<string, string>()

  /** Declares the value at a path to be secret. */
  add(path: Path, value: unknown): void {
    if (typeof value === 'string' && value !== '') this.#values.set(pointer(path), value)
  }

  /** Declares the value at a path to be public. */
  clear(path: Path): void {
    this.#values.delete(pointer(path))
  }

  has(path: Path): boolean {
    return this.#values.has(pointer(path))
  }

  /** The secret values themselves, the longest first, for masking. Those under 6 characters are left out: masking them would spoil all other text. */
  get values(): string[] {
    return [...new Set(this.#values.values())].filter((value) => value.length >= 6).sort((a, b) => b.length - a.length)
  }

  /** The text with every secret value replaced by `•••`. */
  mask(text: string): string {
    let masked = text
    for (const value of this.values) masked = masked.replaceAll(value, '•••')
    return masked
  }
}
