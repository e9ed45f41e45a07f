import { isTdsError, TdsError, type DatabaseAccess, type JsonValue, type Logger, type SqlSession, type TableWrite } from '../sdk/index.ts';
import { crashPoint } from '../monitor/crash-points.ts';
import { traced, type SpanFacts } from '../monitor/trace.ts';
import { closeDeadLetters, resolveDeadLetters, setAside, type DeadLetterProblem, type DeadLetterWrite } from '../store/dead-letters.ts';
import { insertRecords } from '../store/insert-records.ts';
import { lockEntityWrites, remapRecords, replaceRecords, settleDetails } from '../store/records.ts';
import { noteGaps } from '../store/webhook-gaps.ts';
import { advanceRun, noteSeen, type RunCounts } from '../store/runs.ts';
import { prepareBatch, writesNothing, type PreparedBatch } from './batch.ts';
import type { Incoming, Via } from './decide.ts';
import type { Entity } from './entity.ts';
import { isRowsFault, refusalOf, sqlState } from './refusals.ts';

/** What the corridor needs of the host. */
export interface ApplyDeps { database: DatabaseAccess; log: Logger }

/** A set of records with all that must be saved together with it. */
export interface Batch {
  entity: Entity;
  via: Via;
  incoming: readonly Incoming[];
  /** Records that have no key: they go aside as they are. */
  withoutKey?: readonly DeadLetterWrite[];
  /** Dead letters that are closed together with it, by their ids. */
  closing?: readonly { id: string; reason: string }[];
  /** Nothing was stored of the entity when its run began, so nobody need look. Where something has come since, its key shows it. */
  isFirst?: boolean;
  /** Counted elsewhere and saved with it, such as the calls that brought it. */
  counted?: Partial<RunCounts>;
  /** Records and deletions that go aside without being mapped. */
  refuse?: ReadonlyMap<string, DeadLetterProblem>;
  /** The run that this batch belongs to; its position and counts are saved in the same transaction (promise 3). `noteSeen`: what it has seen is noted, of a part for the whole. */
  run?: { id: string; partOf: string | null; position: JsonValue | undefined; pages: number; noteSeen: boolean };
  /** Saved with it: called inside the transaction of each part of the batch, when that part's records are written, with what becomes of them. */
  also?: (session: SqlSession, part: Batch, prepared: PreparedBatch) => Promise<void>;
  /** Throws inside the transaction when the job was taken away from this node. */
  fence?: (session: SqlSession, progress?: boolean) => Promise<void>;
}

/** Thrown inside the transaction when another writer changed a record since the batch was prepared; the batch is prepared again. */
class RaceLostError extends Error {}

/** A batch that loses its race this often meets something other than a race. */
const maxRaces = 20;

/**
 * The one write path (promise 1): map → check → guarded write, for a page of any read, a webhook, a replay and a repair.
 * All of it commits in one transaction or not at all. A record that the destination refuses to write, or to let go, is found by
 * splitting the batch and goes to the dead letters; the others are written.
 * Throws what the database throws when it is away; then nothing was written and the batch may be applied again.
 */
export async function applyBatch(deps: ApplyDeps, batch: Batch): Promise<RunCounts> {
  return commitPrepared(deps, batch, await prepare(deps, batch));
}

/** Prepares a batch ahead of its turn; what it saw is compared again by {@link commitPrepared}. */
export function prepare(deps: ApplyDeps, batch: Batch): Promise<PreparedBatch> {
  if (batch.isFirst) return traced('map', () => factsOf(batch), () => prepareBatch(batch.entity, undefined, batch.incoming, batch.refuse));
  return traced('map', () => factsOf(batch), () => deps.database.transaction(async (session) => {
    // It only reads, so it may stand still as long as mapping takes.
    await session.query(`SELECT set_config('idle_in_transaction_session_timeout', '120s', true)`);
    return prepareBatch(batch.entity, session, batch.incoming, batch.refuse);
  }));
}

/** Writes a prepared batch. Answers what it counted. */
export function commitPrepared(deps: ApplyDeps, batch: Batch, prepared: PreparedBatch): Promise<RunCounts> {
  return traced('apply', () => factsOf(batch), async (tell) => {
    const counts = await commit(deps, batch, prepared);
    tell({ 'tds.records.new': counts.new, 'tds.records.changed': counts.changed, 'tds.records.unchanged': counts.unchanged, 'tds.records.deleted': counts.deleted, 'tds.records.refused': counts.refused });
    return counts;
  });
}

function factsOf({ entity, via, incoming, run }: Batch): SpanFacts {
  return { 'tds.entity': entity.id, 'tds.via': via, 'tds.records': incoming.length, 'tds.pages': run?.pages };
}

async function commit(deps: ApplyDeps, batch: Batch, prepared: PreparedBatch): Promise<RunCounts> {
  let attempt = prepared;
  for (let races = 0; ; races += 1) {
    try {
      return await write(deps, batch, attempt);
    } catch (error) {
      if (error instanceof RaceLostError && races < maxRaces) {
        attempt = await prepare(deps, { ...batch, isFirst: false });
        continue;
      }
      if (!isTdsError(error) && isRowsFault(error)) return await findRefused(deps, batch, error);
      throw error;
    }
  }
}

async function write(deps: ApplyDeps, batch: Batch, prepared: PreparedBatch): Promise<RunCounts> {
  const { entity, run } = batch;
  const counts = { ...prepared.counts, ...batch.counted, pages: run?.pages ?? 0, refused: (prepared.counts.refused ?? 0) + (batch.withoutKey?.length ?? 0), read: (prepared.counts.read ?? 0) + (batch.counted?.read ?? 0) + (batch.withoutKey?.length ?? 0) };
  crashPoint('before-write');
  await deps.database.transaction(async (session) => {
    if (!writesNothing(prepared)) {
      await lockEntityWrites(session, entity.id);
      await writeRecords(session, batch, prepared);
      await noteUntold(session, batch, prepared);
      crashPoint('after-raw');
      await writeTables(session, batch, prepared.tables);
      crashPoint('after-table');
    }
    if (batch.withoutKey) await setAside(session, entity.id, run?.id ?? null, batch.via, batch.withoutKey);
    for (const [reason, ids] of byReason(batch.closing ?? [])) await closeDeadLetters(session, ids, { status: 'resolved', by: 'tds', reason });
    await batch.also?.(session, batch, prepared);
    crashPoint('before-position');
    if (run) await saveProgress(session, batch, counts);
    await batch.fence?.(session);
    crashPoint('before-commit');
  });
  crashPoint('after-commit');
  return counts as RunCounts;
}

/**
 * A destination in another database is written under the lock, when versions and fence have been looked at and before TDS's
 * own transaction commits: when the process dies between the two, the batch is applied again and changes nothing there.
 */
async function writeTables(session: SqlSession, { entity, fence }: Batch, tables: readonly TableWrite[]): Promise<void> {
  if (tables.length === 0) return;
  if (entity.destination.transactional) return entity.destination.write(tables, session);
  await fence?.(session);
  return entity.destination.write(tables, undefined);
}

async function writeRecords(session: SqlSession, { entity, run, via }: Batch, prepared: PreparedBatch): Promise<void> {
  const runId = run?.id ?? null;
  try {
    await insertRecords(session, entity.id, runId, via, prepared.inserts);
  } catch (error) {
    if (sqlState(error) === '23505') throw new RaceLostError('a record that was new has come by another way', { cause: error });
    throw error;
  }
  const replaced = await replaceRecords(session, entity.id, runId, via, prepared.replaces);
  const remapped = await remapRecords(session, entity.id, runId, via, prepared.remaps);
  const settled = await settleDetails(session, entity.id, prepared.settled);
  if (replaced !== prepared.replaces.length || remapped !== prepared.remaps.length || settled !== prepared.settled.length) throw new RaceLostError('a record has changed since the batch was prepared');
  await setAside(session, entity.id, runId, via, prepared.letters);
  const where = run ? ` (run ${run.id})` : '';
  await resolveDeadLetters(session, entity.id, prepared.mended, `applied by ${via}${where}`);
  await resolveDeadLetters(session, entity.id, prepared.overtaken, `the record is gone, or left out by a check: seen by ${via}${where}`);
}

/** Of an entity that messages tell of: what an incremental read found before one came, or a detail of that state was asked for. */
async function noteUntold(session: SqlSession, { entity, run, via }: Batch, { inserts, replaces }: PreparedBatch): Promise<void> {
  if (!entity.hears || via !== 'incremental' || !run) return;
  await noteGaps(session, entity.id, run.id, [...inserts, ...replaces].filter(({ modifiedAt, detailModifiedAt }) => modifiedAt !== null && !(detailModifiedAt && detailModifiedAt >= modifiedAt)));
}

function byReason(closing: readonly { id: string; reason: string }[]): Map<string, string[]> {
  return new Map([...Map.groupBy(closing, ({ reason }) => reason)].map(([reason, letters]) => [reason, letters.map(({ id }) => id)]));
}

async function saveProgress(session: SqlSession, batch: Batch, counts: Partial<RunCounts>): Promise<void> {
  const { run } = batch;
  if (!run) return;
  if (run.noteSeen) await noteSeen(session, run.partOf ?? run.id, batch.incoming.map((one) => one.key));
  if (!await advanceRun(session, run, run.position, counts)) {
    throw notRunning(run.id);
  }
}

/** For what would write for a run that has ended meanwhile. */
export function notRunning(id: string): TdsError {
  return new TdsError('run.not_running', `run ${id} is not running any more`, { suggestion: 'It was cancelled or ended elsewhere; see tds runs.' });
}

/** Halves the batch until the records that the destination refuses stand alone, and sets these aside. */
async function findRefused(deps: ApplyDeps, batch: Batch, error: unknown): Promise<RunCounts> {
  const { incoming, run } = batch;
  if (incoming.length <= 1) {
    const only = incoming[0];
    // refused already, it is written into no table: something else is wrong
    if (!only || batch.refuse?.has(only.key)) throw error;
    deps.log.warn(only.form === 'gone' ? 'the destination refused to let a row go' : 'the destination refused a record', { entity: batch.entity.id, key: only.key, error });
    return applyBatch(deps, { ...batch, isFirst: false, refuse: new Map([...(batch.refuse ?? []), [only.key, refusalOf(error, only, batch.entity)]]) });
  }
  const middle = incoming.length >> 1;
  const first: Batch = { ...batch, incoming: incoming.slice(0, middle) };
  delete first.withoutKey;
  delete first.closing;
  delete first.counted;
  // the position belongs to the whole batch, so only the second half may move it
  const left = await applyBatch(deps, run ? { ...first, run: { ...run, position: undefined, pages: 0 } } : first);
  const right = await applyBatch(deps, { ...batch, incoming: incoming.slice(middle) });
  for (const name of Object.keys(left) as (keyof RunCounts)[]) right[name] = (right[name] ?? 0) + (left[name] ?? 0);
  return right;
}
