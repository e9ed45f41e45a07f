import type { Command } from 'commander';
import { explain, type Bind } from '../command.ts';
import { exitCodes } from '../exit-codes.ts';
import type { MessageOptions } from '../message-options.ts';
import { table } from '../table.ts';
import { ago, cell } from '../text.ts';

const shownBody = 300;

/** `tds webhooks unreadable`. */
export function addUnreadable(parent: Command, bind: Bind): void {
  const command = parent.command('unreadable').description('show signed messages that were no JSON: the last ones, each with its beginning');
  command.action(bind(async (context, given) => {
    const { out, backend: { clock } } = context;
    const { limit } = given.optsWithGlobals<MessageOptions>();
    const messages = await context.ask(await context.readyProject(), ({ operations }) => operations.webhooks.unreadable(limit));
    for (const { id, receivedAt, connection, entity, event, size, body } of messages) out.line(`${out.paint('bold', `${id}  ${ago(receivedAt, clock.now())}  ${connection} / ${entity} / ${event}, ${size} bytes`)}\n  ${cell(body.slice(0, shownBody))}`);
    if (messages.length === 0) out.line('none');
    out.json({ messages });
    return exitCodes.ok.code;
  }));
  explain(command, {
    about: 'They were answered 400. The rule at the service may send a form, or a body of its own: "tds webhooks urls" tells how it should be.',
    examples: [['tds webhooks unreadable', 'the last ones'], ['tds webhooks unreadable --json', 'with the first 16 kB of each']], json: '{ "messages": [{ "id", "receivedAt", "connection", "entity", "event", "size", "body" }] }',
  });
}

/** `tds webhooks lost`. */
export function addLost(parent: Command, bind: Bind): void {
  const command = parent.command('lost').description('list changes that no message told of');
  command.action(bind(async (context, given) => {
    const { out, backend: { clock } } = context;
    const { entity, since, until, limit } = given.optsWithGlobals<MessageOptions>();
    const filter = Object.fromEntries(Object.entries({ entity, since, until }).filter(([, value]) => value !== undefined));
    const changes = await context.ask(await context.readyProject(), ({ operations }) => operations.webhooks.lost({ ...filter, limit }));
    const rows = changes.map((change) => [change.entity, change.key, change.modifiedAt.toISOString(), ago(change.foundAt, clock.now()), cell(change.runId)]);
    for (const line of changes.length > 0 ? table([{ title: 'entity' }, { title: 'key' }, { title: 'changed' }, { title: 'found' }, { title: 'by run', right: true }], rows, out.width) : ['none']) out.line(line);
    out.json({ changes });
    return exitCodes.ok.code;
  }));
  explain(command, {
    about: 'A read found them, so that the tables have them. A minute after that each is judged: told late, or lost.', examples: [['tds webhooks lost --entity invoices', 'of one entity']],
    json: '{ "changes": [{ "id", "entity", "key", "modifiedAt", "foundAt", "runId" }] }',
  });
}
