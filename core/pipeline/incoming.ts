import { hash } from 'node:crypto';
import { bytesOf, parseJson, parseRecord } from '../connection/index.ts';
import { joinKey, readPath } from '../sdk/index.ts';
import type { JsonObject, JsonValue, SourceRecord } from '../sdk/index.ts';
import type { DeadLetterWrite } from '../store/dead-letters.ts';
import { stringOf, type JsonText } from '../store/json-text.ts';
import type { IncomingRecord } from './decide.ts';
import type { Entity } from './entity.ts';
import { readModifiedTime } from './time.ts';

/** Records of one page made ready for the corridor; those without a key can't go on. */
export interface Received { records: IncomingRecord[]; withoutKey: DeadLetterWrite[] }

/** How records were got. */
export interface Look {
  form: 'list' | 'detail';
  observedAt: Date;
  proof: boolean;
  /** They are the very objects that the connection parsed, unchanged. */
  asReceived?: boolean | undefined;
}

/** Gives each record its key, its own time and its content hash. The first step of every way in. */
export function receive(entity: Entity, records: readonly SourceRecord[], look: Look): Received {
  const received: Received = { records: [], withoutKey: [] };
  for (const record of records) {
    const text = (look.asReceived ? bytesOf(record) : undefined) ?? textOf(record);
    if (text === undefined) {
      received.withoutKey.push({ key: null, raw: null, problems: [{ code: 'record.too_deep', message: 'the record is nested too deeply to be kept', suggestion: 'Look at it at the source; no sound record is like that.' }] });
      continue;
    }
    const key = keyOf(record, entity.stream.key);
    if (key === undefined) {
      received.withoutKey.push({ key: null, raw: stringOf(text), problems: [withoutKeyProblem(entity)] });
      continue;
    }
    const modifiedAt = modifiedTimeOf(entity, record);
    received.records.push({
      form: look.form, key, record: typeof text === 'string' ? record : undefined, text, hash: contentHash(text), observedAt: look.proof ? look.observedAt : shownAt(modifiedAt, look.observedAt), proof: look.proof, modifiedAt,
    });
  }
  return received;
}

/**
 * Of when a message speaks. It proves nothing about the time between the change and its arrival: a deletion in between, proved later
 * by a read that began before the message came, must not lose to it.
 */
function shownAt(modifiedAt: Date | null, arrivedAt: Date): Date {
  return modifiedAt !== null && modifiedAt < arrivedAt ? modifiedAt : arrivedAt;
}

/** The record's own modified time; null where it has none. */
export function modifiedTimeOf(entity: Entity, record: SourceRecord): Date | null {
  const path = entity.config.modified ?? entity.stream.modified;
  return path === undefined ? null : readModifiedTime(readPath(record, path));
}

/** The key of a record; undefined where it has none. */
export function recordKeyOf(entity: Entity, record: SourceRecord): string | undefined {
  return keyOf(record, entity.stream.key);
}

/** The record of an incoming one. */
export function recordOf(incoming: IncomingRecord): JsonObject {
  return incoming.record ?? (typeof incoming.text === 'string' ? parseJson(incoming.text) as JsonObject : parseRecord(incoming.text));
}

/** Undefined for a record so deep that it can't be written as text: one that attacks, not one that means something. */
function textOf(record: SourceRecord): string | undefined {
  try {
    return JSON.stringify(record);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function withoutKeyProblem(entity: Entity): DeadLetterWrite['problems'][number] {
  const path = entity.stream.key.join(', ');
  return { code: 'record.no_key', path, message: `the record has no ${path}, by which the stream "${entity.stream.name}" tells its records apart`,
    suggestion: 'Look at the raw record; when the source names its key otherwise, the stream must say so.' };
}

/** 132 bits of a SHA-256: plenty to tell the contents of one key apart, and short enough to store with each record. */
export function contentHash(text: JsonText): string {
  return hash('sha256', text, 'base64url').slice(0, 22);
}

function keyOf(record: SourceRecord, paths: readonly string[]): string | undefined {
  if (paths.length === 1) return keyPart(readPath(record, paths[0] as string));
  const parts: string[] = [];
  for (const path of paths) {
    const part = keyPart(readPath(record, path));
    if (part === undefined) return undefined;
    parts.push(part);
  }
  return joinKey(parts);
}

/** Text and numbers make a key; empty text, NUL (which PostgreSQL can't hold) and all else do not. */
function keyPart(value: JsonValue | undefined): string | undefined {
  if (typeof value === 'string') return value === '' || value.includes('\0') || value.length > 500 ? undefined : value;
  if (typeof value === 'number') return String(value);
  return typeof value === 'object' && value !== null && 'rawJSON' in value ? String(value['rawJSON']) : undefined;
}
