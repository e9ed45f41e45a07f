/** Every kept version of one record. */
import type { Reading } from './session.ts';

/** A version of a record as it was stored. */
export interface StoredVersion {
  key: string; version: number; modifiedAt: Date | null; observedAt: Date; detailAt: Date | null; deletedAt: Date | null; refused: boolean;
  runId: string | null; runMode: string | null; runTrigger: string | null; via: string; writtenAt: Date;
  /** When the same raw record was last mapped again, and by what. */
  mappedAt: Date | null; mappedRun: string | null; mappedVia: string | null;
  /** Null for the current version. */
  replacedAt: Date | null;
  raw: string | null; detail: string | null;
}

const columns = `v.key, v.version, v.modified_at AS "modifiedAt", v.observed_at AS "observedAt", v.detail_at AS "detailAt", v.deleted_at AS "deletedAt", v.refused, v.run_id::text AS "runId",
  split_part(r.mode, ':', 1) AS "runMode", r.trigger AS "runTrigger", v.via, v.written_at AS "writtenAt", v.mapped_at AS "mappedAt", v.mapped_run::text AS "mappedRun", v.mapped_via AS "mappedVia",
  v.raw::text AS raw, v.detail::text AS detail`;

/** Of these keys the first that has a record: its versions, the newest first, `limit` at most. */
export async function readVersions(session: Reading, entity: string, keys: readonly string[], limit: number): Promise<StoredVersion[]> {
  for (const key of keys) {
    const result = await session.query(
      `(SELECT ${columns}, NULL::timestamptz AS "replacedAt" FROM records v LEFT JOIN runs r ON r.id = v.run_id WHERE v.entity = $1 AND v.key = $2)
       UNION ALL
       (SELECT ${columns}, v.replaced_at AS "replacedAt" FROM record_history v LEFT JOIN runs r ON r.id = v.run_id WHERE v.entity = $1 AND v.key = $2 ORDER BY v.version DESC LIMIT $3)
       ORDER BY version DESC LIMIT $3`, [entity, key, limit]);
    if (result.rowCount > 0) return withBodies(result.rows as unknown as StoredVersion[]);
  }
  return [];
}

/** A version keeps the body that the next one changed; the other is the next one's. */
function withBodies(versions: readonly StoredVersion[]): StoredVersion[] {
  const whole: StoredVersion[] = [];
  for (const version of versions) {
    const next = whole.at(-1);
    whole.push(next ? { ...version, raw: bodyOf(version.raw, next.raw), detail: bodyOf(version.detail, next.detail) } : version);
  }
  return whole;
}

function bodyOf(kept: string | null, next: string | null): string | null {
  if (kept === null) return next;
  return kept === 'null' ? null : kept;
}
