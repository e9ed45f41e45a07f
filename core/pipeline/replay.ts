import { openEntity } from '../store/entities.ts';
import { storedAfter } from '../store/records.ts';
import { applyCarefully } from './careful.ts';
import { sourceOf } from './entity.ts';
import type { RunContext, RunOutcome } from './run-context.ts';
import { incomingOf } from './stored.ts';

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
    context.onProgress(await applyCarefully(context, { entity, via: 'replay', incoming, fence: context.fence, run: { id: run.id, position: after, pages: 1, noteSeen: false } }));
  }
}
