import type { Command } from 'commander';
import type { HealthItem } from '../../operations/health-report.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { explain, type Bind } from '../command.ts';
import { table } from '../table.ts';
import { cell } from '../text.ts';

/** `tds health`. */
export function addHealth(program: Command, bind: Bind): void {
  const command = program.command('health').description('tell on one screen what is well, what is not, and what to do').action(bind(async (context) => {
    const report = await context.ask(await context.readyProject(), ({ operations }) => operations.healthReport());
    const { out } = context;
    for (const line of table([{ title: '' }, { title: 'area' }, { title: 'what' }, { title: 'what to do' }], report.items.map((item) => rowOf(context, item)), out.width)) out.line(line);
    out.line();
    out.line(report.state === 'ok' ? out.paint('green', 'all is well') : `${report.items.filter(({ state }) => state !== 'ok').length} of ${report.items.length} want a look`);
    out.json(report);
    return report.state === 'bad' ? exitCodes.failed.code : exitCodes.ok.code;
  }));
  explain(command, {
    about: 'It asks the database, where all nodes write. Breakers and memory are known to the nodes alone: GET /v1/health asks one of them.',
    examples: [['tds health', 'for people'], ['tds health --json', 'for programs']],
    json: '{ "state": "ok" | "warning" | "bad", "at", "items": [{ "area", "state", "text", "todo" }] }',
    exit: '0 well, or only warnings, 1 something is bad, 2 command or config wrong, 3 database out of reach',
  });
}

function rowOf({ out }: Context, { area, state, text, todo }: HealthItem): string[] {
  const mark = state === 'ok' ? out.paint('green', '✓') : state === 'warning' ? out.paint('yellow', '!') : out.paint('red', '✗');
  return [mark, area, cell(text), todo === null ? '' : cell(todo)];
}
