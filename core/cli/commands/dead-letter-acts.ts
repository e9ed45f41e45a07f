import { InvalidArgumentError, Option, type Command } from 'commander';
import type { DryRunReport } from '../../operations/dead-letters.ts';
import { explain, type Bind } from '../command.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { letterFilter, type LetterOptions } from '../letter-options.ts';
import { retryAndFollow, targetOf } from '../retry-letters.ts';
import { cell, count, counted } from '../text.ts';

interface ChoiceOptions extends LetterOptions { all?: true; most?: number }

/** Which letters a command is about: those that are named, those of the filter, or all. */
function addChoice(command: Command): void {
  command.argument('[id...]', 'the numbers of dead letters, or a filter, or --all').option('--all', 'all open ones');
}

function choiceOf(command: Command): { filter: ReturnType<typeof letterFilter>; all: boolean; most?: number } {
  const options = command.optsWithGlobals<ChoiceOptions>();
  return { filter: letterFilter(options, command.args), all: options.all === true, ...(options.most === undefined ? {} : { most: options.most }) };
}

/** `tds dead-letters retry`. */
export function addRetry(parent: Command, bind: Bind): void {
  const retry = parent.command('retry').description('run the present mapping over the raw records once more; put failed jobs back on the queue');
  addChoice(retry);
  retry.option('--dry-run', 'only say how many would pass now; nothing is written')
    .addOption(new Option('--most <number>', 'so many of each entity at most, to begin with').argParser(readMost)).option('--no-wait', 'only ask for the runs');
  retry.action(bind(async (context, command) => {
    const { dryRun, wait } = command.opts<{ dryRun?: true; wait: boolean }>();
    const choice = choiceOf(command);
    const project = await context.readyProject();
    if (!dryRun) return retryAndFollow(context, project, choice, wait);
    tellDryRun(context, await context.ask(project, ({ operations }) => operations.tryDeadLetters(choice)));
    return exitCodes.ok.code;
  }));
  explain(retry, {
    about: [
      'A retry maps what is stored now, which may be newer than what the dead letter holds. Letters whose record has been',
      'replaced by a good version are closed. Those that are refused again stay open, with one more attempt.',
      'A record that kills its process (record.poison) is tried only by its number, key, code or fingerprint; a deletion that was held back (webhook.deletes_held) only by its number, key or code.',
    ].join('\n'),
    examples: [
      ['tds dead-letters retry 7', 'one'], ['tds dead-letters retry --entity invoices --dry-run', 'how many would pass'], ['tds dead-letters retry --fingerprint 0a1b2c3d4e5f6071', 'all with the same fault'],
      ['tds dead-letters retry --entity invoices --most 10', 'ten, to see'], ['tds dead-letters retry --all', 'all'],
    ],
    json: 'one line each: { "type": "run", "run" } at each change of a run\'s state, at the end { "type": "summary", "ok", "letters", "jobs", "skipped", "runs": [] };\nwith --dry-run one document { "tried", "pass", "jobs", "skipped", "entities": [{ "entity", "tried", "pass", "refused", "dropped", "overtaken", "inbox", "faults": [], "still": [] }] }',
    exit: '0 done (some may still be refused), 1 a run failed, 2 command or config wrong, 3 database out of reach, 130 ctrl-C',
  });
}

/** `tds dead-letters discard`. */
export function addDiscard(parent: Command, bind: Bind): void {
  const discard = parent.command('discard').description('give dead letters up; they are kept, with the reason');
  addChoice(discard);
  discard.requiredOption('--reason <text>', 'why').option('--by <name>', 'who (default: your user name)');
  discard.action(bind(async (context, command) => {
    const { reason, by = context.io.env['USER'] ?? 'cli' } = command.opts<{ reason: string; by?: string }>();
    const choice = choiceOf(command);
    const discarded = await context.act(await context.readyProject(), { action: 'tds dead-letters discard', target: { ...targetOf(choice), reason, by } }, ({ operations }) => operations.discardDeadLetters({ ...choice, reason, by }));
    context.out.line(`${counted(discarded, 'dead letter')} discarded`);
    context.out.json({ discarded });
    return exitCodes.ok.code;
  }));
  explain(discard, {
    about: 'Nothing is deleted: "tds dead-letters --status discarded" lists them, "reopen" takes it back. A newer version of the record that fails too makes a new dead letter.',
    examples: [['tds dead-letters discard 7 --reason "a test order"', 'one'], ['tds dead-letters discard --code record.no_key --reason "known, see ticket 12"', 'all with a code']], json: '{ "discarded" }',
  });
}

/** `tds dead-letters reopen`. */
export function addReopen(parent: Command, bind: Bind): void {
  const reopen = parent.command('reopen').description('open a discarded dead letter again').argument('<id>', 'the number of the dead letter');
  reopen.action(bind(async (context, { args: [id = ''] }) => {
    const letter = await context.act(await context.readyProject(), { action: 'tds dead-letters reopen', target: { id } }, ({ operations }) => operations.reopenDeadLetter(id));
    context.out.line(`dead letter ${letter.id} is ${letter.status}`);
    context.out.json(letter);
    return exitCodes.ok.code;
  }));
  explain(reopen, { examples: [['tds dead-letters reopen 7', 'it is retried again from now on']], json: 'the dead letter' });
}

function tellDryRun({ out }: Context, report: DryRunReport): void {
  out.line(`${count(report.pass)} of ${count(report.tried)} would pass now; nothing was written`);
  for (const { entity, tried, pass, refused, dropped, overtaken, inbox, faults, still } of report.entities) {
    out.line(`${entity}: ${count(pass)} of ${count(tried)} pass, ${count(refused)} refused, ${count(dropped)} dropped, ${count(overtaken)} settled already${inbox > 0 ? `, ${count(inbox)} put back into the inbox` : ''}`);
    for (const fault of still) out.line(`  ${count(fault.count)} × ${fault.field === null ? '' : `${cell(fault.field)}: `}${cell(fault.example.message)} (${fault.code}), for example ${cell(fault.example.key)}`);
    const byTable = faults.filter(({ code }) => code.startsWith('destination.')).reduce((sum, fault) => sum + fault.pass, 0);
    if (byTable > 0) out.line(`  ${count(byTable)} of them the table itself refused before; whether it takes them now is known only by trying`);
  }
  if (report.jobs > 0) out.line(`${counted(report.jobs, 'job')} would be put back on the queue; whether they succeed is known only by running them`);
  for (const { entity, letters, reason } of report.skipped) out.line(`${cell(entity)}: ${count(letters)} left as they are: ${reason}`);
  out.json(report);
}

function readMost(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('It must be a whole number from 1.');
  return value;
}
