import { pointer } from './pointer.ts'
import { Secrets } from './secrets.ts'
import type { Path, Place } from './finding.ts'
import type { TextFile } from './text-file.ts'
import type { Origin } from './variables.ts'

/** Where a value stands: its file, and the offsets of its key and of itself. */
export interface Located {
  readonly file: TextFile
  readonly key?: number
  readonly value: number
}

/** Where each value of a loaded config came from: the file and place, the variables in it, and whether it is a secret. */
export class Sources {
  readonly #files: TextFile[] = []
  readonly #fallback: Place
  readonly #located = new Map<string, Located>()
  readonly #origins = new Map<string, Origin>()
  /** The values that must never be shown. */
  readonly secrets = new Secrets()

  constructor(mainFile: string) {
    this.#fallback = { file: mainFile, line: 1, column: 1 }
  }

  /** Names of the files that were read, the main one first, as findings show them. */
  get fileNames(): string[] {
    return this.#files.map((file) => file.name)
  }

  /** The same files as absolute paths, for who wants to watch them. */
  get filePaths(): string[] {
    return this.#files.map((file) => file.path)
  }

  addFile(file: TextFile): void {
    this.#files.push(file)
  }

  add(path: Path, located: Located, origin?: Origin): void {
    this.#located.set(pointer(path), located)
    if (origin) this.#origins.set(pointer(path), origin)
  }

  /** The place of a value; for one that the file does not hold, that of the nearest setting around it. */
  locate(path: Path): Place {
    const exact = this.#located.get(pointer(path))
    if (exact) return exact.file.place(exact.value)
    return path.length === 0 ? this.#top() : this.locateKey(path.slice(0, -1))
  }

  /** The place of a setting's key; for an item of a list, and for the top, that of the value. */
  locateKey(path: Path): Place {
    const exact = this.#located.get(pointer(path))
    if (exact) return exact.file.place(exact.key ?? exact.value)
    return path.length === 0 ? this.#top() : this.locateKey(path.slice(0, -1))
  }

  /** Whether a file holds this very path. */
  has(path: Path): boolean {
    return this.#located.has(pointer(path))
  }

  /** The variables in a value, if it has any. */
  origin(path: Path): Origin | undefined {
    return this.#origins.get(pointer(path))
  }

  /** Gives a value that was written in a short form the place of what stands for it. */
  standIn(path: Path, written: Path): void {
    const located = this.#located.get(pointer(written))
    if (located && !this.has(path)) this.add(path, located, this.origin(written))
  }

  /** True when a variable at this path, or around it, was missing: what follows from that is not worth telling. */
  isMissing(path: Path): boolean {
    return path.some((_, index) => this.origin(path.slice(0, index + 1))?.missing)
  }

  #top(): Place {
    return this.#files[0]?.place(0) ?? this.#fallback
  }
}
