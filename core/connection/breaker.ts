/** Rests a connection whose other side is down. cockatiel keeps the states; the time is our clock's, so that tests can move it. */
import { CircuitState, ConsecutiveBreaker, circuitBreaker, handleWhenResult } from 'cockatiel';
import { RetryLaterError, isTdsError, type Clock } from '../sdk/index.ts';
import { ConnectionPausedError } from './errors.ts';
import type { BreakerSettings } from './settings.ts';

/** `closed`: calls go through. `open`: none does until `resumesAt`. `half-open`: one call is on its way to see whether it works again. */
export interface BreakerState {
  state: 'closed' | 'open' | 'half-open';
  resumesAt?: Date;
  /** The last failure's code, while not closed. */
  code?: string;
}

export interface Breaker {
  /** Returns when a call may go; waits while a probe is on its way. @throws ConnectionPausedError while open */
  ready(signal?: AbortSignal): Promise<void>;
  /** Runs a call and learns from its end: a RetryLaterError is a failure, any other error of the SDK is an answer. @throws what `call` throws, ConnectionPausedError */
  run<T>(call: () => Promise<T>): Promise<T>;
  state(): BreakerState;
  /** Closes it by hand. */
  reset(): void;
}

export interface BreakerDeps {
  connectionId: string;
  settings: BreakerSettings;
  clock: Clock;
  /** Called when it opens, half-opens and closes. */
  onChange?: (state: BreakerState) => void;
}

type Outcome<T> = { value: T } | { error: unknown; failure: boolean };

export function createBreaker(deps: BreakerDeps): Breaker {
  const { clock, settings } = deps;
  let policy = makePolicy();
  let opensAt = 0;
  let probe: Promise<unknown> | undefined;
  let lastCode: string | undefined;

  function makePolicy(): ReturnType<typeof circuitBreaker> {
    // When to try again is decided below, by the clock; a duration of 0 leaves it to us.
    return circuitBreaker(handleWhenResult((outcome) => (outcome as { failure?: boolean }).failure === true), {
      halfOpenAfter: 0,
      breaker: new ConsecutiveBreaker(settings.failures),
    });
  }

  const state = (): BreakerState => {
    if (policy.state === CircuitState.Closed) return { state: 'closed' };
    const code = lastCode === undefined ? {} : { code: lastCode };
    if (policy.state === CircuitState.HalfOpen) return { state: 'half-open', ...code };
    return { state: 'open', resumesAt: new Date(opensAt), ...code };
  };
  const paused = (): ConnectionPausedError =>
    new ConnectionPausedError(deps.connectionId, { resumesAt: new Date(Math.max(opensAt, clock.now().getTime())), details: lastCode === undefined ? {} : { lastCode } });
  const throwIfOpen = (): void => {
    if (policy.state === CircuitState.Open && clock.now().getTime() < opensAt) throw paused();
  };

  async function ready(signal?: AbortSignal): Promise<void> {
    for (let running = probe; running; running = probe) await withSignal(running, signal);
    throwIfOpen();
  }

  async function run<T>(call: () => Promise<T>): Promise<T> {
    // No await may stand between the last look and the start, else two calls would probe.
    for (let running = probe; running; running = probe) await running;
    throwIfOpen();
    const used = policy;
    const before = used.state;
    let learn: (() => void) | undefined;
    if (before === CircuitState.Open) probe = new Promise<void>((resolve) => (learn = resolve));
    try {
      const running = used.execute(() => outcomeOf(call, before === CircuitState.Open)) as Promise<Outcome<T>>;
      if (before === CircuitState.Open) deps.onChange?.(state());
      const outcome = await running;
      if (used === policy) changed(before, outcome);
      if ('error' in outcome) throw outcome.error;
      return outcome.value;
    } finally {
      if (learn) {
        probe = undefined;
        learn();
      }
    }
  }

  function changed(before: CircuitState, outcome: Outcome<unknown>): void {
    if ('error' in outcome && outcome.failure) lastCode = isTdsError(outcome.error) ? outcome.error.code : lastCode;
    if (policy.state === CircuitState.Open && (before === CircuitState.Open || opensAt === 0)) {
      // A probe whose caller gave up says nothing: the next call may try at once.
      const learned = 'error' in outcome && outcome.error instanceof RetryLaterError;
      opensAt = clock.now().getTime() + (learned ? settings.coolDown : 0);
      deps.onChange?.(state());
    } else if (policy.state === CircuitState.Closed && opensAt !== 0) {
      opensAt = 0;
      lastCode = undefined;
      deps.onChange?.(state());
    }
  }

  return {
    ready,
    run,
    state,
    reset() {
      if (policy.state === CircuitState.Closed) return;
      policy = makePolicy();
      opensAt = 0;
      lastCode = undefined;
      deps.onChange?.(state());
    },
  };
}

async function outcomeOf<T>(call: () => Promise<T>, probing: boolean): Promise<Outcome<T>> {
  try {
    return { value: await call() };
  } catch (error) {
    if (error instanceof RetryLaterError) return { error, failure: true };
    if (isTdsError(error)) return { error, failure: false };
    // The caller gave up: no word about the other side, neither good nor bad.
    if (probing) return { error, failure: true };
    throw error;
  }
}

/** The promise's end, or the signal's reason if that comes first. */
export function withSignal<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error);
    if (signal.aborted) return stop();
    signal.addEventListener('abort', stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
