import type { Destination, TableWrite } from '../destination.ts';
import type { Tables } from './tables.ts';

/** What a test of a destination works with. */
export interface DestinationTest {
  readonly destination: Destination;
  readonly tables: Tables;
  /** Writes as the host does: in a transaction of TDS's own database where the tables lie there. */
  write(...writes: TableWrite[]): Promise<void>;
}

/** Runs one test with a destination of its own. */
export type WithDestination = (use: (test: DestinationTest) => Promise<void>) => Promise<void>;
