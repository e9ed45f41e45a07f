/** What was opened, and in which order it is closed again: stage by stage in reverse, those of one stage at once, all against one deadline. */
import type { Logger } from './sdk/index.ts';

/** Stops one thing. `leftMs`: what is left of the time. */
export type Stop = (leftMs: number) => Promise<unknown>;

/** A stage has so long in any case, in ms, also where those before it have used up the time. */
const leastMs = 100;

export class StopOrder {
  readonly #log: Logger;
  readonly #stages: Stop[][] = [];

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Stands on all that was opened before, so it is stopped first. */
  add(...stops: Stop[]): void {
    this.#stages.push(stops);
  }

  /** Is stopped at the same time as what was opened last. */
  beside(...stops: Stop[]): void {
    const last = this.#stages.at(-1);
    if (last) last.push(...stops);
    else this.add(...stops);
  }

  /** Stops everything within `ms`, and what does not end is left. Never throws. A second call finds nothing to do. */
  async stop(ms: number): Promise<void> {
    const deadline = performance.now() + ms;
    for (const stage of this.#stages.splice(0).toReversed()) {
      const left = Math.max(leastMs, deadline - performance.now());
      if (!(await endsWithin(left, Promise.all(stage.map((stop) => this.#attempt(stop, left)))))) this.#log.warn('something did not stop in time, and is left');
    }
  }

  async #attempt(stop: Stop, left: number): Promise<void> {
    try {
      await stop(left);
    } catch (error) {
      this.#log.warn('something did not stop cleanly', { error });
    }
  }
}

async function endsWithin(ms: number, work: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  try {
    return await Promise.race([work.then(() => true), over]);
  } finally {
    clearTimeout(timer);
  }
}
