import { isRecord, type JsonValue } from '../sdk/index.ts';
import { noteMapping, openEntity } from '../store/entities.ts';
import { storedAfter } from '../store/records.ts';
import { applyCarefully } from './careful.ts';
import { sourceOf } from './entity.ts';
import type { RunContext, RunOutcome } from './run-context.ts';
import { incomingOf } from './stored.ts';

/** Runs the present mapping over the stored raw records, without one call to the source (promise 5). Rows written by this mapping already are left alone. */
export async function replayRecords(context: RunContext): Promise<RunOutcome> {
  const { entity, run, database, signal } = context;
  const mapping = entity.mappingNumber;
  await database.transaction((session) => openEntity(session, entity.id, sourceOf(entity), mapping));
  let after = goesOnAfter(run.position, mapping);
  for (;;) {
    signal.throwIfAborted();
    if (context.stopping()) return { more: true };
    const stored = await database.transaction((session) => storedAfter(session, entity.id, after, entity.config.batchSize));
    const last = stored.at(-1);
    if (!last) break;
    after = last.key;
    const incoming = stored.filter((record) => record.deletedAt === null).map(incomingOf).filter((record) => record !== undefined);
    context.onProgress(await applyCarefully(context, { entity, via: 'replay', incoming, fence: context.fence, run: { id: run.id, partOf: run.partOf, position: { mapping, after }, pages: 1, noteSeen: false } }));
  }
  await database.transaction(async (session) => {
    await context.fence(session);
    await noteMapping(session, entity.id, mapping);
  });
  return {};
}

/** Where the attempt before came to. One by another mapping counts for nothing: the config was changed in between. */
function goesOnAfter(position: JsonValue | null, mapping: number): string {
  return isRecord(position) && position['mapping'] === mapping && typeof position['after'] === 'string' ? position['after'] : '';
}
