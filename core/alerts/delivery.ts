/**
 * Messages on their way. Each is a row and a job in one transaction with the alerts that it tells of. Who decided it also sends it at once,
 * so that no alert waits for a worker that long runs keep busy; what did not get through, and what a crash left, the ticks of all nodes try again
 * when its time has come, and the job where no node ticks.
 */
import { systemClock } from '../monitor/clock.ts';
import { postpone } from '../queue/errors.ts';
import type { TaskHandler } from '../queue/types.ts';
import { AccessDeniedError, PermanentError, RecordGoneError, isTdsError, type AlertMessage, type DatabaseAccess, type Logger, type Notifier } from '../sdk/index.ts';
import { claimDue, claimNotification, endAttempt, readNotification, type Notification } from '../store/notifications.ts';
import { cureOf } from './codes.ts';
import { revive } from './messages.ts';

/** The task that delivers. */
export const notifyTask = 'notify';
/** Attempts of the job, with growing pauses: a bit more than an hour. */
export const notifyAttempts = 12;
/** Before every run: what people must know waits for nothing. */
export const notifyPriority = -10;

/** For how long who sends has a message to itself, in seconds; longer than a send may take. */
export const claimSeconds = 40;
const sendMs = 30_000;
/** Messages that one tick takes up at most. */
const mostDue = 20;

/** What sending takes. `attempts`: those that were made before. */
export type Sendable = Pick<Notification, 'id' | 'notifier' | 'message' | 'kind' | 'rule' | 'attempts'>;

export interface DeliveryDeps {
  database: DatabaseAccess;
  notifiers: ReadonlyMap<string, Notifier>;
  log: Logger;
  /** Takes secrets out of what is stored. */
  redact: (text: string) => string;
}

/** The handler of the queue's task. */
export function notifyHandler(deps: DeliveryDeps): TaskHandler<{ notification: string }> {
  return async ({ payload: { notification: id }, attempt, maxAttempts, signal }) => {
    const claimed = await deps.database.transaction((session) => claimNotification(session, id, claimSeconds));
    if (claimed) return void (await deliver(deps, claimed, { signal, last: attempt >= maxAttempts }));
    const known = await deps.database.transaction((session) => readNotification(session, id));
    if (known?.state !== 'waiting') return undefined;
    return postpone({ until: known.claimedUntil ?? systemClock.now(), reason: 'another process sends it just now, or its next attempt comes then' });
  };
}

/** Takes up what waits and is due, and sends it beside the caller. */
export async function takeUpDue({ database }: DeliveryDeps, send: (one: Notification) => void): Promise<void> {
  for (const one of await database.transaction((session) => claimDue(session, mostDue, claimSeconds))) send(one);
}

/** Sends a message that the caller has claimed, and notes how that went. @throws what the notifier threw, where another attempt may do better */
export async function deliver(deps: DeliveryDeps, one: Sendable, { signal, last }: { signal: AbortSignal; last: boolean }): Promise<void> {
  const { database, log, redact } = deps;
  const isGone = !deps.notifiers.has(one.notifier);
  const facts = { notifier: one.notifier, rule: one.rule, kind: one.kind, message: one.id };
  try {
    await send(deps.notifiers, one.notifier, revive(one.message), signal);
    await database.transaction((session) => endAttempt(session, { ...one, isGone }, { state: 'sent', error: null, at: systemClock.now() }));
    log.info('people were told', facts);
  } catch (error) {
    const hopeless = last || one.attempts + 1 >= notifyAttempts || error instanceof PermanentError || error instanceof AccessDeniedError || (isTdsError(error) && ['PermanentError', 'AccessDeniedError'].includes(error.name)) || error instanceof RecordGoneError;
    await database.transaction((session) => endAttempt(session, { ...one, isGone }, { state: hopeless ? 'failed' : 'waiting', error: redact(error instanceof Error ? error.message : String(error)).slice(0, 1000), at: systemClock.now() }));
    log.warn(hopeless ? 'a message to people was given up' : 'a message to people did not get through; it is tried again', { ...facts, error });
    if (!hopeless) throw error;
  }
}

/** @throws what the notifier throws; PermanentError `alert.notifier_gone` */
export async function send(notifiers: ReadonlyMap<string, Notifier>, id: string, message: AlertMessage, signal: AbortSignal): Promise<void> {
  const notifier = notifiers.get(id);
  if (!notifier) throw new PermanentError('alert.notifier_gone', `the config has no notifier "${id}" any more`, { suggestion: cureOf('alert.notifier_gone') });
  const limited = AbortSignal.any([signal, AbortSignal.timeout(sendMs)]);
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(limited.reason as Error);
  limited.addEventListener('abort', onAbort, { once: true });
  try {
    // a plugin that does not look at its signal is not waited for
    await Promise.race([notifier.send(message, limited), aborted.promise]);
  } finally {
    limited.removeEventListener('abort', onAbort);
  }
}
