/**
 * Calls at once and calls per minute, in order of priority. bottleneck keeps the queue and is handed a turn for each call that may go;
 * a call that finds room and nobody before it goes at once, as bottleneck takes some milliseconds for each. A call gives its place in the minute back
 * 60 s after the headers of its answer were here. The call reached the other side before that moment, and the one that gets the place
 * reaches it after it left: so in no 60 s, wherever they begin, does the other side see more calls than allowed.
 */
import { setMaxListeners } from 'node:events';
import Bottleneck from 'bottleneck';
import type { TimerClock } from '../monitor/clock.ts';
import { closedError } from './errors.ts';
import { Gate } from './gate.ts';
import type { Limits } from './settings.ts';

export const windowMs = 60_000;
/** More than clocks of a service's machines and ours may drift apart within a minute. */
const defaultMargin = 200;

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

/** Calls of this priority and less urgent ones (details, comparisons) may last for hours; see `priorityOf`. */
const patientFrom = 7;
/** The share of a minute's calls that patient callers leave to others. */
const keptShare = 0.1;

export interface LimiterDeps {
  clock: TimerClock;
  limits: Limits;
  /** Added to the 60 s, in ms. Default 200. */
  margin?: number;
}

export function createLimiter(deps: LimiterDeps): Limiter {
  const { clock, limits } = deps;
  const margin = deps.margin ?? defaultMargin;
  const perMinute = limits.perMinute ?? Infinity;
  let concurrent = limits.concurrent ?? Infinity;
  /** Its reservoir holds the turns that were handed out and not yet taken. */
  const queue = new Bottleneck({ reservoir: 0 });
  /** Patient callers leave a part of the minute free, so that a person or an incremental read needn't wait for the next one. */
  const gate = new Gate();
  const kept = perMinute === Infinity ? 0 : Math.floor(perMinute * keptShare);
  /** Calls in bottleneck, those given up included, and turns on their way to them. */
  let queued = 0;
  let turns = 0;
  let waiting = 0;
  let inFlight = 0;
  /** Of those in flight, the ones that are among the spent already: their headers are here, their bodies are not. */
  let underCount = 0;
  /** Places that come back, in order of their time: when the call was counted, and how many. */
  const spent: { since: number; at: number; count: number }[] = [];
  let spentCount = 0;
  /** Without a limit per minute the calls are only counted, and a second is exact enough. */
  const grain = perMinute === Infinity ? 1000 : 0;
  let cancelReturn: (() => void) | undefined;
  let pausedUntil = 0;
  let cancelPause: (() => void) | undefined;
  const closing = new AbortController();
  setMaxListeners(0, closing.signal);

  /** How many more calls may go now. */
  const room = (): number => (cancelPause || closing.signal.aborted ? 0 : Math.min(concurrent - inFlight, perMinute - spentCount - (inFlight - underCount)) - turns);

  const leavesRoom = (): boolean => closing.signal.aborted || (queued === 0 && room() > 0 && perMinute - spentCount - (inFlight - underCount) > kept);

  function handOut(): void {
    if (queued === 0) gate.wake();
    const more = Math.min(room(), queued - turns);
    if (more <= 0) return;
    turns += more;
    queue.incrementReservoir(more).catch(() => {});
  }

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
    let over = 0;
    while (over < spent.length && (spent[over]?.at ?? 0) <= end) spentCount -= spent[over++]?.count ?? 0;
    spent.splice(0, over);
    armReturn();
    handOut();
  }

  function permit(): Permit {
    let state: 'waiting' | 'sent' | 'counted' | 'over' = 'waiting';
    let wasSent = false;
    inFlight++;
    const counted = (): void => {
      if (state !== 'sent') return;
      state = 'counted';
      // From now on it is among the spent; the call itself goes on in its slot.
      spend(clock.now().getTime(), 1);
      underCount++;
    };
    return {
      counted,
      sent() {
        state = 'sent';
        wasSent = true;
      },
      get wasSent() {
        return wasSent;
      },
      release() {
        if (state === 'over') return;
        counted();
        if (state === 'counted') underCount--;
        state = 'over';
        inFlight--;
        handOut();
      },
    };
  }

  /** Resolves with the permit when bottleneck gives it a turn. */
  function queueUp(priority: number, signal: AbortSignal | undefined): Promise<Permit> {
    return new Promise((resolve, reject) => {
      let gone = false;
      const stop = (): void => {
        gone = true;
        reject((signal?.aborted === true ? signal.reason : closedError()) as Error);
      };
      signal?.addEventListener('abort', stop, { once: true });
      closing.signal.addEventListener('abort', stop, { once: true });
      const enter = (): void => {
        queued++;
        queue.schedule({ priority }, turn).catch(reject);
        handOut();
      };
      const turn = async (): Promise<void> => {
        queued--;
        turns--;
        // A pause began while the turn was on its way: it is handed out anew.
        if (!gone && cancelPause) return enter();
        signal?.removeEventListener('abort', stop);
        closing.signal.removeEventListener('abort', stop);
        if (gone) handOut();
        else resolve(permit());
      };
      enter();
    });
  }

  async function acquire(priority: number, signal?: AbortSignal): Promise<Permit> {
    if (closing.signal.aborted) throw closedError();
    signal?.throwIfAborted();
    if (priority < patientFrom ? queued === 0 && room() > 0 : gate.size === 0 && leavesRoom()) return permit();
    waiting++;
    try {
      if (priority >= patientFrom) {
        return await gate.pass(leavesRoom, () => {
          if (closing.signal.aborted) throw closedError();
          return permit();
        }, priority, signal);
      }
      return await queueUp(priority, signal);
    } finally {
      waiting--;
    }
  }

  function endPause(): void {
    const left = pausedUntil - clock.now().getTime();
    cancelPause = left > 0 ? clock.after(left, endPause) : undefined;
    handOut();
  }

  return {
    acquire,
    pause(until) {
      const end = until.getTime();
      if (closing.signal.aborted || end <= Math.max(pausedUntil, clock.now().getTime())) return;
      pausedUntil = end;
      // A pause that has begun looks at its end anew when it gets there.
      if (!cancelPause) endPause();
    },
    narrow() {
      // One step for each pause, as all calls of one wave are refused for the same reason.
      if (concurrent === Infinity || concurrent <= 1 || cancelPause) return undefined;
      return --concurrent;
    },
    recall(calls) {
      const now = clock.now().getTime();
      for (const [at, count] of calls) if (count > 0 && at + windowMs + margin > now) spend(Math.min(at, now), count);
    },
    snapshot: () => ({ spent: spent.map(({ at, count }) => [at, count]), inFlight: inFlight - underCount }),
    status: () => ({ waiting, inFlight, lastMinute: spentCount + inFlight - underCount, ...(cancelPause ? { pausedUntil: new Date(pausedUntil) } : {}) }),
    waitsOn() {
      if (waiting === 0) return undefined;
      const now = clock.now().getTime();
      if (cancelPause) return `the other side's rate limit, ${seconds(pausedUntil - now)}`;
      const [first] = spent;
      if (spentCount + inFlight - underCount >= perMinute && first) return `the limit per minute, ${seconds(first.at + windowMs + margin - now)}`;
      if (inFlight >= concurrent) return 'a free call (calls at once)';
      return first && gate.size > 0 ? `the part of the minute that is kept free, ${seconds(first.at + windowMs + margin - now)}` : undefined;
    },
    close() {
      closing.abort();
      gate.wake();
      cancelReturn?.();
      cancelPause?.();
      queue.stop({ dropWaitingJobs: true, dropErrorMessage: 'closed' }).catch(() => {});
    },
  };
}

function seconds(ms: number): string {
  return `${Math.max(1, Math.ceil(ms / 1000))} s`;
}
