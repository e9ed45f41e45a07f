import type { Clock, DatabaseAccess, JsonValue, Logger, SqlSession } from '../sdk/index.ts';
import type { Run, RunCounts, RunMode } from '../store/runs.ts';
import type { Care } from './careful.ts';
import type { Entity } from './entity.ts';

/** What one attempt of a run works with. Made by the run's job. */
export interface RunContext {
  run: Run;
  entity: Entity;
  database: DatabaseAccess;
  log: Logger;
  clock: Clock;
  /** Aborts when the node stops, the job was taken away or the run was cancelled. */
  signal: AbortSignal;
  /** Throws inside a transaction when the job was taken away from this node. What brings the run on makes up for workers lost before it; `progress` false doesn't. */
  fence: (session: SqlSession, progress?: boolean) => Promise<void>;
  /** After so many milliseconds a run of details gives way to others. */
  sliceMs: number;
  /** True when the node is about to stop: the run ends its batch and hands the rest on (`more`). */
  stopping: () => boolean;
  /** How the run goes on after it lost a worker; absent where it lost none. */
  care?: Care;
  /** Pages that a read may be ahead of the writing. */
  readAhead: number;
  /** Remote calls and bytes of this attempt so far. */
  usage: () => { calls: number; bytes: number };
  /** Called after each saved batch. */
  onProgress: (counts: RunCounts) => void;
  /** Asks for another run, which starts when this one has ended. */
  requestRun: (session: SqlSession, mode: RunMode) => Promise<void>;
  /** Into how many parts a full read may be divided at most: by default as many as nodes work. Below 2: into none. */
  mostParts: () => Promise<number>;
  /** A stored stream of fewer records is sooner read than divided. Absent: 5,000. */
  dividesFrom?: number;
  /** Asks for the parts of this run, in the caller's transaction; answers their ids. */
  requestParts: (session: SqlSession, ranges: readonly JsonValue[], isFirst: boolean) => Promise<string[]>;
  /** Has the entity's messages applied that wait, in the caller's transaction. */
  wakeMessages: (session: SqlSession) => Promise<void>;
}

/** How a run ended well. A code says that a person should look, though the run succeeded. */
export interface RunOutcome {
  code?: string;
  reason?: string;
  /** There is more to do, but others should have their turn first; the run goes on at once as a new job, or not before `until`. */
  more?: boolean | { until: Date; waitsOn: string };
}

/** Hands out the calls and bytes since it was last asked, so that each saved batch carries its own share. */
export function usageMeter(context: Pick<RunContext, 'usage'>): () => { calls: number; bytes: number } {
  let saved = { calls: 0, bytes: 0 };
  return () => {
    const now = context.usage();
    const since = { calls: now.calls - saved.calls, bytes: now.bytes - saved.bytes };
    saved = now;
    return since;
  };
}
