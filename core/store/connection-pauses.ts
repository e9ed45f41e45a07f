/** Connections that a person has put to rest. */
import type { SqlSession } from '../sdk/index.ts';
import type { Reading } from './session.ts';

export interface ConnectionPause { connection: string; pausedAt: Date; pausedBy: string; reason: string }

const columns = `connection, paused_at AS "pausedAt", paused_by AS "pausedBy", reason`;

/** The pauses of these connections; of all when none is named. */
export async function listPauses(session: Reading, connections?: readonly string[]): Promise<ConnectionPause[]> {
  return (await session.query(`SELECT ${columns} FROM connection_pauses WHERE $1::text[] IS NULL OR connection = ANY($1) ORDER BY connection`, [connections ?? null])).rows as unknown as ConnectionPause[];
}

/** Pauses a connection; one that rests already keeps its first reason. */
export async function pauseConnection(session: SqlSession, pause: { connection: string; by: string; reason: string }): Promise<void> {
  await session.query('INSERT INTO connection_pauses (connection, paused_by, reason) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING', [pause.connection, pause.by, pause.reason]);
}

export async function resumeConnection(session: SqlSession, connection: string): Promise<boolean> {
  return (await session.query('DELETE FROM connection_pauses WHERE connection = $1', [connection])).rowCount > 0;
}
