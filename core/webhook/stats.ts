/** The figures of messages, by entity. */
import type { WebhookStats } from '../operations/webhooks.ts';
import type { Database } from '../store/session.ts';
import { lossRate, readLosses } from '../store/webhook-gaps.ts';
import { inboxFigures } from '../store/webhook-queries.ts';
import { factorOf } from './gaps.ts';
import type { Hearing } from './hearing.ts';

const dayMs = 86_400_000;
const hourMs = 3_600_000;

export async function readStats({ database, hearings, now, alertAt }: { database: Database; hearings: ReadonlyMap<string, Hearing>; now: () => Date; alertAt: number }): Promise<WebhookStats[]> {
  const at = now().getTime();
  const [figures, day, hour] = await Promise.all([
    inboxFigures(database.reads, [...hearings.keys()], new Date(at - dayMs)), readLosses(database.reads, new Date(at - dayMs)), readLosses(database.reads, new Date(at - hourMs)),
  ]);
  return figures.map(({ entity, counts, waiting, oldestAt, firstAt, lastAt, p50, p99 }) => {
    const losses = day.get(entity);
    return {
      entity, connection: hearings.get(entity)?.entity.connectionId ?? '', apply: hearings.get(entity)?.apply ?? '', counts, waiting,
      oldestSeconds: oldestAt ? Math.max(0, Math.round((at - oldestAt.getTime()) / 1000)) : null, firstAt, lastAt,
      latency: p50 === null || p99 === null ? null : { p50: Math.round(p50), p99: Math.round(p99) },
      lossRate: firstAt === null ? null : lossRate(losses ?? { told: 0, lost: 0 }), pollingFactor: factorOf(hour.get(entity), alertAt),
    };
  });
}
