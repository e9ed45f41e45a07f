import type { Command } from 'commander';
import { exitCodes } from '../exit-codes.ts';
import { explain, type Bind } from '../command.ts';
import { table } from '../table.ts';
import { ago, plain } from '../text.ts';
import { limitOption } from './runs.ts';

/** `tds report`, `tds report list`. */
export function addReport(program: Command, bind: Bind): void {
  const report = program.command('report').description('show a report of what was done, and list them').argument('[id]', 'the number of a report (default: the newest)').option('--html', 'as HTML');
  report.action(bind(async (context, { args: [id] }) => {
    const { html = false } = report.opts<{ html?: boolean }>();
    const found = await context.ask(await context.readyProject(), ({ operations }) => operations.schedules.report(id));
    for (const line of (html ? found.html : found.text).trimEnd().split('\n')) context.out.line(html ? line : plain(line));
    context.out.json(found);
    return exitCodes.ok.code;
  }));
  explain(report, {
    about: 'Schedules with "run: report" make them: runs, failures, changes, refused records, healing, calls. A report begins where the last one of its schedule ended.',
    examples: [['tds report', 'the newest'], ['tds report 12 --html > report.html', 'a page'], ['tds report list', 'which there are'], ['tds schedules run summary', 'make one now']],
    json: '{ "id", "schedule", "from", "to", "madeAt", "summary", "text", "html" }', exit: '0 done, 2 there is no such report or the config is wrong, 3 database out of reach',
  });
  const list = report.command('list').description('list the reports, the newest first').addOption(limitOption());
  list.action(bind(async (context) => {
    const { limit } = list.opts<{ limit: number }>();
    const { out, backend: { clock } } = context;
    const found = await context.ask(await context.readyProject(), ({ operations }) => operations.schedules.reports({ limit }));
    const rows = found.map((one) => [one.id, one.schedule ?? '–', one.from.toISOString(), one.to.toISOString(), ago(one.madeAt, clock.now()), one.text.split('\n')[1] ?? '']);
    for (const line of found.length > 0 ? table([{ title: 'id', right: true }, { title: 'schedule' }, { title: 'from' }, { title: 'to' }, { title: 'made' }, { title: '' }], rows, out.width) : ['no report yet']) out.line(line);
    out.json({ reports: found.map(({ html: _html, ...rest }) => rest) });
    return exitCodes.ok.code;
  }));
  explain(list, { examples: [['tds report list', 'the last 20']], json: '{ "reports": [{ "id", "schedule", "from", "to", "madeAt", "summary", "text" }] }' });
}
