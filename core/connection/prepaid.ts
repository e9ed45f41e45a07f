import type { QuotaEntry } from './quota-store.ts';

type Line = Omit<QuotaEntry, 'calls'>;

/** Calls per second from which on several are written down at once; Zoho takes less than two a second. */
const manyPerSecond = 16;
/** The part of a second's calls that a block is for. */
const part = 4;

/**
 * Calls that stand in the ledger already and are not made yet. Each call is written down before it leaves, which at a hundred calls a
 * second would cost more than the calls; so where many are made, a block of them is written at once. A process that is killed has then
 * counted some calls too many, never one too few.
 */
export class Prepaid {
  #lines = new Map<string, { line: Line; calls: number }>();
  #left = 0;
  #second = 0;
  #calls = 0;
  #callsBefore = 0;

  /** Calls that are left. */
  get left(): number {
    return this.#left;
  }

  /** Takes one call of this kind; false where none is left. `now` in ms: how many calls are made a second is counted here. */
  use(line: Line, now: number): boolean {
    this.#pace(now);
    const entry = this.#lines.get(nameOf(line));
    if (!entry || entry.calls === 0) return false;
    entry.calls -= 1;
    this.#left -= 1;
    return true;
  }

  /** How many calls beyond the one that is made are worth writing down with it. */
  block(): number {
    const pace = Math.max(this.#calls, this.#callsBefore);
    return pace < manyPerSecond ? 0 : Math.floor(pace / part);
  }

  add(line: Line, calls: number): void {
    const entry = this.#lines.get(nameOf(line));
    if (entry) entry.calls += calls;
    else this.#lines.set(nameOf(line), { line, calls });
    this.#left += calls;
  }

  /** What is left, by kind. */
  lines(): QuotaEntry[] {
    return [...this.#lines.values()].filter(({ calls }) => calls > 0).map(({ line, calls }) => ({ ...line, calls }));
  }

  /** The same, which is nobody's from now on. */
  drain(): QuotaEntry[] {
    const entries = this.lines();
    this.#lines.clear();
    this.#left = 0;
    return entries;
  }

  /** Whether no call was made in this second and the one before. */
  isIdle(now: number): boolean {
    this.#pace(now, 0);
    return this.#calls === 0;
  }

  #pace(now: number, calls = 1): void {
    const second = Math.floor(now / 1000);
    if (second !== this.#second) {
      this.#callsBefore = second === this.#second + 1 ? this.#calls : 0;
      this.#calls = 0;
      this.#second = second;
    }
    this.#calls += calls;
  }
}

function nameOf(line: Line): string {
  return `${line.day}\0${line.purpose}\0${line.entity}`;
}
