/** A message as the corridor knows it. */
import { isTdsError, PermanentError, type JsonValue, type SourceRecord, type WebhookEvent } from '../sdk/index.ts';
import type { Incoming } from '../pipeline/decide.ts';
import { detailPaths, firstStep } from '../pipeline/entity.ts';
import { modifiedTimeOf, receive, recordKeyOf } from '../pipeline/incoming.ts';
import type { WebhookCode } from './codes.ts';
import type { Hearing } from './hearing.ts';

/** What a message tells, ready to be kept or applied; or why it can't be. */
export interface Told {
  key: string | null;
  modifiedAt: Date | null;
  /** Whether the message's record can stand for the source's: nothing that the entity reads is missing. */
  whole: boolean;
  record?: SourceRecord;
  /** About a record of another stream: nothing is to be done. */
  foreign?: boolean;
  fault?: { code: WebhookCode; message: string };
}

const nothing: Told = { key: null, modifiedAt: null, whole: false };

/** Reads a message by its plugin. Never throws for what the message holds. */
export function readMessage({ webhook, entity }: Hearing, event: WebhookEvent, body: JsonValue): Told {
  try {
    const told = webhook.read({ stream: entity.stream.name, options: entity.options, event, body });
    if (told === undefined) return { ...nothing, foreign: true };
    const { record } = told;
    const key = (record && recordKeyOf(entity, record)) ?? told.key ?? null;
    const modifiedAt = record ? modifiedTimeOf(entity, record) : null;
    if (key === null) return { ...nothing, modifiedAt, fault: { code: 'webhook.no_key', message: 'the message brings no record that has a key' } };
    return { key, modifiedAt, whole: record !== undefined && isWhole(entity, record), ...(record ? { record } : {}) };
  } catch (error) {
    if (!isTdsError(error) && !(error instanceof PermanentError)) throw error;
    return { ...nothing, fault: { code: 'webhook.unreadable', message: error.message } };
  }
}

/** A record that lacks a list or a field which only the detail has would empty what the table holds. */
function isWhole(entity: Hearing['entity'], record: SourceRecord): boolean {
  let wanted = wantedOf.get(entity);
  if (!wanted) wantedOf.set(entity, wanted = wantedBy(entity));
  return wanted.every((path) => Object.hasOwn(record, path));
}

/** It is asked for each message, and the same for all of an entity. */
const wantedOf = new WeakMap<Hearing['entity'], readonly string[]>();

function wantedBy({ config, stream, mapping }: Hearing['entity']): string[] {
  const inDetail = new Set([...detailPaths(stream)].map(firstStep));
  const { paths, whole } = mapping.reads;
  const wanted = whole ? inDetail : new Set([...paths].map(firstStep)).intersection(inDetail);
  return [...wanted.union(new Set(Object.values(config.children).map((child) => firstStep(child.from))))];
}

/** A message on its way into the corridor. Undefined where it brings no record and is no deletion: the source must be asked. */
export function incomingOfMessage({ entity }: Hearing, event: WebhookEvent, told: Told, receivedAt: Date, again: boolean): Incoming | undefined {
  if (told.key === null) return undefined;
  if (event === 'deleted') {
    const { key, modifiedAt } = told;
    // a clock of the source that is ahead of ours must not let what it says of the time before the deletion look newer
    return { form: 'gone', key, observedAt: modifiedAt && modifiedAt > receivedAt ? modifiedAt : receivedAt, ...(modifiedAt ? { modifiedAt } : {}), ...(again ? { again } : {}) };
  }
  const [record] = told.record ? receive(entity, [told.record], { form: 'detail', observedAt: receivedAt, proof: false }).records : [];
  return record && { ...record, ...(again ? { again } : {}) };
}
