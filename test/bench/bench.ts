import type { BenchServer } from './database.ts';
import type { Report } from './report.ts';

/** What each part of the bench works with. */
export interface Bench {
  server: BenchServer;
  report: Report;
  /** A folder that is thrown away at the end. */
  directory: string;
}
