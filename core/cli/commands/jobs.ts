import { Option, type Command } from 'commander';
import type { JobDetail, JobFilter } from '../../queue/types.ts';
import type { Runtime } from '../../main.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { explain, type Bind } from '../command.ts';
import { table } from '../table.ts';
import { addJobAttempts } from './job-attempts.ts';
import { ago, cell, count } from '../text.ts';
import { limitOption } from './runs.ts';

/** `tds jobs`, `tds jobs show`, `tds jobs stats`, `tds jobs retry`, `tds jobs cancel`. */
export function addJobs(program: Command, bind: Bind): void {
  const jobs = program.command('jobs').description('list what is on the queue, the newest first; show, hurry or end one').option('--task <name>', 'those of one task, such as "run"');
  jobs.addOption(new Option('--state <state>', 'those in one state').choices(['waiting', 'later', 'running', 'exhausted'])).addOption(limitOption());
  jobs.action(bind(async (context) => {
    const { out, backend: { clock } } = context;
    const found = await context.ask(await context.readyProject(), ({ operations }) => operations.jobs.list(jobs.opts<JobFilter>()));
    const columns = [{ title: 'job', right: true }, { title: 'task' }, { title: 'state' }, { title: 'run', right: true }, { title: 'attempts', right: true }, { title: 'made' }, { title: 'last failure' }];
    const rows = found.map((job) => [job.id, cell(job.task), job.state === 'later' ? `until ${job.runAt.toISOString().slice(0, 19).replace('T', ' ')}` : job.state, cell(job.runId), count(job.attempts), ago(job.createdAt, clock.now()), cell(job.lastError ?? '')]);
    for (const line of found.length > 0 ? table(columns, rows, out.width) : ['the queue is empty']) out.line(line);
    out.json({ jobs: found });
    return exitCodes.ok.code;
  }));
  explain(jobs, {
    examples: [['tds jobs', 'the last 20'], ['tds jobs --state running', 'what is done just now'], ['tds jobs show 42', 'one with every attempt'], ['tds jobs retry 42', 'do not wait for its time']],
    json: '{ "jobs": [{ "id", "task", "state", "runId", "attempts", "maxAttempts", "createdAt", "runAt", "lockedAt", "node", "lastError", … }] }',
  });
  addShow(jobs, bind);
  addJobAttempts(jobs, bind);
  addStats(jobs, bind);
  addAct(jobs, bind, { name: 'retry', description: 'let a job that waits for its next attempt run now', about: 'What failed for good is a dead letter: see "tds dead-letters retry".', act: ({ operations }, id) => operations.jobs.retry(id) });
  addAct(jobs, bind, { name: 'cancel', description: 'end a job with the run that it does', about: 'Jobs that do no run are TDS\'s own upkeep and can not be ended.', act: ({ operations }, id) => operations.jobs.cancel(id) });
}

function addShow(jobs: Command, bind: Bind): void {
  const show = jobs.command('show').description('show one job with every attempt').argument('<id>', 'the number of the job');
  show.action(bind(async (context, { args: [id = ''] }) => {
    tell(context, await context.ask(await context.readyProject(), ({ operations }) => operations.jobs.show(id)));
    return exitCodes.ok.code;
  }));
  explain(show, { examples: [['tds jobs show 42', 'also when it is over']], json: '{ "id", "task", "state", "runId", "payload", "queue", "key", "attempts", …, "history": [as in "tds jobs history"] }' });
}

function addStats(jobs: Command, bind: Bind): void {
  const stats = jobs.command('stats').description('what is on the queue, by task');
  stats.action(bind(async (context) => {
    const { out } = context;
    const tasks = await context.ask(await context.readyProject(), ({ operations }) => operations.jobs.stats());
    const columns = [{ title: 'task' }, ...['waiting', 'later', 'running', 'exhausted', 'oldest'].map((title) => ({ title, right: true }))];
    const rows = tasks.map(({ task, waiting, later, running, exhausted, oldestSeconds }) => [cell(task), count(waiting), count(later), count(running), count(exhausted), `${count(Math.round(oldestSeconds))} s`]);
    for (const line of tasks.length > 0 ? table(columns, rows, out.width) : ['the queue is empty']) out.line(line);
    out.json({ tasks });
    return exitCodes.ok.code;
  }));
  explain(stats, { examples: [['tds jobs stats', 'counts, and how long the oldest ready one has waited']], json: '{ "tasks": [{ "task", "waiting", "later", "running", "exhausted", "oldestSeconds" }] }' });
}

interface Act { name: string; description: string; about: string; act(runtime: Runtime, id: string): Promise<JobDetail> }

function addAct(jobs: Command, bind: Bind, { name, description, about, act }: Act): void {
  const command = jobs.command(name).description(description).argument('<id>', 'the number of the job');
  command.action(bind(async (context, { args: [id = ''] }) => {
    tell(context, await context.act(await context.readyProject(), { action: `tds jobs ${name}`, target: { id } }, (runtime) => act(runtime, id)));
    return exitCodes.ok.code;
  }));
  explain(command, { about, examples: [[`tds jobs ${name} 42`, description]], json: 'the job', exit: '0 done, 2 it can not be done with this job or the config is wrong, 3 database out of reach' });
}

function tell({ out }: Context, job: JobDetail): void {
  const facts = [
    ['job', job.id], ['task', cell(job.task)], ['state', job.state], ['run', cell(job.runId)], ['attempts', `${job.attempts}${job.maxAttempts === null ? '' : ` of ${job.maxAttempts}`}`], ['made', cell(job.createdAt)], ['runs at', cell(job.runAt)],
    ['running since', cell(job.lockedAt)], ['node', cell(job.node)], ['last failure', cell(job.lastError)],
    ...job.history.map(({ attempt, outcome, endedAt, code, message }) => [`attempt ${attempt}`, `${outcome} ${endedAt.toISOString()}${code === null ? '' : ` ${code}`}${message === null ? '' : `: ${cell(message)}`}`]),
  ];
  for (const line of table([{ title: '' }, { title: '' }], facts, out.width).slice(1)) out.line(line);
  out.json(job);
}
