/** Looking at the inbox, and putting messages back. What arrives and what becomes of it: `webhook-inbox.ts`. */
import type { SqlSession, WebhookEvent } from '../sdk/index.ts';
import { pageOfList, type Page } from './cursor.ts';
import type { Reading } from './session.ts';
import { mostBytesOfSet, type InboxOutcome } from './webhook-inbox.ts';

/** A message in the inbox, without its body. */
export interface InboxMessage {
  id: string; receivedAt: Date; connection: string; entity: string; event: WebhookEvent; key: string | null; modifiedAt: Date | null;
  /** Null while it waits. */
  outcome: InboxOutcome | null;
  duplicate: boolean; code: string | null; how: 'payload' | 'refetch' | null; appliedAt: Date | null; attempts: number; notBefore: Date | null; size: number;
}
export interface InboxMessageDetail extends InboxMessage { hash: string; headers: Record<string, string>; body: string }

/** Which messages. `outcome` may be `waiting`. */
export interface InboxFilter { ids?: readonly string[]; entity?: string; key?: string; event?: WebhookEvent; outcome?: InboxOutcome | 'waiting'; since?: Date; until?: Date }

const columns = `id::text AS id, received_at AS "receivedAt", connection, entity, event, key, modified_at AS "modifiedAt", outcome, duplicate, code, how, applied_at AS "appliedAt",
  attempts, not_before AS "notBefore", octet_length(body) AS size`;

function conditions(filter: InboxFilter): { text: string; values: unknown[] } {
  const { ids = null, entity = null, key = null, event = null, outcome = null, since = null, until = null } = filter;
  return {
    text: `($1::bigint[] IS NULL OR id = ANY($1::bigint[])) AND ($2::text IS NULL OR entity = $2) AND ($3::text IS NULL OR key = $3) AND ($4::text IS NULL OR event = $4)
      AND ($5::text IS NULL OR CASE WHEN $5 = 'waiting' THEN outcome IS NULL ELSE outcome = $5 END) AND ($6::timestamptz IS NULL OR received_at >= $6) AND ($7::timestamptz IS NULL OR received_at < $7)`,
    values: [ids, entity, key, event, outcome, since, until],
  };
}

/** Messages, the newest first unless it is asked otherwise. */
export async function listMessages(session: Reading, filter: InboxFilter & Page): Promise<InboxMessage[]> {
  const { text, values } = conditions(filter);
  const page = pageOfList('webhook_inbox.id', filter, 8);
  const result = await session.query(`SELECT ${columns} FROM webhook_inbox WHERE ${text} ${page.text}`, [...values, ...page.values]);
  return result.rows as unknown as InboxMessage[];
}

/** One message with its body. */
export async function readMessageRow(session: Reading, id: string): Promise<InboxMessageDetail | undefined> {
  if (!/^\d{1,18}$/.test(id)) return undefined;
  const result = await session.query(`SELECT ${columns}, hash, headers, body FROM webhook_inbox WHERE id = $1`, [id]);
  return result.rows[0] as unknown as InboxMessageDetail | undefined;
}

/** Messages with their bodies, the oldest first, after `after`: for a look at what a replay would do. */
export async function messagesToTry(session: SqlSession, filter: InboxFilter, range: { after: string; limit: number }): Promise<InboxMessageDetail[]> {
  const { text, values } = conditions(filter);
  const result = await session.query(`SELECT ${columns}, hash, headers, body FROM (SELECT w.*, sum(octet_length(body)) OVER (ORDER BY w.id) - octet_length(body) AS before FROM (SELECT * FROM webhook_inbox WHERE ${text} AND id > $8 ORDER BY webhook_inbox.id LIMIT $9) w) s
      WHERE before = 0 OR before + octet_length(body) <= $10 ORDER BY s.id`, [...values, range.after, range.limit, mostBytesOfSet]);
  return result.rows as unknown as InboxMessageDetail[];
}

/** Lets messages wait again, the oldest first, of these entities alone. Deletions that were held back are let go thereby. Answers how many, by entity. */
export async function putBack(session: SqlSession, filter: InboxFilter, most: number | undefined, entities?: readonly string[]): Promise<Map<string, number>> {
  const { text, values } = conditions(filter);
  const result = await session.query(
    `WITH chosen AS (SELECT id, received_at FROM webhook_inbox WHERE ${text} AND ($9::text[] IS NULL OR entity = ANY($9)) ORDER BY id LIMIT $8),
     back AS (UPDATE webhook_inbox i SET outcome = NULL, code = CASE WHEN code = 'webhook.deletes_held' THEN code END, how = NULL, applied_at = NULL, attempts = 0, not_before = NULL, again = true
                FROM chosen c WHERE i.id = c.id AND i.received_at = c.received_at RETURNING i.entity)
     SELECT entity, count(*)::int AS n FROM back GROUP BY entity`, [...values, most ?? null, entities ?? null]);
  return new Map(result.rows.map((row) => [row['entity'] as string, row['n'] as number]));
}

/** Which of these messages are kept still. */
export async function keptMessages(session: SqlSession, ids: readonly string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set();
  return new Set((await session.query('SELECT id::text AS id FROM webhook_inbox WHERE id = ANY($1::bigint[])', [ids])).rows.map((row) => row['id'] as string));
}

/** A signed message that was no JSON; its body is the beginning, as text. */
export interface UnreadableMessage { id: string; receivedAt: Date; connection: string; entity: string; event: string; size: number; body: string }

/** Those that are kept, the newest first. */
export async function listUnreadable(session: SqlSession, limit: number): Promise<UnreadableMessage[]> {
  const { rows } = await session.query('SELECT id::text AS id, received_at AS "receivedAt", connection, entity, event, size, body FROM webhook_unreadable ORDER BY webhook_unreadable.id DESC LIMIT $1', [limit]);
  return (rows as unknown as (Omit<UnreadableMessage, 'body'> & { body: Buffer })[]).map((row) => ({ ...row, body: row.body.toString('utf8') }));
}

/** What is known of the messages of each entity since a time. */
export interface InboxFigures { entity: string; counts: Record<string, number>; waiting: number; oldestAt: Date | null; firstAt: Date | null; lastAt: Date | null; p50: number | null; p99: number | null }

/** Of how many messages, the newest, the latency is told: so many are read whatever the day has brought. */
const latencyOf = 20_000;

/** The figures of these entities. */
export async function inboxFigures(session: Reading, entities: readonly string[], since: Date): Promise<InboxFigures[]> {
  const result = await session.query(
    `WITH recent AS MATERIALIZED (SELECT entity, received_at, applied_at FROM webhook_inbox WHERE received_at >= $2 ORDER BY webhook_inbox.id DESC LIMIT ${latencyOf})
     SELECT e.entity,
            coalesce((SELECT jsonb_object_agg(name, n) FROM (SELECT name, sum(count) AS n FROM webhook_counts c WHERE c.entity = e.entity AND hour >= date_trunc('hour', $2::timestamptz) GROUP BY name) s), '{}') AS counts,
            (SELECT count(*)::int FROM webhook_inbox i WHERE i.entity = e.entity AND outcome IS NULL) AS waiting,
            (SELECT min(received_at) FROM webhook_inbox i WHERE i.entity = e.entity AND outcome IS NULL) AS "oldestAt",
            w.first_at AS "firstAt", w.last_at AS "lastAt", l.p50, l.p99
       FROM unnest($1::text[]) AS e (entity) LEFT JOIN webhook_entities w ON w.entity = e.entity
       LEFT JOIN LATERAL (
         SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) AS p50, percentile_cont(0.99) WITHIN GROUP (ORDER BY ms) AS p99
           FROM (SELECT greatest(0, extract(epoch FROM applied_at - received_at) * 1000)::float8 AS ms FROM recent i WHERE i.entity = e.entity AND applied_at IS NOT NULL) t) l ON true`, [entities, since]);
  return result.rows as unknown as InboxFigures[];
}

/** The entities for which messages wait. */
export async function entitiesThatWait(session: SqlSession): Promise<string[]> {
  const result = await session.query('SELECT DISTINCT entity FROM webhook_inbox WHERE outcome IS NULL');
  return result.rows.map((row) => row['entity'] as string);
}
