import { RetryLaterError, type TdsErrorOptions } from '../sdk/index.ts';
import { cureOf } from './codes.ts';

/** For calls that meet the end of their connection: they may be made again after the next start. */
export function closedError(): RetryLaterError {
  return new RetryLaterError('connection.closed', 'The connection was closed before the call ended.', { suggestion: cureOf('connection.closed') });
}

/**
 * The connection rests until `resumesAt`: its breaker is open. Thrown at once, without a call. A job that meets it waits in the
 * queue until then and uses no attempt.
 */
export class ConnectionPausedError extends RetryLaterError {
  readonly resumesAt: Date;

  constructor(connectionId: string, options: TdsErrorOptions & { resumesAt: Date }) {
    super('connection.paused', `The connection ${connectionId} rests until ${options.resumesAt.toISOString()}, since calls kept failing.`, {
      suggestion: cureOf('connection.paused'),
      ...options,
    });
    this.resumesAt = options.resumesAt;
  }
}
