/** A job that this process has. */
import type { JsonObject } from '../sdk/index.ts';

/** The columns of graphile-worker's row that are used here. */
export interface JobRow {
  readonly id: string; readonly job_queue_id: number | null; readonly payload: unknown; readonly attempts: number; readonly max_attempts: number;
  readonly key: string | null; readonly flags: Readonly<Record<string, true>> | null; readonly created_at: Date; readonly task_identifier?: string;
}

/** Marks in the `flags` of a job. */
export const flags = {
  /** It lost its worker twice: never runs beside another such job, so that of two that died together one proves its innocence. */
  suspect: 'tds:suspect',
  /** A person cancelled it while it ran. */
  cancelled: 'tds:cancelled',
} as const;

export class HeldJob {
  readonly row: JobRow;
  readonly poolId: string;
  readonly since = new Date();
  readonly #controller = new AbortController();
  /** True from the moment it was taken away: nothing more may be written about it. */
  lost = false;
  cancelled = false;
  /** True while its handler runs. */
  running = false;

  constructor(row: JobRow, poolId: string) {
    this.row = row;
    this.poolId = poolId;
  }

  get id(): string {
    return this.row.id;
  }

  get task(): string {
    return this.row.task_identifier ?? '';
  }

  get payload(): JsonObject {
    return this.row.payload as JsonObject;
  }

  get suspect(): boolean {
    return this.row.flags?.[flags.suspect] === true;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  abort(reason: Error): void {
    if (!this.signal.aborted) this.#controller.abort(reason);
  }

  lose(reason: Error): void {
    this.lost = true;
    this.abort(reason);
  }
}
