import { InvalidArgumentError, Option, type Command } from 'commander';
import type { ScheduleStatus } from '../../operations/schedules.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { explain, type Bind } from '../command.ts';
import { osUser } from '../os-user.ts';
import { table } from '../table.ts';
import { ago, cell, counted, duration, localText } from '../text.ts';
import { addBackfill, addTicks } from './schedule-ticks.ts';

const doneExit = '0 done, 2 there is no such schedule or the config is wrong, 3 database out of reach';

/** `tds schedules` and what stands below it. */
export function addSchedules(program: Command, bind: Bind): void {
  const schedules = program.command('schedules').description('list the schedules with their next times and how the last ones came out; pause, resume, run, make up');
  schedules.action(bind(async (context) => {
    const list = await context.ask(await context.readyProject(), ({ operations }) => operations.schedules.list());
    showList(context, list);
    context.out.json({ schedules: list });
    return exitCodes.ok.code;
  }));
  explain(schedules, {
    examples: [
      ['tds schedules', 'all of them'], ['tds schedules next stock -n 5', 'when it runs next'], ['tds schedules ticks stock', 'how late its times were, how they ended'],
      ['tds schedules pause stock --until 2h --reason "stocktaking"', 'let it rest'], ['tds schedules resume stock', 'let it go on'], ['tds schedules run nightly', 'its work, now'],
      ['tds schedules backfill summary --from 7d --to 1d', 'what would be made up'],
    ],
    json: '{ "schedules": [{ "id", "cron", "every", "timezone", "run", "entities", "mode", "state", "paused", "next": { "at", "local" }, "last", "failures", "slow", "unavailable" }] }',
  });
  addNext(schedules, bind);
  addTicks(schedules, bind);
  addPause(schedules, bind);
  addResume(schedules, bind);
  addRunNow(schedules, bind);
  addBackfill(schedules, bind);
}

function showList(context: Context, list: readonly ScheduleStatus[]): void {
  const { out, backend: { clock } } = context;
  const columns = [{ title: 'schedule' }, { title: 'work' }, { title: 'when' }, { title: 'next, local time' }, { title: 'zone' }, { title: 'last' }, { title: 'state' }];
  const rows = list.map((one) => [one.id, [one.run, one.mode].filter(Boolean).join(' '), one.cron ?? `every ${duration(one.every ?? 0).replace(/ 0 (?:s|min|h)$/, '')}`, one.next?.local ?? '–', one.timezone, lastText(context, one), stateText(context, one)]);
  for (const line of list.length > 0 ? table(columns, rows, out.width) : ['the config has no schedules']) out.line(line);
  for (const { id, slow, last, unavailable } of list) {
    if (unavailable !== null) {
      out.line(`${id}: ${unavailable}; its times are noted as skipped`);
      continue;
    }
    if (slow !== null) out.line(out.paint('yellow', `${id} outgrows its period: ${cell(slow)}`));
    if (last?.status === 'failed' || last?.status === 'skipped') out.line(`${id}, ${ago(last.planned, clock.now())}: ${last.status}, ${cell(last.reason)}`);
  }
}

function lastText({ out, backend: { clock } }: Context, { last }: ScheduleStatus): string {
  if (!last) return '–';
  const status = last.status === 'failed' ? out.paint('red', last.status) : last.status;
  return `${status} ${ago(last.planned, clock.now())}${last.took === null ? '' : `, took ${duration(last.took)}`}`;
}

function stateText({ out }: Context, { state, paused, failures, timezone }: ScheduleStatus): string {
  if (paused) return out.paint('yellow', `paused${paused.until ? ` until ${localText(timezone, paused.until)}` : ''} by ${cell(paused.by)}${paused.reason === null ? '' : `: ${cell(paused.reason)}`}`);
  const words: Partial<Record<ScheduleStatus['state'], string>> = { new: 'no node has taken it up yet', other: 'the nodes know it otherwise: tds reload', over: 'it has no time to come' };
  return `${words[state] ?? state}${failures > 0 ? `, ${counted(failures, 'failure')} in a row` : ''}`;
}

function addNext(schedules: Command, bind: Bind): void {
  const next = schedules.command('next').description('when a schedule runs next').argument('<id>', 'the schedule')
    .addOption(new Option('-n, --count <number>', 'how many times, 1 to 1000').default(10).argParser((text) => {
      const value = Number(text);
      if (!Number.isInteger(value) || value < 1 || value > 1000) throw new InvalidArgumentError('It must be a whole number from 1 to 1000.');
      return value;
    }));
  next.action(bind(async (context, { args: [id = ''] }) => {
    const { count } = next.opts<{ count: number }>();
    const times = await context.ask(await context.readyProject(), async ({ operations }) => operations.schedules.next(id, count));
    for (const { local, at } of times) context.out.line(`${local}   ${at.toISOString()}`);
    if (times.length === 0) context.out.line('it has no time to come');
    context.out.json({ times });
    return exitCodes.ok.code;
  }));
  explain(next, { examples: [['tds schedules next nightly', 'the next ten times'], ['tds schedules next stock -n 3', 'the next three']], json: '{ "times": [{ "at", "local" }] }', exit: doneExit });
}

function addPause(schedules: Command, bind: Bind): void {
  const pause = schedules.command('pause').description('let a schedule rest').argument('<id>', 'the schedule')
    .option('--until <time>', 'a time in the zone of the schedule, or a length of time such as 2h (default: until it is resumed)').option('--reason <text>', 'why, for others to read');
  pause.action(bind(async (context, { args: [id = ''] }) => {
    const { until, reason } = pause.opts<{ until?: string; reason?: string }>();
    const status = await context.act(await context.readyProject(), { action: 'tds schedules pause', target: { id, until: until ?? null, reason: reason ?? null } }, ({ operations }) =>
      operations.schedules.pause(id, { until: until ?? null, reason: reason ?? null, by: osUser() }));
    context.out.line(`${id} rests ${status.paused?.until ? `until ${localText(status.timezone, status.paused.until)}` : `until "tds schedules resume ${id}"`}`);
    context.out.json(status);
    return exitCodes.ok.code;
  }));
  explain(pause, {
    about: 'What is at work ends as it would. Times that come meanwhile are kept as skipped, and are not made up.',
    examples: [['tds schedules pause stock --until 2026-12-24T18:00 --reason stocktaking', 'until then'], ['tds schedules pause stock', 'until it is resumed']], json: 'the schedule', exit: doneExit,
  });
}

function addResume(schedules: Command, bind: Bind): void {
  const resume = schedules.command('resume').description('let a paused schedule go on from now').argument('<id>', 'the schedule');
  resume.action(bind(async (context, { args: [id = ''] }) => {
    const status = await context.act(await context.readyProject(), { action: 'tds schedules resume', target: { id } }, ({ operations }) => operations.schedules.resume(id));
    context.out.line(`${id} goes on: ${status.next?.local ?? 'it has no time to come'}`);
    context.out.json(status);
    return exitCodes.ok.code;
  }));
  explain(resume, { examples: [['tds schedules resume stock', 'its next time is the next planned one']], json: 'the schedule', exit: doneExit });
}

function addRunNow(schedules: Command, bind: Bind): void {
  const run = schedules.command('run').description('do the work of a schedule now').argument('<id>', 'the schedule').argument('[now]', 'said for clearness');
  run.action(bind(async (context, { args: [id = ''] }) => {
    const tick = await context.act(await context.readyProject(), { action: 'tds schedules run', target: { id } }, ({ operations }) => operations.schedules.run(id, 'person'));
    context.out.line(`${id} is ${tick.status}${tick.runs.length > 0 ? `: ${counted(tick.runs.length, 'run')}, ${tick.runs.join(', ')}` : ''}; a node does it (tds start)`);
    context.out.json(tick);
    return exitCodes.ok.code;
  }));
  explain(run, { examples: [['tds schedules run nightly', 'as if its time had come']], json: 'the tick', exit: `${doneExit}, 1 it is at work already` });
}
