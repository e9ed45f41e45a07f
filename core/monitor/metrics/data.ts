/** What stands in TDS's database: the same on every node. Read at a scrape, at most once in some seconds. */
import { replaceAll, type Metrics } from './registry.ts';

/** As `core/store/figures.ts` reads them, and what the config makes of them. */
export interface DataFigures {
  deadLetters: readonly { entity: string; kind: string; open: number; recent: number }[];
  entities: readonly { entity: string; ageSeconds: number | null; lastState: string | null; lastSeconds: number | null; overdueSeconds: number | null }[];
  /** Those that call a remote. */
  connections: readonly { connection: string; /** Of the breaker that all nodes share. */ breaker: 'closed' | 'open' | 'half-open'; /** The sign-in was refused for good. */ denied: boolean }[];
  runs: readonly { state: string; count: number }[];
  nodes: number;
  healing: readonly { rule: string; acts: number; told: number; waiting: number }[];
  tokens: readonly { account: string; expiresSeconds: number | null; ageSeconds: number | null }[];
  alerts: readonly { severity: string; state: string; count: number }[];
  notifiers: readonly { notifier: string; sent: number; failed: number; failing: number; givenUp: number }[];
  database: { sizeBytes: number; connections: number; limit: number };
}

export interface DataMetrics {
  /** At a scrape; undefined: the database can't be asked, and nothing of it is told. */
  atScrape(figures: DataFigures | undefined): void;
}

/** So many attempts that failed in a row are no passing fault. */
const failuresOfDown = 3;

export function dataMetrics(metrics: Metrics): DataMetrics {
  const up = metrics.gauge({ name: 'tds_database_up', help: '1 when TDS\'s database answered this scrape.', scope: 'node' });
  const letters = metrics.gauge({ name: 'tds_dead_letters', help: 'Open dead letters, of records and of jobs.', labels: ['entity', 'kind'], scope: 'all' });
  const recent = metrics.gauge({ name: 'tds_dead_letters_recent', help: 'Open dead letters that came in the last 15 minutes.', labels: ['entity', 'kind'], scope: 'all' });
  const age = metrics.gauge({ name: 'tds_entity_freshness_seconds', help: 'Since the start of the last read that succeeded; absent before the first.', labels: ['entity'], scope: 'all' });
  const overdue = metrics.gauge({ name: 'tds_entity_overdue_seconds', help: 'Since the entity should have been read again at the latest, by its own schedules; below 0 there is time left. Absent before the first read.', labels: ['entity'], scope: 'all' });
  const open = metrics.gauge({ name: 'tds_connection_breaker_open', help: '1 while the breaker that all nodes share is open, 0.5 while one of them probes, else 0.', labels: ['connection'], scope: 'all' });
  const denied = metrics.gauge({ name: 'tds_connection_sign_in_refused', help: '1 while the sign-in is refused for good and waits for a person, else 0.', labels: ['connection'], scope: 'all' });
  const failed = metrics.gauge({ name: 'tds_entity_last_run_failed', help: '1 when the last run that ended has failed, else 0.', labels: ['entity'], scope: 'all' });
  const took = metrics.gauge({ name: 'tds_entity_last_run_duration_seconds', help: 'How long the last run that ended took.', labels: ['entity'], scope: 'all' });
  const runs = metrics.gauge({ name: 'tds_runs_active', help: 'Runs that are queued, running or waiting.', labels: ['state'], scope: 'all' });
  const nodes = metrics.gauge({ name: 'tds_nodes', help: 'Living nodes that take jobs.', scope: 'all' });
  const acts = metrics.counter({ name: 'tds_healing_acts_total', help: 'What TDS mended, or tried to, by itself.', labels: ['rule'], scope: 'all' });
  const told = metrics.counter({ name: 'tds_healing_told_total', help: 'What healing gave up and told a person.', labels: ['rule'], scope: 'all' });
  const waiting = metrics.gauge({ name: 'tds_healing_waiting', help: 'What still waits for a person, until "tds healing reset".', labels: ['rule'], scope: 'all' });
  const expires = metrics.gauge({ name: 'tds_token_expires_seconds', help: 'Until the access token ends; below 0 it has.', labels: ['account'], scope: 'all' });
  const tokenAge = metrics.gauge({ name: 'tds_token_age_seconds', help: 'Since an access token was asked for.', labels: ['account'], scope: 'all' });
  const alerts = metrics.gauge({ name: 'tds_alerts', help: 'Alerts that are not resolved.', labels: ['severity', 'state'], scope: 'all' });
  const messages = metrics.counter({ name: 'tds_notifications_total', help: 'Messages to people, by how they ended.', labels: ['notifier', 'outcome'], scope: 'all' });
  const failing = metrics.gauge({ name: 'tds_notifier_failures', help: 'Deliveries that failed since the last one that succeeded.', labels: ['notifier'], scope: 'all' });
  const down = metrics.gauge({ name: 'tds_notifier_down', help: '1 while messages do not get through: three attempts failed in a row or a message was given up, and none succeeded since; else 0.', labels: ['notifier'], scope: 'all' });
  const size = metrics.gauge({ name: 'tds_database_size_bytes', help: 'The size of TDS\'s database.', scope: 'all' });
  const connections = metrics.gauge({ name: 'tds_database_connections', help: 'Connections to that database, by anybody.', scope: 'all' });
  const most = metrics.gauge({ name: 'tds_database_limit_connections', help: 'Connections that the server takes.', scope: 'all' });
  const all = [letters, recent, age, overdue, open, denied, failed, took, runs, nodes, acts, told, waiting, expires, tokenAge, alerts, messages, failing, down, size, connections, most];

  return {
    atScrape(figures) {
      up.set(figures ? 1 : 0);
      if (!figures) {
        for (const metric of all) metric.reset();
        for (const metric of [nodes, size, connections, most]) metric.remove();
        return;
      }
      replaceAll(letters, figures.deadLetters.map(({ entity, kind, open }) => [{ entity, kind }, open]));
      replaceAll(recent, figures.deadLetters.map(({ entity, kind, recent: count }) => [{ entity, kind }, count]));
      replaceAll(age, known(figures.entities, ({ ageSeconds }) => ageSeconds));
      replaceAll(overdue, known(figures.entities, ({ overdueSeconds }) => overdueSeconds));
      replaceAll(open, figures.connections.map(({ connection, breaker }) => [{ connection }, breaker === 'open' ? 1 : breaker === 'half-open' ? 0.5 : 0]));
      replaceAll(denied, figures.connections.map(({ connection, denied: refused }) => [{ connection }, Number(refused)]));
      replaceAll(failed, known(figures.entities, ({ lastState }) => (lastState === null ? null : Number(lastState === 'failed'))));
      replaceAll(took, known(figures.entities, ({ lastSeconds }) => lastSeconds));
      replaceAll(runs, figures.runs.map(({ state, count }) => [{ state }, count]));
      nodes.set(figures.nodes);
      replaceAll(acts, figures.healing.map(({ rule, acts: count }) => [{ rule }, count]));
      replaceAll(told, figures.healing.map(({ rule, told: count }) => [{ rule }, count]));
      replaceAll(waiting, figures.healing.map(({ rule, waiting: count }) => [{ rule }, count]));
      replaceAll(expires, figures.tokens.flatMap(({ account, expiresSeconds }) => (expiresSeconds === null ? [] : [[{ account }, expiresSeconds] as const])));
      replaceAll(tokenAge, figures.tokens.flatMap(({ account, ageSeconds }) => (ageSeconds === null ? [] : [[{ account }, ageSeconds] as const])));
      replaceAll(alerts, figures.alerts.map(({ severity, state, count }) => [{ severity, state }, count]));
      replaceAll(messages, figures.notifiers.flatMap(({ notifier, sent, failed: lost }) => [[{ notifier, outcome: 'sent' }, sent], [{ notifier, outcome: 'failed' }, lost]] as const));
      replaceAll(failing, figures.notifiers.map(({ notifier, failing: count }) => [{ notifier }, count]));
      replaceAll(down, figures.notifiers.map(({ notifier, failing: count, givenUp }) => [{ notifier }, Number(count >= failuresOfDown || givenUp > 0)]));
      size.set(figures.database.sizeBytes);
      connections.set(figures.database.connections);
      most.set(figures.database.limit);
    },
  };
}

function known(entities: DataFigures['entities'], of: (one: DataFigures['entities'][number]) => number | null): (readonly [{ entity: string }, number])[] {
  return entities.flatMap((one) => {
    const value = of(one);
    return value === null ? [] : [[{ entity: one.entity }, value] as const];
  });
}
