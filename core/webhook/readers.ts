/** Messages that are being read: what they hold in memory, and which of them has to go when there is no more of it. */

export interface Reader {
  bytes: number;
  since: number;
  /** Ends the reading: its memory is wanted by others. */
  cut: () => void;
}

/** ms in which an honest sender has sent its message. Who takes longer is cut off first when memory is short, so that slow senders can't keep quick ones out. */
const quickMs = 2000;

export class Readers {
  readonly #maxBytes: number;
  readonly #now: () => number;
  /** The oldest first. */
  readonly #all = new Set<Reader>();
  #bytes = 0;

  /** @param now ms of a clock that only goes forward */
  constructor(maxBytes: number, now: () => number) {
    this.#maxBytes = maxBytes;
    this.#now = now;
  }

  /** A new one; undefined where there is no room, and nobody slow to cut off for it. */
  begin(): Reader | undefined {
    if (!this.#makeRoom()) return undefined;
    const reader: Reader = { bytes: 0, since: this.#now(), cut: () => {} };
    this.#all.add(reader);
    return reader;
  }

  /** Notes bytes that came. False where they are too many. */
  took(reader: Reader, bytes: number): boolean {
    reader.bytes += bytes;
    this.#bytes += bytes;
    return this.#bytes <= this.#maxBytes || this.#makeRoom(reader);
  }

  /** Idempotent. */
  end(reader: Reader): void {
    if (this.#all.delete(reader)) this.#bytes -= reader.bytes;
  }

  #makeRoom(but?: Reader): boolean {
    for (const reader of this.#all) {
      if (this.#bytes < this.#maxBytes) return true;
      if (this.#now() - reader.since <= quickMs) break;
      if (reader === but) continue;
      this.end(reader);
      reader.cut();
    }
    return this.#bytes < this.#maxBytes;
  }
}
