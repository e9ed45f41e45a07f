import { InvalidArgumentError, Option, type Command } from 'commander';
import type { Runtime } from '../../main.ts';
import type { TickStatus } from '../../store/ticks.ts';
import { exitCodes } from '../exit-codes.ts';
import { explain, type Bind } from '../command.ts';
import { table } from '../table.ts';
import { cell, counted, duration, localText } from '../text.ts';
import { limitOption } from './runs.ts';

/** `tds schedules ticks`. */
export function addTicks(schedules: Command, bind: Bind): void {
  const statuses: TickStatus[] = ['waiting', 'queued', 'running', 'succeeded', 'failed', 'cancelled', 'skipped'];
  const ticks = schedules.command('ticks').description('list planned times that came, the newest first').argument('[id]', 'of one schedule')
    .addOption(new Option('--status <status>', 'those in one state').choices(statuses)).addOption(limitOption());
  ticks.action(bind(async (context, { args: [schedule] }) => {
    const { status, limit } = ticks.opts<{ status?: TickStatus; limit: number }>();
    const [found, zones] = await context.ask(await context.readyProject(), async ({ operations }) => [
      await operations.schedules.ticks({ limit, ...(schedule === undefined ? {} : { schedule }), ...(status === undefined ? {} : { status }) }),
      new Map((await operations.schedules.list()).map(({ id, timezone }) => [id, timezone])),
    ] as const);
    const time = (ms: number | null): string => (ms === null ? '–' : duration(ms));
    const columns = [{ title: 'tick', right: true }, { title: 'schedule' }, { title: 'planned, local time' }, { title: 'by' }, { title: 'status' }, { title: 'late', right: true }, { title: 'waited', right: true }, { title: 'took', right: true }, { title: 'reason' }];
    const rows = found.map((tick) => [tick.id, tick.schedule, `${localText(zones.get(tick.schedule) ?? 'UTC', tick.planned)}${tick.times > 1 ? ` and ${tick.times - 1} before` : ''}`, tick.trigger, tick.status, time(tick.late), time(tick.waited), time(tick.took), cell(tick.reason)]);
    for (const line of found.length > 0 ? table(columns, rows, context.out.width) : ['no time has come yet']) context.out.line(line);
    context.out.json({ ticks: found });
    return exitCodes.ok.code;
  }));
  explain(ticks, {
    about: 'late: from the planned time (with its jitter) to the queue. waited: from there to the first work. took: from there to the end.',
    examples: [['tds schedules ticks', 'the last 20'], ['tds schedules ticks stock --status failed', 'what went wrong']], json: '{ "ticks": [{ "id", "schedule", "planned", "dueAt", "enqueuedAt", "startedAt", "endedAt", "late", "waited", "took", "status", "reason", "runs" … }] }',
  });
}

/** `tds schedules backfill`. */
export function addBackfill(schedules: Command, bind: Bind): void {
  const backfill = schedules.command('backfill').description('make up planned times of a span that were not done').argument('<id>', 'the schedule')
    .requiredOption('--from <time>', 'a time in the zone of the schedule, or how long ago: 7d').requiredOption('--to <time>', 'the end, not included')
    .addOption(new Option('--most <number>', 'how many at most, 1 to 1000').default(100).argParser((text) => {
      const value = Number(text);
      if (!Number.isInteger(value) || value < 1 || value > 1000) throw new InvalidArgumentError('It must be a whole number from 1 to 1000.');
      return value;
    })).option('--yes', 'do it; without this it is only said what would be done');
  backfill.action(bind(async (context, { args: [id = ''] }) => {
    const { from, to, most, yes = false } = backfill.opts<{ from: string; to: string; most: number; yes?: boolean }>();
    const ask = ({ operations }: Runtime) => operations.schedules.backfill(id, { from, to, most, dryRun: !yes });
    const project = await context.readyProject();
    const outcome = await (yes ? context.act(project, { action: 'tds schedules backfill', target: { id, from, to, most } }, ask) : context.ask(project, ask));
    for (const { local } of outcome.times) context.out.line(local);
    context.out.line(`${counted(outcome.times.length, 'time')} ${yes ? 'will be made up, one after the other' : 'would be made up; --yes does it'}; ${outcome.done} of the span ${outcome.done === 1 ? 'was' : 'were'} done${outcome.left > 0 ? `; ${outcome.left} more are left for another call` : ''}`);
    context.out.json(outcome);
    return exitCodes.ok.code;
  }));
  explain(backfill, {
    about: 'The oldest comes first, one after the other. "tds schedules pause" holds them, "resume" lets them go on. A sync reads what is there now, whatever time it makes up.',
    examples: [['tds schedules backfill summary --from 2026-11-01 --to 2026-11-08', 'what would be made up'], ['tds schedules backfill summary --from 7d --to 1d --yes', 'do it']],
    json: '{ "schedule", "dryRun", "times": [{ "at", "local" }], "done", "left" }', exit: '0 done, 2 there is no such schedule, a time is wrong, or the config is, 3 database out of reach',
  });
}
