/** Time that runs faster than the machine's, the same for TDS's connections and for the sandbox. */
import { sleepBy, systemClock, type TimerClock } from '../../core/monitor/clock.ts';
import type { SandboxClock } from '../../sandbox/zoho/clock.ts';

/** Both faces of one clock. */
export interface FastClock { tds: TimerClock; sandbox: SandboxClock }

/** A clock that begins now and runs `speed` times as fast; `advance` and `set` move it besides. */
export function fastClock(speed: number): FastClock {
  const began = performance.now();
  let base = Date.now();
  const now = (): number => base + (performance.now() - began) * speed;
  const tds: TimerClock = {
    now: () => new Date(now()),
    sleep: (ms, signal) => sleepBy(tds, ms, signal),
    after: (ms, act) => systemClock.after(ms / speed, act),
  };
  const sandbox: SandboxClock = {
    now: () => Math.floor(now()),
    advance: (ms) => void (base += ms),
    set: (ms) => void (base += ms - now()),
    freeze() {
      throw new Error('a fast clock does not stand still');
    },
  };
  return { tds, sandbox };
}
