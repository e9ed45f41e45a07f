import type { Destination } from './destination.ts';
import type { HttpClient } from './http.ts';
import type { JsonObject } from './json.ts';
import type { Clock, DatabaseAccess, Logger, RecordCache, StateStore, TokenStore } from './services.ts';
import type { Source } from './source.ts';
import type { Webhook } from './webhook.ts';

/** The version of this contract. A plugin names the one it was written for; another major version is refused. */
export const SDK_VERSION = 1;

/** What a plugin is: a connector moves records, a notifier (`NotifierPlugin`) carries alerts to people. */
export type PluginKind = 'connector' | 'notifier';

/** Limits and policies that suit the remote; the config's own values win, one by one. Durations in milliseconds. */
export interface ConnectionDefaults {
  /** `reserve`: what of `perDay` is kept from bulk work; below 1 a share, else a number of calls. */
  limits?: { perMinute?: number; perDay?: number; concurrent?: number; reserve?: number; paths?: readonly { path: string; perMinute?: number; concurrent?: number }[] };
  retry?: { attempts?: number; firstMs?: number; maxMs?: number };
  timeout?: { connectMs?: number; headersMs?: number; bodyMs?: number; totalMs?: number };
  /** How long records that were asked for by their keys are kept, by stream, in milliseconds; and streams whose records are those of another one. */
  cache?: { times?: Readonly<Record<string, number>>; sameAs?: Readonly<Record<string, string>> };
}

/** What a connector gets for one connection. Everything that leaves the process goes through it. */
export interface ConnectionContext<Settings = JsonObject> {
  /** The connection's name in the config. */
  readonly connectionId: string;
  /** `with:` after interpolation, checked against `configSchema`, defaults filled in. */
  readonly settings: Settings;
  readonly http: HttpClient;
  readonly tokens: TokenStore;
  readonly state: StateStore;
  readonly cache: RecordCache;
  readonly log: Logger;
  readonly clock: Clock;
  /** TDS's own PostgreSQL. */
  readonly database: DatabaseAccess;
}

/** The outcome of one probe. */
export interface CheckFinding {
  /** What was probed: `token`, `organization`, `permission items`, `table erp.products` … */
  probe: string;
  ok: boolean;
  /** What was seen, one line; for a failure with what to do. */
  message: string;
  /** Stable code when not ok. */
  code?: string;
}

/** A stream as an entity uses it. */
export interface StreamUse { stream: string; options: JsonObject }

/** A connector at work for one connection. */
export interface Connector {
  /**
   * Real probes. Each fault is a finding, not a throw; a throw counts as one finding. `uses` are the streams that enabled entities read, each
   * once: a source probes by a cheap call whether it may read each of them, and names the stream and the permission that is missing. Without
   * them only the connection itself is probed.
   */
  check(signal: AbortSignal, uses?: readonly StreamUse[]): Promise<CheckFinding[]>;
  readonly source?: Source;
  readonly destination?: Destination;
  /** Present where the service sends messages about its changes; the connection then has addresses for them. */
  readonly webhook?: Webhook;
  /** Gives back what `create` took. Called once; must not throw. */
  close?(): Promise<void>;
}

/** What a plugin file exports as its default. */
export interface Plugin<Settings = JsonObject> {
  /** The word that `plugin:` uses; kebab-case. */
  id: string;
  /** The plugin's own version, for people. */
  version: string;
  /** The SDK version it was written for: `SDK_VERSION`. */
  sdk: number;
  kind: 'connector';
  /** For people, one line. */
  description: string;
  /** JSON Schema (draft-07 subset that ajv knows) of `with:`; an object schema with `additionalProperties: false`. */
  configSchema: object;
  defaults?: ConnectionDefaults;
  /**
   * The account at the remote that counts the calls, for example `zoho:com:<organization>`. Connections of one account
   * share the limits of the minute and of calls at once, and their tokens, whichever plugin they use. When it changes,
   * entities of the connection are read from the beginning, as a cursor of one account says nothing of another. Absent: each
   * connection has its own. Not a secret; no I/O.
   */
  account?(settings: Settings): string | undefined;
  /**
   * The sign-in that gives the tokens, for example a digest of client and refresh token. Connections of one sign-in share
   * its tokens and the count of how often they were asked for, also where they are of different accounts. Absent: the
   * account's own. Kept in the database: not a secret, and nothing from which one could be had; no I/O.
   */
  signIn?(settings: Settings): string | undefined;
  create(context: ConnectionContext<Settings>): Connector;
}

/** Types a plugin and hands it back unchanged. */
export function definePlugin<Settings>(plugin: Plugin<Settings>): Plugin {
  return plugin as unknown as Plugin;
}
