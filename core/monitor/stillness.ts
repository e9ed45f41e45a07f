/**
 * For how long a counter has stood still, as seen by one who looks again and again. What counts is the time that the looker was awake
 * itself: a process that was stopped (SIGSTOP, a laptop that slept, a machine without a free moment) has stood still as a whole, and
 * that is no fault of what counts.
 */
export class Stillness {
  readonly #stepMs: number;
  #seen: number | undefined;
  #lookedAt: number | undefined;
  #stillMs = 0;

  /** `stepMs`: how far apart the looks are meant to be. */
  constructor(stepMs: number) {
    this.#stepMs = stepMs;
  }

  /** Looks at the counter at a time in ms, by any clock that only goes forward. @returns for how many ms it has stood still */
  look(counter: number, now: number): number {
    const passed = this.#lookedAt === undefined ? 0 : now - this.#lookedAt;
    this.#stillMs = counter === this.#seen ? this.#stillMs + Math.min(passed, this.#stepMs * 2) : 0;
    this.#seen = counter;
    this.#lookedAt = now;
    return this.#stillMs;
  }
}
