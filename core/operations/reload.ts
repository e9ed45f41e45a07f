/** What people and programs ask of the config at run time. `core/reload.ts` does it. */
import type { Finding } from '../config/index.ts';

/** What differs between two configs, by id. */
export interface Differences { added: string[]; removed: string[]; changed: string[] }

export interface ReloadReport {
  /** False: the files have errors, and nothing was changed. */
  applied: boolean;
  findings: readonly Finding[];
  schedules: Differences;
  entities: Differences;
  /** Settings that have changed and take effect with the next start, such as `database` or `connections.books`; with what hangs on them. */
  needsRestart: string[];
}

/** @throws OperationError `operation.no_reload` in a process that was not started from files */
export type Reload = () => Promise<ReloadReport>;

/** What came of it on one node. */
export interface NodeReload { node: string; host: string; /** Null: it failed, or did not answer. */ report: ReloadReport | null; error: string | null }
