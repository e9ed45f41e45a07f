import type { Command } from 'commander';
import type { ReplayDifference, ReplayPlan } from '../../operations/webhooks.ts';
import { explain, type Bind } from '../command.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { messageFilter, type MessageOptions } from '../message-options.ts';
import { cell, counted } from '../text.ts';

const shownChanges = 6;

/** `tds webhooks replay`. */
export function addReplayWebhooks(parent: Command, bind: Bind): void {
  const replay = parent.command('replay').description('apply messages again by the mapping as it is now').argument('[id...]', 'the numbers of messages')
    .option('--all', 'all that are kept').option('--dry-run', 'say what it would change, change nothing').option('--most <n>', 'so many at most, the oldest first', Number);
  replay.action(bind(async (context, command) => {
    const options = command.optsWithGlobals<MessageOptions & { all?: boolean; dryRun?: boolean; most?: number }>();
    const choice = { filter: messageFilter(options, command.args), all: options.all === true, ...(options.most === undefined ? {} : { most: options.most }) };
    const project = await context.readyProject();
    if (options.dryRun) {
      showPlan(context, await context.ask(project, ({ operations }) => operations.webhooks.planReplay(choice)));
      return exitCodes.ok.code;
    }
    const messages = await context.ask(project, ({ operations }) => operations.webhooks.replay(choice));
    context.out.line(`${counted(messages, 'message')} to be applied again: a node at work does it at once. What is left: tds webhooks --outcome waiting`);
    context.out.json({ messages });
    return exitCodes.ok.code;
  }));
  explain(replay, {
    about: 'Newer never loses to older: a message that something newer has overtaken changes nothing.',
    examples: [['tds webhooks replay 7 8', 'these two'], ['tds webhooks replay --entity invoices --outcome refused', 'what was refused'], ['tds webhooks replay --since 24h --until 2h --dry-run', 'what a time range would change']],
    json: '{ "messages": 58 }; with --dry-run { "messages", "counts": {}, "differences": [{ "id", "entity", "key", "event", "would", "changes": [{ "field", "from", "to" }], "problem" }], "cut" }',
  });
}

const words: Record<ReplayDifference['would'], string> = {
  new: 'make a record', change: 'change a record', delete: 'take a record away', nothing: 'change nothing', stale: 'be overtaken by something newer', drop: 'be left out', refuse: 'be refused', ask: 'ask the source',
};

function showPlan({ out }: Context, plan: ReplayPlan): void {
  out.line(`${counted(plan.messages, 'message')}${plan.messages === 0 ? '' : ':'}`);
  for (const [would, n] of Object.entries(plan.counts)) out.line(`  ${n} would ${words[would as ReplayDifference['would']]}`);
  for (const { id, entity, key, would, changes, problem } of plan.differences.filter((one) => one.would !== 'stale')) {
    out.line(`${id}  ${entity} ${cell(key)}: would ${words[would]}${problem ? `: ${cell(problem.message)} (${problem.code})` : ''}`);
    for (const { field, from, to } of changes.slice(0, shownChanges)) out.line(`    ${field}: ${cell(from ?? null)} → ${cell(to ?? null)}`);
    if (changes.length > shownChanges) out.line(`    and ${changes.length - shownChanges} more`);
  }
  if (plan.cut) out.line('There are more than are listed.');
  out.json(plan);
}
