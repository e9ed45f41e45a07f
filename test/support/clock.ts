import { setImmediate } from 'node:timers/promises';
import { sleepBy, type TimerClock } from '../../core/monitor/clock.ts';

interface Timer { at: number; order: number; act: () => void }

/**
 * A clock that stands still until a test moves it. Timers fire in the order of their times; between two of them the event loop
 * turns, so that what the first one set going can set timers of its own before the clock moves past them.
 */
export class TestClock implements TimerClock {
  #now: number;
  #order = 0;
  readonly #timers = new Set<Timer>();
  readonly #watchers = new Set<() => void>();

  constructor(start: Date | string | number = '2026-01-05T08:00:00.000Z') {
    this.#now = new Date(start).getTime();
  }

  now(): Date {
    return new Date(this.#now);
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepBy(this, ms, signal);
  }

  after(ms: number, act: () => void): () => void {
    const timer: Timer = { at: this.#now + Math.max(ms, 0), order: this.#order++, act };
    this.#timers.add(timer);
    for (const watcher of this.#watchers) watcher();
    return () => void this.#timers.delete(timer);
  }

  /** How many waits are pending. */
  get pending(): number {
    return this.#timers.size;
  }

  /** When the next pending wait ends; undefined when there is none. */
  get next(): Date | undefined {
    const first = this.#first();
    return first && new Date(first.at);
  }

  /** Resolves when at least `count` waits are pending, at once if they are. */
  untilPending(count = 1): Promise<void> {
    if (this.#timers.size >= count) return Promise.resolve();
    return new Promise((resolve) => {
      const watcher = (): void => {
        if (this.#timers.size < count) return;
        this.#watchers.delete(watcher);
        resolve();
      };
      this.#watchers.add(watcher);
    });
  }

  /** Resolves when a wait that ends in `ms` or less from now is pending. */
  untilDueWithin(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const watcher = (): void => {
        const first = this.#first();
        if (!first || first.at > this.#now + ms) return;
        this.#watchers.delete(watcher);
        resolve();
      };
      this.#watchers.add(watcher);
      watcher();
    });
  }

  /** Moves the clock by `ms`, firing what falls due on the way. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await turn();
    for (let timer = this.#first(); timer && timer.at <= end; timer = this.#first()) {
      this.#fire(timer);
      await turn();
    }
    this.#now = end;
  }

  /** Moves the clock to a moment; back too, as when a machine's time is set (waits keep their length only when it moves forward). */
  async moveTo(moment: Date | string): Promise<void> {
    const target = new Date(moment).getTime();
    if (target >= this.#now) await this.advance(target - this.#now);
    else this.#now = target;
  }

  /**
   * Moves from wait to wait until `work` settles, and answers as it does. Time stands still while `idle` says false: that is for
   * work outside the clock's reach (sockets, queues that use Node's own timers).
   */
  async runUntil<T>(work: Promise<T>, idle: () => boolean = () => true): Promise<T> {
    let settled = false;
    const watch = async (): Promise<void> => {
      await work.catch(() => {});
      settled = true;
    };
    void watch();
    for (let quiet = 0; ; ) {
      await turn();
      if (settled) return work;
      quiet = idle() ? quiet + 1 : 0;
      const timer = this.#first();
      if (quiet >= 3 && timer) {
        this.#fire(timer);
        quiet = 0;
      }
    }
  }

  #first(): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) if (!first || timer.at < first.at || (timer.at === first.at && timer.order < first.order)) first = timer;
    return first;
  }

  #fire(timer: Timer): void {
    this.#timers.delete(timer);
    this.#now = Math.max(this.#now, timer.at);
    timer.act();
  }
}

/** Lets everything that is ready run, promises and what they set off. */
async function turn(): Promise<void> {
  for (let round = 0; round < 3; round++) await setImmediate();
}
