import type { Command } from 'commander';
import type { QuotaReport } from '../../connection/index.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { explain, type Bind } from '../command.ts';
import { table } from '../table.ts';
import { cell, count, counted, duration } from '../text.ts';

/** `tds quota`. */
export function addQuota(program: Command, bind: Bind): void {
  const command = program.command('quota').description('show the calls of the day: spent by whom, left, reserved, and when they run out').argument('[connections...]', 'default: all that call a remote');
  command.action(bind(async (context, { args }) => {
    const { out, backend: { clock } } = context;
    const reports = await context.ask(await context.readyProject(), ({ operations }) => (args.length === 0 ? operations.quota() : Promise.all(args.map((id) => operations.connectionQuota(id)))));
    if (reports.length === 0) out.line('no connection of the config calls a remote');
    else for (const line of quotaTable(context, reports)) out.line(line);
    for (const report of reports) tellSpent(context, report, clock.now());
    out.json({ connections: reports });
    return exitCodes.ok.code;
  }));
  explain(command, {
    about: 'The day is the service\'s own, in its time zone. "kept" is limits.reserve: calls for webhooks, persons and repairs.',
    examples: [['tds quota', 'all connections'], ['tds quota books', 'one'], ['tds quota --json | jq ".connections[].left"', 'for programs']],
    json: '{ "connections": [{ "connection", "day", "zone", "limit", "used", "elsewhere", "left", "reserve", "leftForBulk", "spent": [{ "entity", "purpose", "calls" }],\n  "perHour", "runsOutAt", "bulkPausesAt", "bulkPaused", "resumesAt", "turnsAt" }] }',
  });
}

/** One line per connection. */
function quotaTable({ out }: Context, reports: readonly QuotaReport[]): string[] {
  const columns = [{ title: 'connection' }, ...['of the day', 'spent', 'left', 'kept', 'left for bulk', 'an hour', 'bulk pauses', 'all spent'].map((title) => ({ title, right: true })), { title: 'day turns' }];
  return table(columns, reports.map((report) => [
    report.connection, orNone(report.limit), count(report.used), orNone(report.left), count(report.reserve), orNone(report.leftForBulk), count(report.perHour),
    report.bulkPaused ? out.paint('yellow', 'now') : minuteOf(report.bulkPausesAt, report.zone), minuteOf(report.runsOutAt, report.zone), `${minuteOf(report.turnsAt, report.zone)} ${report.zone}`,
  ]), out.width);
}

function tellSpent({ out }: Context, report: QuotaReport, now: Date): void {
  const paused = pausedText(report, now);
  if (paused !== undefined) out.line(out.paint('yellow', paused));
  if (report.spent.length === 0 && report.elsewhere === 0) return;
  out.line();
  const rows = [...report.spent.map(({ entity, purpose, calls }) => [entity === '' ? 'the connection itself' : cell(entity), cell(purpose), count(calls)]), ...(report.elsewhere > 0 ? [['others', 'as the service says', count(report.elsewhere)]] : [])];
  for (const line of table([{ title: `${report.connection}: spent by` }, { title: 'for' }, { title: 'calls', right: true }], rows, out.width)) out.line(line);
}

/** What stands still for want of calls, and until when; undefined when nothing does. */
export function pausedText({ connection, bulkPaused, resumesAt, turnsAt, left, limit }: QuotaReport, now: Date): string | undefined {
  const until = resumesAt ?? turnsAt;
  const when = `until ${until.toISOString()} (in ${duration(Math.max(0, until.getTime() - now.getTime()))})`;
  if (resumesAt) return `${connection}: no calls ${when}: the service says that the day's are spent`;
  if (!bulkPaused || left === null) return undefined;
  return left > 0 ? `${connection}: bulk work waits ${when}; ${counted(left, 'call')} of ${count(limit ?? 0)} are kept for webhooks, persons and repairs` : `${connection}: the calls of the day are spent; it goes on by itself ${when.replace('until', 'at')}`;
}

function orNone(calls: number | null): string {
  return calls === null ? '–' : count(calls);
}

/** `17:05`, in the service's zone. */
function minuteOf(moment: Date | null, zone: string): string {
  return moment === null ? '–' : new Intl.DateTimeFormat('en-GB', { timeZone: zone, hour: '2-digit', minute: '2-digit' }).format(moment);
}
