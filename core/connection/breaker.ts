/**
 * Rests a connection whose other side is down. cockatiel keeps the states; the time is our clock's, so that tests can move it. A row in the
 * database makes the state one for all nodes, and keeps it over restarts: who opens it writes it, the others look at most a second later,
 * and of all nodes one makes the call that tries.
 */
import { CircuitState, ConsecutiveBreaker, circuitBreaker, handleWhenResult } from 'cockatiel';
import { RetryLaterError, isTdsError, type Clock, type Logger } from '../sdk/index.ts';
import type { BreakerStore } from './breaker-store.ts';
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
  /** As this process knows it. */
  state(): BreakerState;
  /** As it stands for all nodes; `read` reads its row, by default by the store. */
  look(read?: BreakerStore['read']): Promise<BreakerState>;
  /** Closes it by hand, for all nodes. @returns whether it was not closed. @throws what the database says */
  reset(): Promise<boolean>;
}

export interface BreakerDeps {
  connectionId: string;
  settings: BreakerSettings;
  clock: Clock;
  log: Logger;
  /** Makes it one for all nodes. Without it the state is this process's own. */
  store?: BreakerStore | undefined;
  /** How long the call that tries may take, in ms; then another process may try. */
  probeMs: number;
  /** Called when it opens, half-opens and closes here. */
  onChange?: (state: BreakerState, from: BreakerState['state']) => void;
}

/** How long a look at the row holds; how long who may not try waits for the one that does. In ms. */
const lookMs = 1_000;
const probingMs = 5_000;

type Outcome<T> = { value: T } | { error: unknown; failure: boolean };

export function createBreaker(deps: BreakerDeps): Breaker {
  const { clock, settings, store, log } = deps;
  let policy = makePolicy();
  let opensAt = 0;
  let probe: Promise<unknown> | undefined;
  let lastCode: string | undefined;
  let told: BreakerState['state'] = 'closed';
  let lookedAt = -Infinity;
  let looking: Promise<void> | undefined;
  /** The row's writes, one after another, and whether the last one failed. */
  let writing: Promise<unknown> = Promise.resolve();
  let unwritten = false;

  function makePolicy(open = false): ReturnType<typeof circuitBreaker> {
    // When to try again is decided below, by the clock; a duration of 0 leaves it to us.
    return circuitBreaker(handleWhenResult((outcome) => (outcome as { failure?: boolean }).failure === true), {
      halfOpenAfter: 0,
      breaker: new ConsecutiveBreaker(settings.failures),
      ...(open ? { initialState: { ownState: { value: CircuitState.Open, openedAt: 0, attemptNo: 1 }, breakerState: settings.failures } } : {}),
    });
  }

  const now = (): number => clock.now().getTime();
  const state = (): BreakerState => {
    if (policy.state === CircuitState.Closed) return { state: 'closed' };
    const code = lastCode === undefined ? {} : { code: lastCode };
    if (policy.state === CircuitState.HalfOpen) return { state: 'half-open', ...code };
    return { state: 'open', resumesAt: new Date(opensAt), ...code };
  };
  const paused = (): ConnectionPausedError =>
    new ConnectionPausedError(deps.connectionId, { resumesAt: new Date(Math.max(opensAt, now())), details: lastCode === undefined ? {} : { lastCode } });
  const throwIfOpen = (): void => {
    if (policy.state === CircuitState.Open && now() < opensAt) throw paused();
  };

  function tell(): void {
    const current = state();
    const from = told;
    told = current.state;
    deps.onChange?.(current, from);
  }

  /** Writes down how it stands now. */
  function write(): void {
    if (store) writing = writeAfter(writing, store);
  }

  async function writeAfter(before: Promise<unknown>, row: BreakerStore): Promise<void> {
    await before;
    try {
      await (policy.state === CircuitState.Closed ? row.close() : row.open({ resumesAt: opensAt, ...(lastCode === undefined ? {} : { code: lastCode }) }));
      unwritten = false;
    } catch (error) {
      if (!unwritten) log.warn('the state of the breaker could not be written; other nodes don\'t know it', { error });
      unwritten = true;
    }
  }

  function close(): void {
    policy = makePolicy();
    opensAt = 0;
    lastCode = undefined;
  }

  /** Takes over what other nodes wrote, or this one before it was started anew. */
  async function takeOver(read: BreakerStore['read']): Promise<void> {
    if (unwritten) write();
    const before = writing;
    await before;
    const row = await read().catch(() => null);
    // Without an answer of the database, while this process tries, and when it has just learned something, what it knows itself holds.
    if (row === null || unwritten || probe || before !== writing) return;
    if (row) {
      if (policy.state === CircuitState.Closed) {
        policy = makePolicy(true);
        log.info('the breaker is open, as another process found', { resumesAt: new Date(row.resumesAt) });
      }
      [opensAt, lastCode, told] = [row.resumesAt, row.code, 'open'];
    } else if (policy.state !== CircuitState.Closed) {
      log.info('the breaker is closed, as another process found');
      close();
      told = 'closed';
    }
  }

  async function lookAgain(oldest: number, read = store?.read): Promise<void> {
    if (!read || (looking === undefined && now() - lookedAt < oldest)) return;
    if (!looking) {
      lookedAt = now();
      looking = takeOver(read).finally(() => (looking = undefined));
    }
    await looking;
  }

  /** Whether this process is the one of all that tries; if not, when to ask again. */
  async function mayProbe(): Promise<boolean> {
    if (!store) return true;
    await writing;
    const mine = await store.probe(now(), now() + deps.probeMs).catch(() => true);
    if (!mine) opensAt = Math.max((await store.read().catch(() => undefined))?.resumesAt ?? 0, now() + Math.min(probingMs, settings.coolDown));
    return mine;
  }

  async function ready(signal?: AbortSignal): Promise<void> {
    await lookAgain(lookMs);
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
      if (before === CircuitState.Open && !(await mayProbe())) throw paused();
      const running = used.execute(() => outcomeOf(call, before === CircuitState.Open)) as Promise<Outcome<T>>;
      if (before === CircuitState.Open) tell();
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
      opensAt = now() + (learned ? settings.coolDown : 0);
    } else if (policy.state === CircuitState.Closed && opensAt !== 0) {
      opensAt = 0;
      lastCode = undefined;
    } else {
      return;
    }
    write();
    tell();
  }

  return {
    ready,
    run,
    state,
    async look(read) {
      await lookAgain(0, read);
      return state();
    },
    async reset() {
      await writing;
      const stood = (await store?.close()) === true;
      const was = policy.state !== CircuitState.Closed;
      if (was) close();
      else if (stood) told = 'open';
      if (was || stood) tell();
      return was || stood;
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
