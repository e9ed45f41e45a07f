import { shapeRun } from '../api/index.ts';
import { didYouMean } from '../config/index.ts';
import type { Runtime } from '../main.ts';
import type { Operations, SyncRequest } from '../operations/operations.ts';
import type { Run } from '../store/runs.ts';
import type { Context, ReadyProject } from './context.ts';
import { CliError, Interrupted } from './errors.ts';
import { exitCodes, type ExitCode } from './exit-codes.ts';
import { followRuns } from './follow-runs.ts';
import { createProgress } from './progress.ts';
import { runTable } from './run-table.ts';
import { count, counted } from './text.ts';

/** What a sync asks for, and whether and how far it is followed. */
export interface SyncAsk extends SyncRequest {
  wait: boolean;
  waitDetails: boolean;
}

/** Asks for runs and follows them. Works on the queue itself where no living node does. */
export async function syncAndFollow(context: Context, project: ReadyProject, ask: SyncAsk): Promise<ExitCode> {
  refuseUnknown(project, ask.entities);
  return context.withRuntime(project, { role: 'client' }, async (client) => {
    const isWorkerAlive = (await client.operations.nodes()).some(({ nodeId, concurrency }) => nodeId !== client.nodeId && concurrency > 0);
    if (!ask.wait) return justAsk(context, client, ask, isWorkerAlive);
    if (isWorkerAlive) {
      context.out.line(context.out.paint('dim', 'a running node does the work; this command follows it'));
      return follow(context, client, ask);
    }
    // The client stays open beside it: an embedded server that it started would otherwise go down and up again.
    // What a run meets is shown with the run, so the log keeps to what else goes wrong.
    return context.withRuntime(project, { role: 'node', drainMs: 1500, log: context.log({ level: 'error' }) }, (node) => follow(context, node, ask));
  });
}

/** Before a database is opened for it. */
function refuseUnknown({ config }: ReadyProject, asked: SyncAsk['entities']): void {
  const known = Object.keys(config.entities);
  const unknown = asked === 'all' ? undefined : asked.find((id) => !known.includes(id));
  if (unknown !== undefined) throw new CliError('cli.usage', `there is no entity "${unknown}"`, { suggestion: didYouMean(unknown, known) ?? `The config has: ${known.join(', ') || 'none'}.` });
}

function request(context: Context, runtime: Runtime, ask: SyncAsk): ReturnType<Operations['sync']> {
  const { entities, mode, allowDeletes = false } = ask;
  return context.audited(runtime, { action: 'tds sync', target: { entities: entities === 'all' ? 'all' : [...entities], mode, allowDeletes } }, () => runtime.operations.sync(requestOf(ask)));
}

async function justAsk(context: Context, runtime: Runtime, ask: SyncAsk, isWorkerAlive: boolean): Promise<ExitCode> {
  const { out, backend: { clock } } = context;
  const asked = await request(context, runtime, ask);
  for (const { run, created } of asked) out.line(`run ${run.id}  ${run.entity} ${run.mode}  ${created ? 'queued' : `${run.status} already${ask.allowDeletes ? ', and may delete as you allow now' : ''}`}`);
  if (!isWorkerAlive) out.line('No node is running: they begin with the next "tds start" or "tds sync".');
  out.json({ runs: asked.map(({ run, created }) => ({ ...shapeRun(run, clock.now()), created })) });
  return exitCodes.ok.code;
}

async function follow(context: Context, runtime: Runtime, ask: SyncAsk): Promise<ExitCode> {
  const { operations } = runtime;
  const { out, backend: { clock }, io } = context;
  const entities = await operations.entities();
  const asked = await request(context, runtime, ask);
  const wanted = new Set(asked.map(({ run }) => run.entity));
  const progress = createProgress(context, { totals: new Map(entities.map(({ id, records }) => [id, records])) });
  let runs: Run[];
  try {
    const options = { clock, signal: io.interrupted, onUpdate: (seen: readonly Run[]) => progress.update(seen) };
    runs = await followRuns(operations, asked.map(({ run }) => run.id), options);
    if (ask.waitDetails && !io.interrupted.aborted) {
      const details = await activeDetails(operations, wanted);
      const heads = runs;
      if (details.length > 0) runs = [...heads, ...await followRuns(operations, details.map(({ id }) => id), { ...options, onUpdate: (seen) => progress.update([...heads, ...seen]) })];
    }
  } finally {
    progress.stop();
  }
  report(context, runs);
  if (io.interrupted.aborted) throw new Interrupted(io.interrupted.reason, handedBack(runs));
  if (!ask.waitDetails) await tellDetails(context, operations, wanted);
  const ok = runs.every(({ status }) => status === 'succeeded');
  out.json({ type: 'summary', ok, runs: runs.map((run) => shapeRun(run, clock.now())) });
  return ok ? exitCodes.ok.code : exitCodes.failed.code;
}

/** The summary of runs, for people. */
export function report({ out, backend: { clock } }: Context, runs: readonly Run[]): void {
  out.line();
  for (const line of runTable(out, runs, clock.now())) out.line(line);
  const failed = runs.filter(({ status }) => status === 'failed');
  if (failed.length > 0) out.line(out.paint('red', `${counted(failed.length, 'run')} failed: ${failed.map(({ entity }) => entity).join(', ')}. More: tds runs show ${failed[0]?.id ?? ''}`));
}

/** Says how far the details are, which take longer than the heads, and `how` they go on. */
export async function tellDetails({ out }: Context, operations: Runtime['operations'], wanted: ReadonlySet<string>, how = 'they go on in "tds start", or with --wait-details'): Promise<void> {
  if ((await activeDetails(operations, wanted)).length === 0) return;
  for (const { id, details } of await operations.entities()) {
    if (!wanted.has(id) || !details || details.due === 0) continue;
    out.line(`${id} details: ${count(details.done)} of ${count(details.done + details.due)} done; ${how}`);
  }
}

async function activeDetails(operations: Runtime['operations'], wanted: ReadonlySet<string>): Promise<Run[]> {
  const runs = await operations.runs({ mode: 'details', limit: 500 });
  return runs.filter(({ entity, endedAt }) => wanted.has(entity) && endedAt === null);
}

function handedBack(runs: readonly Run[]): string {
  const open = runs.filter(({ endedAt }) => endedAt === null);
  return open.length === 0 ? 'interrupted' : `interrupted; ${counted(open.length, 'run')} handed back, ${open.length === 1 ? 'it goes' : 'they go'} on from the last saved page with the next "tds start" or "tds sync"`;
}

function requestOf({ wait: _wait, waitDetails: _waitDetails, ...request }: SyncAsk): SyncRequest {
  return request;
}
