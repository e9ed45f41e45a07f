/** A configured way to one remote: all that leaves the process for it goes through here (promise 6). */
import { setMaxListeners } from 'node:events';
import { timerClock } from '../monitor/clock.ts';
import type { Clock, ConnectionDefaults, HttpClient, JsonValue, Logger, RecordCache, StateStore, TokenStore } from '../sdk/index.ts';
import type { Pool } from '../store/pool.ts';
import { readingOf } from '../store/session.ts';
import { breakerStore } from './breaker-store.ts';
import { createBreaker, type BreakerState } from './breaker.ts';
import { createClient, withoutRepeats, type ClientDeps } from './client.ts';
import { hostGuard } from './host-guard.ts';
import { openAccount, type Account } from './accounts.ts';
import type { LimiterStatus } from './limiter-types.ts';
import { createCache, type CacheStatus } from './cache.ts';
import { memoryCacheStore, redisCacheStore } from './cache-store.ts';
import { lookBy, type Look, type Seen } from './look.ts';
import { createQuota } from './quota.ts';
import { quotaOfHeaders } from './quota-headers.ts';
import type { QuotaObservation, QuotaPause, QuotaStatus } from './quota-types.ts';
import type { QuotaReport } from './quota-report.ts';
import { quotaStore } from './quota-store.ts';
import type { SharedRedis } from './redis.ts';
import { redisAccess } from './redis-access.ts';
import { RetryBudget } from './retry.ts';
import { sealer, type Sealer } from './seal.ts';
import { connectionSettings, type GivenSettings } from './settings.ts';
import { memoryStateStore, stateStore } from './stores.ts';
import { tokenKeeper } from './token-keeper.ts';
import { createTokenStore, memoryTokenKeeper, type Denial } from './tokens.ts';
import { createTransport, type Transport } from './transport.ts';

export interface ConnectionDeps extends GivenSettings {
  /** The name in the config. */
  id: string;
  clock: Clock;
  log: Logger;
  /** What the plugin declares; holds where the config says nothing. */
  defaults?: ConnectionDefaults | undefined;
  /** TDS's database, its search path on TDS's schema. Without it everything is kept in memory. */
  pool?: Pool | undefined;
  /** Looks at that database for people. Default: by the pool. */
  looks?: Look | undefined;
  /** The account whose limits and tokens this connection shares with others; released at `close`. Without it the connection has its own. */
  account?: Account | undefined;
  /** The sign-in whose tokens it uses; connections that name the same one share them. Default: the account. */
  signIn?: string | undefined;
  /** Where cached records and counts of calls are kept for all nodes; `namespace` keeps installations apart. Without it each process keeps its own. */
  redis?: { shared: SharedRedis; namespace: string } | undefined;
  /** Seals tokens in the database. Without it they can be read by this process alone. */
  sealer?: Sealer | undefined;
  /** Hosts that the config names, and that may lie inside the private network. See `hostsOf`. */
  allowedHosts?: Iterable<string> | undefined;
  /** Zone of the service's day. Default: the state `timezone`, which the connector may set; else UTC. */
  timezone?: string | undefined;
  /** Told of secrets that come up at run time, such as access tokens: a redactor's `add`. */
  onSecret?: ((secret: string) => void) | undefined;
  /** Told of each change that this process makes. */
  onBreaker?: ((state: BreakerState, from: BreakerState['state']) => void) | undefined;
  /** Told of each exchange with the remote, for metrics. */
  onCall?: ClientDeps['onCall'];
  /** Told once when the remote refuses the sign-in for good, until it gives a token again. */
  onDenied?: ((denial: Denial) => void) | undefined;
  /** Takes secrets out of what the remote said before it is kept or told. */
  redact?: ((text: string) => string) | undefined;
  /** Told once a day when bulk work has to wait for the next one. */
  onQuotaPause?: ((pause: QuotaPause) => void) | undefined;
  /** For tests: another way over the wire, another chance, another margin of the minute. */
  transport?: Transport | undefined;
  random?: (() => number) | undefined;
  windowMargin?: number | undefined;
}

export interface ConnectionStatus {
  breaker: BreakerState;
  /** Calls of the last minute, those under way included. */
  callsLastMinute: number;
  /** Calls that wait for their turn. */
  waiting: number;
  inFlight: number;
  quota: QuotaStatus;
  /** Of this process. */
  cache: CacheStatus;
  /** Set while all calls wait because the other side said so. */
  pausedUntil?: Date;
  /** Of limits that are shared: the process's part is being asked for, or calls are about to leave by it. */
  settling?: boolean;
  /** What is out of order with the place that divides the limits between nodes. */
  notice?: string;
}

/** What people and programs look at. */
export interface ConnectionLook {
  breaker: BreakerState;
  /** The calls of the day as all nodes have counted them. */
  quota: QuotaReport;
  /** Set while the remote refuses the sign-in: all calls fail at once until a person has renewed it. */
  signIn: Denial | undefined;
}

export interface Connection {
  readonly id: string;
  readonly http: HttpClient;
  readonly tokens: TokenStore;
  readonly state: StateStore;
  readonly cache: RecordCache;
  /** Drops a record from the cache: a webhook says that it changed. `stream` as an entity names it. Never throws. */
  invalidate(stream: string, key: string): Promise<void>;
  /** Empties the cache of this process, or the Redis that all share. Never throws. */
  clearCache(): Promise<void>;
  status(): ConnectionStatus;
  /** How it stands for all nodes. @throws what the database throws */
  look(): Promise<ConnectionLook>;
  /** What calls wait for now, such as `the limit per minute, 12 s`; undefined when nothing waits. */
  waitsOn(): string | undefined;
  /** Corrects the day's count by what the service says. `X-Rate-Limit-*` of answers is read without it where `perDay` is set. */
  observeQuota(observation: QuotaObservation): void;
  /** Runs `work`, by which tokens that end within `ms` are renewed ahead of time. Answers the errors of the renewals. */
  renewingTokens(ms: number, work: () => Promise<unknown>): Promise<unknown[]>;
  /** The account whose limits it shares, as the database names it. */
  readonly accountName: string;
  /** Whose tokens it uses, as the database names it. */
  readonly signInName: string;
  /** The breaker as it stands for all nodes. */
  lookAtBreaker(): Promise<BreakerState>;
  /** Closes the breaker by hand, for all nodes. @returns whether it was not closed */
  resetBreaker(): Promise<boolean>;
  /** Breaks off all calls, writes what is to be kept. Safe to call twice. Call it before the pool ends. */
  close(): Promise<void>;
}

/** Makes a connection, without any I/O before the first call. */
export function createConnection(deps: ConnectionDeps): Connection {
  const { id, pool } = deps;
  const clock = timerClock(deps.clock);
  const log = deps.log.child({ connection: id });
  const settings = connectionSettings(deps, deps.defaults);
  const { limits } = settings;
  const closing = new AbortController();
  setMaxListeners(0, closing.signal);

  const transport = deps.transport ?? createTransport({
    clock, guard: hostGuard(deps.allowedHosts ?? []), timeout: settings.timeout, maxBody: settings.maxBody, connections: limits.concurrent ?? 64,
  });
  const account = deps.account ?? openAccount(id, limits, { clock, log, pool, redis: deps.redis && redisAccess(deps.redis.shared), margin: deps.windowMargin });
  const { limiter, share } = account;
  const breaker = createBreaker({
    connectionId: id, settings: settings.breaker, clock, log, probeMs: settings.timeout.total, store: pool && breakerStore(pool, id),
    onChange(state, from) {
      if (state.state === 'open') log.warn('the breaker opened: calls rest', { ...state });
      else log.info(`the breaker is ${state.state}`, { ...state });
      deps.onBreaker?.(state, from);
    },
  });
  const quota = createQuota({ connectionId: id, limits, clock, log, onZone: (zone) => void state.set('timezone', zone).catch(() => {}), ...(deps.timezone === undefined ? {} : { zone: deps.timezone }), ...(pool ? { store: quotaStore(pool, id) } : {}), ...(deps.onQuotaPause ? { onPause: deps.onQuotaPause } : {}) });
  const onState = (name: string, value: JsonValue): void => {
    if (name !== 'timezone' || typeof value !== 'string' || deps.timezone !== undefined) return;
    try {
      quota.setZone(value);
    } catch (error) {
      log.warn('the state "timezone" is no time zone', { error });
    }
  };
  const state = pool ? stateStore(pool, id, onState) : memoryStateStore(onState);
  const signInName = deps.signIn ?? account.name;
  const tokens = createTokenStore({
    clock, keeper: pool ? tokenKeeper(pool, signInName, deps.sealer ?? sealer()) : memoryTokenKeeper(), around: withoutRepeats, ...(deps.onSecret ? { onToken: deps.onSecret } : {}), ...(deps.redact ? { redact: deps.redact } : {}),
    onDenied(denial) {
      log.error('the sign-in is refused: this connection does nothing until a person renews it', { ...denial });
      deps.onDenied?.(denial);
    },
  });
  const looks: Look = deps.looks ?? (pool ? lookBy(readingOf(pool)) : async ({ day }) => ({ breaker: undefined, denial: await tokens.denial(), ledger: { day, known: { calls: 0, elsewhere: 0 }, entries: [] } }));
  const zoneKnown = untilDone(async () => void (await state.get('timezone')));
  const cache = createCache({
    clock, log, times: settings.cache.enabled ? settings.cache.times : {}, sameAs: settings.cache.sameAs,
    store: deps.redis ? redisCacheStore(deps.redis.shared, `${deps.redis.namespace}:${id}`) : memoryCacheStore(settings.cache.maxSize),
  });
  const http = createClient({
    connectionId: id, settings, clock, log, transport, limiter, breaker, budget: new RetryBudget(clock), paths: account.paths, closing: closing.signal,
    quota: { ...quota, ready: async () => {
      await zoneKnown().catch(() => undefined);
      await quota.ready();
    } },
    random: deps.random ?? Math.random, onCall: deps.onCall, redact: deps.redact ?? ((text) => text), onSecret: deps.onSecret ?? (() => {}),
    readQuota: limits.perDay === undefined ? undefined : quotaOfHeaders,
  });

  return {
    id, http, tokens, state, cache,
    invalidate: (stream, key) => cache.invalidate(stream, key),
    clearCache: () => cache.clear(),
    status() {
      const { waiting, inFlight, turns, lastMinute, pausedUntil }: LimiterStatus = limiter.status();
      const notice = share?.notice();
      return { breaker: breaker.state(), callsLastMinute: lastMinute, waiting, inFlight, quota: quota.status(), cache: cache.status(), ...(share ? { settling: share.asking || turns > 0 } : {}), ...(notice === undefined ? {} : { notice }), ...(pausedUntil ? { pausedUntil } : {}) };
    },
    waitsOn() {
      const { state, resumesAt } = breaker.state();
      return state === 'open' && resumesAt ? `the breaker, until ${resumesAt.toISOString()}` : limiter.waitsOn() ?? account.paths.map((path) => path.limiter.waitsOn()).find((wait) => wait !== undefined);
    },
    async look() {
      await zoneKnown();
      let seen: Promise<Seen> | undefined;
      const read = (): Promise<Seen> => (seen ??= looks({ connection: id, signIn: signInName, day: quota.status().day }));
      // the breaker has its row read when its own writes are through; where another look at it is under way, the rest is read here
      const state = await breaker.look(async () => (await read()).breaker);
      const { ledger, denial } = await read();
      return { breaker: state, quota: quota.report(ledger), signIn: denial };
    },
    observeQuota: (observation) => quota.observe(observation),
    renewingTokens: (ms, work) => tokens.renewing(ms, work),
    accountName: account.name,
    signInName,
    lookAtBreaker: () => breaker.look(),
    resetBreaker: () => breaker.reset(),
    close: once(async () => {
      closing.abort();
      await transport.close();
      const ends = await Promise.allSettled([quota.close(), account.release()]);
      for (const end of ends) if (end.status === 'rejected') log.warn('what the connection knows could not be written at its close', { error: end.reason as unknown });
    }),
  };
}

/** The hosts of all http(s) addresses in a connection's settings, however deep: the ones that the config names. */
export function hostsOf(settings: unknown): string[] {
  if (typeof settings === 'string') {
    const url = /^https?:\/\//i.test(settings) ? URL.parse(settings) : null;
    return url === null ? [] : [url.hostname];
  }
  return typeof settings === 'object' && settings !== null ? Object.values(settings).flatMap(hostsOf) : [];
}

/** Runs `work` once; one that failed is tried again by the next call. */
function untilDone(work: () => Promise<void>): () => Promise<void> {
  let result: Promise<void> | undefined;
  return () => (result ??= work().catch((error: unknown) => {
    result = undefined;
    throw error;
  }));
}

function once(work: () => Promise<void>): () => Promise<void> {
  let result: Promise<void> | undefined;
  return () => (result ??= work());
}
