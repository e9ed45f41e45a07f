/** The calls of a day as this process counts them: what stands in the ledger that all nodes share, what is yet to be written there, and what was written ahead. */
import type { Clock, Logger } from '../sdk/index.ts';
import { Prepaid } from './prepaid.ts';
import type { LedgerDay, QuotaDay, QuotaEntry, QuotaStore } from './quota-store.ts';

export type Line = Omit<QuotaEntry, 'calls'>;

export interface LedgerDeps {
  clock: Clock & { after(ms: number, act: () => void): () => void };
  log: Logger;
  /** Without it all is kept here, and nothing is ever written. */
  store?: QuotaStore | undefined;
  /** ms between two writes. */
  interval: number;
  /** Has the day turned where it has; called before each write. */
  turn(): void;
}

export class QuotaLedger {
  /** What is known of the day; whoever changes it says so by `learn`. */
  known: QuotaDay = { calls: 0, elsewhere: 0 };
  readonly #deps: LedgerDeps;
  #day = '';
  #pending = new Map<string, QuotaEntry>();
  /** Calls of the day that are pending, or on their way to the ledger. */
  #unwritten = 0;
  readonly #prepaid = new Prepaid();
  #learned = false;
  #loading: Promise<void> | undefined;
  #isLoaded = false;
  #flushing: Promise<void> = Promise.resolve();
  #cancelFlush: (() => void) | undefined;

  constructor(deps: LedgerDeps) {
    this.#deps = deps;
  }

  /** Calls of ours that stand in the ledger, or will. */
  get calls(): number {
    return this.known.calls + this.#unwritten - this.#prepaid.left;
  }

  /** Begins a day. What is pending of the one before keeps its own day, and is written there. */
  begin(day: string, known: QuotaDay): void {
    this.giveUpPrepaid();
    this.#day = day;
    this.known = known;
    this.#unwritten = 0;
    this.#loading = undefined;
    this.#isLoaded = false;
    if (!this.#deps.store) this.#pending.clear();
  }

  /** Returns when the day is loaded, at once from the second call on. */
  ready(): Promise<void> {
    if (this.#isLoaded || !this.#deps.store) return Promise.resolve();
    this.#loading ??= this.flush().catch((error: unknown) => {
      this.#loading = undefined;
      this.#deps.log.warn('the quota ledger could not be read; calls are counted from here', { error });
    });
    return this.#loading;
  }

  add(line: Line, calls: number): void {
    if (line.day === this.#day) this.#unwritten += calls;
    this.#count(line, calls);
    this.#arm();
  }

  /** Takes one call that was written ahead; false where none is left. */
  usePrepaid(line: Line): boolean {
    return this.#prepaid.use(line, this.#deps.clock.now().getTime());
  }

  /** How many calls beyond the one that is made are worth writing ahead. */
  ahead(): number {
    return this.#deps.store ? this.#prepaid.block() : 0;
  }

  /** So many calls were written ahead; of a day that is over they are taken out again. */
  prepay(line: Line, calls: number): void {
    if (line.day !== this.#day) this.add(line, -calls);
    else if (calls > 0) this.#prepaid.add(line, calls);
  }

  giveUpPrepaid(): void {
    for (const { calls, ...line } of this.#prepaid.drain()) this.add(line, -calls);
  }

  /** Something of `known` is new. */
  learn(): void {
    this.#learned = true;
    this.#arm();
  }

  /**
   * The day as it stands by what was read of the ledger and what this process has yet to write, the most calls first. What is on its way to the
   * ledger in this moment may be missing; a look that waited for it would wait for a disk that a sync keeps busy.
   */
  asOf({ day, known: read, entries }: LedgerDay): LedgerDay {
    const known = day === this.#day ? read : { calls: 0, elsewhere: 0 };
    const lines = new Map<string, QuotaEntry>();
    const add = (line: Line, calls: number): void => {
      if (line.day === this.#day) lines.set(nameOf(line), { ...line, calls: calls + (lines.get(nameOf(line))?.calls ?? 0) });
    };
    for (const { calls, ...line } of [...entries, ...this.#pending.values()]) add(line, calls);
    for (const { calls, ...line } of this.#prepaid.lines()) add(line, -calls);
    const all = [...lines.values()].sort((one, other) => other.calls - one.calls || (nameOf(one) < nameOf(other) ? -1 : 1));
    return {
      day: this.#day,
      known: {
        ...(this.#learned ? { ...known, ...this.known } : { ...this.known, ...known }),
        calls: all.reduce((sum, { calls }) => sum + calls, 0), elsewhere: Math.max(known.elsewhere, this.known.elsewhere),
      },
      entries: all.filter(({ calls }) => calls > 0),
    };
  }

  /** Writes what isn't written yet. @throws what the store throws */
  flush(): Promise<void> {
    this.#flushing = this.#flushing.catch(() => {}).then(() => this.#write());
    return this.#flushing;
  }

  close(): Promise<void> {
    this.giveUpPrepaid();
    this.#cancelFlush?.();
    this.#cancelFlush = undefined;
    return this.flush();
  }

  #arm(): void {
    const { store, clock, interval, log } = this.#deps;
    if (!store || this.#cancelFlush) return;
    this.#cancelFlush = clock.after(interval, () => {
      this.#cancelFlush = undefined;
      if (this.#prepaid.left > 0) {
        if (this.#prepaid.isIdle(clock.now().getTime())) this.giveUpPrepaid();
        this.#arm();
      }
      // What could not be written stays pending, for the next time.
      this.flush().catch((error: unknown) => {
        log.warn('the quota ledger could not be written; it is tried again', { error });
        this.#arm();
      });
    });
  }

  async #write(): Promise<void> {
    this.#deps.turn();
    const { store } = this.#deps;
    const entries = [...this.#pending.values()];
    if (!store || (entries.length === 0 && !this.#learned && this.#isLoaded)) return;
    const today = this.#day;
    const { calls: _calls, ...facts } = this.known;
    this.#pending = new Map();
    this.#learned = false;
    const written = entries.reduce((sum, entry) => sum + (entry.day === today ? entry.calls : 0), 0);
    try {
      const result = await store.save(today, entries, facts);
      if (today !== this.#day) return;
      this.#unwritten -= written;
      // What was learned while this was being written is not in the answer; it is written next.
      this.known = { ...(this.#learned ? { ...result, ...this.known } : result), calls: result.calls, elsewhere: Math.max(result.elsewhere, this.known.elsewhere) };
      this.#isLoaded = true;
    } catch (error) {
      for (const { calls, ...line } of entries) this.#count(line, calls);
      this.#learned = true;
      throw error;
    }
  }

  #count(line: Line, calls: number): void {
    const entry = this.#pending.get(nameOf(line));
    if (entry) entry.calls += calls;
    else this.#pending.set(nameOf(line), { day: line.day, entity: line.entity, purpose: line.purpose, calls });
  }
}

function nameOf({ day, entity, purpose }: Line): string {
  return `${day}\0${entity}\0${purpose}`;
}
