/** Rows of alerts, silences, events and the figures of nodes. Times come from the caller, so that one clock decides. */
import type { JsonObject, SqlSession } from '../sdk/index.ts';
import { pageOfList, type Page } from './cursor.ts';
import type { Reading } from './session.ts';

export type AlertState = 'pending' | 'firing' | 'acknowledged' | 'resolved';
export type Severity = 'info' | 'warning' | 'critical';

export interface Alert {
  id: string; rule: string; fingerprint: string; labels: Record<string, string>; severity: Severity; state: AlertState; value: number | null; summary: string; help: string;
  since: Date; seenAt: Date; firedAt: Date | null; acknowledgedAt: Date | null; acknowledgedBy: string | null; resolvedAt: Date | null; notifiedAt: Date | null;
}

export interface Silence { id: string; rule: string | null; labels: Record<string, string>; reason: string; by: string; at: Date; until: Date }

export interface StoredEvent { name: string; detail: JsonObject; at: Date }

/** Figures that one node has of itself. */
export interface NodeSamples { node: string; samples: { name: string; labels: Record<string, string>; value: number }[] }

export interface AlertFilter extends Page { state?: AlertState; rule?: string }

const columns = `id::text AS id, rule, fingerprint, labels, severity, state, value, summary, help, since, seen_at AS "seenAt", fired_at AS "firedAt", acknowledged_at AS "acknowledgedAt",
  acknowledged_by AS "acknowledgedBy", resolved_at AS "resolvedAt", notified_at AS "notifiedAt"`;
const silenceColumns = `id::text AS id, rule, labels, reason, by, at, until`;

/** Takes the turn to evaluate; false when another node had it already. */
export async function claimTurn(session: SqlSession, turn: { by: string; now: Date; nextAt: Date }): Promise<boolean> {
  const result = await session.query(
    `INSERT INTO alert_turns AS t (next_at, looked_at, looked_by) VALUES ($1, $2, $3)
     ON CONFLICT (single) DO UPDATE SET next_at = excluded.next_at, looked_at = excluded.looked_at, looked_by = excluded.looked_by WHERE t.next_at <= $2`, [turn.nextAt, turn.now, turn.by]);
  return result.rowCount > 0;
}

/** When the rules were last looked at, by any node; undefined before the first time. */
export async function lastTurn(session: Reading): Promise<Date | undefined> {
  return (await session.query('SELECT looked_at AS at FROM alert_turns')).rows[0]?.['at'] as Date | undefined;
}

/** Alerts, the newest first unless it is asked otherwise. */
export async function listAlerts(session: Reading, filter: AlertFilter): Promise<Alert[]> {
  const page = pageOfList('alerts.id', filter, 3);
  const result = await session.query(`SELECT ${columns} FROM alerts WHERE ($1::text IS NULL OR state = $1) AND ($2::text IS NULL OR rule = $2) ${page.text}`, [filter.state ?? null, filter.rule ?? null, ...page.values]);
  return result.rows as unknown as Alert[];
}

/** Alerts that are not resolved, and those whose end nobody was told of since `resolvedAfter`; locked, the oldest first. */
export async function openAlerts(session: SqlSession, resolvedAfter: Date): Promise<Alert[]> {
  const result = await session.query(
    `SELECT ${columns} FROM alerts WHERE state <> 'resolved' OR (resolved_at > $1 AND notified_at < resolved_at) ORDER BY alerts.since, alerts.id FOR UPDATE`, [resolvedAfter]);
  return result.rows as unknown as Alert[];
}

/** Writes an alert as it stands now; without `id` it is a new one. Answers its number. */
export async function saveAlert(session: SqlSession, alert: Omit<Alert, 'id'> & { id?: string }): Promise<string> {
  const { labels, ...rest } = alert;
  const values = [rest.rule, rest.fingerprint, JSON.stringify(labels), rest.severity, rest.state, rest.value, rest.summary, rest.help, rest.since, rest.seenAt, rest.firedAt, rest.acknowledgedAt, rest.acknowledgedBy, rest.resolvedAt, rest.notifiedAt];
  const text = alert.id === undefined
    ? `INSERT INTO alerts (rule, fingerprint, labels, severity, state, value, summary, help, since, seen_at, fired_at, acknowledged_at, acknowledged_by, resolved_at, notified_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) RETURNING id::text AS id`
    : `UPDATE alerts SET rule = $1, fingerprint = $2, labels = $3, severity = $4, state = $5, value = $6, summary = $7, help = $8, since = $9, seen_at = $10, fired_at = $11, acknowledged_at = $12,
              acknowledged_by = $13, resolved_at = $14, notified_at = $15 WHERE id = $16 RETURNING id::text AS id`;
  return (await session.query(text, alert.id === undefined ? values : [...values, alert.id])).rows[0]?.['id'] as string;
}

/** Removes alerts that were pending and are over: nobody was told. */
export async function dropAlerts(session: SqlSession, ids: readonly string[]): Promise<void> {
  if (ids.length > 0) await session.query('DELETE FROM alerts WHERE id = ANY($1::bigint[])', [ids]);
}

/** Somebody looks after it: no more repeats. `all` means all that fire. Answers how many. */
export async function acknowledgeAlerts(session: SqlSession, id: string | 'all', by: string, now: Date): Promise<number> {
  const result = await session.query(
    `UPDATE alerts SET state = 'acknowledged', acknowledged_at = $2, acknowledged_by = $3 WHERE state IN ('firing', 'pending') AND (($1 = 'all' AND state = 'firing') OR id::text = $1)`, [id, now, by]);
  return result.rowCount;
}

export async function addSilence(session: SqlSession, silence: Omit<Silence, 'id'>): Promise<Silence> {
  const result = await session.query(`INSERT INTO alert_silences (rule, labels, reason, by, at, until) VALUES ($1, $2, $3, $4, $5, $6) RETURNING ${silenceColumns}`,
    [silence.rule, JSON.stringify(silence.labels), silence.reason, silence.by, silence.at, silence.until]);
  return result.rows[0] as unknown as Silence;
}

/** Silences that hold at this moment. */
export async function activeSilences(session: Reading, now: Date): Promise<Silence[]> {
  return (await session.query(`SELECT ${silenceColumns} FROM alert_silences WHERE until > $1 ORDER BY until, alert_silences.id`, [now])).rows as unknown as Silence[];
}

/** Ends a silence before its time; false where there is none. */
export async function endSilence(session: SqlSession, id: string, now: Date): Promise<boolean> {
  return (await session.query('UPDATE alert_silences SET until = $2 WHERE id::text = $1 AND until > $2', [id, now])).rowCount > 0;
}

export async function addEvents(session: SqlSession, events: readonly StoredEvent[]): Promise<void> {
  if (events.length === 0) return;
  await session.query(`INSERT INTO alert_events (name, detail, at) SELECT name, detail, at FROM jsonb_to_recordset($1::jsonb) AS e (name text, detail jsonb, at timestamptz)`, [JSON.stringify(events)]);
}

/** Events that one look takes; the newest ones, where there are more. */
const mostEvents = 10_000;

/** Events since then, the oldest first. */
export async function eventsSince(session: SqlSession, since: Date): Promise<StoredEvent[]> {
  return (await session.query('SELECT name, detail, at FROM alert_events WHERE at > $1 ORDER BY at DESC, id DESC LIMIT $2', [since, mostEvents])).rows.toReversed() as unknown as StoredEvent[];
}

/** Says what a node measures of itself. */
export async function saveSamples(session: SqlSession, { node, samples }: NodeSamples, now: Date): Promise<void> {
  await session.query(`INSERT INTO alert_samples (node, at, samples) VALUES ($1, $2, $3) ON CONFLICT (node) DO UPDATE SET at = excluded.at, samples = excluded.samples`, [node, now, JSON.stringify(samples)]);
}

/** What the nodes said since then. */
export async function samplesSince(session: SqlSession, since: Date): Promise<NodeSamples[]> {
  return (await session.query('SELECT node, samples FROM alert_samples WHERE at >= $1', [since])).rows as unknown as NodeSamples[];
}

/** Takes a node's figures away: it stops. */
export async function dropSamples(session: SqlSession, node: string): Promise<void> {
  await session.query('DELETE FROM alert_samples WHERE node = $1', [node]);
}

/** Removes what is over and older than this; events and figures that no rule can look at any more. */
export async function trimAlerts(session: SqlSession, olderThan: Date, eventsBefore: Date): Promise<void> {
  await session.query('DELETE FROM alerts WHERE resolved_at < $1', [olderThan]);
  await session.query(`DELETE FROM notifications WHERE state <> 'waiting' AND created_at < $1`, [olderThan]);
  await session.query('DELETE FROM alert_silences WHERE until < $1', [olderThan]);
  await session.query('DELETE FROM alert_events WHERE at < $1', [eventsBefore]);
  await session.query('DELETE FROM alert_samples WHERE at < $1', [eventsBefore]);
}
