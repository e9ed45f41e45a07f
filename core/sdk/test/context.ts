import { PermanentError } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import type { ConnectionContext } from '../plugin.ts';
import type { DatabaseAccess } from '../services.ts';
import { createMovableClock, type MovableClock } from './clock.ts';
import { createTestHttp, type TestHttpClient } from './http-client.ts';
import { createMemoryLog, createMemoryState, createMemoryTokens, type LogLine } from './services.ts';

/** What a test may set; all else has a harmless default. */
export interface TestContextOptions {
  /** `with:` as after the check against `configSchema`: with its defaults. */
  settings?: object;
  /** Default `test`. */
  connectionId?: string;
  /** Where HTTP calls go instead of to their own host. */
  baseUrl?: string;
  /** HTTP calls in all where the remote is unwell. Default 3. */
  attempts?: number;
  /** Default: one that goes with the machine's time and whose waits take none. */
  clock?: MovableClock;
  /** For a connector that writes into TDS's own database; without it, using the database is an error. */
  database?: DatabaseAccess;
}

/** The context with what a test wants to look at. */
export interface TestContext extends ConnectionContext {
  readonly http: TestHttpClient;
  readonly clock: MovableClock;
  /** All that was logged. */
  readonly lines: LogLine[];
}

/** A connection's context in memory: HTTP goes out by `fetch`, nothing is stored, logs are kept to be looked at. */
export function createTestContext(options: TestContextOptions = {}): TestContext {
  const clock = options.clock ?? createMovableClock();
  const lines: LogLine[] = [];
  return {
    connectionId: options.connectionId ?? 'test',
    settings: (options.settings ?? {}) as JsonObject,
    http: createTestHttp({ clock, baseUrl: options.baseUrl, attempts: options.attempts }),
    tokens: createMemoryTokens(clock),
    state: createMemoryState(),
    cache: { read: ({ keys }, ask) => ask(keys) },
    log: createMemoryLog(lines),
    clock,
    database: options.database ?? noDatabase,
    lines,
  };
}

const noDatabase: DatabaseAccess = {
  transaction: () => Promise.reject(new PermanentError('test.no_database', 'this test has no database; give createTestContext({ database })')),
};
