/** Calls to the services, and what is left of what they allow. */
import { replaceAll, type Metrics } from './registry.ts';

const seconds = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** What a connection says of itself at a scrape. */
export interface ConnectionFigures {
  id: string;
  waiting: number;
  inFlight: number;
  /** Of records that the connection keeps; absent where it tells of none. */
  cache?: { hits: number; misses: number } | undefined;
  quota: { used: number; limit: number; /** Which part of the service's day is over, 0 to 1. */ elapsed: number } | undefined;
}

export interface ConnectionMetrics {
  /** An exchange ended: with the answer's status, or with `none` where there was no answer. */
  called(call: { connection: string; status: number | undefined; seconds: number }): void;
  /** At a scrape. */
  atScrape(connections: readonly ConnectionFigures[]): void;
}

/**
 * What the day will have used at its end, as a share of what it has, if it goes on like this. Nothing is projected further than to
 * double: a night that spends a third of the day on a full read is no sign that the rest will do the same.
 */
export function quotaForecast({ used, limit, elapsed }: { used: number; limit: number; elapsed: number }): number {
  return used / limit / Math.min(1, Math.max(0.5, elapsed));
}

export function connectionMetrics(metrics: Metrics): ConnectionMetrics {
  const calls = metrics.counter({ name: 'tds_remote_calls_total', help: 'Calls to services, repeats included, by the status of the answer; "none" where there was none.', labels: ['connection', 'status'], scope: 'node' });
  const duration = metrics.histogram({ name: 'tds_remote_call_duration_seconds', help: 'From a call sent to the end of its answer.', labels: ['connection'], scope: 'node' }, seconds);
  const waiting = metrics.gauge({ name: 'tds_connection_calls_waiting', help: 'Calls that wait for their turn.', labels: ['connection'], scope: 'node' });
  const inFlight = metrics.gauge({ name: 'tds_connection_calls_in_flight', help: 'Calls under way.', labels: ['connection'], scope: 'node' });
  const used = metrics.gauge({ name: 'tds_quota_used_calls', help: 'Calls of the service\'s day by whomever, as far as known to this node.', labels: ['connection'], scope: 'node' });
  const limit = metrics.gauge({ name: 'tds_quota_limit_calls', help: 'Calls that the day has.', labels: ['connection'], scope: 'node' });
  const left = metrics.gauge({ name: 'tds_quota_left_calls', help: 'Calls that are left of the day.', labels: ['connection'], scope: 'node' });
  const forecast = metrics.gauge({ name: 'tds_quota_forecast_ratio', help: 'What the day will have used at its end, as a share of its limit, if it goes on as until now. Above 1 it runs out before midnight.', labels: ['connection'], scope: 'node' });
  const lookups = metrics.counter({ name: 'tds_connection_cache_lookups_total', help: 'Records that were looked for in the cache: a hit saved a call, a miss made one.', labels: ['connection', 'outcome'], scope: 'node' });
  return {
    called({ connection, status, seconds: took }) {
      calls.inc({ connection, status: status === undefined ? 'none' : String(status) });
      duration.observe({ connection }, took);
    },
    atScrape(connections) {
      const each = <T>(of: (one: ConnectionFigures) => T) => connections.map((one) => [{ connection: one.id }, of(one)] as const);
      replaceAll(waiting, each((one) => one.waiting));
      replaceAll(inFlight, each((one) => one.inFlight));
      replaceAll(lookups, connections.flatMap(({ id, cache }) => (cache ? [[{ connection: id, outcome: 'hit' }, cache.hits], [{ connection: id, outcome: 'miss' }, cache.misses]] as const : [])));
      const withQuota = connections.flatMap(({ id, quota }) => (quota ? [{ id, quota }] : []));
      const ofQuota = (of: (quota: NonNullable<ConnectionFigures['quota']>) => number) => withQuota.map(({ id, quota }) => [{ connection: id }, of(quota)] as const);
      replaceAll(used, ofQuota((quota) => quota.used));
      replaceAll(limit, ofQuota((quota) => quota.limit));
      replaceAll(left, ofQuota((quota) => Math.max(0, quota.limit - quota.used)));
      replaceAll(forecast, ofQuota(quotaForecast));
    },
  };
}
