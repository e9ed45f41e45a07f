/** What a limiter is to its users: the client, which asks it for each call, and those who divide an account's limits between nodes. */
import type { TimerClock } from '../monitor/clock.ts';
import type { Divider, Needs, Part } from './part.ts';
import type { Limits } from './settings.ts';

/** The right to make one call. */
export interface Permit {
  /**
   * The call leaves now. Where the process stood still for so long that its part of the limits went to others, the right is waited for anew.
   * @throws as `acquire` does
   */
  sent(): Promise<void>;
  /** The headers are here (or the call failed): from now on its place in the minute comes back after 60 s. */
  counted(): void;
  /** The call is over: the next one may go. A place that was never `sent` comes back at once. Safe to call twice. */
  release(): void;
  /** Whether it ever left. */
  readonly wasSent: boolean;
}

export interface LimiterStatus {
  waiting: number;
  inFlight: number;
  /** Calls that are about to leave. */
  turns: number;
  /** Calls of the last minute, those of other nodes included as far as they are known. */
  lastMinute: number;
  pausedUntil?: Date;
}

export interface Limiter {
  /** Waits for its turn. Lower priorities (0 to 9) come first. @throws the signal's reason; RetryLaterError `connection.closed` */
  acquire(priority: number, signal?: AbortSignal): Promise<Permit>;
  /** Lets no call start before `until`. */
  pause(until: Date): void;
  /** The other side takes fewer calls at once than the config says: lets one less go side by side, until the process ends. Answers how many. */
  narrow(): number | undefined;
  /** Says what it needs, and gives up what it has beyond what `keep` answers. */
  needs(keep: (needs: Needs) => { places: number; slots: number }): Needs;
  /** `more` places beside those it has, and what else it may use from now on. */
  grant(part: Omit<Part, 'places'> & { more: number }): void;
  status(): LimiterStatus;
  /** What calls wait for now; undefined when none waits. */
  waitsOn(): string | undefined;
  /** Waiting calls are refused. */
  close(): void;
}

export interface LimiterDeps {
  clock: TimerClock;
  limits: Pick<Limits, 'perMinute' | 'concurrent'>;
  /** Added to the 60 s, in ms. Default 200. */
  margin?: number | undefined;
  /** Where several nodes share the limits: no call leaves before `grant`. Without it the limits are this process's own. */
  divider?: Divider | undefined;
}
