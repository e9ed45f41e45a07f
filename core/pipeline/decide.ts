import type { JsonObject } from '../sdk/index.ts';
import type { JsonText } from '../store/json-text.ts';
import type { RecordHead } from '../store/records.ts';

/** How a record came to the corridor. Kept with each version. */
export type Via = 'full' | 'incremental' | 'details' | 'webhook' | 'replay' | 'repair';

/** A record on its way in. */
export interface IncomingRecord {
  /** `list`: as a list sent it, perhaps without some fields; `detail`: whole, from a detail call or a webhook. */
  form: 'list' | 'detail';
  key: string;
  /** Undefined: parsed from `text` when somebody asks; see `recordOf`. */
  record: JsonObject | undefined;
  /** The record as JSON: what is kept as raw. */
  text: JsonText;
  hash: string;
  /** The record's own modified time; null where it has none. */
  modifiedAt: Date | null;
  /** When the source was asked. Of a message: what it shows was so at the record's own modified time, however late it arrives; where it has none, the arrival. */
  observedAt: Date;
  /** True when the source itself answered with this record at `observedAt`; false for a message that may be late. */
  proof: boolean;
  /** Asked for by a retry: a record that stands refused is mapped again though neither it nor the mapping has changed. */
  again?: boolean;
}

/**
 * The proof that a record is gone. `version`: of the stored record that the proof is about; any other one is left alone. Without it the
 * times of both looks decide, which are to be of one clock. `modifiedAt`: of a message, the modified time of the record's last state. `again`:
 * asked for by a retry: where the table refused to let the row go, it is tried once more.
 */
export interface IncomingGone { form: 'gone'; key: string; observedAt: Date; version?: number; modifiedAt?: Date; again?: boolean }

export type Incoming = IncomingRecord | IncomingGone;

/** What is stored under a key, without the bodies. */
export type Stored = RecordHead;

/**
 * - `new`, `changed`: to be mapped and written.
 * - `gone`: to become a tombstone, or its row to go at last.
 * - `unchanged`: nothing to do. `settled`: nothing new either, but the detail that was due has come.
 * - `stale`: older than what is stored; nothing to do.
 */
export type Decision = 'new' | 'changed' | 'gone' | 'unchanged' | 'settled' | 'stale';

/**
 * What to do with one incoming record, given what is stored under its key (promise 4: newer never loses to older).
 * `mapping` is the present mapping's number: a row written by another one is written again even when its content is the same.
 * Pure, so that any interleaving can be tried in a test.
 */
export function decide(incoming: Incoming, stored: Stored | undefined, mapping: number): Decision {
  if (incoming.form === 'gone') return decideGone(incoming, stored);
  if (stored === undefined) return 'new';
  if (stored.deletedAt !== null) return revives(incoming, stored.deletedAt) ? 'changed' : 'stale';

  const order = compareAge(incoming, stored);
  if (order < 0) return 'stale';
  const known = incoming.form === 'list' ? stored.listHash : stored.detailHash;
  // the same list content with a newer time: it was changed and changed back, and the row may hold what was between
  if (incoming.hash === known) {
    if (stored.mapping !== mapping || order > 0 || (incoming.again && stored.refused)) return 'changed';
    // a look from before the list told of the change that made it due says nothing of that
    const isAfter = !incoming.proof || incoming.observedAt >= stored.observedAt;
    return incoming.form === 'detail' && stored.detailDue && isAfter ? 'settled' : 'unchanged';
  }
  return order === 0 && isOlderLook(incoming, stored) ? 'stale' : 'changed';
}

function decideGone(incoming: IncomingGone, stored: Stored | undefined): Decision {
  if (stored === undefined) return 'gone';
  if (stored.deletedAt !== null) return outlasts(incoming, stored.deletedAt) || (incoming.again && stored.refused) ? 'gone' : 'unchanged';
  if (incoming.version !== undefined) return stored.version === incoming.version ? 'gone' : 'stale';
  // the message is about an earlier life of the record: it has been changed since
  if (incoming.modifiedAt && stored.modifiedAt && stored.modifiedAt > incoming.modifiedAt) return 'stale';
  return stored.observedAt > incoming.observedAt ? 'stale' : 'gone';
}

/** A later proof of the same moves the tombstone: what was seen of the record between the two must not bring it back. A message told twice proves no more. */
export function outlasts({ observedAt, version, modifiedAt }: IncomingGone, deletedAt: Date): boolean {
  return version === undefined && modifiedAt === undefined && observedAt > deletedAt;
}

/** A tombstone yields to the source's own answer from after it, or to a message about a change from after it; to nothing else. */
function revives(incoming: IncomingRecord, deletedAt: Date): boolean {
  if (incoming.proof) return incoming.observedAt > deletedAt;
  return incoming.modifiedAt !== null && incoming.modifiedAt > deletedAt;
}

/** Negative: incoming is older by the record's own time. Zero: the same time, or one of both has none. */
function compareAge(incoming: IncomingRecord, stored: Stored): number {
  if (incoming.modifiedAt === null || stored.modifiedAt === null) return 0;
  return incoming.modifiedAt.getTime() - stored.modifiedAt.getTime();
}

/**
 * Among contents with the same modified time (sources count in seconds), the later look at the source wins. A message
 * has no look: one second can hold two edits and messages overtake each other, so it never wins over equal time.
 */
function isOlderLook(incoming: IncomingRecord, stored: Stored): boolean {
  if (!incoming.proof && incoming.modifiedAt !== null && stored.modifiedAt !== null) return true;
  return incoming.observedAt < stored.observedAt;
}
