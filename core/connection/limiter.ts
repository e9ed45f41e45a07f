/**
 * Calls at once and calls per minute, in order of priority. Those who wait stand in a line; a call that finds room and nobody before it goes
 * at once. A call gives its place in the minute back 60 s after the headers of its answer were here. The call reached the other side before
 * that moment, and the one that gets the place reaches it after it left: so in no 60 s, wherever they begin, does the other side see more
 * calls than allowed.
 */
import { setMaxListeners } from 'node:events';
import { closedError } from './errors.ts';
import { Gate } from './gate.ts';
import type { Limiter, LimiterDeps, Permit } from './limiter-types.ts';
import { Line } from './line.ts';
import type { Part } from './part.ts';
import { Window } from './window.ts';

/** More than clocks of a service's machines and ours may drift apart within a minute, in ms. */
export const defaultMargin = 200;

/** Calls of this priority and less urgent ones (details, comparisons) may last for hours; see `priorityOf`. */
const patientFrom = 7;
/** The share of a minute's calls that patient callers leave to others. */
export const keptShare = 0.1;

/** The right to one call: of which part it was taken, and how far the call is. */
interface Seat { epoch: number; state: 'waiting' | 'sent' | 'counted' | 'over' }

export function createLimiter(deps: LimiterDeps): Limiter {
  const { clock, limits, divider } = deps;
  const perMinute = limits.perMinute ?? Infinity;
  let concurrent = limits.concurrent ?? Infinity;
  /** What may be used now; an epoch ends when the part's time runs out before there is a new one. */
  let part: Part = divider ? { places: 0, slots: 0, until: Infinity } : { places: Infinity, slots: Infinity, until: Infinity };
  let epoch = 0;
  /** Patient callers leave a part of the minute free, so that a person or an incremental read needn't wait for the next one. */
  const gate = new Gate(sayShort);
  const kept = perMinute === Infinity ? 0 : Math.floor(perMinute * keptShare);
  let [waiting, inFlight] = [0, 0];
  /** Of those in flight: their headers are here, their bodies are not, and they are among the spent already. */
  let underCount = 0;
  /** Of those in flight: not sent yet, by the present part, and by one that has ended, which must not leave. */
  let [unsent, stale] = [0, 0];
  // Without a limit per minute the calls are only counted, and a second is exact enough.
  const window = new Window({ clock, margin: deps.margin ?? defaultMargin, grain: perMinute === Infinity ? 1000 : 0, onReturn: handOut });
  let pausedUntil = 0;
  let cancelPause: (() => void) | undefined;
  const closing = new AbortController();
  setMaxListeners(0, closing.signal);
  const line = new Line({ closing: closing.signal, mayGo: () => room() >= 1, onChange: handOut });

  const open = (): number => inFlight - underCount - stale;
  const slotsLeft = (): number => Math.min(concurrent, part.slots) - (inFlight - stale);

  function expire(): void {
    if (clock.now().getTime() < part.until) return;
    part = { places: 0, slots: 0, until: Infinity };
    epoch++;
    stale += unsent;
    unsent = 0;
  }

  /** How many more calls may go now. */
  function room(): number {
    expire();
    return cancelPause || closing.signal.aborted ? 0 : Math.min(slotsLeft(), part.places, perMinute - window.used - open()) - line.turns;
  }

  const leavesRoom = (): boolean => closing.signal.aborted || (line.length === 0 && room() > 0 && perMinute - window.used - open() - (divider?.others() ?? 0) > kept);

  function handOut(): void {
    if (line.length === 0) gate.wake();
    line.handOut(room());
    sayShort();
  }

  function sayShort(): void {
    if (!divider || cancelPause || closing.signal.aborted || (line.length <= line.turns && gate.size === 0)) return;
    if (part.places <= line.turns || (slotsLeft() <= line.turns && part.slots < concurrent)) divider.short(line.length + gate.size);
  }

  function take(): Seat {
    inFlight++;
    unsent++;
    part.places--;
    return { epoch, state: 'waiting' };
  }

  function leave(seat: Seat): void {
    if (seat.state === 'waiting' && seat.epoch === epoch) {
      unsent--;
      part.places++;
    } else if (seat.state === 'waiting') {
      stale--;
    } else if (seat.state === 'counted') {
      underCount--;
    }
    seat.state = 'over';
    inFlight--;
    handOut();
  }

  function permit(first: Seat, priority: number, signal: AbortSignal | undefined): Permit {
    let seat = first;
    let wasSent = false;
    const counted = (): void => {
      if (seat.state !== 'sent') return;
      seat.state = 'counted';
      // From now on it is among the spent; the call itself goes on in its slot.
      window.spend();
      underCount++;
    };
    return {
      counted,
      async sent() {
        for (expire(); seat.epoch !== epoch; expire()) {
          leave(seat);
          seat = await seatOf(priority, signal);
        }
        if (seat.state === 'waiting') unsent--;
        seat.state = 'sent';
        wasSent = true;
      },
      get wasSent() {
        return wasSent;
      },
      release() {
        if (seat.state === 'over') return;
        counted();
        leave(seat);
      },
    };
  }

  async function seatOf(priority: number, signal: AbortSignal | undefined): Promise<Seat> {
    if (closing.signal.aborted) throw closedError();
    signal?.throwIfAborted();
    if (priority < patientFrom ? line.length === 0 && room() > 0 : gate.size === 0 && leavesRoom()) return take();
    waiting++;
    try {
      if (priority < patientFrom) return await line.wait(take, priority, signal);
      return await gate.pass(leavesRoom, () => {
        if (closing.signal.aborted) throw closedError();
        return take();
      }, priority, signal);
    } finally {
      waiting--;
    }
  }

  function endPause(): void {
    const left = pausedUntil - clock.now().getTime();
    cancelPause = left > 0 ? clock.after(left, endPause) : undefined;
    handOut();
  }

  const lastMinute = (): number => window.used + open() + (divider?.others() ?? 0);

  return {
    acquire: async (priority, signal) => permit(await seatOf(priority, signal), priority, signal),
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
    needs(keep) {
      expire();
      const needs = { spent: window.list, open: open(), busy: inFlight - stale, places: part.places, slots: part.slots, urgent: line.length, patient: gate.size, priority: line.first, concurrent, pausedUntil };
      const { places, slots } = keep(needs);
      part.places = Math.min(part.places, Math.max(line.turns, places));
      part.slots = Math.min(part.slots, slots);
      return { ...needs, places: part.places, slots: part.slots };
    },
    grant({ more, slots, until }) {
      expire();
      part = { places: part.places + more, slots, until };
      handOut();
    },
    status: () => ({ waiting, inFlight, turns: line.turns, lastMinute: lastMinute(), ...(cancelPause ? { pausedUntil: new Date(pausedUntil) } : {}) }),
    waitsOn() {
      if (waiting === 0) return undefined;
      const left = (at: number | undefined): string => (at === undefined ? '' : `, ${Math.max(1, Math.ceil((at - clock.now().getTime()) / 1000))} s`);
      if (cancelPause) return `the other side's rate limit${left(pausedUntil)}`;
      const trouble = divider?.trouble();
      if (trouble !== undefined) return trouble;
      if (lastMinute() >= perMinute) return `the limit per minute${left(window.nextAt)}`;
      if (slotsLeft() <= 0) return 'a free call (calls at once)';
      return lastMinute() > 0 && gate.size > 0 ? `the part of the minute that is kept free${left(window.nextAt)}` : undefined;
    },
    close() {
      closing.abort();
      gate.wake();
      window.close();
      cancelPause?.();
      line.close();
    },
  };
}
