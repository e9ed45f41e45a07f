/** Changes that an incremental read found before a message told of them, and the share of messages that were lost. */
import type { SqlSession } from '../sdk/index.ts';
import { pageOfTimes, timeCursorOf, type Page } from './cursor.ts';
import type { Reading } from './session.ts';

/** A change that a read found. */
export interface FoundChange { key: string; modifiedAt: Date | null }

/** What was told, late or in time, and what was lost of one entity. */
export interface Losses { entity: string; told: number; lost: number; late: number }

/** The time that says whether an entity is well; its hours are counted whole. */
export const lossWindowMs = 3_600_000;
/** So few losses are chance. */
const fewest = 2;

/** The share of changes that no message told of, 0 to 1. */
export function lossRate({ told, lost }: Pick<Losses, 'told' | 'lost'>): number {
  return told + lost === 0 ? 0 : lost / (told + lost);
}

/** The same where it is no chance, else 0. */
export function lossToMind(losses: Pick<Losses, 'told' | 'lost'> | undefined): number {
  return losses && losses.lost >= fewest ? lossRate(losses) : 0;
}

/** Notes changes that were found; those from before the entity's first message are left out. In the transaction that writes them. */
export async function noteGaps(session: SqlSession, entity: string, runId: string, found: readonly FoundChange[]): Promise<void> {
  if (found.length === 0) return;
  await session.query(
    `INSERT INTO webhook_gaps (entity, key, modified_at, run_id)
     SELECT $1, f.key, f.modified_at, $2 FROM unnest($3::text[], $4::timestamptz[]) AS f (key, modified_at)
      WHERE f.modified_at > (SELECT first_at FROM webhook_entities WHERE entity = $1) ON CONFLICT DO NOTHING`,
    [entity, runId, found.map(({ key }) => key), found.map(({ modifiedAt }) => modifiedAt)]);
}

/**
 * Says of each change that was found before `before` whether a message has told of it since: late, else lost. Counts them in the hour of
 * `now`. Answers how many were lost, by entity.
 */
export async function judgeGaps(session: SqlSession, before: Date, now: Date): Promise<Map<string, number>> {
  const result = await session.query(
    `WITH judged AS (
       UPDATE webhook_gaps g SET verdict = CASE WHEN EXISTS (
           SELECT FROM webhook_inbox i WHERE i.entity = g.entity AND i.key = g.key AND (i.modified_at >= g.modified_at OR (i.modified_at IS NULL AND i.received_at >= g.modified_at))) THEN 'late' ELSE 'lost' END
        WHERE verdict IS NULL AND found_at <= $1 RETURNING entity, verdict),
     sums AS (SELECT entity, verdict, count(*) AS n FROM judged GROUP BY 1, 2),
     counted AS (INSERT INTO webhook_counts (hour, entity, name, count) SELECT date_trunc('hour', $2::timestamptz), entity, verdict, n FROM sums
                 ON CONFLICT (hour, entity, name) DO UPDATE SET count = webhook_counts.count + excluded.count)
     SELECT entity, n::float8 AS lost FROM sums WHERE verdict = 'lost'`, [before, now]);
  return new Map(result.rows.map((row) => [row['entity'] as string, row['lost'] as number]));
}

/** What was told and lost since then, by entity. */
export async function readLosses(session: Reading, since: Date): Promise<Map<string, Losses>> {
  const result = await session.query(
    `SELECT entity, coalesce(sum(count) FILTER (WHERE name IN ('applied', 'deleted', 'late')), 0)::float8 AS told,
            coalesce(sum(count) FILTER (WHERE name = 'lost'), 0)::float8 AS lost, coalesce(sum(count) FILTER (WHERE name = 'late'), 0)::float8 AS late
       FROM webhook_counts WHERE hour >= date_trunc('hour', $1::timestamptz) GROUP BY entity`, [since]);
  return new Map((result.rows as unknown as Losses[]).map((row) => [row.entity, row]));
}

/** A change that no message told of; the run is the read that found it. `id` names it in a list. */
export interface LostChange { id: string; entity: string; key: string; modifiedAt: Date; foundAt: Date; runId: string | null }

/** Found since or before then, of one entity or of all. */
export interface LostFilter extends Page { entity?: string; since?: Date; until?: Date }

const columns = ['found_at', 'webhook_gaps.id'];

/** Those that were found last first. */
export async function listLost(session: Reading, { entity, since, until, ...page }: LostFilter): Promise<LostChange[]> {
  const end = pageOfTimes(columns, page, 4);
  const result = await session.query(
    `SELECT ${timeCursorOf(columns)} AS id, entity, key, modified_at AS "modifiedAt", found_at AS "foundAt", run_id::text AS "runId" FROM webhook_gaps
      WHERE verdict = 'lost' AND ($1::text IS NULL OR entity = $1) AND ($2::timestamptz IS NULL OR found_at >= $2) AND ($3::timestamptz IS NULL OR found_at < $3) ${end.text}`,
    [entity ?? null, since ?? null, until ?? null, ...end.values]);
  return result.rows as never;
}

/** Removes what is older. */
export async function trimGaps(session: SqlSession, olderThan: Date): Promise<void> {
  await session.query('DELETE FROM webhook_gaps WHERE found_at < $1', [olderThan]);
  await session.query('DELETE FROM webhook_counts WHERE hour < $1', [olderThan]);
  await session.query('DELETE FROM webhook_unreadable WHERE received_at < $1', [olderThan]);
}
