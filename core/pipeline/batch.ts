import type { CellValue, JsonObject, SqlSession, TableWrite } from '../sdk/index.ts';
import type { DeadLetterProblem, DeadLetterWrite } from '../store/dead-letters.ts';
import { stringOf } from '../store/json-text.ts';
import { readBodies, readHeads, readHeadsUnlessSame, type RecordBodies, type RecordHead, type RecordWrite, type Settled } from '../store/records.ts';
import type { RunCounts } from '../store/runs.ts';
import { decide, outlasts, type Decision, type Incoming, type IncomingRecord } from './decide.ts';
import type { Entity } from './entity.ts';
import { recordOf } from './incoming.ts';
import { bodyOf, lastBody } from './stored.ts';
import { joinTables, tableWrites, type GoneRow } from './table-writes.ts';

/** A record that will be written, with what mapping and checks said of it. */
interface Change { incoming: Incoming; stored: RecordHead | undefined; decision: Decision; write: RecordWrite }

/** A batch after map and check: everything that the transaction will write, worked out before it begins. */
export interface PreparedBatch {
  /** Raw records that must not exist yet. */
  inserts: RecordWrite[];
  /** Raw records that replace a stored version. */
  replaces: RecordWrite[];
  /** Records whose content is the same but whose row is written again, by another mapping. */
  remaps: RecordWrite[];
  /** Records whose due details have come and were the same. */
  settled: Settled[];
  tables: TableWrite[];
  letters: DeadLetterWrite[];
  /** Keys whose open dead letters are mended by this batch. */
  mended: string[];
  /** Keys whose open dead letters have nothing to mend any more: the record is gone, or a check drops it now. */
  overtaken: string[];
  /** Keys whose incoming record is older than what is stored. */
  stale: string[];
  /** Keys that a check drops. */
  dropped: string[];
  counts: Partial<RunCounts>;
}

/** Of several incoming records with one key only the last look counts; sources deliver a record twice when pages shift. */
export function newestOfEach(batch: readonly Incoming[]): Incoming[] {
  const byKey = new Map<string, Incoming>();
  for (const incoming of batch) {
    const other = byKey.get(incoming.key);
    if (other === undefined || !isOlder(incoming, other)) byKey.set(incoming.key, incoming);
  }
  return byKey.size === batch.length ? (batch as Incoming[]) : [...byKey.values()];
}

function isOlder(one: Incoming, other: Incoming): boolean {
  if (one.modifiedAt && other.modifiedAt) {
    const difference = one.modifiedAt.getTime() - other.modifiedAt.getTime();
    if (difference !== 0) return difference < 0;
    // nothing comes after the last state
    if ((one.form === 'gone') !== (other.form === 'gone')) return other.form === 'gone';
  }
  return one.observedAt < other.observedAt;
}

/**
 * Decides on each record, maps and checks those that will be written. Reads the database, writes nothing; the versions
 * that it saw are compared again inside the transaction. Without a session nothing is stored of the entity, as far as the
 * caller knows. `refuse` names records that the destination would not take, or that kill the process that maps them: they
 * are not mapped.
 */
export async function prepareBatch(entity: Entity, session: SqlSession | undefined, batch: readonly Incoming[], refuse?: ReadonlyMap<string, DeadLetterProblem>): Promise<PreparedBatch> {
  const incoming = newestOfEach(batch);
  const { heads, same } = session ? await storedHeads(entity, session, incoming) : nothingStored;
  const prepared: PreparedBatch = { inserts: [], replaces: [], remaps: [], settled: [], tables: [], letters: [], mended: [], overtaken: [], stale: [], dropped: [], counts: { read: batch.length, unchanged: batch.length - incoming.length } };
  const changes: Change[] = [];
  for (const one of incoming) {
    if (same.has(one.key)) {
      count(prepared, 'unchanged');
      continue;
    }
    const stored = heads.get(one.key);
    const decision = decide(one, stored, entity.mappingNumber);
    if (decision === 'new' || decision === 'changed' || decision === 'gone') changes.push({ incoming: one, stored, decision, write: recordWrite(entity, one, stored) });
    else {
      count(prepared, decision === 'stale' ? 'stale' : 'unchanged');
      if (decision === 'settled' && stored) prepared.settled.push({ key: one.key, version: stored.version, at: recordWrite(entity, one, stored).observedAt });
      if (decision === 'stale') prepared.stale.push(one.key);
    }
  }
  if (changes.length > 0) await mapChanges(entity, session, changes, prepared, refuse);
  return prepared;
}

const nothingStored: { heads: ReadonlyMap<string, RecordHead>; same: ReadonlySet<string> } = { heads: new Map(), same: new Set() };

/** Records that were let go already are expected to be unchanged: of those that are, no more is read. */
async function storedHeads(entity: Entity, session: SqlSession, incoming: readonly Incoming[]): Promise<{ heads: Map<string, RecordHead>; same: ReadonlySet<string> }> {
  const isLean = (one: Incoming): one is IncomingRecord => one.form === 'list' && one.record === undefined && !one.again;
  const lean = incoming.filter(isLean);
  if (lean.length === 0) return { heads: await readHeads(session, entity.id, incoming.map(({ key }) => key)), same: new Set() };
  const { heads, same } = await readHeadsUnlessSame(session, entity.id, entity.mappingNumber, lean);
  const others = incoming.filter((one) => !isLean(one)).map(({ key }) => key);
  if (others.length > 0) for (const [key, head] of await readHeads(session, entity.id, others)) heads.set(key, head);
  return { heads, same };
}

function count(prepared: PreparedBatch, name: keyof RunCounts, by = 1): void {
  prepared.counts[name] = (prepared.counts[name] ?? 0) + by;
}

function recordWrite(entity: Entity, incoming: Incoming, stored: RecordHead | undefined): RecordWrite {
  const kept = {
    key: incoming.key, expected: stored?.version ?? null, mapping: entity.mappingNumber, refused: false,
    modifiedAt: stored?.modifiedAt ?? null, listHash: stored?.listHash ?? null, detailHash: stored?.detailHash ?? null,
    detailAt: stored?.detailAt ?? null, detailModifiedAt: stored?.detailModifiedAt ?? null, raw: null, detail: null,
  };
  if (incoming.form === 'gone') {
    // a deletion that is tried again leaves the tombstone where it stands
    const at = stored && stored.deletedAt !== null && !outlasts(incoming, stored.deletedAt) ? stored : { observedAt: incoming.observedAt, deletedAt: incoming.observedAt };
    return { ...kept, modifiedAt: latest(incoming.modifiedAt ?? null, kept.modifiedAt), observedAt: at.observedAt, deletedAt: at.deletedAt, detailDue: false };
  }
  // a message speaks of its record's modified time, and takes nothing from what a look at the source has proved since
  const observedAt = stored && stored.deletedAt === null && !incoming.proof && stored.observedAt > incoming.observedAt ? stored.observedAt : incoming.observedAt;
  const common = { ...kept, modifiedAt: latest(incoming.modifiedAt, kept.modifiedAt), observedAt, deletedAt: null };
  if (incoming.form === 'detail') {
    return { ...common, detail: incoming.text, detailHash: incoming.hash, detailAt: observedAt, detailModifiedAt: incoming.modifiedAt, detailDue: false };
  }
  const sameList = incoming.hash === stored?.listHash;
  const detailDue = entity.wantsDetails && (sameList ? stored.detailDue || stored.detailHash === null : true);
  return { ...common, raw: incoming.text, listHash: incoming.hash, detailDue };
}

function latest(one: Date | null, other: Date | null): Date | null {
  if (one === null || other === null) return one ?? other;
  return one > other ? one : other;
}

async function mapChanges(entity: Entity, session: SqlSession | undefined, changes: Change[], prepared: PreparedBatch, refuse: ReadonlyMap<string, DeadLetterProblem> | undefined): Promise<void> {
  const bodies = session ? await storedBodies(entity, session, changes) : new Map<string, RecordBodies>();
  const allowed = changes.filter(({ incoming }) => !refuse?.has(incoming.key));
  const known = allowed.filter(({ incoming }) => incoming.form !== 'gone');
  const mapped = await entity.mapping.mapAll(wholeRecords(known, bodies));
  const gone = await goneRows(entity, allowed.filter(({ incoming }) => incoming.form === 'gone' && bodies.has(incoming.key)), bodies);
  for (const change of changes) {
    const refusal = refuse?.get(change.incoming.key);
    if (refusal) setAside(change, false, [refusal], prepared, bodies);
  }
  const rows: CellValue[][] = [];
  const rowsAreNew: boolean[] = [];
  const children = entity.mapping.children.map(() => ({ rows: [] as CellValue[][], parents: [] as CellValue[][] }));

  known.forEach((change, index) => {
    const result = mapped[index];
    if (result === undefined) throw new Error('the mapping answered fewer records than it was given');
    if (!result.ok) {
      setAside(change, result.action === 'drop', result.problems, prepared, bodies);
      return;
    }
    count(prepared, change.decision === 'new' ? 'new' : 'changed');
    count(prepared, 'warnings', result.warnings.length);
    if (change.stored?.refused) prepared.mended.push(change.incoming.key);
    rows.push(result.row);
    rowsAreNew.push(change.stored === undefined);
    result.children.forEach((lines, position) => {
      const child = children[position];
      if (!lines || !child) return;
      child.parents.push(result.key);
      for (const line of lines) child.rows.push(line);
    });
  });

  for (const change of changes) {
    if (change.decision === 'gone' && !change.write.refused) {
      if (change.stored) count(prepared, 'deleted');
      if (change.stored?.refused) prepared.overtaken.push(change.incoming.key);
    }
    targetOf(change, prepared).push(change.write);
  }
  prepared.tables = tableWrites(entity, rows, rowsAreNew.every(Boolean), gone, children);
}

/** The rows of records that are gone. What was refused of a record's last version has no say: its row may be that of an earlier one. */
async function goneRows(entity: Entity, changes: readonly Change[], bodies: ReadonlyMap<string, RecordBodies>): Promise<GoneRow[]> {
  const results = await entity.mapping.mapKeys(wholeRecords(changes, bodies));
  return changes.flatMap(({ write }, position) => {
    const result = results[position];
    return result?.ok && write.deletedAt ? [{ key: result.key, at: write.deletedAt }] : [];
  });
}

function targetOf({ incoming, stored, write }: Change, prepared: PreparedBatch): RecordWrite[] {
  if (stored === undefined) return prepared.inserts;
  if (incoming.form === 'gone') return stored.deletedAt !== null && write.deletedAt === stored.deletedAt ? prepared.remaps : prepared.replaces;
  if (stored.deletedAt !== null) return prepared.replaces;
  const sameContent = incoming.form === 'list' ? write.listHash === stored.listHash : write.detailHash === stored.detailHash;
  return sameContent ? prepared.remaps : prepared.replaces;
}

/** What is refused of a deletion is that the row goes: the tombstone stands, and the record as it was stored is what the letter keeps. */
function setAside(change: Change, drop: boolean, problems: readonly DeadLetterProblem[], prepared: PreparedBatch, bodies: ReadonlyMap<string, RecordBodies>): void {
  const { incoming, stored } = change;
  if (incoming.form === 'gone' && stored === undefined) return;
  count(prepared, drop ? 'dropped' : 'refused');
  if (drop) {
    prepared.dropped.push(incoming.key);
    if (stored?.refused) prepared.overtaken.push(incoming.key);
    return;
  }
  change.write.refused = true;
  const known = bodies.get(incoming.key);
  prepared.letters.push({ key: incoming.key, problems, raw: incoming.form === 'gone' ? known && stored ? lastBody({ ...stored, ...known }) : null : stringOf(incoming.text) });
}

/** A list record lies over the stored detail, a detail over the stored list record; what is gone is known only from what is stored. */
async function storedBodies(entity: Entity, session: SqlSession, changes: readonly Change[]): Promise<Map<string, RecordBodies>> {
  const keys = changes.filter(({ incoming, stored }) => stored && (incoming.form === 'gone' || (incoming.form === 'list' ? stored.detailHash : stored.listHash) !== null))
    .map((change) => change.incoming.key);
  return keys.length === 0 ? new Map() : readBodies(session, entity.id, keys);
}

/** The records as the mapping sees them, each made when its turn comes and let go after it: the objects of a whole batch would fill the memory. */
function* wholeRecords(changes: readonly Change[], bodies: ReadonlyMap<string, RecordBodies>): Generator<JsonObject> {
  for (const { incoming } of changes) yield wholeRecord(incoming, bodies.get(incoming.key)) as JsonObject;
}

/** The record as the mapping sees it; undefined for a deletion of something that was never seen. */
export function wholeRecord(incoming: Incoming, bodies: RecordBodies | undefined): JsonObject | undefined {
  if (incoming.form === 'gone') return bodies ? { ...bodyOf(bodies.raw), ...bodyOf(bodies.detail) } : undefined;
  const other = incoming.form === 'list' ? bodies?.detail : bodies?.raw;
  const record = recordOf(incoming);
  return other ? { ...bodyOf(other), ...record } : record;
}

/**
 * Batches that were prepared one after the other, as one. A record that more than one of them has shows in the transaction: it is not
 * in the version any more that the later ones saw.
 */
export function joinPrepared(parts: readonly PreparedBatch[]): PreparedBatch {
  const [first, ...others] = parts as [PreparedBatch, ...PreparedBatch[]];
  if (others.length === 0) return first;
  const all = <Name extends keyof PreparedBatch>(name: Name): PreparedBatch[Name] => parts.flatMap((part) => part[name] as unknown[]) as unknown as PreparedBatch[Name];
  const counts: Partial<RunCounts> = {};
  for (const part of parts) for (const [name, by] of Object.entries(part.counts) as [keyof RunCounts, number][]) counts[name] = (counts[name] ?? 0) + by;
  return {
    inserts: all('inserts'), replaces: all('replaces'), remaps: all('remaps'), settled: all('settled'), letters: all('letters'), mended: all('mended'),
    overtaken: all('overtaken'), stale: all('stale'), dropped: all('dropped'), tables: joinTables(all('tables')), counts,
  };
}

/** Whether a batch would write anything at all. */
export function writesNothing(prepared: PreparedBatch): boolean {
  return prepared.inserts.length + prepared.replaces.length + prepared.remaps.length + prepared.settled.length + prepared.tables.length + prepared.letters.length === 0;
}

export type { IncomingRecord };
