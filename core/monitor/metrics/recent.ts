/** How often something happened of late, by its labels: for rules that look at a figure as it stands, and can't take a rate. */

const minuteMs = 60_000;
const minutes = 15;

interface Counted<L extends string> { labels: Record<L, string>; /** By the minute. */ counts: Map<number, number> }

/** Counts of the last 15 minutes. Labels that were counted once stay, with 0: a figure that is gone says nothing. */
export class Recent<L extends string> {
  readonly #all = new Map<string, Counted<L>>();

  add(labels: Record<L, string>, at: Date): void {
    const name = JSON.stringify(labels);
    const counted = this.#all.get(name) ?? { labels, counts: new Map<number, number>() };
    this.#all.set(name, counted);
    const minute = minuteOf(at);
    counted.counts.set(minute, (counted.counts.get(minute) ?? 0) + 1);
    // minutes come in order, but for a clock that is set
    for (const one of counted.counts.keys()) if (one <= minute - minutes) counted.counts.delete(one);
  }

  counts(now: Date): (readonly [Record<L, string>, number])[] {
    const first = minuteOf(now) - minutes;
    return [...this.#all.values()].map(({ labels, counts }) => [labels, [...counts].reduce((sum, [minute, count]) => sum + (minute > first ? count : 0), 0)]);
  }
}

function minuteOf(at: Date): number {
  return Math.floor(at.getTime() / minuteMs);
}
