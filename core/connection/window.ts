/** The calls of the last minute as this process made them: each gives its place back 60 s after it was counted. */
import type { TimerClock } from '../monitor/clock.ts';

export const windowMs = 60_000;

export interface WindowDeps {
  clock: TimerClock;
  /** Added to the 60 s, in ms. */
  margin: number;
  /** Calls within so many ms are one entry. */
  grain: number;
  /** Places have come back. */
  onReturn: () => void;
}

export class Window {
  readonly #deps: WindowDeps;
  /** In the order of their times. */
  readonly #spent: { since: number; at: number; count: number }[] = [];
  #used = 0;
  #cancel: (() => void) | undefined;
  #closed = false;

  constructor(deps: WindowDeps) {
    this.#deps = deps;
  }

  /** Places that are taken. */
  get used(): number {
    return this.#used;
  }

  /** When the next place comes back; undefined when none is taken. */
  get nextAt(): number | undefined {
    const [first] = this.#spent;
    return first && first.at + windowMs + this.#deps.margin;
  }

  /** `[time in ms, calls]` */
  get list(): [number, number][] {
    return this.#spent.map(({ at, count }) => [at, count]);
  }

  /** One call was counted now. */
  spend(): void {
    const at = this.#deps.clock.now().getTime();
    const last = this.#spent.at(-1);
    if (last && at >= last.at && at - last.since < this.#deps.grain) {
      last.at = at;
      last.count++;
    } else {
      // The machine's time may have been set back: then it belongs further to the front.
      const index = !last || last.at <= at ? this.#spent.length : this.#spent.findIndex((each) => each.at > at);
      this.#spent.splice(index, 0, { since: at, at, count: 1 });
      if (index === 0) this.#arm();
    }
    this.#used++;
  }

  close(): void {
    this.#closed = true;
    this.#cancel?.();
  }

  #arm(): void {
    this.#cancel?.();
    const next = this.nextAt;
    this.#cancel = next !== undefined && !this.#closed ? this.#deps.clock.after(next - this.#deps.clock.now().getTime(), () => this.#giveBack()) : undefined;
  }

  #giveBack(): void {
    const end = this.#deps.clock.now().getTime() - windowMs - this.#deps.margin;
    let over = 0;
    while (over < this.#spent.length && (this.#spent[over]?.at ?? 0) <= end) this.#used -= this.#spent[over++]?.count ?? 0;
    this.#spent.splice(0, over);
    this.#arm();
    this.#deps.onReturn();
  }
}
