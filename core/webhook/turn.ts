/**
 * How long the event loop has been at messages without a pause. It hears of a message only when its turn comes, so that a message which
 * comes up late in a long turn has waited that long already, unseen; and nothing that was taken is saved meanwhile.
 */
export class Turn {
  readonly #now: () => number;
  readonly #atEnd: (action: () => void) => void;
  #begin: number | undefined;

  /** @param now ms of a clock that only goes forward. @param atEnd calls when the loop has heard all that was there */
  constructor(now: () => number = () => performance.now(), atEnd: (action: () => void) => void = setImmediate) {
    this.#now = now;
    this.#atEnd = atEnd;
  }

  /** ms since the first call within this turn. */
  lasted(): number {
    const now = this.#now();
    if (this.#begin === undefined) {
      this.#begin = now;
      this.#atEnd(() => { this.#begin = undefined; });
    }
    return now - this.#begin;
  }
}
