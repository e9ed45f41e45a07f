/** What every scenario is given and answers. */
import type { QueueTimings } from '../../../core/queue/index.ts';
import type { TestScope } from '../../support/database.ts';

export interface ScenarioOptions {
  /** What chance goes by: the same seed, the same order of events, as far as processes allow. */
  seed: number;
  rounds: number;
  /** Absent: the times that ship, and only with them is it judged how long something takes: a short form runs on machines with much to do. */
  timings?: Partial<QueueTimings>;
  say: (line: string) => void;
}

export interface Outcome {
  /** For people, in the order in which they are told. */
  figures: Record<string, string | number>;
  /** What was wrong; none when all promises were kept. */
  faults: string[];
}

export type Scenario = (scope: TestScope, options: ScenarioOptions) => Promise<Outcome>;

/** For short forms: a dead node is found within a second and a half. */
export const quick: Partial<QueueTimings> = { beatMs: 100, deadMs: 1_500, sweepMs: 100, pollMs: 100, retryMs: 100 };

/**
 * For short forms in which processes are killed: that is seen by their ids, at once. Silence is no matter there, and must not become one on
 * a machine that keeps its processes waiting.
 */
export const mortal: Partial<QueueTimings> = { ...quick, deadMs: 60_000 };

/** `p50 812 ms, max 1,204 ms (20)` */
export function spread(times: readonly number[]): string {
  if (times.length === 0) return 'none';
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number): string => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] as number).toLocaleString('en');
  return `p50 ${at(0.5)} ms, max ${at(1)} ms (${sorted.length})`;
}

export function median(times: readonly number[]): number {
  return [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;
}
