/** Time that runs faster than the machine's, the same for TDS's connections and for the sandbox. */
import { sleepBy, systemClock, type TimerClock } from '../../core/monitor/clock.ts';
import type { SandboxClock } from '../../sandbox/zoho/clock.ts';

/** Both faces of one clock. `origin` makes the same one in another process; from then on each has to be moved by itself. */
export interface FastClock { tds: TimerClock; sandbox: SandboxClock; readonly origin: ClockOrigin }

export interface ClockOrigin { speed: number; /** By the machine's clock, and what the fast one showed then; both in ms. */ began: number; base: number }

interface Timer { at: number; act: () => void; cancel: () => void }

const machineNow = (): number => performance.timeOrigin + performance.now();

/** A clock that begins now and runs `speed` times as fast; `advance` and `set` move it besides, and what falls due on the way is done at once, in its order. */
export function fastClock(speed: number, origin: ClockOrigin = { speed, began: machineNow(), base: Date.now() }): FastClock {
  const { began } = origin;
  let { base } = origin;
  const timers = new Set<Timer>();
  const now = (): number => base + (machineNow() - began) * speed;

  function arm(timer: Timer): void {
    timer.cancel = systemClock.after((timer.at - now()) / speed, () => {
      timers.delete(timer);
      timer.act();
    });
  }

  function move(ms: number): void {
    base += ms;
    for (const timer of [...timers].sort((one, other) => one.at - other.at)) {
      timer.cancel();
      arm(timer);
    }
  }

  const tds: TimerClock = {
    now: () => new Date(now()),
    sleep: (ms, signal) => sleepBy(tds, ms, signal),
    after(ms, act) {
      const timer: Timer = { at: now() + Math.max(ms, 0), act, cancel: () => {} };
      timers.add(timer);
      arm(timer);
      return () => {
        timers.delete(timer);
        timer.cancel();
      };
    },
  };
  const sandbox: SandboxClock = {
    now: () => Math.floor(now()),
    advance: move,
    set: (ms) => move(ms - now()),
    freeze() {
      throw new Error('a fast clock does not stand still');
    },
  };
  return { tds, sandbox, get origin() {
    return { speed, began, base };
  } };
}
