/** Whether a message's own record is taken, or the source asked for it. */
import type { Incoming, Stored } from '../pipeline/decide.ts';
import type { Entity } from '../pipeline/entity.ts';
import type { Hearing } from './hearing.ts';

/** Sources count their times in seconds: after so many ms more, what was looked at is the last state of its second. */
const secondIsOver = 2000;

/** Whether single records can be asked for. */
export function canAsk({ source, stream }: Entity): boolean {
  return source.readDetails !== undefined && (stream.details !== 'none' || stream.provesGone);
}

/**
 * `auto` takes the message where it is whole and it is certain which of it and the stored record is newer. Else the source is asked,
 * which costs a call: a message without a record, or with half of one; without a time of its own; of the same second as what is stored; about
 * a record that was taken as gone. That a record is gone is never believed where the source can say so itself: what an address is for is not
 * signed, and a rule may have been given the wrong one. Pure.
 */
export function mustAsk(hearing: Pick<Hearing, 'apply' | 'entity'>, message: { incoming: Incoming | undefined; whole: boolean }, stored: Stored | undefined): boolean {
  const { incoming, whole } = message;
  if (!canAsk(hearing.entity)) return false;
  if (incoming === undefined || hearing.apply === 'refetch') return true;
  if (incoming.form === 'gone') return hearing.entity.stream.provesGone && stored?.deletedAt === null;
  if (hearing.apply === 'payload') return false;
  if (!whole || incoming.modifiedAt === null) return true;
  if (stored === undefined || stored.modifiedAt === null) return false;
  const order = incoming.modifiedAt.getTime() - stored.modifiedAt.getTime();
  if (stored.deletedAt !== null) return order > 0 && incoming.modifiedAt <= stored.deletedAt;
  return order === 0 && incoming.hash !== stored.detailHash && stored.observedAt.getTime() < stored.modifiedAt.getTime() + secondIsOver;
}
