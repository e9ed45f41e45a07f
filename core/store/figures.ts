/** What stands in TDS's tables, counted for metrics and health. Read at most once in some seconds; nothing here reads a table of records. */
import { readScheduleFigures, restsByFailures, type ScheduleFigure } from './schedule-figures.ts';
import type { Reading } from './session.ts';
import { lossToMind, lossWindowMs, readLosses } from './webhook-gaps.ts';

export interface DeadLetterFigure { entity: string; kind: string; open: number; recent: number }
export interface EntityFigure { entity: string; ageSeconds: number | null; lastState: string | null; lastSeconds: number | null }
export interface HealingFigure { rule: string; acts: number; told: number; waiting: number }
export interface TokenFigure { account: string; expiresSeconds: number | null; ageSeconds: number | null; /** The sign-in was refused for good. */ denied: boolean }
/** Breakers that are not closed. */
export interface BreakerFigure { connection: string; probing: boolean }
export interface InboxFigure { entity: string; waiting: number; oldestSeconds: number; lossRatio: number }
/** Messages of an entity that were refused within a day in which none of it was taken; `unknown addresses` where they were for none of ours. */
export interface UntakenFigure { entity: string; refused: number }
export interface NotifierFigure { notifier: string; sent: number; failed: number; failing: number; /** Messages since the last one that got through. */ givenUp: number }

/** All of them. Ages are in seconds before `now`. */
export interface Figures {
  at: Date;
  deadLetters: DeadLetterFigure[]; entities: EntityFigure[]; runs: { state: string; count: number }[]; nodes: number; /** Nodes that tick schedules and heal. */ schedulers: number; /** Nodes that answer people and services. */ apis: number; healing: HealingFigure[]; tokens: TokenFigure[]; breakers: BreakerFigure[]; /** Schedules that their failures have paused. */ resting: string[];
  alerts: { severity: string; state: string; count: number }[]; notifiers: NotifierFigure[]; inbox: InboxFigure[]; untaken: UntakenFigure[]; database: { sizeBytes: number; connections: number; limit: number };
  schedules: ScheduleFigure[];
}

/** Why messages were not taken, as they are counted. */
const refusals = ['signature', 'unknown', 'too_large', 'not_json', 'overload', 'broken_off', 'failed'];

/** Letters that came within this are recent. */
const recentMinutes = 15;

/** @param entities those of the config that are switched on. @param now default: the database's clock */
export async function readFigures(session: Reading, entities: readonly string[], now?: Date): Promise<Figures> {
  const at = now ?? ((await session.query('SELECT clock_timestamp() AS now')).rows[0]?.['now'] as Date);
  const rows = async <T>(text: string, values: readonly unknown[] = []): Promise<T[]> => (await session.query(text, values)).rows as T[];
  // A node of a version that knew no roles has them all; a command that only asks has none, and takes no jobs.
  const withRole = (role: string): string => `count(DISTINCT node_id) FILTER (WHERE '${role}' = ANY(coalesce(roles, CASE WHEN concurrency > 0 THEN ARRAY['${role}'] END)))::int`;
  const [nodes] = await rows<{ count: number; schedulers: number; apis: number }>(
    `SELECT count(DISTINCT node_id) FILTER (WHERE concurrency > 0)::int AS count, ${withRole('scheduler')} AS schedulers, ${withRole('api')} AS apis FROM nodes`);
  const [database] = await rows<Figures['database']>(
    `SELECT pg_database_size(current_database())::float8 AS "sizeBytes", (SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections, current_setting('max_connections')::int AS "limit"`);
  return {
    at,
    nodes: nodes?.count ?? 0, schedulers: nodes?.schedulers ?? 0, apis: nodes?.apis ?? 0,
    schedules: await readScheduleFigures(session, at),
    database: database ?? { sizeBytes: 0, connections: 0, limit: 0 },
    deadLetters: await rows(
      `SELECT coalesce(entity, '') AS entity, kind, count(*)::int AS open, count(*) FILTER (WHERE first_at > $1::timestamptz - make_interval(mins => $2))::int AS recent
         FROM dead_letters WHERE status = 'open' GROUP BY 1, 2`, [at, recentMinutes]),
    entities: await rows(
      `SELECT c.entity, extract(epoch FROM $2::timestamptz - e.last_read_at)::float8 AS "ageSeconds", r.status AS "lastState", extract(epoch FROM r.ended_at - r.started_at)::float8 AS "lastSeconds"
         FROM unnest($1::text[]) AS c (entity) LEFT JOIN entities e ON e.entity = c.entity
         LEFT JOIN LATERAL (SELECT status, started_at, ended_at FROM runs WHERE runs.entity = c.entity AND status IN ('succeeded', 'failed') AND part_of IS NULL ORDER BY id DESC LIMIT 1) r ON true`, [entities, at]),
    runs: await rows(
      `SELECT s.state, coalesce(c.count, 0) AS count FROM unnest(ARRAY['queued', 'running', 'waiting']) AS s (state)
         LEFT JOIN (SELECT status, count(*)::int AS count FROM runs WHERE status IN ('queued', 'running', 'waiting') AND part_of IS NULL GROUP BY status) c ON c.status = s.state`),
    healing: await rows(
      `SELECT rule, sum(acts)::float8 AS acts, sum(told)::float8 AS told,
              (SELECT count(DISTINCT a.fingerprint)::int FROM healing_acts a WHERE a.rule = r.rule AND a.outcome = 'told' AND a.reset_at IS NULL) AS waiting
         FROM healing_rules r GROUP BY rule`),
    tokens: await rows(
      `SELECT connection AS account, extract(epoch FROM max(expires_at) FILTER (WHERE sealed IS NOT NULL) - $1::timestamptz)::float8 AS "expiresSeconds",
              extract(epoch FROM $1::timestamptz - max((SELECT max(r) FROM unnest(refreshes) AS r)))::float8 AS "ageSeconds", bool_or(denied_at IS NOT NULL) AS denied FROM tokens GROUP BY connection`, [at]),
    breakers: await rows('SELECT connection, coalesce(probe_until > extract(epoch FROM $1::timestamptz) * 1000, false) AS probing FROM breakers', [at]),
    resting: (await rows<{ schedule: string }>(`SELECT schedule FROM schedules WHERE removed_at IS NULL AND ${restsByFailures} ORDER BY 1`)).map(({ schedule }) => schedule),
    alerts: await rows(`SELECT severity, state, count(*)::int AS count FROM alerts WHERE state <> 'resolved' GROUP BY 1, 2`),
    notifiers: await rows('SELECT notifier, sent::float8 AS sent, failed::float8 AS failed, failing, given_up AS "givenUp" FROM notifier_states'),
    inbox: await inboxFigures(session, entities, at), untaken: await untakenFigures(session, at),
  };
}

/** Of entities that messages came for: those that wait, and the share that was lost. */
async function inboxFigures(session: Reading, entities: readonly string[], now: Date): Promise<InboxFigure[]> {
  const losses = await readLosses(session, new Date(now.getTime() - lossWindowMs));
  const { rows } = await session.query(
    `SELECT c.entity, coalesce(i.waiting, 0) AS waiting, greatest(0, coalesce(extract(epoch FROM $2::timestamptz - i.oldest), 0))::float8 AS "oldestSeconds"
       FROM unnest($1::text[]) AS c (entity) LEFT JOIN webhook_entities w ON w.entity = c.entity
       LEFT JOIN (SELECT entity, count(*)::int AS waiting, min(received_at) AS oldest FROM webhook_inbox WHERE outcome IS NULL GROUP BY entity) i ON i.entity = c.entity
      WHERE w.entity IS NOT NULL OR i.entity IS NOT NULL`, [entities, now]);
  return (rows as unknown as Omit<InboxFigure, 'lossRatio'>[]).map((row) => ({ ...row, lossRatio: lossToMind(losses.get(row.entity)) }));
}

/** Messages that never work leave no other trace: what is lost is only counted from the first one that does. */
async function untakenFigures(session: Reading, now: Date): Promise<UntakenFigure[]> {
  const { rows } = await session.query(
    `WITH taken AS (SELECT entity FROM webhook_entities WHERE last_at >= $1::timestamptz - interval '1 day' UNION SELECT entity FROM webhook_inbox WHERE outcome IS NULL)
     SELECT coalesce(nullif(c.entity, ''), 'unknown addresses') AS entity, sum(c.count)::float8 AS refused FROM webhook_counts c
      WHERE c.hour >= date_trunc('hour', $1::timestamptz - interval '1 day') AND c.name = ANY($2::text[]) AND NOT EXISTS (SELECT FROM taken t WHERE t.entity = c.entity OR c.entity = '')
      GROUP BY c.entity HAVING sum(c.count) > 0 ORDER BY 1`, [now, refusals]);
  return rows as unknown as UntakenFigure[];
}
