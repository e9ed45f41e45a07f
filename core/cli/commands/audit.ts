import { Option, type Command } from 'commander';
import type { AuditFilter } from '../../store/audit.ts';
import { exitCodes } from '../exit-codes.ts';
import { explain, type Bind } from '../command.ts';
import { readTime } from '../letter-options.ts';
import { table } from '../table.ts';
import { cell } from '../text.ts';
import { limitOption } from './runs.ts';

/** `tds audit`. */
export function addAudit(program: Command, bind: Bind): void {
  const audit = program.command('audit').description('list who did what, the newest first; refused attempts too').option('--actor <name>', 'a token, a user of the system, "open", "nobody"');
  audit.addOption(new Option('--source <source>', 'by which way').choices(['api', 'cli'])).addOption(new Option('--outcome <outcome>', 'how it ended').choices(['done', 'refused', 'failed']));
  audit.option('--action <action>', 'such as "tds sync" or "POST /v1/runs"').addOption(new Option('--since <time>', 'since then: a date, or 24h, 7d').argParser(readTime)).addOption(limitOption());
  audit.action(bind(async (context) => {
    const { out } = context;
    const entries = await context.ask(await context.readyProject(), ({ operations }) => operations.audit.list(audit.opts<AuditFilter>()));
    const columns = [{ title: 'when' }, { title: 'who' }, { title: 'from' }, { title: 'outcome' }, { title: 'what' }, { title: 'about' }];
    const rows = entries.map((entry) => [
      entry.at.toISOString().slice(0, 19).replace('T', ' '), cell(entry.actor), entry.address ?? 'this machine', `${entry.outcome === 'done' ? 'done' : out.paint('yellow', entry.outcome)}${entry.code === null ? '' : ` (${entry.code})`}`,
      cell(entry.action), Object.entries(entry.target).map(([name, value]) => `${name}=${cell(value)}`).join(' '),
    ]);
    for (const line of entries.length > 0 ? table(columns, rows, out.width) : ['nothing was done yet']) out.line(line);
    out.json({ entries });
    return exitCodes.ok.code;
  }));
  explain(audit, {
    examples: [['tds audit', 'the last 20 acts'], ['tds audit --outcome refused --since 24h', 'who was kept out'], ['tds audit --actor ci', 'what one token did']],
    json: '{ "entries": [{ "id", "at", "source", "actor", "kind", "tokenId", "address", "action", "target", "outcome", "status", "code" }] }',
  });
}
