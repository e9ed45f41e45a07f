import { Option, type Command } from 'commander';
import { exitCodes } from '../exit-codes.ts';
import { explain, type Bind } from '../command.ts';
import { table } from '../table.ts';
import { ago, cell, count } from '../text.ts';
import { limitOption } from './runs.ts';

/** `tds dead-letters`. */
export function addDeadLetters(program: Command, bind: Bind): void {
  const command = program.command('dead-letters').description('list records that could not be applied, with the reason').option('--entity <id>', 'those of one entity');
  command.addOption(new Option('--status <status>', 'those in one state').choices(['open', 'resolved', 'discarded']).default('open')).addOption(limitOption());
  command.action(bind(async (context) => {
    const filter = command.opts<{ entity?: string; status: string; limit: number }>();
    const { out, backend: { clock } } = context;
    const letters = await context.ask(await context.readyProject(), ({ operations }) => operations.deadLetters(filter));
    const columns = [{ title: 'id', right: true }, { title: 'entity' }, { title: 'key' }, { title: 'field' }, { title: 'times', right: true }, { title: 'last' }, { title: 'what is wrong' }];
    const rows = letters.map((letter) => [letter.id, letter.entity, cell(letter.key), cell(letter.field), count(letter.attempts), ago(letter.lastAt, clock.now()), `${cell(letter.message)} (${letter.code})`]);
    for (const line of letters.length > 0 ? table(columns, rows, out.width) : [`no ${filter.status} dead letters`]) out.line(line);
    if (letters.length > 0 && filter.status === 'open') out.line('After mending the config: "tds replay <entity>" tries the stored records again.');
    out.json({ deadLetters: letters });
    return exitCodes.ok.code;
  }));
  explain(command, {
    examples: [['tds dead-letters', 'all open ones'], ['tds dead-letters --entity invoices --limit 100', 'of one entity']],
    json: '{ "deadLetters": [{ "id", "entity", "key", "runId", "via", "code", "message", "field", "problems": [], "status", "attempts", "firstAt", "lastAt" }] }',
  });
}
