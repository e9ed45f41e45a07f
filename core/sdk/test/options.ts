import type { Test } from 'tap';
import type { JsonObject } from '../json.ts';
import type { Plugin } from '../plugin.ts';
import type { DatabaseAccess } from '../services.ts';
import type { TestContext, TestContextOptions } from './context.ts';

/** tap's `t`. Its type alone is needed: the kit itself does not load tap. */
export type TestScope = Pick<Test, 'test' | 'ok' | 'notOk' | 'equal' | 'same' | 'match' | 'rejects' | 'throws' | 'pass' | 'fail' | 'comment' | 'teardown' | 'skip'>;

/** One stream to try, on a source that nobody changes meanwhile. */
export interface StreamCase {
  stream: string;
  /** `from.with` of the entity. Default `{}`. */
  options?: JsonObject;
  /** Options that `describe` has to refuse. */
  badOptions?: readonly JsonObject[];
  /** How many records an incremental read of an unchanged source may repeat. Default: 5, or a tenth where that is more. */
  overlap?: number;
  /** From how many of the saved positions the rest is read again. Default 8, spread over the read. */
  resumes?: number;
  /** A key that does not exist at the source, where `provesGone`. */
  goneKey?: string;
  /** Changes records at the source and answers their keys: the next incremental read has to bring them. */
  change?: (context: TestContext) => Promise<readonly string[]>;
}

/** The reading side. */
export interface SourceCase { streams: readonly StreamCase[] }

/** The writing side, for a destination whose tables can be looked at by SQL. */
export interface DestinationCase {
  /** The database in which the destination writes: the suite reads its tables, and makes tables of its own to be checked. */
  database: DatabaseAccess;
  /** A schema for the suite's tables; made by the suite where it is missing. Default `contract`. */
  schema?: string;
}

/** What {@link testConnector} tries. */
export interface ConnectorCase {
  plugin: Plugin;
  /** With the schema's defaults filled in. */
  settings: object;
  /** Further parts of the context, made anew for each test. */
  context?: Omit<TestContextOptions, 'settings'>;
  /** Settings that fit the schema and lead nowhere (a closed port, a wrong password): `check` has to tell, not to throw. */
  brokenSettings?: object;
  /** Texts that must never be shown. Default: the values of `settings` whose schema says `writeOnly`. */
  secrets?: readonly string[];
  source?: SourceCase;
  destination?: DestinationCase;
}
