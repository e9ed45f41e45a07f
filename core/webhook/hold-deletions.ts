/** Deletions that nobody but a message tells of, where no source can be asked: so many at once are held back for a person (promise 7). */
import type { Incoming } from '../pipeline/decide.ts';
import type { RecordHead } from '../store/records.ts';
import { deletedSince, liveRecords } from '../store/webhook-inbox.ts';
import type { ReadMessage, SetContext } from './apply-set.ts';

const windowMs = 3_600_000;

/** The messages of these deletions, when with them more of the entity's rows would go within an hour than its guard allows. */
export async function heldDeletions({ hearing: { entity }, database, clock, log }: SetContext, messages: readonly ReadMessage[], direct: readonly Incoming[], heads: ReadonlyMap<string, RecordHead>): Promise<Set<ReadMessage>> {
  const { mode, maxShare, alwaysAllow } = entity.config.deletes;
  const allowed = new Set(messages.filter(({ row }) => row.code === 'webhook.deletes_held').map(({ told }) => told.key)); // a person has let them go
  const going = new Set(direct.filter(({ form, key }) => form === 'gone' && heads.get(key)?.deletedAt === null && !allowed.has(key)).map(({ key }) => key));
  if (going.size === 0 || mode === 'keep') return new Set();
  const gone = await database.transaction((session) => deletedSince(session, entity.id, new Date(clock.now().getTime() - windowMs)));
  if (gone + going.size <= alwaysAllow) return new Set();
  const live = await database.transaction((session) => liveRecords(session, entity.id));
  if (gone + going.size <= (live + gone) * maxShare) return new Set();
  log.warn('deletions that messages tell of are held back', { entity: entity.id, deletions: going.size, withinTheHour: gone, records: live });
  return new Set(messages.filter(({ row, told }) => row.event === 'deleted' && told.key !== null && going.has(told.key)));
}
