/** How long to wait before a repeat, and when no repeat may be made any more. */
import type { Clock } from '../sdk/index.ts';
import type { RetrySettings } from './settings.ts';

/**
 * The pause before the repeat number `repeat` (1 is the first), in ms. With full jitter it lies anywhere between 0 and the computed
 * pause, so that many callers don't come back at the same moment. Never shorter than what the other side asked for.
 */
export function retryPause(settings: RetrySettings, repeat: number, asked: number | undefined, random: () => number): number {
  const { backoff, first, max } = settings;
  const grown = backoff === 'fixed' ? first : backoff === 'linear' ? first * repeat : first * 2 ** (repeat - 1);
  const pause = Math.min(grown, max);
  return Math.max(Math.round(settings.jitter === 'full' ? random() * pause : pause), asked ?? 0);
}

/** Repeats that a connection may make beyond those that its successes earn. */
const budgetSize = 20;
const earnedPerSuccess = 0.2;
const earnedPerSecond = 0.2;

/** Keeps repeats from multiplying the load on a service that is down: a bucket that successes and time refill. */
export class RetryBudget {
  readonly #clock: Clock;
  #left = budgetSize;
  #seen: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#seen = clock.now().getTime();
  }

  /** To be called for each call that succeeded. */
  earn(): void {
    if (this.#left < budgetSize) this.#left = Math.min(budgetSize, this.#left + earnedPerSuccess);
  }

  /** Takes one repeat; false when none is left. */
  take(): boolean {
    const now = this.#clock.now().getTime();
    this.#left = Math.min(budgetSize, this.#left + (Math.max(0, now - this.#seen) / 1000) * earnedPerSecond);
    this.#seen = now;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}
