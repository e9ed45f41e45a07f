import type { JsonValue, SqlSession } from '../sdk/index.ts';
import type { Reading } from './session.ts';

/** What TDS remembers of an entity between its runs. */
export interface EntityState {
  entity: string;
  cursor: JsonValue | null;
  cursorRun: string | null;
  lastFullAt: Date | null;
  lastReadAt: Date | null;
}

/** The state at the start of a run, and whether rows may have been written by another mapping: that stays so until {@link noteMapping}. */
export interface OpenedEntity extends EntityState { mixed: boolean }

/**
 * The state of an entity; made when there is none. When `source` (connection, stream and options as text) is another
 * than before, the cursor is forgotten: it speaks of another stream.
 */
export async function openEntity(session: SqlSession, entity: string, source: string, mapping: number): Promise<OpenedEntity> {
  const result = await session.query(
    `INSERT INTO entities (entity, source, mapping) VALUES ($1, $2, $3)
     ON CONFLICT (entity) DO UPDATE SET source = excluded.source, mapping = CASE WHEN entities.mapping = excluded.mapping THEN entities.mapping END,
        cursor = CASE WHEN entities.source = excluded.source THEN entities.cursor END,
        cursor_run = CASE WHEN entities.source = excluded.source THEN entities.cursor_run END,
        last_full_at = CASE WHEN entities.source = excluded.source THEN entities.last_full_at END
     RETURNING entity, cursor, cursor_run::text AS "cursorRun", last_full_at AS "lastFullAt", last_read_at AS "lastReadAt", mapping IS NULL AS mixed`, [entity, source, mapping]);
  return result.rows[0] as unknown as OpenedEntity;
}

/** Notes that all rows are by this mapping. */
export async function noteMapping(session: SqlSession, entity: string, mapping: number): Promise<void> {
  await session.query('UPDATE entities SET mapping = $2 WHERE entity = $1', [entity, mapping]);
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
