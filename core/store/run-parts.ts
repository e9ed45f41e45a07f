/** The parts of a full read that was divided: runs of their own, each with a number. */
import type { JsonValue, SqlSession } from '../sdk/index.ts';
import { cancelParts, runColumns, type Run, type RunStatus } from './runs.ts';

/** What is seen of a part by the run that waits for it. */
export interface PartState { id: string; status: RunStatus; code: string | null }

/** Makes the parts of a run. Those of an earlier read of the entity that stand about end: there is one active part of each number. */
export async function createParts(session: SqlSession, whole: Pick<Run, 'id' | 'entity' | 'trigger'>, ranges: readonly JsonValue[], isFirst: boolean): Promise<Run[]> {
  const others = await session.query(
    `SELECT DISTINCT part_of::text AS whole FROM runs WHERE entity = $1 AND mode LIKE 'part:%' AND status IN ('queued', 'running', 'waiting')`, [whole.entity]);
  await cancelParts(session, others.rows.map((row) => row['whole'] as string));
  const options = ranges.map((range, at) => ({ part: { range, number: at + 1, of: ranges.length, isFirst } }));
  const result = await session.query(
    `INSERT INTO runs (entity, mode, trigger, part_of, options)
     SELECT $1, 'part:' || (o.value -> 'part' ->> 'number'), $2, $3, o.value FROM jsonb_array_elements($4::jsonb) AS o ORDER BY (o.value -> 'part' ->> 'number')::int RETURNING ${runColumns}`,
    [whole.entity, whole.trigger, whole.id, JSON.stringify(options)]);
  return result.rows as unknown as Run[];
}

/** How these parts stand. */
export async function partsOf(session: SqlSession, ids: readonly string[]): Promise<PartState[]> {
  const result = await session.query('SELECT id::text AS id, status, code FROM runs WHERE id = ANY($1::bigint[])', [ids]);
  return result.rows as unknown as PartState[];
}

/** Another full read of the same entity whose parts are under way. */
export async function dividedReadBeside(session: SqlSession, run: Pick<Run, 'id' | 'entity'>): Promise<string | undefined> {
  const result = await session.query(
    `SELECT id::text AS id FROM runs WHERE entity = $1 AND id <> $2 AND mode IN ('full', 'incremental') AND status IN ('queued', 'running', 'waiting') AND position ? 'divided'`, [run.entity, run.id]);
  return result.rows[0]?.['id'] as string | undefined;
}

/** From now on the run reads alone: a part of it could not be read. Where it stood is forgotten, what was seen stays seen. */
export async function undivide(session: SqlSession, whole: string): Promise<void> {
  await session.query(`UPDATE runs SET position = NULL, options = options || '{"undivided": true}', updated_at = now() WHERE id = $1`, [whole]);
  await cancelParts(session, [whole]);
}
