import type { Run } from '../store/runs.ts';

/** Shows runs as they go. */
export interface Progress {
  update(runs: readonly Run[]): void;
  /** A line that stays, above whatever moves. */
  line(text: string): void;
  /** Ends the showing; what comes next is printed below. Idempotent. */
  stop(): void;
}

export interface ProgressOptions {
  /** Records that an entity is known to have, for a share that can be shown; by the entity's id. */
  totals?: ReadonlyMap<string, number>;
}
