import type { Run } from '../store/runs.ts';
import type { Output } from './io.ts';
import { table, type Column } from './table.ts';
import { count, duration, plain } from './text.ts';

const columns: readonly Column[] = [
  { title: 'run', right: true }, { title: 'entity' }, { title: 'mode' }, { title: 'status' },
  ...['read', 'new', 'changed', 'unchanged', 'deleted', 'refused', 'calls', 'duration', 'rows/s'].map((title) => ({ title, right: true })), { title: 'reason' },
];

/** Runs as a table, as `sync` and `runs` show them. */
export function runTable(out: Output, runs: readonly Run[], now: Date): string[] {
  return table(columns, runs.map((run) => [
    run.id, run.entity, run.mode, statusText(out, run), ...[run.read, run.new, run.changed, run.unchanged, run.deleted, run.refused, run.calls].map(count),
    durationText(run, now), speedText(run, now), reasonText(run),
  ]), out.width);
}

/** The word, coloured. */
export function statusText(out: Output, { status }: Run): string {
  const style = status === 'succeeded' ? 'green' : status === 'failed' ? 'red' : status === 'waiting' || status === 'cancelled' ? 'yellow' : 'cyan';
  return out.paint(style, status);
}

/** Why it ended so, or what it waits for. */
export function reasonText({ status, reason, code, waitsOn }: Run): string {
  if (status === 'waiting' || status === 'running') return plain(waitsOn ?? '');
  const text = plain(reason ?? '');
  return code === null || text.includes(code) ? text : `${text} (${code})`.trim();
}

function elapsed({ startedAt, endedAt }: Run, now: Date): number | undefined {
  return startedAt ? Math.max(0, (endedAt ?? now).getTime() - startedAt.getTime()) : undefined;
}

function durationText(run: Run, now: Date): string {
  const ms = elapsed(run, now);
  return ms === undefined ? '–' : duration(ms);
}

function speedText(run: Run, now: Date): string {
  const ms = elapsed(run, now);
  return ms === undefined || ms === 0 || run.read === 0 ? '–' : count(run.read / (ms / 1000));
}
