import { countUnseen, readRun, unseenRecords } from '../store/runs.ts';
import { bySets } from '../store/session.ts';
import { applyBatch } from './apply.ts';
import { askDetails, detailsTogether, type Asked } from './details.ts';
import { usageMeter, type RunContext, type RunOutcome } from './run-context.ts';

/** Where nobody is asked, so many are written at once. */
const chunkSize = 1000;

/**
 * After a full read: what it did not see may be gone (promise 7). A key is taken as gone when the source says so by its
 * own word, or, where the source can't be asked for one record, when the read was certainly complete. Never more than
 * the guard allows; then nothing is deleted and the run says so.
 */
export async function removeUnseen(context: RunContext, complete: boolean): Promise<RunOutcome> {
  const { entity, run, database } = context;
  const { stream } = entity;
  // Of a part of the list most that is missing has only left the part: to ask after each would cost a call in every full read.
  if (stream.narrowed || (!complete && !stream.provesGone)) return {};
  const { unseen, live } = await database.transaction((session) => bySets(session, () => countUnseen(session, run)));
  if (unseen === 0) return {};
  // a person may have allowed it since this run began
  const { options } = await database.transaction((session) => readRun(session, run.id)) ?? run;
  const { maxShare, alwaysAllow } = entity.config.deletes;
  if (unseen > Math.max(alwaysAllow, live * maxShare) && !options.allowDeletes) {
    return {
      code: 'deletes.held',
      reason: `${unseen} of ${live} records were not seen, more than deletes.maxShare allows; none was deleted. Look first, then: tds sync ${entity.id} --mode full --allow-deletes`,
    };
  }
  const since = usageMeter(context);
  // each call takes its time: what it proved is saved soon, so that the run is seen to get on, and asks for nothing twice
  const size = stream.provesGone ? detailsTogether(entity) : chunkSize;
  let after = '';
  for (;;) {
    const records = await database.transaction((session) => bySets(session, () => unseenRecords(session, run, after, size)));
    if (records.length === 0) return {};
    context.signal.throwIfAborted();
    after = records.at(-1)?.key ?? after;
    const { incoming, failures: [failure] } = stream.provesGone ? await askDetails(context, records.map(({ key }) => key)) : goneByAbsence(context, records);
    context.onProgress(await applyBatch(context, { entity, via: 'full', incoming, counted: since(), fence: context.fence, run: { id: run.id, partOf: run.partOf, position: undefined, pages: 0, noteSeen: true } }));
    if (failure) throw failure.error;
  }
}

/** The run's begin is of the database's clock, later looks at the source are of this node's: a tombstone must not lie ahead of either. */
function goneByAbsence({ run, clock }: RunContext, records: readonly { key: string; version: number }[]): Asked {
  const now = clock.now();
  const observedAt = run.startedAt && run.startedAt < now ? run.startedAt : now;
  return { incoming: records.map(({ key, version }) => ({ form: 'gone', key, version, observedAt })), failures: [], unasked: [] };
}
