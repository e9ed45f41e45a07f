import { countUnseen, unseenKeys } from '../store/runs.ts';
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
    const keys = await database.transaction((session) => bySets(session, () => unseenKeys(session, run, after, chunkSize)));
    if (keys.length === 0) return {};
    after = keys.at(-1) ?? after;
    const { incoming, failure } = stream.provesGone ? await askDetails(context, keys) : goneByAbsence(context, keys);
    if (incoming.length > 0) {
      context.onProgress(await applyBatch(context, { entity, via: 'full', incoming, counted: since(), fence: context.fence, run: { id: run.id, position: undefined, pages: 0, noteSeen: false } }));
    }
    if (failure) throw failure.error;
  }
}

function goneByAbsence({ run, clock }: RunContext, keys: readonly string[]): Asked {
  const observedAt = run.startedAt ?? clock.now();
  return { incoming: keys.map((key) => ({ form: 'gone', key, observedAt })) };
}
