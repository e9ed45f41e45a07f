import type { Runtime } from '../../main.ts';
import type { Clock } from '../../sdk/index.ts';
import { isTransientDatabaseError } from '../../store/errors.ts';
import type { Run } from '../../store/runs.ts';
import type { Context } from '../context.ts';
import { shapeRun } from '../../api/index.ts';
import { followRuns } from '../follow-runs.ts';
import { reasonText } from '../run-table.ts';
import { cell, count, counted, duration } from '../text.ts';
import type { DemoPlan } from './plan.ts';
import type { DemoSandbox } from './sandbox.ts';

/** A round that takes longer is told as it is then; its runs go on, and the next round finds them. */
const longestRoundMs = 60_000;

/** Lets the remote change now and then and syncs what changed, until the signal comes: so that one sees it arrive. A database that is away is waited for. */
export async function liveOn(context: Context, runtime: Runtime, sandbox: DemoSandbox, plan: DemoPlan): Promise<void> {
  const { out, io: { interrupted }, backend: { clock } } = context;
  for (;;) {
    await Promise.race([clock.sleep(plan.changes.everySeconds * 1000, interrupted).catch(() => undefined), sandbox.died]);
    if (interrupted.aborted) return;
    await sandbox.change();
    try {
      await round(context, runtime, plan);
    } catch (error) {
      if (!isTransientDatabaseError(error)) throw error;
      out.line(`${timeOf(clock)}  ${plan.changes.count} changes at the remote; the database is away (${cell((error as Error).message)}), the next round asks again`);
    }
    if (interrupted.aborted) return;
  }
}

async function round({ out, io: { interrupted }, backend: { clock } }: Context, { operations }: Runtime, plan: DemoPlan): Promise<void> {
  const asked = await operations.sync({ entities: 'all', mode: 'incremental', trigger: 'demo' });
  const began = clock.now();
  const signal = AbortSignal.any([interrupted, AbortSignal.timeout(longestRoundMs)]);
  const runs = await followRuns(operations, asked.map(({ run }) => run.id), { clock, signal, onUpdate: () => undefined });
  if (interrupted.aborted) return;
  const spent = duration(clock.now().getTime() - began.getTime());
  out.line(`${timeOf(clock)}  ${plan.changes.count} changes at the remote; incremental sync: ${whatArrived(runs)} (${counted(sum(runs, 'calls'), 'call')}, ${spent})`);
  out.json({ type: 'synced', runs: runs.map((run) => shapeRun(run, clock.now())) });
  const waiting = runs.find(({ status, waitsOn }) => status === 'waiting' && waitsOn !== null);
  if (waiting) out.line(`          ${waiting.entity} waits on ${reasonText(waiting)}`);
  for (const line of await detailLines(operations)) out.line(`          ${line}`);
}

function timeOf(clock: Clock): string {
  return clock.now().toTimeString().slice(0, 8);
}

function whatArrived(runs: readonly Run[]): string {
  const parts = runs.flatMap((run) => {
    const counts = (['new', 'changed', 'deleted', 'refused'] as const).filter((name) => run[name] > 0).map((name) => `${count(run[name])} ${name}`);
    if (run.status === 'failed') counts.push('failed');
    return counts.length > 0 ? [`${run.entity} ${counts.join(' ')}`] : [];
  });
  return parts.join(', ') || 'nothing to write';
}

function sum(runs: readonly Run[], name: 'calls'): number {
  return runs.reduce((total, run) => total + run[name], 0);
}

async function detailLines(operations: Runtime['operations']): Promise<string[]> {
  const open = (await operations.entities()).filter(({ details }) => details !== null && details.due > 0);
  return open.length === 0 ? [] : [`details still to come: ${open.map(({ id, details }) => `${id} ${count(details?.due ?? 0)}`).join(', ')}`];
}
