import type { EntityStatus } from '../operations/operations.ts';
import type { Run } from '../store/runs.ts';

/** A run as programs see it, in the API and in `--json`: without its position and suspects, which are the machinery's own business, and with what is worth computing once. */
export type RunShape = Omit<Run, 'position' | 'suspect' | 'jobId'> & { durationMs: number | null; rowsPerSecond: number | null };

/** Shapes a run. A run that goes on is measured up to `now`. */
export function shapeRun(run: Run, now: Date): RunShape {
  const { position: _position, suspect: _suspect, jobId: _jobId, ...rest } = run;
  const durationMs = run.startedAt ? Math.max(0, (run.endedAt ?? now).getTime() - run.startedAt.getTime()) : null;
  return { ...rest, durationMs, rowsPerSecond: durationMs === null || durationMs === 0 ? null : Math.round(run.read / (durationMs / 1000)) };
}

/** An entity as programs see it. */
export type EntityShape = Omit<EntityStatus, 'lastRun' | 'description'> & { description: string | null; lastRun: RunShape | null };

/** Shapes an entity. */
export function shapeEntity({ lastRun, description, ...rest }: EntityStatus, now: Date): EntityShape {
  return { ...rest, description: description ?? null, lastRun: lastRun && shapeRun(lastRun, now) };
}
