import type { Clock } from '../services.ts';

/** A clock for tests: a wait takes no time, it moves the clock. */
export interface MovableClock extends Clock {
  /** Moves the clock forward by this many milliseconds. */
  advance(ms: number): void;
  /** How long `sleep` has waited in all, in milliseconds of this clock. */
  readonly slept: number;
}

/** Begins at `start` and then stands still until it is moved; without `start` it goes with the machine's time, plus what it was moved. */
export function createMovableClock(start?: Date | string): MovableClock {
  const fixed = start === undefined ? undefined : new Date(start).getTime();
  let moved = 0;
  let slept = 0;
  return {
    now: () => new Date((fixed ?? Date.now()) + moved),
    async sleep(ms, signal) {
      signal?.throwIfAborted();
      if (ms <= 0) return;
      moved += ms;
      slept += ms;
      // Lets sockets and timers have their turn, so that a loop of waits can't starve them.
      await new Promise((resolve) => setImmediate(resolve));
      signal?.throwIfAborted();
    },
    advance(ms) {
      moved += ms;
    },
    get slept() {
      return slept;
    },
  };
}
