import type { JsonValue, SqlSession } from '../sdk/index.ts';
import { forgetPositions } from './runs.ts';
import type { Reading } from './session.ts';

/** What TDS remembers of an entity between its runs. */
export interface EntityState {
  entity: string;
  cursor: JsonValue | null;
  cursorRun: string | null;
  lastFullAt: Date | null;
  lastReadAt: Date | null;
}

/** What an entity reads: connection, stream and options as one text, and the account at the remote where its plugin names one. */
export interface ReadFrom { source: string; account: string | null }

/** The state at the start of a run. */
export interface OpenedEntity extends EntityState {
  /** Rows may have been written by another mapping: that stays so until {@link noteMapping}. */
  mixed: boolean;
  /** What was read before was another source, or another account: set at the run that finds it out. */
  sourceChanged: boolean;
}

/**
 * The state of an entity; made when there is none. When it reads from something else than before, the cursor is forgotten, and with it where
 * unfinished reads stood: both speak of another list. An account that was not known counts as the one that is known now.
 */
export async function openEntity(session: SqlSession, entity: string, from: ReadFrom, mapping: number): Promise<OpenedEntity> {
  const before = await session.query(`SELECT ${otherSource} AS other FROM entities WHERE entity = $1 FOR UPDATE`, [entity, from.source, from.account]);
  const sourceChanged = before.rows[0]?.['other'] === true;
  const result = await session.query(
    `INSERT INTO entities (entity, source, account, mapping) VALUES ($1, $2, $3, $4)
     ON CONFLICT (entity) DO UPDATE SET source = excluded.source, account = coalesce(excluded.account, entities.account),
        mapping = CASE WHEN entities.mapping = excluded.mapping THEN entities.mapping END,
        cursor = CASE WHEN NOT $5 THEN entities.cursor END,
        cursor_run = CASE WHEN NOT $5 THEN entities.cursor_run END,
        last_full_at = CASE WHEN NOT $5 THEN entities.last_full_at END
     RETURNING entity, cursor, cursor_run::text AS "cursorRun", last_full_at AS "lastFullAt", last_read_at AS "lastReadAt", mapping IS NULL AS mixed`, [entity, from.source, from.account, mapping, sourceChanged]);
  if (sourceChanged) await forgetPositions(session, entity);
  return { ...(result.rows[0] as unknown as EntityState & { mixed: boolean }), sourceChanged };
}

/** Notes that all rows are by this mapping. */
export async function noteMapping(session: SqlSession, entity: string, mapping: number): Promise<void> {
  await session.query('UPDATE entities SET mapping = $2 WHERE entity = $1', [entity, mapping]);
}

const otherSource = '(source <> $2 OR coalesce(account <> $3, false))';

/** Whether the entity's records are of another source than the one that it reads now, since no full read of that has ended yet. */
export async function isOfOtherSource(session: Reading, entity: string, from: ReadFrom): Promise<boolean> {
  const result = await session.query(`SELECT ${otherSource} OR (last_read_at IS NOT NULL AND last_full_at IS NULL) AS other FROM entities WHERE entity = $1`, [entity, from.source, from.account]);
  return result.rows[0]?.['other'] === true;
}

/** States of all entities that ever ran. */
export async function listEntityStates(session: Reading): Promise<Map<string, EntityState>> {
  const result = await session.query(
    `SELECT entity, cursor, cursor_run::text AS "cursorRun", last_full_at AS "lastFullAt", last_read_at AS "lastReadAt" FROM entities`);
  return new Map((result.rows as unknown as EntityState[]).map((state) => [state.entity, state]));
}

/** Notes a read that succeeded, and where the next incremental one begins. */
export async function noteRead(session: SqlSession, entity: string, read: { runId: string; full: boolean; startedAt: Date; cursor: JsonValue | undefined }): Promise<void> {
  await session.query(
    `UPDATE entities SET cursor = coalesce($2::jsonb, cursor), cursor_run = CASE WHEN $2::jsonb IS NULL THEN cursor_run ELSE $3::bigint END,
            last_read_at = $4, last_full_at = CASE WHEN $5 THEN $4 ELSE last_full_at END WHERE entity = $1`,
    [entity, read.cursor === undefined ? null : JSON.stringify(read.cursor), read.runId, read.startedAt, read.full]);
}
