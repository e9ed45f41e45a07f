import type { Run } from '../store/runs.ts';
import { reasonText } from './run-table.ts';
import { count, counted } from './text.ts';

/** `products full running: 1,200 read, 1,200 new, 6 calls, 3,400 rows/s; waits on …`. */
export function describeRun(run: Run, rate: number | undefined): string {
  const why = reasonText(run);
  return `${run.entity} ${run.mode} ${run.status}${run.read > 0 || run.calls > 0 || run.endedAt ? `: ${countsText(run, rate)}` : ''}${why === '' ? '' : `; ${run.endedAt ? '' : 'waits on '}${why}`}`;
}

/** The counts that are not nothing. */
export function countsText(run: Run, rate?: number): string {
  const parts = (['new', 'changed', 'unchanged', 'deleted', 'refused'] as const).filter((name) => run[name] > 0).map((name) => `${count(run[name])} ${name}`);
  const speed = rate === undefined || run.endedAt ? [] : [`${count(rate)} rows/s`];
  return [`${count(run.read)} read`, ...parts, counted(run.calls, 'call'), ...speed].join(', ');
}
