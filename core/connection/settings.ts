/** What a connection is set to, whole: the config's values, else the plugin's, else these defaults. All durations in milliseconds. */
import type { ConnectionDefaults } from '../sdk/index.ts';

/** A stricter limit of some paths, such as `/invoices/{id}`. */
export interface PathLimit { path: string; perMinute?: number | undefined; concurrent?: number | undefined }

export interface Limits {
  /** Calls in any 60 s; undefined: no limit. */
  perMinute?: number;
  /** Calls in one day of the service's zone; undefined: no limit of ours, the service's own word still holds. */
  perDay?: number;
  /** Calls at once; undefined: no limit. */
  concurrent?: number;
  /** What only webhooks, persons and repairs may use of the day: below 1 a share of its calls, else a number of them. Default 10 %. */
  reserve?: number;
  /** Stricter limits of some paths, beside those of all calls. */
  paths?: readonly PathLimit[];
}

/** Calls of a day of `all` calls that are kept from bulk work. */
export function reservedCalls({ reserve = 0 }: Limits, all: number | undefined): number {
  if (all === undefined) return 0;
  // Rounded first, as 0.1 of 30 is a little more than 3 to a computer.
  return Math.min(all, reserve < 1 ? Math.ceil(Math.round(all * reserve * 1e6) / 1e6) : Math.floor(reserve));
}

export interface RetrySettings {
  /** Calls in all, the first included. */
  attempts: number;
  backoff: 'exponential' | 'linear' | 'fixed';
  first: number;
  max: number;
  jitter: 'full' | 'none';
  /** How long one `send` may take with all its attempts and pauses, its wait for the connection's own limits left out. */
  total: number;
}

export interface BreakerSettings { failures: number; coolDown: number }

export interface TimeoutSettings {
  connect: number;
  /** From the request sent to the headers of the answer. */
  headers: number;
  /** From the headers to the end of the body, however steadily it drips. */
  body: number;
  /** One attempt, from the request handed over to the end of the body. */
  total: number;
}

export interface CacheSettings {
  enabled: boolean;
  /** Bytes, where it is kept in memory. */
  maxSize: number;
  /** Milliseconds by stream. */
  times: Readonly<Record<string, number>>;
  /** Streams whose records are those of another one. */
  sameAs: Readonly<Record<string, string>>;
}

export interface ConnectionSettings {
  limits: Limits;
  retry: RetrySettings;
  breaker: BreakerSettings;
  timeout: TimeoutSettings;
  cache: CacheSettings;
  /** Bytes of the largest body that is read, after decompression. */
  maxBody: number;
}

type Given<T> = { readonly [Name in keyof T]?: T[Name] | undefined };

/** What the config says (`connections.<id>`); absent values are taken from the plugin and the defaults. */
export interface GivenSettings {
  readonly limits?: Given<Limits> | undefined;
  readonly retry?: Given<RetrySettings> | undefined;
  readonly breaker?: Given<BreakerSettings> | undefined;
  readonly timeout?: Given<TimeoutSettings> | undefined;
  readonly cache?: { readonly enabled?: boolean | undefined; readonly maxSize?: number | undefined; readonly times?: Readonly<Record<string, number | undefined>> | undefined } | undefined;
  readonly maxBody?: number | undefined;
}

const defaults: ConnectionSettings = {
  limits: { reserve: 0.1 },
  retry: { attempts: 3, backoff: 'exponential', first: 4_000, max: 60_000, jitter: 'full', total: 15 * 60_000 },
  breaker: { failures: 5, coolDown: 60_000 },
  timeout: { connect: 10_000, headers: 30_000, body: 60_000, total: 120_000 },
  cache: { enabled: true, maxSize: 32_000_000, times: {}, sameAs: {} },
  maxBody: 50_000_000,
};

/** What the config says of a path takes the place of what the plugin says of it. */
function paths(plugin: readonly PathLimit[] = [], given: readonly PathLimit[] = []): Pick<Limits, 'paths'> {
  const joined = new Map([...plugin, ...given].map((limit) => [limit.path, limit]));
  return joined.size === 0 ? {} : { paths: [...joined.values()] };
}

/** Joins the three layers value by value. */
export function connectionSettings(given: GivenSettings = {}, plugin: ConnectionDefaults = {}): ConnectionSettings {
  const { retry = {}, timeout = {} } = plugin;
  return {
    limits: { ...layered<Limits>(defaults.limits, plugin.limits, given.limits), ...paths(plugin.limits?.paths, given.limits?.paths) },
    retry: layered(defaults.retry, { attempts: retry.attempts, first: retry.firstMs, max: retry.maxMs }, given.retry),
    breaker: layered(defaults.breaker, {}, given.breaker),
    timeout: layered(defaults.timeout, { connect: timeout.connectMs, headers: timeout.headersMs, body: timeout.bodyMs, total: timeout.totalMs }, given.timeout),
    cache: {
      enabled: given.cache?.enabled ?? defaults.cache.enabled, maxSize: given.cache?.maxSize ?? defaults.cache.maxSize,
      times: layered<Record<string, number>>({}, plugin.cache?.times, given.cache?.times), sameAs: plugin.cache?.sameAs ?? {},
    },
    maxBody: given.maxBody ?? defaults.maxBody,
  };
}

function layered<T extends object>(base: T, ...layers: (Given<T> | undefined)[]): T {
  const result: T = { ...base };
  for (const layer of layers) {
    for (const [name, value] of Object.entries(layer ?? {})) if (value !== undefined) result[name as keyof T] = value as T[keyof T];
  }
  return result;
}
