/** What happened to one record: its versions, and what each changed, field by field. */
import type { CellValue, JsonObject, JsonValue } from '../sdk/index.ts';
import type { StoredVersion } from '../store/record-history.ts';
import type { Entity } from './entity.ts';
import type { MappedRecord, Problem } from './mapping/index.ts';
import { wholeOf } from './stored.ts';

/** One difference; without `from` it came, without `to` it went. */
export interface FieldChange { field: string; from?: JsonValue; to?: JsonValue }

/** A version with what it changed against the one before. */
export interface VersionStory {
  version: number;
  what: 'created' | 'changed' | 'deleted' | 'came back';
  /** When it was stored, by what. */
  at: Date; via: string; runId: string | null; runMode: string | null; runTrigger: string | null;
  modifiedAt: Date | null; observedAt: Date; deletedAt: Date | null; replacedAt: Date | null;
  /** The mapping or the table refused it; of a deletion, that its row went. */
  refused: boolean;
  /** The same raw record was mapped again, last at this time. */
  mappedAgain: { at: Date; via: string; runId: string | null } | null;
  /** Columns as the present mapping makes them; null where it can't. */
  fields: FieldChange[] | null;
  /** Places of the raw record. Empty for the first version that is kept. */
  raw: FieldChange[];
  /** True where there are more changes than are listed. */
  cut: boolean;
}

export interface RecordTold {
  versions: VersionStory[];
  /** The row that the present mapping makes of the current version; null for a deletion, and where it refuses. */
  row: Record<string, CellValue> | null;
  problems: readonly Problem[];
}

const mostChanges = 200;
const deepest = 20;

/**
 * Tells versions, the newest first. `entity` is absent when the config has it no more: then only the raw records are
 * compared. `mapRefused` false leaves refused versions unmapped, because mapping them may kill the process.
 */
export async function tellVersions(versions: readonly StoredVersion[], entity: Entity | undefined, mapRefused: boolean): Promise<RecordTold> {
  const bodies = versions.map(wholeOf);
  const mappable = versions.map((version) => entity !== undefined && version.deletedAt === null && (mapRefused || !version.refused));
  const mapped = entity ? [...await entity.mapping.mapAll(bodies.filter((_, at) => mappable[at]))] : [];
  const rows = mappable.map((can) => (can ? mapped.shift() : undefined)).map((result) => ({ result, row: rowOf(entity, result) }));
  const told = versions.map((version, at): VersionStory => {
    const before = versions[at + 1];
    const raw = before === undefined || version.deletedAt !== null ? [] : changesOf(bodies[at + 1] as JsonObject, bodies[at] as JsonObject);
    const fields = fieldChanges(version.deletedAt !== null, rows[at]?.row, before ? rows[at + 1]?.row : undefined, before !== undefined);
    return {
      version: version.version, what: whatOf(version, before), at: version.writtenAt, via: version.via, runId: version.runId, runMode: version.runMode, runTrigger: version.runTrigger,
      modifiedAt: version.modifiedAt, observedAt: version.observedAt, deletedAt: version.deletedAt, replacedAt: version.replacedAt, refused: version.refused,
      mappedAgain: version.mappedAt ? { at: version.mappedAt, via: version.mappedVia ?? '', runId: version.mappedRun } : null,
      fields: fields?.slice(0, mostChanges) ?? null, raw: raw.slice(0, mostChanges), cut: raw.length > mostChanges || (fields?.length ?? 0) > mostChanges,
    };
  });
  const current = rows[0];
  return { versions: told, row: current?.row ?? null, problems: current?.result && !current.result.ok ? current.result.problems : [] };
}

function whatOf(version: StoredVersion, before: StoredVersion | undefined): VersionStory['what'] {
  if (version.deletedAt !== null) return 'deleted';
  if (before === undefined) return version.version === 1 ? 'created' : 'changed';
  return before.deletedAt === null ? 'changed' : 'came back';
}

/** The row of a mapped record, by the names of its columns; undefined where the mapping refused it. */
export function rowOf(entity: Entity | undefined, result: MappedRecord | undefined): Record<string, CellValue> | undefined {
  if (!entity || !result?.ok) return undefined;
  return Object.fromEntries(entity.mapping.table.columns.map(({ name }, at) => [name, result.row[at] ?? null]));
}

/** Null where one of both sides can't be told; the first version that is kept is told whole. */
function fieldChanges(isGone: boolean, row: Record<string, CellValue> | undefined, before: Record<string, CellValue> | undefined, hasBefore: boolean): FieldChange[] | null {
  if (isGone) return [];
  if (!row || (hasBefore && !before)) return row && hasBefore ? changesOf({}, row) : null;
  return changesOf(before ?? {}, row);
}

/** The places in which two records differ, in the order of the newer one; elements of lists by their index. */
export function changesOf(from: JsonObject, to: JsonObject): FieldChange[] {
  const changes: FieldChange[] = [];
  compare(from, to, '', 0, changes);
  return changes;
}

function compare(from: JsonValue | undefined, to: JsonValue | undefined, path: string, depth: number, changes: FieldChange[]): void {
  if (changes.length > mostChanges || same(from, to)) return;
  if (depth < deepest && isBranch(from) && isBranch(to) && Array.isArray(from) === Array.isArray(to)) {
    for (const name of new Set([...Object.keys(to), ...Object.keys(from)])) compare(own(from, name), own(to, name), path === '' ? name : `${path}.${name}`, depth + 1, changes);
    return;
  }
  changes.push({ field: path, ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) });
}

/** Objects and lists; a number with all its digits is a value. */
function isBranch(value: JsonValue | undefined): value is JsonObject | JsonValue[] {
  return typeof value === 'object' && value !== null && !(JSON as unknown as { isRawJSON(value: unknown): boolean }).isRawJSON(value);
}

function own(value: JsonObject | JsonValue[], name: string): JsonValue | undefined {
  return Object.hasOwn(value, name) ? (value as JsonObject)[name] : undefined;
}

function same(from: JsonValue | undefined, to: JsonValue | undefined): boolean {
  return from === to || (typeof from === 'object' && typeof to === 'object' && JSON.stringify(from) === JSON.stringify(to));
}
