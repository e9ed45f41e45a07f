import type { JsonValue } from './json.ts';
import type { DetailResult } from './source.ts';

/** The one source of time. Tests move it. */
export interface Clock {
  /** The present moment. */
  now(): Date;
  /** Resolves after `ms` of this clock's time, at once when `ms` is 0 or less; rejects with the signal's reason when it aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Structured log. `fields` are redacted by name and by value before anything is written. */
export interface Logger {
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
  /** A logger that adds `fields` to every line. */
  child(fields: Record<string, unknown>): Logger;
}

/** Small JSON values that a connector keeps for its connection, shared by all nodes and kept over restarts. */
export interface StateStore {
  get(name: string): Promise<JsonValue | undefined>;
  set(name: string, value: JsonValue): Promise<void>;
  delete(name: string): Promise<void>;
}

/** An access token and what came with it. */
export interface Token {
  /** The secret itself. Never logged. */
  value: string;
  /** When it ends, by the host's clock. */
  expiresAt: Date;
  /** Facts that came with the token and are no secret, such as Zoho's `api_domain`. */
  extra?: Record<string, string>;
}

/** One access token per name, shared by all jobs and nodes. */
export interface TokenStore {
  /**
   * The stored token, or a new one from `refresh`, which is called by one caller at a time (single flight) and only
   * when there is none, it ends within a minute, or it was rejected. An error of `refresh` reaches every waiter.
   */
  get(name: string, refresh: () => Promise<Token>): Promise<Token>;
  /** Says that the remote refused this token: the next `get` refreshes, unless another caller already has. */
  reject(name: string, value: string): Promise<void>;
}

/** Which records are wanted, and from when they may be. */
export interface CacheRequest {
  /** Whose time holds (`cache.times` of the connection). A stream that has none is not kept. */
  stream: string;
  keys: readonly string[];
  /** As in the {@link DetailRequest}: when each record was last seen to have changed. A key that is not here is always asked for. */
  seenAt?: ReadonlyMap<string, Date> | undefined;
}

/** Records that were asked for by their keys, kept for some minutes. For `readDetails` alone: pages of a read are never served from here. */
export interface RecordCache {
  /**
   * The answers for these keys, in any order: those that are kept and recent enough, the others from `ask`, which is called
   * at most once, with the keys that are missing. What it answers is kept, but for proofs that a record is gone. An error of
   * `ask` reaches all who wait for it.
   */
  read(request: CacheRequest, ask: (keys: readonly string[]) => Promise<DetailResult[]>): Promise<DetailResult[]>;
}

/** What one SQL statement answered. */
export interface SqlResult { rows: Record<string, unknown>[]; rowCount: number }

/** One database session, inside a transaction where the host says so. */
export interface SqlSession {
  /** Runs one statement with `$1`-style parameters. Throws pg's error as it is. */
  query(text: string, values?: readonly unknown[]): Promise<SqlResult>;
  /** Runs a `COPY … FROM STDIN` statement with these chunks of text or bytes, and answers the number of rows. */
  copyFrom(text: string, chunks: Iterable<string | Buffer> | AsyncIterable<string | Buffer>): Promise<number>;
}

/** TDS's own database, for a connector whose tables live there. */
export interface DatabaseAccess {
  /** Runs `use` with a session of its own; as one transaction that commits when `use` resolves. */
  transaction<T>(use: (session: SqlSession) => Promise<T>): Promise<T>;
}
