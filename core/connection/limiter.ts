/**
 * Calls at once and calls per minute, in order of priority. bottleneck does the queueing; a call gives its place in the minute back
 * 60 s after the headers of its answer were here. The call reached the other side before that moment, and the one that gets the place
 * reaches it after it left: so in no 60 s, wherever they begin, does the other side see more calls than allowed.
 */
import { setMaxListeners } from 'node:events';
import Bottleneck from 'bottleneck';
import type { TimerClock } from '../monitor/clock.ts';
import { RetryLaterError } from '../sdk/index.ts';
import { withSignal } from './breaker.ts';
import { cureOf } from './codes.ts';
import type { Limits } from './settings.ts';

export const windowMs = 60_000;
/** More than clocks of a service's machines and ours may drift apart within a minute. */
const defaultMargin = 200;
/** What a reservoir holds that is never used up, and what a pause takes out of it. */
const endless = 2 ** 40;

/** The right to make one call. */
export interface Permit {
  /** The headers are here (or the call failed): from now on its place in the minute comes back after 60 s. */
  counted(): void;
  /** The call is over: the next one may go. A place that was never `sent` comes back at once. Safe to call twice. */
  release(): void;
  /** The call leaves now. */
  sent(): void;
  /** Whether it ever left. */
  readonly wasSent: boolean;
}

export interface LimiterStatus {
  waiting: number;
  inFlight: number;
  /** Calls of the last minute. */
  lastMinute: number;
  pausedUntil?: Date;
}

/** Calls of the last minute: `[time in ms, count]`, and those whose answer isn't here yet. */
export interface WindowSnapshot { spent: [number, number][]; inFlight: number }

export interface Limiter {
  /** Waits for its turn. Lower priorities (0 to 9) come first. @throws the signal's reason; RetryLaterError `connection.closed` */
  acquire(priority: number, signal?: AbortSignal): Promise<Permit>;
  /** Lets no call start before `until`. */
  pause(until: Date): void;
  /** The other side takes fewer calls at once than the config says: lets one less go side by side, until the process ends. Answers how many. */
  narrow(): number | undefined;
  /** Counts calls that were made before this limiter was (another process, before a restart). */
  recall(spent: readonly [number, number][]): void;
  snapshot(): WindowSnapshot;
  status(): LimiterStatus;
  /** What calls wait for now; undefined when none waits. */
  waitsOn(): string | undefined;
  /** Waiting calls are refused. */
  close(): void;
}

export interface LimiterDeps {
  clock: TimerClock;
  limits: Limits;
  /** Added to the 60 s, in ms. Default 200. */
  margin?: number;
}

export function createLimiter(deps: LimiterDeps): Limiter {
  const { clock, limits } = deps;
  const margin = deps.margin ?? defaultMargin;
  const limited = limits.perMinute !== undefined || limits.concurrent !== undefined;
  const queue = limited ? new Bottleneck({ maxConcurrent: limits.concurrent ?? null, reservoir: limits.perMinute ?? endless }) : undefined;
  /** Places that come back, in order of their time: when the call was counted, and how many. */
  const spent: { since: number; at: number; count: number }[] = [];
  /** Without a limit per minute the calls are only counted, and a second is exact enough. */
  const grain = limits.perMinute === undefined ? 1000 : 0;
  const closing = new AbortController();
  setMaxListeners(0, closing.signal);
  let spentCount = 0;
  let waiting = 0;
  let inFlight = 0;
  let pausedUntil = 0;
  let { concurrent } = limits;
  let pauseEnd: Promise<void> | undefined;
  let cancelReturn: (() => void) | undefined;

  const free = (count: number): void => void queue?.incrementReservoir(count).catch(() => {});

  function spend(at: number, count: number): void {
    const last = spent.at(-1);
    if (last && at >= last.at && at - last.since < grain) {
      last.at = at;
      last.count += count;
    } else {
      // The time may be one of before a restart: then it belongs further to the front.
      const index = !last || last.at <= at ? spent.length : spent.findIndex((each) => each.at > at);
      spent.splice(index, 0, { since: at, at, count });
      if (index === 0) armReturn();
    }
    spentCount += count;
  }

  function armReturn(): void {
    cancelReturn?.();
    const [first] = spent;
    cancelReturn = first && !closing.signal.aborted ? clock.after(first.at + windowMs + margin - clock.now().getTime(), giveBack) : undefined;
  }

  function giveBack(): void {
    const end = clock.now().getTime() - windowMs - margin;
    let back = 0;
    for (let [first] = spent; first && first.at <= end; [first] = spent) {
      spent.shift();
      back += first.count;
    }
    spentCount -= back;
    if (back > 0 && limits.perMinute !== undefined) free(back);
    armReturn();
  }

  function permit(done: () => void): Permit {
    let state: 'waiting' | 'sent' | 'counted' | 'over' = 'waiting';
    let wasSent = false;
    const counted = (): void => {
      if (state !== 'sent') return;
      state = 'counted';
      spend(clock.now().getTime(), 1);
    };
    return {
      sent() {
        state = 'sent';
        wasSent = true;
      },
      get wasSent() {
        return wasSent;
      },
      counted,
      release() {
        if (state === 'over') return;
        counted();
        if (state === 'waiting') free(1);
        state = 'over';
        inFlight--;
        done();
      },
    };
  }

  async function acquire(priority: number, signal?: AbortSignal): Promise<Permit> {
    if (!queue && pauseEnd === undefined && !closing.signal.aborted) {
      inFlight++;
      return permit(() => {});
    }
    waiting++;
    try {
      for (;;) {
        if (closing.signal.aborted) throw closedError();
        signal?.throwIfAborted();
        if (pauseEnd) await withSignal(pauseEnd, signal);
        const got = queue ? await queued(queue, priority, signal) : undefined;
        if (pauseEnd === undefined && !closing.signal.aborted) {
          inFlight++;
          return permit(() => got?.());
        }
        // A pause began while this one was being let through.
        free(1);
        got?.();
      }
    } finally {
      waiting--;
    }
  }

  /** Resolves with the function that frees the slot. */
  function queued(queue: Bottleneck, priority: number, signal: AbortSignal | undefined): Promise<() => void> {
    return new Promise((resolve, reject) => {
      let gone = false;
      const stop = (): void => {
        gone = true;
        reject((signal?.aborted === true ? signal.reason : closedError()) as Error);
      };
      signal?.addEventListener('abort', stop, { once: true });
      closing.signal.addEventListener('abort', stop, { once: true });
      queue.schedule({ priority }, () => {
        signal?.removeEventListener('abort', stop);
        closing.signal.removeEventListener('abort', stop);
        if (gone) return Promise.resolve(free(1));
        return new Promise<void>((done) => resolve(done));
      }).catch(reject);
    });
  }

  return {
    acquire,
    pause(until) {
      const end = until.getTime();
      if (end <= Math.max(pausedUntil, clock.now().getTime())) return;
      pausedUntil = end;
      if (pauseEnd) return;
      free(-endless);
      pauseEnd = (async () => {
        for (let left = 1; left > 0; left = pausedUntil - clock.now().getTime()) {
          await clock.sleep(pausedUntil - clock.now().getTime(), closing.signal).catch(() => (pausedUntil = 0));
        }
        pauseEnd = undefined;
        free(endless);
      })();
    },
    narrow() {
      // One step for each pause, as all calls of one wave are refused for the same reason.
      if (!queue || concurrent === undefined || concurrent <= 1 || pauseEnd) return undefined;
      concurrent--;
      queue.updateSettings({ maxConcurrent: concurrent });
      return concurrent;
    },
    recall(calls) {
      for (const [at, count] of calls) {
        if (count <= 0 || at + windowMs + margin <= clock.now().getTime()) continue;
        if (limits.perMinute !== undefined) free(-count);
        spend(Math.min(at, clock.now().getTime()), count);
      }
    },
    snapshot: () => ({ spent: spent.map(({ at, count }) => [at, count]), inFlight }),
    status: () => ({ waiting, inFlight, lastMinute: spentCount + inFlight, ...(pauseEnd ? { pausedUntil: new Date(pausedUntil) } : {}) }),
    waitsOn() {
      if (waiting === 0) return undefined;
      const now = clock.now().getTime();
      if (pauseEnd) return `the other side's rate limit, ${seconds(pausedUntil - now)}`;
      const [first] = spent;
      if (limits.perMinute !== undefined && spentCount + inFlight >= limits.perMinute && first) return `the limit per minute, ${seconds(first.at + windowMs + margin - now)}`;
      return concurrent !== undefined && inFlight >= concurrent ? 'a free call (calls at once)' : undefined;
    },
    close() {
      closing.abort();
      cancelReturn?.();
      queue?.stop({ dropWaitingJobs: true, dropErrorMessage: 'closed' }).catch(() => {});
    },
  };
}

function closedError(): RetryLaterError {
  return new RetryLaterError('connection.closed', 'The connection was closed while the call waited.', { suggestion: cureOf('connection.closed') });
}

function seconds(ms: number): string {
  return `${Math.max(1, Math.ceil(ms / 1000))} s`;
}
