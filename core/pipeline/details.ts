import { PermanentError, type DetailResult, type JsonValue } from '../sdk/index.ts';
import { isOfOtherSource } from '../store/entities.ts';
import { dueDetails } from '../store/records.ts';
import { advanceRun } from '../store/runs.ts';
import type { Batch } from './apply.ts';
import { applyCarefully } from './careful.ts';
import type { Incoming } from './decide.ts';
import { sourceOf } from './entity.ts';
import { receive } from './incoming.ts';
import { usageMeter, type RunContext, type RunOutcome } from './run-context.ts';
import { untilAborted } from './until-aborted.ts';

/** Calls for details under way at once; the connection's own limits hold besides. */
const callsAtOnce = 8;
/** So many records without an answer mean that something is wrong with the source; the next run tries again. */
const mostUnsettled = 1000;
/** Records whose details are saved together, where one call brings one record. */
const recordsAtOnce = 40;

/**
 * Fetches the details that are due, newest first, until none is. Over days if need be: when the quota is spent the error
 * lets the job wait, and what is due stands in the records themselves, so nothing is lost in between.
 */
export async function fetchDetails(context: RunContext): Promise<RunOutcome> {
  const { entity, run, database, signal } = context;
  if (await database.transaction((session) => isOfOtherSource(session, entity.id, sourceOf(entity)))) {
    return { code: 'source.changed', reason: 'what is due is of another source than the one that is read now; the next sync reads all of that first, and then asks for details' };
  }
  const size = detailsTogether(entity);
  const since = usageMeter(context);
  const unsettled = unsettledBefore(run.position);
  /** Keys that are to be asked for past the cache. */
  const doubtful = new Set<string>();
  const sliceEnds = context.clock.now().getTime() + context.sliceMs;
  for (;;) {
    signal.throwIfAborted();
    if (context.stopping() || context.clock.now().getTime() >= sliceEnds) return { more: true };
    const due = await database.transaction((session) => dueDetails(session, entity.id, size, unsettled));
    const keys = due.map(({ key }) => key);
    if (keys.length === 0 || unsettled.length >= mostUnsettled) break;
    const seenAt = new Map(due.filter(({ key }) => !doubtful.has(key)).map(({ key, observedAt }) => [key, observedAt]));
    const askedAt = context.clock.now();
    const { incoming, failures: [failure] } = await askDetails(context, keys, { seenAt });
    const batch: Batch = { entity, via: 'details', incoming, counted: since(), fence: context.fence, run: { id: run.id, partOf: run.partOf, position: unsettled, pages: 0, noteSeen: false } };
    context.onProgress(await applyCarefully(context, batch));
    // what did arrive was worth its calls and is written; the rest stays due
    if (failure) throw failure.error;
    const kept = new Set(incoming.filter((one) => one.observedAt < askedAt).map(({ key }) => key));
    for (const key of await stillDue(context, keys)) {
      // What was kept may be from just before the change that the list told of: once more, by a call of its own.
      if (kept.has(key) && seenAt.has(key)) doubtful.add(key);
      else unsettled.push(key);
    }
  }
  const { calls, bytes } = since();
  if (calls > 0) await database.transaction(async (session) => void await advanceRun(session, run, unsettled, { calls, bytes }));
  if (unsettled.length === 0) return {};
  return { code: 'details.unsettled', reason: `${unsettled.length} records got no details this time, the first ${unsettled[0]}; the next run asks again` };
}

/** The keys that earlier slices of this run asked for in vain. */
function unsettledBefore(position: JsonValue | null): string[] {
  return Array.isArray(position) ? position.filter((key) => typeof key === 'string') : [];
}

/** Keys that stay due although they were asked for: no answer came, or one older than the list. Asking again at once would not end. */
async function stillDue({ entity, database }: RunContext, keys: readonly string[]): Promise<string[]> {
  const result = await database.transaction((session) =>
    session.query('SELECT key FROM records WHERE entity = $1 AND key = ANY($2::text[]) AND detail_due AND deleted_at IS NULL', [entity.id, keys]));
  return result.rows.map((row) => row['key'] as string);
}

/** What came of asking for details. */
export interface Asked {
  /** What arrived. Keys without an answer are left out. */
  incoming: Incoming[];
  /** What calls failed with, the first one first, and whom they asked for. To be thrown, or noted, when what arrived is written. */
  failures: { keys: readonly string[]; error: unknown }[];
  /** Keys for which no call was made any more. */
  unasked: string[];
}

/** How to ask. */
export interface Asking {
  /** When each was last seen to have changed; a key that is not there is never answered from the cache. */
  seenAt?: ReadonlyMap<string, Date>;
  /** Keys that no call asks for together with others. */
  alone?: ReadonlySet<string>;
  /** Whether further calls are made after this error; `answered` keys were answered before. Default: none is. */
  goesOn?: (error: unknown, answered: number) => boolean;
  /** Asked before each call: whether there is time for it. */
  hasTime?: () => boolean;
}

/** Records whose details are asked for and saved together. */
export function detailsTogether({ stream: { detailBatch = 1 } }: Pick<RunContext['entity'], 'stream'>): number {
  return detailBatch > 1 ? detailBatch * callsAtOnce : recordsAtOnce;
}

/** Asks the source for these records, several calls at once. */
export async function askDetails({ entity, signal }: Pick<RunContext, 'entity' | 'signal'>, keys: readonly string[], { seenAt, alone, goesOn = () => false, hasTime = () => true }: Asking = {}): Promise<Asked> {
  const { source, stream, options } = entity;
  const ask = source.readDetails?.bind(source);
  if (!ask) throw new PermanentError('source.no_details', `the connector declares details for "${stream.name}" but can't read them`);
  const work = callsFor(keys, stream.detailBatch ?? 1, alone);
  const asked: Asked = { incoming: [], failures: [], unasked: [] };
  let isOver = false;
  const worker = async (): Promise<void> => {
    while (!isOver && hasTime()) {
      const wanted = work.shift();
      if (!wanted) return;
      try {
        for (const result of await untilAborted(ask({ stream: stream.name, options, keys: wanted, signal, ...(seenAt ? { seenAt } : {}) }), signal)) asked.incoming.push(incomingOf(entity, result));
      } catch (error) {
        asked.failures.push({ keys: wanted, error });
        isOver ||= !goesOn(error, asked.incoming.length);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(callsAtOnce, work.length) }, worker));
  asked.unasked = work.flat();
  return asked;
}

/** The keys of each call. */
function callsFor(keys: readonly string[], perCall: number, alone?: ReadonlySet<string>): string[][] {
  const together = alone ? keys.filter((key) => !alone.has(key)) : keys;
  const calls: string[][] = [];
  for (let start = 0; start < together.length; start += perCall) calls.push(together.slice(start, start + perCall));
  for (const key of alone ? keys : []) if (alone?.has(key)) calls.push([key]);
  return calls;
}

function incomingOf(entity: RunContext['entity'], result: DetailResult): Incoming {
  if ('gone' in result) return { form: 'gone', key: result.key, observedAt: result.observedAt };
  const [record] = receive(entity, [result.record], { form: 'detail', observedAt: result.observedAt, proof: true }).records;
  // the detail may name its key otherwise than the list; the key that was asked for is the record's
  if (record) return { ...record, key: result.key };
  return { ...receiveUnder(entity, result.key, result), key: result.key };
}

function receiveUnder(entity: RunContext['entity'], key: string, result: Extract<DetailResult, { record: unknown }>): Incoming {
  const path = entity.stream.key[0] ?? 'id';
  const [record] = receive(entity, [{ ...result.record, [path]: key }], { form: 'detail', observedAt: result.observedAt, proof: true }).records;
  if (!record) throw new PermanentError('record.no_key', `the detail of ${key} has no key`);
  return record;
}
