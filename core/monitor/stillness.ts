/**
 * For how long a counter has stood still, as seen by one who looks again and again. What counts is the time that the looker was awake
 * itself: a process that was stopped (SIGSTOP, a laptop that slept, a machine without a free moment) has stood still as a whole, and
 * that is no fault of what counts. Nor is it, on a machine that has more to do than it can, that what counts waits for its turn on a
 * processor: while it wants one, only the time that it was given counts.
 */
export class Stillness {
  readonly #stepMs: number;
  #seen: number | undefined;
  #lookedAt: number | undefined;
  #usedMs: number | undefined;
  #stillMs = 0;

  /** `stepMs`: how far apart the looks are meant to be. */
  constructor(stepMs: number) {
    this.#stepMs = stepMs;
  }

  /**
   * Looks at the counter at a time in ms, by any clock that only goes forward; `turn` is what is known of the thread that counts.
   * @returns for how many ms it has stood still
   */
  look(counter: number, now: number, turn?: Turn): number {
    const passed = this.#lookedAt === undefined ? 0 : Math.min(now - this.#lookedAt, this.#stepMs * 2);
    const used = turn === undefined || this.#usedMs === undefined ? passed : turn.usedMs - this.#usedMs;
    this.#stillMs = counter === this.#seen ? this.#stillMs + (turn?.wants === true ? Math.min(passed, used) : passed) : 0;
    this.#seen = counter;
    this.#lookedAt = now;
    this.#usedMs = turn?.usedMs;
    return this.#stillMs;
  }
}

/** A thread and the processors: what it has used of them, in ms, and whether it uses one or wants to. */
export interface Turn { readonly usedMs: number; readonly wants: boolean }

/** Clock ticks of Linux's /proc per second, the same on every machine. */
const tickMs = 10;

/**
 * Reads it from Linux's `/proc/<pid>/task/<tid>/stat`. Undefined where the text is not such a line.
 * Fields by `man 5 proc`: state (3), utime (14), stime (15), after a name in brackets that may hold anything.
 */
export function readTurn(stat: string): Turn | undefined {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, user, system] = [fields[0], Number(fields[11]), Number(fields[12])];
  return state === undefined || !Number.isFinite(user + system) ? undefined : { usedMs: (user + system) * tickMs, wants: state === 'R' };
}
