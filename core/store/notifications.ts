/** Rows of messages on their way to people. Claims go by the database's clock: the processes that hold them have clocks of their own. */
import type { JsonObject, SqlSession } from '../sdk/index.ts';

export interface Notification { id: string; notifier: string; kind: string; rule: string; message: JsonObject; state: 'waiting' | 'sent' | 'failed'; attempts: number; claimedUntil: Date | null; error: string | null; createdAt: Date; endedAt: Date | null }

const columns = `id::text AS id, notifier, kind, rule, message, state, attempts, claimed_until AS "claimedUntil", error, created_at AS "createdAt", ended_at AS "endedAt"`;

/** Adds a message, claimed by the caller for so many seconds. Answers its number. */
export async function addNotification(session: SqlSession, one: { notifier: string; kind: string; rule: string; message: object; at: Date; claimSeconds: number }): Promise<string> {
  const result = await session.query(
    `INSERT INTO notifications (notifier, kind, rule, message, created_at, claimed_until) VALUES ($1, $2, $3, $4, $5, clock_timestamp() + make_interval(secs => $6)) RETURNING id::text AS id`,
    [one.notifier, one.kind, one.rule, JSON.stringify(one.message), one.at, one.claimSeconds]);
  return result.rows[0]?.['id'] as string;
}

/** Takes a message that waits and that nobody is at; undefined where there is none such. */
export async function claimNotification(session: SqlSession, id: string, claimSeconds: number): Promise<Notification | undefined> {
  const result = await session.query(
    `UPDATE notifications SET claimed_until = clock_timestamp() + make_interval(secs => $2) WHERE id = $1::bigint AND state = 'waiting' AND (claimed_until IS NULL OR claimed_until <= clock_timestamp()) RETURNING ${columns}`, [id, claimSeconds]);
  return result.rows[0] as unknown as Notification | undefined;
}

export async function readNotification(session: SqlSession, id: string): Promise<Notification | undefined> {
  return (await session.query(`SELECT ${columns} FROM notifications WHERE id = $1::bigint`, [id])).rows[0] as unknown as Notification | undefined;
}

/** Takes messages that wait, are due, and that nobody is at; the oldest first. */
export async function claimDue(session: SqlSession, most: number, claimSeconds: number): Promise<Notification[]> {
  const result = await session.query(
    `UPDATE notifications SET claimed_until = clock_timestamp() + make_interval(secs => $2) WHERE id IN (
       SELECT id FROM notifications WHERE state = 'waiting' AND (claimed_until IS NULL OR claimed_until <= clock_timestamp()) ORDER BY notifications.id LIMIT $1 FOR UPDATE SKIP LOCKED) RETURNING ${columns}`, [most, claimSeconds]);
  return result.rows as unknown as Notification[];
}

/** Seconds from the first failed attempt to the second one; then it is doubled, up to the longest. */
const [firstPause, longestPause] = [5, 600];

/** Notes how an attempt ended: `sent`, `failed` for good, or `waiting` for the next one, which nobody makes before its time. `isGone`: the config has no such notifier any more, so there is nothing to know of it. */
export async function endAttempt(session: SqlSession, one: { id: string; notifier: string; isGone: boolean }, end: { state: Notification['state']; error: string | null; at: Date }): Promise<void> {
  await session.query(`UPDATE notifications SET state = $2, error = $3, attempts = attempts + 1, claimed_until = CASE WHEN $2 = 'waiting' THEN clock_timestamp() + make_interval(secs => least($6, $5 * 2.0 ^ least(attempts, 30))) END,
       ended_at = CASE WHEN $2 <> 'waiting' THEN $4::timestamptz END WHERE id = $1::bigint`, [one.id, end.state, end.error, end.at, firstPause, longestPause]);
  if (one.isGone) return;
  await session.query(
    `INSERT INTO notifier_states AS s (notifier, sent, failed, failing, given_up, error, at) VALUES ($1, $2, $3::int, $4, $3::int, $5, $6)
     ON CONFLICT (notifier) DO UPDATE SET sent = s.sent + excluded.sent, failed = s.failed + excluded.failed, error = excluded.error, at = excluded.at,
       failing = CASE WHEN excluded.failing = 0 THEN 0 ELSE s.failing + 1 END, given_up = CASE WHEN excluded.failing = 0 THEN 0 ELSE s.given_up + excluded.given_up END`,
    [one.notifier, end.state === 'sent' ? 1 : 0, end.state === 'failed' ? 1 : 0, end.state === 'sent' ? 0 : 1, end.error, end.at]);
}

/** A notifier that got through outside of a message, by a person's test, is not failing. */
export async function noteWorks(session: SqlSession, notifier: string, at: Date): Promise<void> {
  await session.query(`UPDATE notifier_states SET failing = 0, given_up = 0, error = NULL, at = $2 WHERE notifier = $1`, [notifier, at]);
}

/** Forgets how notifiers do that the config does not have. */
export async function keepNotifiers(session: SqlSession, known: readonly string[]): Promise<void> {
  await session.query('DELETE FROM notifier_states WHERE notifier <> ALL ($1::text[])', [known]);
}
