import type { SqlSession } from '../sdk/index.ts';
import { stringOf, type JsonText } from './json-text.ts';
import type { Reading } from './session.ts';

/** The bookkeeping of a stored record, without its bodies. */
export interface RecordHead {
  key: string;
  version: number;
  modifiedAt: Date | null;
  observedAt: Date;
  listHash: string | null;
  detailHash: string | null;
  detailAt: Date | null;
  detailModifiedAt: Date | null;
  detailDue: boolean;
  refused: boolean;
  mapping: number;
  deletedAt: Date | null;
}

/** The bodies of a stored record, as JSON text. */
export interface RecordBodies { key: string; raw: string | null; detail: string | null }

/** One record to be written; `expected` is the version that must still be there, null for a record that must not exist. */
export interface RecordWrite extends Omit<RecordHead, 'version'> {
  expected: number | null;
  /** New bodies; null leaves what is stored. */
  raw: JsonText | null;
  detail: JsonText | null;
}

/** Makes the partition for an entity, once. Called before an entity's first write; safe beside other nodes. */
export async function ensureRecordPartition(session: SqlSession, entity: string): Promise<void> {
  await session.query(`SELECT pg_advisory_xact_lock(hashtextextended('tds.partition', 0))`);
  const found = await session.query(
    `SELECT 1 FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
      WHERE i.inhparent = 'records'::regclass AND pg_get_expr(c.relpartbound, c.oid) = format('FOR VALUES IN (%L)', $1::text)`, [entity]);
  if (found.rowCount > 0) return;
  const number = await session.query(`SELECT coalesce(max(substring(c.relname FROM 'records_([0-9]+)$')::int), 0) + 1 AS next
      FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'records'::regclass`);
  const literal = await session.query(`SELECT format('%L', $1::text) AS name`, [entity]);
  await session.query(`CREATE TABLE records_${String(number.rows[0]?.['next'])} PARTITION OF records FOR VALUES IN (${String(literal.rows[0]?.['name'])})`);
}

/** Whether anything was ever stored of an entity. */
export async function hasRecords(session: SqlSession, entity: string): Promise<boolean> {
  const result = await session.query('SELECT EXISTS (SELECT FROM records WHERE entity = $1) AS found', [entity]);
  return result.rows[0]?.['found'] === true;
}

/** Whether so many records are stored of an entity, or more. Looks at no more of them. */
export async function hasManyRecords(session: SqlSession, entity: string, many: number): Promise<boolean> {
  const result = await session.query('SELECT count(*) >= $2 AS found FROM (SELECT FROM records WHERE entity = $1 LIMIT $2) AS first', [entity, many]);
  return result.rows[0]?.['found'] === true;
}

/** The columns of a head besides its key, and their names in {@link RecordHead}. */
const headColumns = [
  ['version', 'version'], ['modified_at', 'modifiedAt'], ['observed_at', 'observedAt'], ['list_hash', 'listHash'], ['detail_hash', 'detailHash'], ['detail_at', 'detailAt'],
  ['detail_modified_at', 'detailModifiedAt'], ['detail_due', 'detailDue'], ['refused', 'refused'], ['mapping', 'mapping'], ['deleted_at', 'deletedAt'],
] as const;

/** What is stored under these keys. Keys without a record are left out. */
export async function readHeads(session: SqlSession, entity: string, keys: readonly string[]): Promise<Map<string, RecordHead>> {
  const result = await session.query(`SELECT key, ${headColumns.map(([column, name]) => `${column} AS "${name}"`).join(', ')} FROM records WHERE entity = $1 AND key = ANY($2::text[])`, [entity, keys]);
  const heads = new Map<string, RecordHead>();
  for (const row of result.rows as unknown as RecordHead[]) heads.set(row.key, row);
  return heads;
}

/** A record as a list shows it, as far as it takes to see that it is stored just so. */
export interface Shown { key: string; hash: string; modifiedAt: Date | null }

/**
 * What is stored under the keys of these list records; `same` are those that stand there with this very content and time, written by this
 * mapping: nothing more need be known of them, so PostgreSQL names only the others. It says of no record that it is the same which
 * `decide` would not call unchanged. The keys are said twice, so that the index is used whatever PostgreSQL knows of the table.
 */
export async function readHeadsUnlessSame(session: SqlSession, entity: string, mapping: number, shown: readonly Shown[]): Promise<{ heads: Map<string, RecordHead>; same: Set<string> }> {
  const result = await session.query(
    `SELECT w.key, ${headColumns.map(([column, name]) => `r.${column} AS "${name}"`).join(', ')}
       FROM unnest($2::text[], $3::text[], $4::timestamptz[]) AS w (key, hash, modified_at)
       LEFT JOIN records r ON r.entity = $1 AND r.key = w.key AND r.key = ANY($2::text[])
      WHERE NOT coalesce(r.deleted_at IS NULL AND r.mapping = $5 AND r.list_hash = w.hash AND r.modified_at IS NOT DISTINCT FROM w.modified_at, false)`,
    [entity, shown.map(({ key }) => key), shown.map(({ hash }) => hash), shown.map(({ modifiedAt }) => modifiedAt?.toISOString() ?? null), mapping]);
  const heads = new Map<string, RecordHead>();
  const same = new Set(shown.map(({ key }) => key));
  for (const head of result.rows as unknown as (RecordHead | { key: string; version: null })[]) {
    same.delete(head.key);
    if (head.version !== null) heads.set(head.key, head);
  }
  return { heads, same };
}

/** The bodies stored under these keys, read one by one from the row so that a list costs one round trip. */
export async function readBodies(session: SqlSession, entity: string, keys: readonly string[]): Promise<Map<string, RecordBodies>> {
  const result = await session.query(
    `SELECT key, raw::text AS raw, detail::text AS detail FROM records WHERE entity = $1 AND key = ANY($2::text[])`, [entity, keys]);
  return new Map((result.rows as unknown as RecordBodies[]).map((row) => [row.key, row]));
}

/** Locks the entity's write path until the transaction ends: one writer per entity, so that batches of two runs can't deadlock. */
export async function lockEntityWrites(session: SqlSession, entity: string): Promise<void> {
  await session.query(`SELECT pg_advisory_xact_lock(hashtextextended('tds.write:' || $1, 0))`, [entity]);
}

/**
 * Replaces records, each only when its version is still the expected one, and keeps what was there in the history: of the two bodies the
 * one that changes (JSON's null where there was none); the other is found in the version after it (`record-history.ts`).
 * Answers how many were replaced; fewer than asked means that another writer was faster and nothing may be committed.
 */
export async function replaceRecords(session: SqlSession, entity: string, runId: string | null, via: string, writes: readonly RecordWrite[]): Promise<number> {
  if (writes.length === 0) return 0;
  const keys = writes.map((write) => write.key);
  const versions = writes.map((write) => write.expected);
  await session.query(
    `INSERT INTO record_history (entity, key, version, modified_at, observed_at, detail_at, deleted_at, refused, mapping, run_id, via, written_at, mapped_at, mapped_run, mapped_via, raw, detail)
     SELECT r.entity, r.key, r.version, r.modified_at, r.observed_at, r.detail_at, r.deleted_at, r.refused, r.mapping, r.run_id, r.via, r.written_at, r.mapped_at, r.mapped_run, r.mapped_via,
            CASE WHEN w.raw THEN coalesce(r.raw, 'null') END, CASE WHEN w.detail THEN coalesce(r.detail, 'null') END
       FROM unnest($2::text[], $3::int[], $4::boolean[], $5::boolean[]) AS w (key, version, raw, detail)
       JOIN records r ON r.entity = $1 AND r.key = w.key AND r.version = w.version`, [entity, keys, versions, writes.map((w) => w.raw !== null), writes.map((w) => w.detail !== null)]);
  const result = await session.query(
    `UPDATE records r SET version = r.version + 1, modified_at = w.modified_at, observed_at = w.observed_at, list_hash = w.list_hash,
            detail_hash = w.detail_hash, detail_at = w.detail_at, detail_modified_at = w.detail_modified_at, detail_due = w.detail_due,
            refused = w.refused, mapping = w.mapping, deleted_at = w.deleted_at, raw = coalesce(w.raw, r.raw), detail = coalesce(w.detail, r.detail),
            run_id = $2, via = $3, written_at = now(), mapped_at = NULL, mapped_run = NULL, mapped_via = NULL
       FROM unnest($4::text[], $5::int[], $6::timestamptz[], $7::timestamptz[], $8::text[], $9::text[], $10::timestamptz[], $11::timestamptz[],
                   $12::boolean[], $13::boolean[], $14::int[], $15::timestamptz[], $16::json[], $17::json[])
            AS w (key, version, modified_at, observed_at, list_hash, detail_hash, detail_at, detail_modified_at, detail_due, refused, mapping, deleted_at, raw, detail)
      WHERE r.entity = $1 AND r.key = w.key AND r.version = w.version`,
    [entity, runId, via, keys, versions, writes.map((w) => w.modifiedAt), writes.map((w) => w.observedAt), writes.map((w) => w.listHash),
      writes.map((w) => w.detailHash), writes.map((w) => w.detailAt), writes.map((w) => w.detailModifiedAt), writes.map((w) => w.detailDue),
      writes.map((w) => w.refused), writes.map((w) => w.mapping), writes.map((w) => w.deletedAt), writes.map((w) => stringOf(w.raw)), writes.map((w) => stringOf(w.detail))]);
  return result.rowCount;
}

/** Notes by which mapping rows were written again, each only when the record's version is still the expected one. Answers how many. */
export async function remapRecords(session: SqlSession, entity: string, runId: string | null, via: string, writes: readonly RecordWrite[]): Promise<number> {
  if (writes.length === 0) return 0;
  const result = await session.query(
    `UPDATE records r SET version = r.version + 1, mapping = w.mapping, refused = w.refused, detail_due = w.detail_due, mapped_at = now(), mapped_run = $7, mapped_via = $8
       FROM unnest($2::text[], $3::int[], $4::int[], $5::boolean[], $6::boolean[]) AS w (key, version, mapping, refused, detail_due)
      WHERE r.entity = $1 AND r.key = w.key AND r.version = w.version`,
    [entity, writes.map((w) => w.key), writes.map((w) => w.expected), writes.map((w) => w.mapping), writes.map((w) => w.refused), writes.map((w) => w.detailDue), runId, via]);
  return result.rowCount;
}

/** A record whose due details have come and were the same: as it stood, and when the source was asked. */
export interface Settled { key: string; version: number; at: Date }

/** Notes that details which were due have come and were the same, each only when its record's version is still that one. Answers how many. */
export async function settleDetails(session: SqlSession, entity: string, settled: readonly Settled[]): Promise<number> {
  if (settled.length === 0) return 0;
  const result = await session.query(
    `UPDATE records r SET detail_due = false, detail_at = w.at FROM unnest($2::text[], $3::int[], $4::timestamptz[]) AS w (key, version, at)
      WHERE r.entity = $1 AND r.key = w.key AND r.version = w.version`, [entity, settled.map(({ key }) => key), settled.map(({ version }) => version), settled.map(({ at }) => at)]);
  return result.rowCount;
}

/** Records whose details are due, newest first, with the moment of their last known change. */
export async function dueDetails(session: SqlSession, entity: string, limit: number, except: readonly string[]): Promise<{ key: string; observedAt: Date }[]> {
  const result = await session.query(
    `SELECT key, observed_at AS "observedAt" FROM records WHERE entity = $1 AND detail_due AND deleted_at IS NULL AND NOT key = ANY($3::text[])
      ORDER BY modified_at DESC NULLS LAST, key LIMIT $2`, [entity, limit, except]);
  return result.rows as unknown as { key: string; observedAt: Date }[];
}

const whole = `key, version, modified_at AS "modifiedAt", observed_at AS "observedAt", list_hash AS "listHash", detail_hash AS "detailHash",
            detail_at AS "detailAt", detail_modified_at AS "detailModifiedAt", detail_due AS "detailDue", refused, mapping, deleted_at AS "deletedAt",
            raw::text AS raw, detail::text AS detail`;

/** Stored records in the order of their keys, for a replay. `after` is the last key of the batch before. */
export async function storedAfter(session: SqlSession, entity: string, after: string, limit: number): Promise<(RecordHead & RecordBodies)[]> {
  const result = await session.query(`SELECT ${whole} FROM records WHERE entity = $1 AND key > $2 ORDER BY key LIMIT $3`, [entity, after, limit]);
  return result.rows as unknown as (RecordHead & RecordBodies)[];
}

/** What is stored under these keys, with the bodies. Keys without a record are left out. */
export async function storedUnder(session: SqlSession, entity: string, keys: readonly string[]): Promise<Map<string, RecordHead & RecordBodies>> {
  const result = await session.query(`SELECT ${whole} FROM records WHERE entity = $1 AND key = ANY($2::text[])`, [entity, keys]);
  return new Map((result.rows as unknown as (RecordHead & RecordBodies)[]).map((row) => [row.key, row]));
}

/** Whether a living record's row was written by another mapping. Looks at all of them, if need be. */
export async function hasOtherMapping(session: SqlSession, entity: string, mapping: number): Promise<boolean> {
  return (await session.query('SELECT FROM records WHERE entity = $1 AND deleted_at IS NULL AND mapping <> $2 LIMIT 1', [entity, mapping])).rowCount > 0;
}

/** How far an entity has come. */
export interface RecordCounts { records: number; deleted: number; refused: number; detailsDue: number; detailed: number }

/** Counts of all entities that have records. One pass over the bookkeeping columns. */
export async function countRecords(session: Reading): Promise<Map<string, RecordCounts>> {
  const result = await session.query(
    `SELECT entity, count(*) FILTER (WHERE deleted_at IS NULL)::int AS records, count(*) FILTER (WHERE deleted_at IS NOT NULL)::int AS deleted,
            count(*) FILTER (WHERE refused)::int AS refused, count(*) FILTER (WHERE detail_due AND deleted_at IS NULL)::int AS "detailsDue",
            count(*) FILTER (WHERE detail_hash IS NOT NULL AND deleted_at IS NULL)::int AS detailed
       FROM records GROUP BY entity`);
  return new Map(result.rows.map((row) => [row['entity'] as string, row as unknown as RecordCounts]));
}

/** A living record of an entity: that of the key, else any. */
export async function sampleRecord(session: SqlSession, entity: string, key?: string): Promise<(RecordHead & RecordBodies) | undefined> {
  const result = await session.query(`SELECT ${whole} FROM records WHERE entity = $1 AND deleted_at IS NULL AND ($2::text IS NULL OR key = $2) LIMIT 1`, [entity, key ?? null]);
  return result.rows[0] as unknown as (RecordHead & RecordBodies) | undefined;
}
