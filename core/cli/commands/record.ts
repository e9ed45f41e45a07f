import type { Command } from 'commander';
import type { RecordStory } from '../../operations/record.ts';
import type { FieldChange, VersionStory } from '../../pipeline/story.ts';
import { explain, type Bind } from '../command.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { cut, table } from '../table.ts';
import { ago, cell } from '../text.ts';

const longestValue = 60;

/** `tds record`. */
export function addRecord(program: Command, bind: Bind): void {
  const command = program.command('record').description('what happened to one record: each version, when, by what, and what changed')
    .argument('<entity>', 'the entity').argument('<key...>', 'the key as the source has it; parts of a key of several one after the other, or with a / between');
  command.option('--raw', 'show the changes of the raw record too');
  command.action(bind(async (context, { args: [entity = '', ...key] }) => {
    const story = await context.ask(await context.readyProject(), ({ operations }) => operations.record(entity, key.join('/')));
    showStory(context, story, command.opts<{ raw?: true }>().raw === true);
    context.out.json(story);
    return exitCodes.ok.code;
  }));
  explain(command, {
    examples: [['tds record products 4711', 'its versions, the newest first'], ['tds record stock 123/456', 'a key of two parts'], ['tds record products 4711 --raw', 'with the changes of fields that are not mapped']],
    json: '{ "entity", "key", "state", "row", "problems": [], "versions": [{ "version", "what", "at", "via", "runId", "runMode", "runTrigger", "modifiedAt", "observedAt", "deletedAt", "replacedAt",\n  "refused", "mappedAgain", "fields": [{ "field", "from", "to" }], "raw": [], "cut" }], "deadLetters": [] }',
    exit: '0 done, 2 there is no such record or entity, or the config is wrong, 3 database out of reach',
  });
}

function showStory({ out, backend: { clock } }: Context, story: RecordStory, withRaw: boolean): void {
  const now = clock.now();
  out.line(out.paint('bold', `${story.entity} ${cell(story.key)}: ${story.state}`));
  if (story.row) for (const line of table([{ title: '' }, { title: '' }], Object.entries(story.row).map(([name, value]) => [`  ${name}`, cell(value)]), out.width).slice(1)) out.line(line);
  for (const problem of story.problems) out.line(`  ${problem.field === undefined ? '' : `${cell(problem.field)}: `}${cell(problem.message)} (${problem.code})`);
  for (const version of story.versions) {
    out.line();
    out.line(`version ${version.version}  ${version.what}  ${version.at.toISOString()} (${ago(version.at, now)})  by ${byWhat(version)}${version.refused ? '  refused' : ''}`);
    if (version.mappedAgain) out.line(`  ${version.what === 'deleted' ? 'tried' : 'mapped'} again ${version.mappedAgain.at.toISOString()} by ${version.mappedAgain.via}${version.mappedAgain.runId === null ? '' : `, run ${version.mappedAgain.runId}`}`);
    for (const change of version.what === 'created' ? [] : version.fields ?? []) out.line(`  ${changeText(change)}`);
    if (withRaw) for (const change of version.raw) out.line(`  raw ${changeText(change)}`);
    else if (version.raw.length > 0 && (version.fields ?? []).length === 0) out.line('  no mapped field changed; --raw shows what did');
    if (version.cut) out.line('  … and more');
  }
  if (story.versions.some(({ via }) => via === 'webhook')) out.line(`\nthe messages about it: tds webhooks --entity ${cell(story.entity)} --key ${cell(story.key)}`);
  if (story.deadLetters.length > 0) {
    out.line();
    const rows = story.deadLetters.map((letter) => [letter.id, letter.status, ago(letter.lastAt, now), `${cell(letter.message)} (${letter.code})`]);
    for (const line of table([{ title: 'dead letter', right: true }, { title: 'status' }, { title: 'last' }, { title: 'what is wrong' }], rows, out.width)) out.line(line);
  }
}

function byWhat({ via, runId, runTrigger }: VersionStory): string {
  return runId === null ? via : `${via}, run ${runId}${runTrigger === null ? '' : ` (asked by ${runTrigger})`}`;
}

function changeText({ field, from, to }: FieldChange): string {
  const shown = (value: unknown): string => cut(cell(value), longestValue);
  return `${cell(field)}: ${shown(from)} → ${shown(to)}`;
}
