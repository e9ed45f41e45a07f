/** Finds out which changes came without a message. */
import type { Events } from '../monitor/events.ts';
import type { DatabaseAccess } from '../sdk/index.ts';
import { judgeGaps, lossRate, lossToMind, lossWindowMs, readLosses, type Losses } from '../store/webhook-gaps.ts';

export interface GapDeps { database: DatabaseAccess; events: Events; now: () => Date; /** The share, 0 to 1, above which messages count as lossy. */ alertAt: number }

/** How long a message may be late before it counts as lost. */
export const graceMs = 60_000;
/** While messages are lost, the source is read so much more often. */
const denser = 0.25;

/** Judges what reads have found, and tells of losses. Safe beside other nodes. */
export async function lookForGaps({ database, events, now }: GapDeps): Promise<void> {
  const at = now();
  const [lost, losses] = await database.transaction(async (session) => [await judgeGaps(session, new Date(at.getTime() - graceMs), at), await readLosses(session, new Date(at.getTime() - lossWindowMs))] as const);
  for (const [entity, count] of lost) events.emit('webhook.gap', { entity, lost: count, rate: lossRate(losses.get(entity) ?? { told: 0, lost: count }) });
}

/** What the pause between two reads of an entity is multiplied with: 1 when all is well. */
export async function pollingFactor({ database, now, alertAt }: GapDeps, entity: string): Promise<number> {
  const losses = await database.transaction((session) => readLosses(session, new Date(now().getTime() - lossWindowMs)));
  return factorOf(losses.get(entity), alertAt);
}

export function factorOf(losses: Losses | undefined, alertAt: number): number {
  return lossToMind(losses) > alertAt ? denser : 1;
}
