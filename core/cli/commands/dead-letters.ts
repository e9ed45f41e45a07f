import type { Command } from 'commander';
import { explain, type Bind } from '../command.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { addLetterFilter, letterFilter, type LetterOptions } from '../letter-options.ts';
import { table } from '../table.ts';
import { ago, cell, count, counted } from '../text.ts';
import type { DeadLetterDetail } from '../../store/dead-letter-queries.ts';
import { addDiscard, addReopen, addRetry } from './dead-letter-acts.ts';

/** `tds dead-letters` and what stands below it. */
export function addDeadLetters(program: Command, bind: Bind): void {
  const command = program.command('dead-letters').description('records and jobs that failed for good: list, show, group, retry, discard');
  addLetterFilter(command);
  command.action(bind(async (context) => {
    const options = command.opts<LetterOptions>();
    const { out, backend: { clock } } = context;
    const letters = await context.ask(await context.readyProject(), ({ operations }) => operations.deadLetters({ ...letterFilter(options), status: options.status, limit: options.limit }));
    const columns = [{ title: 'id', right: true }, { title: 'entity' }, { title: 'key' }, { title: 'field' }, { title: 'times', right: true }, { title: 'last' }, { title: 'what is wrong' }];
    const rows = letters.map((letter) => [letter.id, cell(letter.entity), letter.kind === 'job' ? '(job)' : cell(letter.key), cell(letter.field), count(letter.attempts), ago(letter.lastAt, clock.now()), `${cell(letter.message)} (${letter.code})`]);
    for (const line of letters.length > 0 ? table(columns, rows, out.width) : [`no ${options.status} dead letters`]) out.line(line);
    if (letters.length > 0 && options.status === 'open') out.line('After mending the config: "tds dead-letters retry --dry-run --all" says how many would pass now.');
    out.json({ deadLetters: letters });
    return exitCodes.ok.code;
  }));
  explain(command, {
    examples: [
      ['tds dead-letters', 'all open ones'], ['tds dead-letters --entity invoices --since 24h', 'of one entity, of the last day'], ['tds dead-letters groups', 'the same faults, counted'],
      ['tds dead-letters show 7', 'the raw record, what is wrong, every attempt'], ['tds dead-letters retry --entity invoices --dry-run', 'how many would pass now'],
      ['tds dead-letters retry --all', 'try all again with the present mapping'], ['tds dead-letters discard 7 --reason "test data"', 'give one up'],
    ],
    json: '{ "deadLetters": [{ "id", "kind", "entity", "key", "runId", "via", "code", "message", "field", "problems": [], "fingerprint", "status", "attempts", "firstAt", "lastAt" }] }',
  });
  addShow(command, bind);
  addGroups(command, bind);
  addRetry(command, bind);
  addDiscard(command, bind);
  addReopen(command, bind);
}

function addShow(parent: Command, bind: Bind): void {
  const show = parent.command('show').description('show all about one: the raw record, what is wrong, every attempt').argument('<id>', 'the number of the dead letter');
  show.action(bind(async (context, { args: [id = ''] }) => {
    showLetter(context, await context.ask(await context.readyProject(), ({ operations }) => operations.deadLetter(id)));
    return exitCodes.ok.code;
  }));
  explain(show, { examples: [['tds dead-letters show 7', 'all about one']], json: 'the dead letter with "raw" (text), "job" and "history": [{ "at", "runId", "via", "jobId", "code", "message" }]' });
}

function addGroups(parent: Command, bind: Bind): void {
  const groups = parent.command('groups').description('the same faults, counted, the most frequent first');
  groups.action(bind(async (context, command) => {
    const options = command.optsWithGlobals<LetterOptions>();
    const { out, backend: { clock } } = context;
    const found = await context.ask(await context.readyProject(), ({ operations }) => operations.deadLetterGroups({ ...letterFilter(options), status: options.status }, options.limit));
    const columns = [{ title: 'fingerprint' }, { title: 'count', right: true }, { title: 'entity' }, { title: 'field' }, { title: 'code' }, { title: 'first' }, { title: 'last' }, { title: 'for example' }];
    const rows = found.map((group) => [group.fingerprint, count(group.count), cell(group.entity), cell(group.field), group.code, ago(group.firstAt, clock.now()), ago(group.lastAt, clock.now()), `${group.example.id}: ${cell(group.example.message)}`]);
    for (const line of found.length > 0 ? table(columns, rows, out.width) : [`no ${options.status} dead letters`]) out.line(line);
    out.json({ groups: found });
    return exitCodes.ok.code;
  }));
  explain(groups, {
    examples: [['tds dead-letters groups', 'of all open ones'], ['tds dead-letters groups --entity invoices', 'of one entity']],
    json: '{ "groups": [{ "fingerprint", "kind", "entity", "code", "field", "count", "firstAt", "lastAt", "example": { "id", "key", "message" } }] }',
  });
}

function showLetter({ out, backend: { clock } }: Context, letter: DeadLetterDetail): void {
  const now = clock.now();
  const facts: [string, string][] = [
    ['dead letter', letter.id], ['of', letter.kind === 'job' ? `a job (${letter.job?.task ?? ''})` : 'a record'], ['entity', cell(letter.entity)], ['key', cell(letter.key)],
    ['status', letter.status], ['fingerprint', letter.fingerprint], ['came by', `${letter.via}${letter.runId === null ? '' : `, run ${letter.runId}`}`],
    ['first', `${letter.firstAt.toISOString()} (${ago(letter.firstAt, now)})`], ['last', `${letter.lastAt.toISOString()} (${ago(letter.lastAt, now)})`],
    ...(letter.closedAt ? [['closed', `${letter.closedAt.toISOString()} by ${cell(letter.closedBy)}: ${cell(letter.closedReason)}`] as [string, string]] : []),
  ];
  for (const line of table([{ title: '' }, { title: '' }], facts).slice(1)) out.line(line);
  out.line();
  for (const problem of letter.problems) {
    out.line(`${problem.field === undefined ? '' : `${cell(problem.field)}: `}${cell(problem.message)} (${problem.code})`);
    if (problem.suggestion !== undefined) out.line(`  ${cell(problem.suggestion)}`);
    for (const cause of problem.causes ?? []) out.line(`  because: ${cell(cause.message)}${cause.code === undefined ? '' : ` (${cause.code})`}`);
  }
  out.line();
  out.line(`${counted(letter.history.length, 'attempt')}:`);
  for (const each of letter.history) out.line(`  ${each.at.toISOString()}  ${each.via}${each.runId === null ? '' : `, run ${each.runId}`}${each.jobId === null ? '' : `, job ${each.jobId}`}  ${cell(each.message)} (${each.code})`);
  if (letter.raw !== null) out.line(`\nraw record:\n${cell(letter.raw)}`);
  if (letter.job) out.line(`\njob:\n${cell(letter.job)}`);
  out.json(letter);
}
