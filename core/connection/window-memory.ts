/**
 * What a restart must know of the last minute. A process that is killed and started again would else send a minute's calls anew.
 * Before calls leave, a small lease of them is written down; each second the calls made take its place. So what stands in the table
 * is never less than what was sent, and one write a second is all it costs.
 */
import type { TimerClock } from '../monitor/clock.ts';
import type { Logger } from '../sdk/index.ts';
import { windowMs, type Limiter } from './limiter.ts';

/** What one process wrote last. Times in ms since 1970, by the process's clock. */
export interface WindowRecord {
  writtenAt: number;
  /** `[time, calls]` of the last minute. */
  spent: [number, number][];
  /** Calls that were on their way, or could leave before the next write. */
  open: number;
}

export interface WindowStore {
  /** The records of all processes of this connection, those of the last minutes at least. */
  load(): Promise<WindowRecord[]>;
  save(record: WindowRecord): Promise<void>;
}

export interface WindowMemory {
  /** Resolves when the limiter knows what was called before this process; without an answer of the store it starts without. */
  ready(): Promise<void>;
  /** To be awaited before a call leaves. */
  beforeCall(): Promise<void>;
  close(): Promise<void>;
}

export interface WindowMemoryDeps {
  clock: TimerClock;
  store: WindowStore;
  limiter: Limiter;
  log: Logger;
  perMinute: number;
}

const writeEvery = 1_000;
/** A lease that was not renewed for so long may not be used: whoever reads the record counts on it. */
const leaseMs = 5_000;

export function createWindowMemory(deps: WindowMemoryDeps): WindowMemory {
  const { clock, store, limiter, log } = deps;
  const chunk = Math.max(1, Math.ceil(deps.perMinute / 10));
  let left = 0;
  let leaseEnds = 0;
  let loading: Promise<void> | undefined;
  let writing: Promise<void> | undefined;
  let cancel: (() => void) | undefined;
  let called = false;
  let isClosed = false;

  async function load(): Promise<void> {
    try {
      const records = await store.load();
      const now = clock.now().getTime();
      for (const { spent, writtenAt, open } of records) limiter.recall([...spent, [Math.min(now, writtenAt + leaseMs), open]]);
    } catch (error) {
      log.warn('the calls of the last minute could not be read; the limit per minute starts anew', { error });
    }
  }

  /** One write at a time; whoever comes meanwhile waits for it. */
  function write(lease: number): Promise<void> {
    writing ??= save(lease).finally(() => {
      writing = undefined;
      if (!isClosed && (lease > 0 || left > 0)) arm();
    });
    return writing;
  }

  async function save(lease: number): Promise<void> {
    // What the old lease has left must not be used while the new one, which doesn't know of it, is being written.
    left = 0;
    called = false;
    const now = clock.now().getTime();
    const { spent, inFlight } = limiter.snapshot();
    try {
      await store.save({ writtenAt: now, spent: bySecond(spent.filter(([at]) => at > now - windowMs - leaseMs)), open: inFlight + lease });
    } catch (error) {
      log.warn('the calls of the last minute could not be written; a restart would not know them', { error });
      // Calls go on: the limit itself is kept in memory.
    }
    left = lease;
    leaseEnds = now + leaseMs;
  }

  function arm(): void {
    cancel?.();
    cancel = clock.after(writeEvery, () => {
      cancel = undefined;
      // When nothing is under way the lease is given up, so that a restart later on need not wait for it.
      void write(called || limiter.status().inFlight > 0 ? chunk : 0);
    });
  }

  return {
    ready: () => (loading ??= load()),
    async beforeCall() {
      const isOut = (): boolean => left <= 0 || clock.now().getTime() >= leaseEnds;
      while (isOut()) await write(chunk);
      left--;
      called = true;
    },
    async close() {
      isClosed = true;
      cancel?.();
      await writing;
      if (loading) await save(0);
    },
  };
}

/** Joined by second, each at the latest time of its calls. */
function bySecond(spent: readonly [number, number][]): [number, number][] {
  const joined: [number, number][] = [];
  for (const [at, count] of spent) {
    const last = joined.at(-1);
    if (last && at - last[0] < 1000 && Math.floor(at / 1000) === Math.floor(last[0] / 1000)) joined[joined.length - 1] = [at, last[1] + count];
    else joined.push([at, count]);
  }
  return joined;
}
