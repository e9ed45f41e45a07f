import cliProgress from 'cli-progress';
import type { Run } from '../store/runs.ts';
import type { Context } from './context.ts';
import type { Progress, ProgressOptions } from './progress-view.ts';
import { RateMeter } from './rate.ts';
import { reasonText } from './run-table.ts';
import { countsText, describeRun } from './run-text.ts';
import { cut } from './table.ts';

const barWidth = 20;

/** A bar for each run that is at work, as many as fit; a run that has ended leaves a line above them. */
export function createProgressBars(context: Context, { totals = new Map() }: ProgressOptions): Progress {
  const { out, io, backend: { clock } } = context;
  const sink = context.logSink;
  const meter = new RateMeter();
  const bars = new Map<string, cliProgress.SingleBar>();
  const ended = new Set<string>();
  const room = Math.max(3, out.height - 3);
  const multi = new cliProgress.MultiBar({
    stream: io.stdout as NodeJS.WritableStream, hideCursor: true, clearOnComplete: true, gracefulExit: false, linewrap: false, fps: 8, emptyOnZero: true,
    format: (_options, params, payload: { text?: string }) => cut(`${drawBar(params.value, params.total)} ${payload.text ?? ''}`, out.width - 1),
  });
  const summary = multi.create(0, 0, { text: '' });
  // a log line in the middle of the area would be overwritten; it goes above
  context.logSink = (line) => multi.log(line.endsWith('\n') ? line : `${line}\n`);
  let stopped = false;
  return {
    update(runs) {
      if (stopped) return;
      for (const run of runs) {
        if (run.endedAt) endRun(run);
        else if (run.status !== 'queued') showRun(run);
      }
      const queued = runs.filter(({ status }) => status === 'queued').length;
      summary.setTotal(runs.length);
      summary.update(ended.size, { text: `${ended.size} of ${runs.length} runs done${queued > 0 ? `, ${queued} queued` : ''}` });
    },
    line: (text) => multi.log(`${text}\n`),
    stop() {
      if (stopped) return;
      stopped = true;
      multi.update(); // writes the lines that wait
      multi.stop();
      context.logSink = sink;
    },
  };

  function showRun(run: Run): void {
    const rate = meter.note(run.id, run.read, clock.now());
    const why = reasonText(run);
    const text = `${run.entity} ${run.mode}  ${countsText(run, rate)}${why === '' ? '' : `  waits on ${why}`}`;
    const total = run.mode === 'full' || run.mode === 'replay' ? (totals.get(run.entity) ?? 0) : 0;
    const bar = bars.get(run.id);
    if (bar) bar.update(Math.min(run.read, total), { text });
    else if (bars.size < room) bars.set(run.id, multi.create(total, Math.min(run.read, total), { text }));
  }

  function endRun(run: Run): void {
    if (ended.has(run.id)) return;
    ended.add(run.id);
    const bar = bars.get(run.id);
    if (bar) multi.remove(bar);
    bars.delete(run.id);
    const mark = run.status === 'succeeded' ? out.paint('green', '✓') : out.paint('red', '✗');
    multi.log(`${mark} ${describeRun(run, undefined)}\n`);
  }
}

/** Without a known total there is no share to draw, only that it moves. */
function drawBar(value: number, total: number): string {
  if (total <= 0) return '·'.repeat(barWidth);
  const full = Math.min(barWidth, Math.round((value / total) * barWidth));
  return '█'.repeat(full) + '░'.repeat(barWidth - full);
}
