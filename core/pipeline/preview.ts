/** What a sync would do with the first records of a stream: read and mapped as ever, compared with what is stored, nothing written. */
import type { CellValue, JsonObject, SqlSession } from '../sdk/index.ts';
import { readBodies, readHeads } from '../store/records.ts';
import { newestOfEach, wholeRecord } from './batch.ts';
import { decide, type Decision, type IncomingRecord } from './decide.ts';
import type { Entity } from './entity.ts';
import { receive, recordOf } from './incoming.ts';
import type { MappedRecord, Problem } from './mapping/index.ts';
import { changesOf, rowOf, type FieldChange } from './story.ts';
import { bodyOf } from './stored.ts';

/** What would become of one record. */
export interface PreviewedRecord {
  key: string;
  /** `refused`: it would become a dead letter. `dropped`: a check leaves it out. The others as a run counts them. */
  outcome: 'new' | 'changed' | 'unchanged' | 'stale' | 'refused' | 'dropped';
  /** The row that the mapping makes; null where it refuses. */
  row: Record<string, CellValue> | null;
  /** Columns that would change against what the mapping makes of the stored record; all of a new one. */
  fields: FieldChange[];
  problems: readonly Problem[];
  warnings: readonly Problem[];
}

export interface Preview {
  records: PreviewedRecord[];
  /** Records that carry no key, and so can't be kept. */
  withoutKey: number;
  /** The source has no more than these. */
  complete: boolean;
  /** Fields that only a call for each record's details brings are missing, where they are not stored already. */
  withoutDetails: boolean;
}

/** Reads `most` records from the beginning of the stream. Throws what the connector throws. */
export async function readSome(entity: Entity, most: number, signal: AbortSignal): Promise<{ incoming: IncomingRecord[]; withoutKey: number; complete: boolean }> {
  const incoming: IncomingRecord[] = [];
  let withoutKey = 0;
  let complete = false;
  for await (const { records, observedAt, end } of entity.source.read({ stream: entity.stream.name, options: entity.options, mode: 'full', signal })) {
    const room = records.slice(0, most - incoming.length - withoutKey);
    const received = receive(entity, room, { form: 'list', observedAt, proof: true });
    incoming.push(...received.records);
    withoutKey += received.withoutKey.length;
    complete = end !== undefined && room.length === records.length;
    if (complete || incoming.length + withoutKey >= most) break;
  }
  return { incoming: newestOfEach(incoming) as IncomingRecord[], withoutKey, complete };
}

/** What would become of these. Reads the database, writes nothing. */
export async function previewRecords(entity: Entity, session: SqlSession, incoming: readonly IncomingRecord[]): Promise<PreviewedRecord[]> {
  const keys = incoming.map(({ key }) => key);
  const heads = await readHeads(session, entity.id, keys);
  const bodies = await readBodies(session, entity.id, keys);
  const whole = incoming.map((one) => wholeRecord(one, bodies.get(one.key)) ?? recordOf(one));
  const before = incoming.map(({ key }) => storedRecord(heads.get(key)?.deletedAt === null ? bodies.get(key) : undefined));
  const mapped = await entity.mapping.mapAll([...whole, ...before.filter((record) => record !== undefined)]);
  const old = mapped.slice(whole.length);
  return incoming.map((one, at) => {
    const result = mapped[at] as MappedRecord;
    const decision = decide(one, heads.get(one.key), entity.mappingNumber);
    const row = rowOf(entity, result) ?? null;
    const oldRow = before[at] === undefined ? undefined : rowOf(entity, old.shift());
    const outcome = outcomeOf(decision, result);
    return {
      key: one.key, outcome, row, fields: row === null || outcome === 'unchanged' || outcome === 'stale' ? [] : changesOf(oldRow ?? {}, row),
      problems: result.ok ? [] : result.problems, warnings: result.ok ? result.warnings : [],
    };
  });
}

function storedRecord(bodies: { raw: string | null; detail: string | null } | undefined): JsonObject | undefined {
  return bodies ? { ...bodyOf(bodies.raw), ...bodyOf(bodies.detail) } : undefined;
}

function outcomeOf(decision: Decision, result: MappedRecord): PreviewedRecord['outcome'] {
  if (decision !== 'new' && decision !== 'changed') return decision === 'stale' ? 'stale' : 'unchanged';
  if (result.ok) return decision;
  return result.action === 'drop' ? 'dropped' : 'refused';
}
