import { shapeRun } from '../api/index.ts';
import type { Runtime } from '../main.ts';
import type { LetterChoice, RetryAsked } from '../operations/dead-letters.ts';
import type { JsonObject } from '../sdk/index.ts';
import type { Run } from '../store/runs.ts';
import type { Context, ReadyProject } from './context.ts';
import { Interrupted } from './errors.ts';
import { exitCodes, type ExitCode } from './exit-codes.ts';
import { followRuns } from './follow-runs.ts';
import { createProgress } from './progress.ts';
import { cell, count, counted } from './text.ts';

/** Tries dead letters again and follows the runs. Works on the queue itself where no living node does. */
export function retryAndFollow(context: Context, project: ReadyProject, choice: LetterChoice, wait: boolean): Promise<ExitCode> {
  return context.withRuntime(project, { role: 'client' }, async (client) => {
    const asked = await context.audited(client, { action: 'tds dead-letters retry', target: targetOf(choice) }, () => client.operations.retryDeadLetters({ ...choice, trigger: 'cli' }));
    tellAsked(context, asked);
    const isWorkerAlive = (await client.operations.nodes()).some(({ nodeId, concurrency }) => nodeId !== client.nodeId && concurrency > 0);
    if (!wait || asked.runs.length === 0) {
      if (!isWorkerAlive && asked.runs.length + asked.jobs.length > 0) context.out.line('No node is running: they begin with the next "tds start" or "tds sync".');
      context.out.json({ ...asked, runs: asked.runs.map((one) => ({ ...shapeRun(one.run, context.backend.clock.now()), letters: one.letters, created: one.created })) });
      return exitCodes.ok.code;
    }
    if (isWorkerAlive) return follow(context, client, asked);
    return context.withRuntime(project, { role: 'node', drainMs: 1500, log: context.log({ level: 'error' }) }, (node) => follow(context, node, asked));
  });
}

/** What a choice of letters is, for the audit. */
export function targetOf({ filter, all = false, most }: LetterChoice): JsonObject {
  return JSON.parse(JSON.stringify({ ...filter, all, most })) as JsonObject;
}

async function follow(context: Context, { operations }: Runtime, asked: RetryAsked): Promise<ExitCode> {
  const { out, backend: { clock }, io } = context;
  const progress = createProgress(context, { totals: new Map(asked.runs.map(({ run, letters }) => [run.entity, letters])) });
  let runs: Run[];
  try {
    runs = await followRuns(operations, asked.runs.map(({ run }) => run.id), { clock, signal: io.interrupted, onUpdate: (seen) => progress.update(seen) });
  } finally {
    progress.stop();
  }
  if (io.interrupted.aborted) throw new Interrupted(io.interrupted.reason, 'interrupted; the retry goes on with the next "tds start" or "tds sync"');
  for (const run of runs) out.line(`${run.entity}: ${cell(run.reason)}${run.status === 'succeeded' ? '' : ` (${run.status})`}`);
  const refused = runs.reduce((sum, run) => sum + run.refused, 0);
  if (refused > 0) out.line('What is still wrong: tds dead-letters groups');
  const ok = runs.every(({ status }) => status === 'succeeded');
  out.json({ type: 'summary', ok, letters: asked.letters, jobs: asked.jobs, skipped: asked.skipped, runs: runs.map((run) => shapeRun(run, clock.now())) });
  return ok ? exitCodes.ok.code : exitCodes.failed.code;
}

function tellAsked({ out }: Context, asked: RetryAsked): void {
  if (asked.letters === 0) out.line('no open dead letters like that');
  for (const { run, letters, created } of asked.runs) out.line(`run ${run.id}  ${run.entity}  ${counted(letters, 'letter')}  ${created ? 'queued' : `${run.status} already`}`);
  for (const { letter, jobId } of asked.jobs) out.line(`dead letter ${letter}: on the queue again as job ${jobId}`);
  for (const { entity, letters, reason } of asked.skipped) out.line(`${entity ?? '–'}: ${count(letters)} left as they are: ${reason}`);
}
