/** The inbox: what arrives, what waits, what became of it. Looking at it: `webhook-queries.ts`. */
import type { SqlSession, WebhookEvent } from '../sdk/index.ts';
import type { RunSuspect } from './runs.ts';

/** A message on its way into the inbox. */
export interface InboxWrite {
  receivedAt: Date; connection: string; entity: string; event: WebhookEvent; key: string | null; modifiedAt: Date | null; hash: string; headers: Readonly<Record<string, string>>; body: string;
}

/** What became of a message. */
export type InboxOutcome = 'applied' | 'deleted' | 'unchanged' | 'stale' | 'dropped' | 'refused';

/** A message that waits. `receivedAtText` names its partition exactly: a Date has fewer digits. */
export interface Waiting { id: string; receivedAt: Date; receivedAtText: string; event: WebhookEvent; key: string | null; modifiedAt: Date | null; hash: string; body: string; attempts: number; again: boolean; code: string | null }

/** How one message ended. */
export interface InboxEnd { id: string; receivedAtText: string; hash: string; outcome: InboxOutcome; how: 'payload' | 'refetch' | null; code?: string | undefined }

/** Keeps messages; with their wake-up in one transaction. */
export async function insertMessages(session: SqlSession, messages: readonly InboxWrite[]): Promise<void> {
  await session.query(
    `INSERT INTO webhook_inbox (received_at, connection, entity, event, key, modified_at, hash, headers, body)
     SELECT * FROM unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::text[], $8::jsonb[], $9::text[])`,
    [messages.map((m) => m.receivedAt), messages.map((m) => m.connection), messages.map((m) => m.entity), messages.map((m) => m.event), messages.map((m) => m.key),
      messages.map((m) => m.modifiedAt), messages.map((m) => m.hash), messages.map((m) => JSON.stringify(m.headers)), messages.map((m) => m.body)]);
}

/** Bytes of messages that are read together, but for a single one that is larger. */
export const mostBytesOfSet = 8_000_000;

/** What waits for an entity, the oldest first: so many at most, and no more than memory has room for. */
export async function waitingMessages(session: SqlSession, entity: string, limit: number, mostBytes = mostBytesOfSet): Promise<Waiting[]> {
  const result = await session.query(
    `SELECT id::text AS id, received_at AS "receivedAt", received_at::text AS "receivedAtText", event, key, modified_at AS "modifiedAt", hash, body, attempts, again, code
       FROM (SELECT w.*, sum(octet_length(body)) OVER (ORDER BY w.id) - octet_length(body) AS before
               FROM (SELECT * FROM webhook_inbox WHERE entity = $1 AND outcome IS NULL AND (not_before IS NULL OR not_before <= now()) ORDER BY webhook_inbox.id LIMIT $2) w) s
      WHERE before = 0 OR before + octet_length(body) <= $3 ORDER BY s.id`, [entity, limit, mostBytes]);
  return result.rows as unknown as Waiting[];
}

/** When the next message that is put off comes due; undefined where none is. */
export async function nextDue(session: SqlSession, entity: string): Promise<Date | undefined> {
  const result = await session.query('SELECT min(not_before) AS due FROM webhook_inbox WHERE entity = $1 AND outcome IS NULL', [entity]);
  return (result.rows[0]?.['due'] as Date | null) ?? undefined;
}

/**
 * Notes what became of messages, and counts it; in the transaction that writes the rows. `duplicate` where the same message is in the inbox
 * before it; answers the ids of those.
 */
export async function endMessages(session: SqlSession, entity: string, ends: readonly InboxEnd[], at: Date): Promise<string[]> {
  if (ends.length === 0) return [];
  const { rows } = await session.query(
    `WITH ended AS (
       UPDATE webhook_inbox i SET outcome = e.outcome, how = e.how, code = e.code, applied_at = $2, not_before = NULL, again = false,
              duplicate = EXISTS (SELECT FROM webhook_inbox o WHERE o.entity = $1 AND o.key = i.key AND o.id < i.id AND o.hash = i.hash)
         FROM unnest($3::bigint[], $4::timestamptz[], $5::text[], $6::text[], $7::text[]) AS e (id, received_at, outcome, how, code)
        WHERE i.id = e.id AND i.received_at = e.received_at AND i.outcome IS NULL RETURNING i.id, i.outcome, i.duplicate, i.received_at),
     seen AS (INSERT INTO webhook_entities (entity, first_at, last_at) SELECT $1, min(received_at), max(received_at) FROM ended HAVING count(*) > 0
              ON CONFLICT (entity) DO UPDATE SET first_at = least(webhook_entities.first_at, excluded.first_at), last_at = greatest(webhook_entities.last_at, excluded.last_at)),
     counted AS (INSERT INTO webhook_counts (hour, entity, name, count)
     SELECT date_trunc('hour', $2::timestamptz), $1, name, n FROM (
       SELECT outcome AS name, count(*) AS n FROM ended GROUP BY outcome UNION ALL SELECT 'duplicate', count(*) FROM ended WHERE duplicate) c WHERE n > 0
     ON CONFLICT (hour, entity, name) DO UPDATE SET count = webhook_counts.count + excluded.count)
     SELECT id::text AS id FROM ended WHERE duplicate`,
    [entity, at, ends.map((e) => e.id), ends.map((e) => e.receivedAtText), ends.map((e) => e.outcome), ends.map((e) => e.how), ends.map((e) => e.code ?? null)]);
  return rows.map((row) => row['id'] as string);
}

/** Puts messages off, because the source could not be asked. `counted`: it was tried for each of them, in vain. */
export async function putOff(session: SqlSession, messages: readonly Pick<Waiting, 'id' | 'receivedAtText'>[], { until, code, counted }: { until: Date; code: string; counted: boolean }): Promise<void> {
  if (messages.length === 0) return;
  await session.query(
    `UPDATE webhook_inbox i SET attempts = attempts + $5::int, not_before = $3, code = $4 FROM unnest($1::bigint[], $2::timestamptz[]) AS m (id, received_at)
      WHERE i.id = m.id AND i.received_at = m.received_at AND i.outcome IS NULL`,
    [messages.map(({ id }) => id), messages.map(({ receivedAtText }) => receivedAtText), until, code, counted ? 1 : 0]);
}

/** How many records messages have taken away since then, by the hour. */
export async function deletedSince(session: SqlSession, entity: string, since: Date): Promise<number> {
  const { rows } = await session.query(`SELECT coalesce(sum(count), 0)::float8 AS n FROM webhook_counts WHERE entity = $1 AND name = 'deleted' AND hour >= date_trunc('hour', $2::timestamptz)`, [entity, since]);
  return rows[0]?.['n'] as number;
}

/** How many records an entity has. */
export async function liveRecords(session: SqlSession, entity: string): Promise<number> {
  return (await session.query('SELECT count(*)::float8 AS n FROM records WHERE entity = $1 AND deleted_at IS NULL', [entity])).rows[0]?.['n'] as number;
}

/** Gives up messages from before then that wait for entities which take none any more. Answers how many. */
export async function dropOrphans(session: SqlSession, entities: readonly string[], before: Date): Promise<number> {
  return (await session.query(
    `UPDATE webhook_inbox SET outcome = 'dropped', code = $3, applied_at = now(), not_before = NULL, again = false WHERE outcome IS NULL AND received_at < $2 AND entity <> ALL($1::text[])`, [entities, before, 'webhook.no_entity'])).rowCount;
}

/**
 * Notes the job that begins to apply an entity's messages. Answers what the one before left behind: its name where it did not come to its
 * end, and whom it suspected.
 */
export async function beginWork(session: SqlSession, entity: string, job: string): Promise<{ lost: boolean; suspect: RunSuspect | null }> {
  const before = await session.query('SELECT working, suspect FROM webhook_entities WHERE entity = $1 FOR UPDATE', [entity]);
  await session.query('INSERT INTO webhook_entities (entity, working) VALUES ($1, $2) ON CONFLICT (entity) DO UPDATE SET working = excluded.working', [entity, job]);
  const row = before.rows[0];
  return { lost: typeof row?.['working'] === 'string', suspect: (row?.['suspect'] as RunSuspect | null | undefined) ?? null };
}

/** Notes that this job has come to its end, well or not; and whom it still suspects. */
export async function endWork(session: SqlSession, entity: string, job: string, suspect: RunSuspect | null): Promise<void> {
  await session.query('UPDATE webhook_entities SET working = NULL, suspect = $2 WHERE entity = $1 AND working = $3', [entity, suspect === null ? null : JSON.stringify(suspect), job]);
}

/** Notes which records are being tried. In a transaction of its own: it must outlive this process. */
export async function noteWorkSuspect(session: SqlSession, entity: string, suspect: RunSuspect): Promise<void> {
  await session.query('UPDATE webhook_entities SET suspect = $2 WHERE entity = $1', [entity, JSON.stringify(suspect)]);
}

/** So many unreadable messages are kept, and so much of each. */
const mostUnreadable = 200;
const keptOfEach = 16 * 1024;

/** Keeps the beginning of a signed message that is no JSON; the oldest ones make room. */
export async function keepUnreadable(session: SqlSession, message: { receivedAt: Date; connection: string; entity: string; event: string; body: Uint8Array }): Promise<void> {
  await session.query('INSERT INTO webhook_unreadable (received_at, connection, entity, event, size, body) VALUES ($1, $2, $3, $4, $5, $6)',
    [message.receivedAt, message.connection, message.entity, message.event, message.body.length, Buffer.from(message.body.subarray(0, keptOfEach))]);
  await session.query('DELETE FROM webhook_unreadable WHERE id <= (SELECT id FROM webhook_unreadable ORDER BY id DESC OFFSET $1 LIMIT 1)', [mostUnreadable]);
}

/** Adds to the counts of an hour. */
export async function addWebhookCounts(session: SqlSession, hour: Date, counts: readonly { entity: string; name: string; count: number }[]): Promise<void> {
  if (counts.length === 0) return;
  await session.query(
    `INSERT INTO webhook_counts (hour, entity, name, count) SELECT date_trunc('hour', $1::timestamptz), c.* FROM unnest($2::text[], $3::text[], $4::bigint[]) AS c (entity, name, n)
     ON CONFLICT (hour, entity, name) DO UPDATE SET count = webhook_counts.count + excluded.count`,
    [hour, counts.map(({ entity }) => entity), counts.map(({ name }) => name), counts.map(({ count }) => count)]);
}
