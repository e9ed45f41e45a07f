/** Errors of the store, and what a PostgreSQL error means for the caller. */
import { TdsError } from '../sdk/index.ts';

/** Every code that `core/store` throws, with the sentence that the reference table shows. */
export const storeErrorCodes = {
  'store.embedded_unsupported': 'No embedded PostgreSQL exists for this platform.',
  'store.embedded_missing': 'The package with the embedded PostgreSQL is not installed.',
  'store.embedded_version': 'The data directory was made by another major version of PostgreSQL.',
  'store.embedded_forbidden': 'The data directory belongs to another user.',
  'store.embedded_user': 'The user who would run the embedded PostgreSQL has no name on this system.',
  'store.embedded_port': 'The port for the embedded PostgreSQL is taken.',
  'store.embedded_start': 'The embedded PostgreSQL did not start.',
  'store.embedded_busy': 'Another process holds the data directory and does not answer.',
  'store.identifier': 'A name cannot be used as an SQL identifier.',
  'store.literal': 'A text cannot be used as an SQL literal.',
  'store.unreachable': 'The database can not be reached.',
  'store.migration_name': 'A migration file has a wrong name, or a number twice.',
  'store.migration_changed': 'A migration that was applied has been changed since.',
  'store.migration_gap': 'A migration is missing below one that was applied.',
  'store.migration_newer': 'The database was migrated by a newer version of TDS.',
  'store.migration_failed': 'A migration failed; nothing of it was kept.',
} as const;

export type StoreErrorCode = keyof typeof storeErrorCodes;

/** Thrown by everything in `core/store` that isn't PostgreSQL's own error. `message` says what and where, `suggestion` what to do. */
export class StoreError extends TdsError {
  constructor(code: StoreErrorCode, message: string, cure: string, options: ErrorOptions = {}) {
    super(code, message, { ...options, suggestion: cure });
  }
}

/**
 * What a database error asks of the caller:
 * - `unavailable`: the database can't be reached, or can't write at all (restart, connections used up, disk full). Wait for it.
 * - `conflict`: this transaction lost against another one (serialization, deadlock, lock timeout). Run it again at once.
 * - `timeout`: the statement was cancelled. Once more may help, in smaller pieces.
 * - `permanent`: the same statement will fail the same way.
 */
export type DatabaseErrorKind = 'unavailable' | 'conflict' | 'timeout' | 'permanent';

const unavailableStates = new Set(['57P01', '57P02', '57P03', '57P05', '53000', '53100', '53200', '53300', '53400', '58030', '25006', '25P03', '25P04']);
const conflictStates = new Set(['40001', '40P01', '55P03', '55006']);
const networkCodes = new Set([
  'ECONNRESET', 'ECONNREFUSED', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'EHOSTDOWN', 'ENETUNREACH', 'ENETDOWN',
  'ENOTFOUND', 'EAI_AGAIN', 'EADDRNOTAVAIL', 'ENOTCONN',
]);
// pg and pg-pool raise these without any code.
const lostMessages =
  /^(Connection terminated|Client has encountered a connection error|Client was closed|timeout exceeded when trying to connect|timeout expired|Cannot use a pool after|The connection is closed|server closed the connection)/i;

/** Says what an error from `pg` asks of the caller. Follows `cause` and the parts of an AggregateError. Never throws. */
export function databaseErrorKind(error: unknown, depth = 0): DatabaseErrorKind {
  if (typeof error !== 'object' || error === null || depth > 8) return 'permanent';
  const { code, message, cause, errors } = error as { code?: unknown; message?: unknown; cause?: unknown; errors?: unknown };
  if (typeof code === 'string') {
    if (code.startsWith('08') && code.length === 5) return 'unavailable';
    if (unavailableStates.has(code) || networkCodes.has(code)) return 'unavailable';
    if (conflictStates.has(code)) return 'conflict';
    if (code === '57014') return 'timeout';
  }
  if (typeof message === 'string') {
    if (lostMessages.test(message)) return 'unavailable';
    if (message.startsWith('Query read timeout')) return 'unavailable'; // pg's query_timeout: a black-holed connection
  }
  // A host with two addresses (::1 and 127.0.0.1) fails with one error for each.
  const inner = Array.isArray(errors) ? errors : cause === undefined ? [] : [cause];
  for (const each of inner) {
    const kind = databaseErrorKind(each, depth + 1);
    if (kind !== 'permanent') return kind;
  }
  return 'permanent';
}

/** True where the same work may succeed later without a change: the caller retries or waits. False: give up, and tell a person. */
export function isTransientDatabaseError(error: unknown): boolean {
  return databaseErrorKind(error) !== 'permanent';
}
