import { createHash } from 'node:crypto';
import { isRecord, readPath, type JsonObject, type JsonValue, type SourceRecord } from 'tds/sdk';
import { planNamed, type Plan } from './plans.ts';
import { instantOf } from './times.ts';

/** How many of the last records are kept to find one's place again. */
export const tailLength = 20;

/** Where a reading stands; small JSON, saved by the host with the rows it covers. */
export interface Position {
  plan: string;
  /** The filter of the next call, as Zoho writes times. */
  since: string | null;
  /** Records of the list, as filtered, that lie before the next unread one. */
  at: number;
  /** Records read in all. */
  read: number;
  /** The last records read: id and what would change if the record did. */
  tail: string[];
  /** When the first call left, by the host's clock. */
  begun: number;
  /** Calls so far. */
  calls: number;
  /** Latest modified time seen, and the latest before it. */
  latest: string | null;
  runnerUp: string | null;
  /** The source's clock was at least here when the reading began, going by the records alone. */
  floor: number | null;
  /** The source's clock at the first and at the last call, less the seconds by which records come late; null where unknown. */
  settledFirst: number | null;
  settledLast: number | null;
  /** Oldest first: the clock when the reading first came into the last seconds. */
  bound: number | null;
  /** A page did not join the one before it, however often it was looked for. */
  gap: boolean;
  /** Records that the next page repeats, to be seen to join the last one. */
  overlap: number;
  /** Times in a row that the place was lost. */
  lost: number;
  /** Times that the list was begun anew for that. */
  restarts: number;
  /** Pages in a row that brought nothing new. */
  idle: number;
  /** Pages in a row of records that all changed after the reading had begun, or while it went on as fast as the source. */
  chase: number;
  keptPace: number;
  /** Milliseconds from the first call to the last. */
  elapsed: number;
}

/** The beginning of a reading. */
export function beginning(plan: Plan, since: string | undefined, now: number): Position {
  return {
    plan: plan.name, since: since ?? null, at: 0, read: 0, tail: [], begun: now, calls: 0,
    latest: null, runnerUp: null, floor: null,
    settledFirst: null, settledLast: null, bound: null, gap: false, overlap: 1, lost: 0, restarts: 0, idle: 0, chase: 0, keptPace: 0, elapsed: 0,
  };
}

/** The same place in the same order, counted from the beginning of the list. */
export function withoutKeyset(position: Position): Position {
  return { ...position, plan: 'modified', since: null, at: position.read };
}

/** A position that the host saved, or undefined where it is none of ours. */
export function savedPosition(value: JsonValue | undefined): Position | undefined {
  if (!isRecord(value) || planNamed(value.plan) === undefined || typeof value.at !== 'number' || !Array.isArray(value.tail)) return undefined;
  return value as unknown as Position;
}

/** A position as JSON. */
export function asJson(position: Position): JsonObject {
  return structuredClone(position) as unknown as JsonObject;
}

/** The names of the fields by which records are told apart and ordered. */
export interface RecordFields {
  id: string;
  modified: string | undefined;
  created: string | undefined;
}

/** Knows a record again while its place in the order is the same. */
export interface Anchor {
  of(record: SourceRecord): string;
  /** The id of a record, and the one that stands in what `of` answered. */
  id(record: SourceRecord): string;
  idOf(anchor: string): string;
  /** Dotted path of the modified time. */
  modified: string | undefined;
}

/** How records are known again under a plan: by their id and what their place depends on. */
export function anchorFor(plan: Plan, fields: RecordFields): Anchor {
  const path = plan.sort?.column === 'created_time' ? fields.created : fields.modified;
  const idIn = (record: SourceRecord): string => String(readPath(record, fields.id) ?? '');
  const of = (record: SourceRecord): string => {
    const id = idIn(record);
    const time = path === undefined ? undefined : instantOf(readPath(record, path));
    return time === undefined ? `${id}#${digest(record)}` : `${id}@${time}`;
  };
  return { of, id: idIn, idOf: (anchor) => anchor.replace(/[@#][^@#]*$/, ''), modified: fields.modified };
}

function digest(record: SourceRecord): string {
  return createHash('sha1').update(JSON.stringify(record)).digest('base64url').slice(0, 10);
}
