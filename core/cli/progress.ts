import { shapeRun } from '../api/index.ts';
import type { Run } from '../store/runs.ts';
import type { Context } from './context.ts';
import { createProgressBars } from './progress-bars.ts';
import type { Progress, ProgressOptions } from './progress-view.ts';
import { RateMeter } from './rate.ts';
import { describeRun } from './run-text.ts';

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
        // a wait that counts its seconds down is one wait
        const state = `${run.status} ${run.waitsOn?.replaceAll(/\d+/g, '#') ?? ''}`;
        const at = now().getTime();
        if (last?.state === state && (run.status !== 'running' || at - last.at < 10_000)) continue;
        told.set(run.id, { state, at });
        tell(run);
      }
    },
  };
}
