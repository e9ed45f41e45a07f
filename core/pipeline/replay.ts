import { isRecord } from '../sdk/index.ts';
import { parseJson } from '../connection/json-lossless.ts';
import { openEntity } from '../store/entities.ts';
import { storedAfter, type RecordBodies, type RecordHead } from '../store/records.ts';
import { applyBatch } from './apply.ts';
import type { IncomingRecord } from './decide.ts';
import { sourceOf } from './entity.ts';
import type { RunContext, RunOutcome } from './run-context.ts';

/** Runs the present mapping over the stored raw records, without one call to the source (promise 5). Rows written by this mapping already are left alone. */
export async function replayRecords(context: RunContext): Promise<RunOutcome> {
  const { entity, run, database, signal } = context;
  await database.transaction((session) => openEntity(session, entity.id, sourceOf(entity), entity.mappingNumber));
  let after = typeof run.position === 'string' ? run.position : '';
  for (;;) {
    signal.throwIfAborted();
    if (context.stopping()) return { more: true };
    const stored = await database.transaction((session) => storedAfter(session, entity.id, after, entity.config.batchSize));
    const last = stored.at(-1);
    if (!last) return {};
    after = last.key;
    const incoming = stored.filter((record) => record.deletedAt === null).map(incomingOf).filter((record) => record !== undefined);
    context.onProgress(await applyBatch(context, { entity, via: 'replay', incoming, fence: context.fence, run: { id: run.id, position: after, pages: 1, noteSeen: false } }));
  }
}

/** The stored record as if it came in once more: in the form that was looked at last, so that this one lies on top again. */
function incomingOf(stored: RecordHead & RecordBodies): IncomingRecord | undefined {
  const detailIsLast = stored.detail !== null && (stored.raw === null || (stored.detailAt !== null && stored.detailAt >= stored.observedAt));
  const text = detailIsLast ? stored.detail : stored.raw;
  const record = text === null ? undefined : parseJson(text);
  if (text === null || !isRecord(record)) return undefined;
  return {
    form: detailIsLast ? 'detail' : 'list', key: stored.key, record, text, hash: (detailIsLast ? stored.detailHash : stored.listHash) ?? '',
    modifiedAt: stored.modifiedAt, observedAt: stored.observedAt, proof: false,
  };
}
