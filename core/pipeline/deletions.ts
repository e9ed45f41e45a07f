import { countUnseen, unseenRecords } from '../store/runs.ts';
import { bySets } from '../store/session.ts';
import { applyBatch } from './apply.ts';
import { askDetails, type Asked } from './details.ts';
import { usageMeter, type RunContext, type RunOutcome } from './run-context.ts';

const chunkSize = 1000;

/**
 * After a full read: what it did not see may be gone (promise 7). A key is taken as gone when the source says so by its
 * own word, or, where the source can't be asked for one record, when the read was certainly complete. Never more than
 * the guard allows; then nothing is deleted and the run says so.
 */
export async function removeUnseen(context: RunContext, complete: boolean): Promise<RunOutcome> {
  const { entity, run, database } = context;
  const { stream } = entity;
  if (!complete && !stream.provesGone) return {};
  const { unseen, live } = await database.transaction((session) => bySets(session, () => countUnseen(session, run)));
  if (unseen === 0) return {};
  const { maxShare, alwaysAllow } = entity.config.deletes;
  if (unseen > Math.max(alwaysAllow, live * maxShare) && !run.options.allowDeletes) {
    return {
      code: 'deletes.held',
      reason: `${unseen} of ${live} records were not seen, more than deletes.maxShare allows; none was deleted. Look first, then: tds sync ${entity.id} --mode full --allow-deletes`,
    };
  }
  const since = usageMeter(context);
  let after = '';
  for (;;) {
    const records = await database.transaction((session) => bySets(session, () => unseenRecords(session, run, after, chunkSize)));
    if (records.length === 0) return {};
    after = records.at(-1)?.key ?? after;
    const { incoming, failures: [failure] } = stream.provesGone ? await askDetails(context, records.map(({ key }) => key)) : goneByAbsence(context, records);
    if (incoming.length > 0) {
      context.onProgress(await applyBatch(context, { entity, via: 'full', incoming, counted: since(), fence: context.fence, run: { id: run.id, position: undefined, pages: 0, noteSeen: false } }));
    }
    if (failure) throw failure.error;
  }
}

/** The run's begin is of the database's clock, later looks at the source are of this node's: a tombstone must not lie ahead of either. */
function goneByAbsence({ run, clock }: RunContext, records: readonly { key: string; version: number }[]): Asked {
  const now = clock.now();
  const observedAt = run.startedAt && run.startedAt < now ? run.startedAt : now;
  return { incoming: records.map(({ key, version }) => ({ form: 'gone', key, version, observedAt })), failures: [], unasked: [] };
}
