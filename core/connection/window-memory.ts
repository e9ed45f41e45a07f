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
  /** This process needs no record any more: its minute is over. */
  clear(): Promise<void>;
}

export interface WindowMemory {
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

/** Resolves when the limiter knows what was called before; without an answer of the store it starts without. */
export async function startWindowMemory(deps: WindowMemoryDeps): Promise<WindowMemory> {
  const { clock, store, limiter, log } = deps;
  const chunk = Math.max(1, Math.ceil(deps.perMinute / 10));
  let left = 0;
  let leaseEnds = 0;
  let renewing: Promise<void> | undefined;
  let cancel: (() => void) | undefined;
  let called = false;
  let isClosed = false;

  try {
    const now = clock.now().getTime();
    for (const record of await store.load()) {
      limiter.recall([...record.spent, [Math.min(now, record.writtenAt + leaseMs), record.open]]);
    }
  } catch (error) {
    log.warn('the calls of the last minute could not be read; the limit per minute starts anew', { error });
  }

  async function write(lease: number): Promise<void> {
    const now = clock.now().getTime();
    const { spent, inFlight } = limiter.snapshot();
    await store.save({ writtenAt: now, spent: bySecond(spent.filter(([at]) => at > now - windowMs - leaseMs)), open: inFlight + lease });
    left = lease;
    leaseEnds = now + leaseMs;
  }

  function renew(): Promise<void> {
    called = false;
    renewing ??= write(chunk)
      .catch((error: unknown) => {
        log.warn('the calls of the last minute could not be written; a restart would not know them', { error });
        // Calls go on: the limit itself is kept in memory.
        left = chunk;
        leaseEnds = clock.now().getTime() + leaseMs;
      })
      .finally(() => {
        renewing = undefined;
        arm();
      });
    return renewing;
  }

  function arm(): void {
    if (isClosed) return;
    cancel?.();
    cancel = clock.after(writeEvery, () => {
      cancel = undefined;
      if (called || limiter.status().inFlight > 0) return void renew();
      // Nothing is under way: the lease is given up, so that a restart later on need not wait for it.
      left = 0;
      write(0).catch(() => arm());
    });
  }

  return {
    async beforeCall() {
      while (left <= 0 || clock.now().getTime() >= leaseEnds) await renew();
      left--;
      called = true;
    },
    async close() {
      isClosed = true;
      cancel?.();
      await renewing;
      await write(0);
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
