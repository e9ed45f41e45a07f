import { InvalidArgumentError, Option, type Command } from 'commander';
import { shapeRun } from '../../api/index.ts';
import type { Run, RunStatus } from '../../store/runs.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { explain, type Bind } from '../command.ts';
import { runTable, statusText } from '../run-table.ts';
import { table } from '../table.ts';
import { ago, cell, count } from '../text.ts';

/** `tds runs`, `tds runs show`, `tds runs cancel`. */
export function addRuns(program: Command, bind: Bind): void {
  const runs = program.command('runs').description('list runs, the newest first; show or cancel one');
  const statuses: RunStatus[] = ['queued', 'running', 'waiting', 'succeeded', 'failed', 'cancelled'];
  runs.option('--entity <id>', 'those of one entity').addOption(new Option('--status <status>', 'those in one state').choices(statuses));
  runs.addOption(limitOption());
  runs.action(bind(async (context) => {
    const filter = runs.opts<{ entity?: string; status?: RunStatus; limit: number }>();
    const { out, backend: { clock } } = context;
    const found = await context.ask(await context.readyProject(), ({ operations }) => operations.runs(filter));
    for (const line of found.length > 0 ? runTable(out, found, clock.now()) : ['no runs']) out.line(line);
    out.json({ runs: found.map((run) => shapeRun(run, clock.now())) });
    return exitCodes.ok.code;
  }));
  explain(runs, {
    examples: [['tds runs', 'the last 20'], ['tds runs --entity products --status failed', 'what went wrong'], ['tds runs show 42', 'all about one'], ['tds runs cancel 42', 'end it']],
    json: '{ "runs": [{ "id", "entity", "mode", "status", "trigger", "read", "new", "changed", … "durationMs", "rowsPerSecond" }] }',
  });
  addShow(runs, bind);
  addCancel(runs, bind);
}

function addShow(runs: Command, bind: Bind): void {
  const show = runs.command('show').description('show all about one run').argument('<id>', 'the number of the run');
  show.action(bind(async (context, { args: [id = ''] }) => {
    const { run, parts } = await context.ask(await context.readyProject(), async ({ operations }) => ({ run: await operations.run(id), parts: await operations.runs({ partOf: id, limit: 50, sort: 'oldest' }) }));
    showRun(context, run, parts);
    return exitCodes.ok.code;
  }));
  explain(show, { examples: [['tds runs show 42', 'counts, times, reason']], json: 'the run, with its `parts`' });
}

function addCancel(runs: Command, bind: Bind): void {
  const cancel = runs.command('cancel').description('end a run that is queued, waiting or running').argument('<id>', 'the number of the run');
  cancel.action(bind(async (context, { args: [id = ''] }) => {
    const run = await context.act(await context.readyProject(), { action: 'tds runs cancel', target: { id } }, ({ operations }) => operations.cancel(id));
    context.out.line(`run ${run.id} (${run.entity} ${run.mode}) is ${run.status}`);
    context.out.json(shapeRun(run, context.backend.clock.now()));
    return exitCodes.ok.code;
  }));
  explain(cancel, {
    about: 'What it has written stays. The next sync of that entity reads on from the last complete one.',
    examples: [['tds runs cancel 42', 'end it']], json: 'the run', exit: '0 done, 1 it had ended already, 2 there is no such run or the config is wrong, 3 database out of reach',
  });
}

function showRun({ out, backend: { clock } }: Context, run: Run, parts: readonly Run[]): void {
  const now = clock.now();
  const shape = shapeRun(run, now);
  const facts: [string, string][] = [
    ['run', run.id], ['entity', run.entity], ['mode', run.options.part && run.partOf ? `part ${run.options.part.number} of ${run.options.part.of} of run ${run.partOf}` : run.mode], ['status', statusText(out, run)], ['asked by', run.trigger],
    ['queued', `${run.queuedAt.toISOString()} (${ago(run.queuedAt, now)})`], ['started', cell(run.startedAt)], ['ended', cell(run.endedAt)],
    ['attempts', count(run.attempts)], ['node', cell(run.node)], ['rows/s', shape.rowsPerSecond === null ? '–' : count(shape.rowsPerSecond)],
    ...(['pages', 'read', 'new', 'changed', 'unchanged', 'stale', 'deleted', 'refused', 'dropped', 'warnings', 'calls', 'bytes'] as const).map((name): [string, string] => [name, count(run[name])]),
    ...(run.waitsOn ? [['waits on', cell(run.waitsOn)] as [string, string]] : []), ...(run.resumesAt ? [['goes on at', cell(run.resumesAt)] as [string, string]] : []),
    ...(run.reason ? [['reason', `${cell(run.reason)}${run.code ? ` (${run.code})` : ''}`] as [string, string]] : []),
  ];
  for (const line of table([{ title: '' }, { title: '' }], facts).slice(1)) out.line(line);
  if (parts.length > 0) {
    out.line('');
    out.line('read in parts, by the nodes that were free:');
    for (const line of table([{ title: 'run' }, { title: 'part' }, { title: 'status' }, { title: 'node' }, { title: 'read', right: true }, { title: 'calls', right: true }],
      parts.map((part) => [part.id, `${part.options.part?.number ?? ''} of ${part.options.part?.of ?? ''}`, statusText(out, part), cell(part.node), count(part.read), count(part.calls)]))) out.line(line);
  }
  out.json({ ...shape, parts: parts.map((part) => shapeRun(part, now)) });
}

/** `--limit` of every list. */
export function limitOption(): Option {
  return new Option('--limit <number>', 'how many at most, 1 to 500').default(20).argParser((text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < 1 || value > 500) throw new InvalidArgumentError('It must be a whole number from 1 to 500.');
    return value;
  });
}
