/** Time, in one place: what code waits for can be moved by tests. */
import type { Clock } from '../sdk/index.ts';

/** A clock that can also call back, which costs less than a promise for time-outs that seldom come true. */
export interface TimerClock extends Clock {
  /** Calls `act` once, `ms` from now (at the next turn when 0 or less), unless the returned function is called first. */
  after(ms: number, act: () => void): () => void;
}

/** Node's timers hold 31 bits; a longer wait is made of parts. */
const longestTimer = 2 ** 31 - 1;

/** The machine's clock. Waits don't depend on the wall clock: setting the machine's time doesn't shorten or lengthen them. */
export const systemClock: TimerClock = {
  now: () => new Date(),
  sleep(ms, signal) {
    return sleepBy(systemClock, ms, signal);
  },
  after(ms, act) {
    let timer: NodeJS.Timeout;
    const arm = (left: number): void => {
      timer = setTimeout(() => (left > longestTimer ? arm(left - longestTimer) : act()), Math.min(Math.max(left, 0), longestTimer));
    };
    arm(ms);
    return () => clearTimeout(timer);
  },
};

/** `sleep` on top of `after`; rejects with the signal's reason when it aborts. */
export function sleepBy(clock: Pick<TimerClock, 'after'>, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason as Error);
    if (!(ms > 0)) return resolve();
    const cancel = clock.after(ms, () => {
      signal?.removeEventListener('abort', stop);
      resolve();
    });
    const stop = (): void => {
      cancel();
      reject(signal?.reason as Error);
    };
    signal?.addEventListener('abort', stop, { once: true });
  });
}

/** The clock with `after`, for one that has only what the SDK promises. */
export function timerClock(clock: Clock): TimerClock {
  if ('after' in clock) return clock as TimerClock;
  return {
    now: () => clock.now(),
    sleep: (ms, signal) => clock.sleep(ms, signal),
    after(ms, act) {
      const stop = new AbortController();
      clock.sleep(ms, stop.signal).then(act, () => {});
      return () => stop.abort();
    },
  };
}
