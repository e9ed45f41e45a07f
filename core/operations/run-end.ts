/** Says that a run has ended, in one form wherever it ends. */
import type { Events } from '../monitor/events.ts';
import type { Run } from '../store/runs.ts';

/** Emits `run.finished`, of a part nothing: its whole tells. To be called when the end is saved, or is about to be by a transaction that nothing more can fail in. */
export function tellRunEnd(events: Pick<Events, 'emit'> | undefined, run: Pick<Run, 'id' | 'entity' | 'mode' | 'startedAt'>, end: { state: 'succeeded' | 'failed' | 'cancelled'; reason?: string | undefined }, now: Date): void {
  if (run.mode === 'part') return;
  events?.emit('run.finished', {
    run: run.id, entity: run.entity, mode: run.mode, state: end.state,
    ...(run.startedAt === null ? {} : { seconds: Math.max(0, (now.getTime() - run.startedAt.getTime()) / 1000) }), ...(end.reason === undefined ? {} : { reason: end.reason }),
  });
}
