import type { Run } from '../store/runs.ts';
import type { Context } from './context.ts';
import { createProgressBars } from './progress-bars.ts';
import { RateMeter } from './rate.ts';
import { reasonText } from './run-table.ts';
import { shapeRun } from '../api/index.ts';
import { count } from './text.ts';

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

/** Bars on a terminal, JSON lines under `--json`, plain lines elsewhere. */
export function createProgress(context: Context, options: ProgressOptions = {}): Progress {
  const { out, backend: { clock } } = context;
  if (out.isJson) {
    return { ...onChange((run) => out.json({ type: 'run', run: shapeRun(run, clock.now()) }), () => clock.now()), line: () => undefined, stop: () => undefined };
  }
  if (out.isTerminal) return createProgressBars(context, options);
  const meter = new RateMeter(15_000);
  return { ...onChange((run) => out.line(describeRun(run, meter.note(run.id, run.read, clock.now()))), () => clock.now()), line: (text) => out.line(text), stop: () => undefined };
}

/** Calls for each run at each change of its state, and each ten seconds while it runs. */
function onChange(tell: (run: Run) => void, now: () => Date): Pick<Progress, 'update'> {
  const told = new Map<string, { state: string; at: number }>();
  return {
    update(runs) {
      for (const run of runs) {
        const last = told.get(run.id);
        const state = `${run.status} ${run.waitsOn ?? ''}`;
        const at = now().getTime();
        if (last?.state === state && (run.status !== 'running' || at - last.at < 10_000)) continue;
        told.set(run.id, { state, at });
        tell(run);
      }
    },
  };
}

/** `products full running: 1,200 read, 1,200 new, 6 calls, 3,400 rows/s; waits on …`. */
export function describeRun(run: Run, rate: number | undefined): string {
  const why = reasonText(run);
  return `${run.entity} ${run.mode} ${run.status}${run.read > 0 || run.calls > 0 || run.endedAt ? `: ${countsText(run, rate)}` : ''}${why === '' ? '' : `; ${run.endedAt ? '' : 'waits on '}${why}`}`;
}

/** The counts that are not nothing. */
export function countsText(run: Run, rate?: number): string {
  const parts = (['new', 'changed', 'unchanged', 'deleted', 'refused'] as const).filter((name) => run[name] > 0).map((name) => `${count(run[name])} ${name}`);
  const speed = rate === undefined || run.endedAt ? [] : [`${count(rate)} rows/s`];
  return [`${count(run.read)} read`, ...parts, `${count(run.calls)} calls`, ...speed].join(', ');
}
