/** What this process has done to records, by its runs. Counted once per saved batch, never per record. */
import type { Metrics } from './registry.ts';

const outcomes = ['new', 'changed', 'unchanged', 'stale', 'deleted', 'refused', 'dropped'] as const;
const seconds = [0.5, 1, 2.5, 5, 10, 30, 60, 150, 300, 900, 1800, 3600, 10_800];

export type BatchCounts = Partial<Record<(typeof outcomes)[number] | 'pages' | 'bytes', number>>;

export interface RunMetrics {
  /** A batch was saved. */
  saved(entity: string, counts: BatchCounts): void;
  /** A run ended; `seconds` from its start, undefined where it never started. */
  ended(run: { entity: string; mode: string; state: string; seconds: number | undefined }): void;
}

export function runMetrics(metrics: Metrics): RunMetrics {
  const records = metrics.counter({ name: 'tds_run_records_total', help: 'Records that runs brought, by what became of them.', labels: ['entity', 'outcome'], scope: 'node' });
  const pages = metrics.counter({ name: 'tds_run_pages_total', help: 'Pages that runs have saved.', labels: ['entity'], scope: 'node' });
  const runs = metrics.counter({ name: 'tds_runs_total', help: 'Runs that ended.', labels: ['entity', 'mode', 'state'], scope: 'node' });
  const duration = metrics.histogram({ name: 'tds_run_duration_seconds', help: 'From the start of a run to its end, waits included.', labels: ['mode'], scope: 'node' }, seconds);
  return {
    saved(entity, counts) {
      for (const outcome of outcomes) {
        const count = counts[outcome];
        if (count) records.inc({ entity, outcome }, count);
      }
      if (counts.pages) pages.inc({ entity }, counts.pages);
    },
    ended({ entity, mode, state, seconds: took }) {
      runs.inc({ entity, mode, state });
      if (took !== undefined) duration.observe({ mode }, took);
    },
  };
}
