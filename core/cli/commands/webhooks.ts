import type { Command } from 'commander';
import { explain, type Bind } from '../command.ts';
import { exitCodes } from '../exit-codes.ts';
import { addMessageFilter, messageFilter, type MessageOptions } from '../message-options.ts';
import { table } from '../table.ts';
import { ago, cell, count, duration } from '../text.ts';
import { addLost, addUnreadable } from './webhook-looks.ts';
import { addReplayWebhooks } from './webhook-replay.ts';
import { addRegister, addSend, addUrls } from './webhook-setup.ts';

/** `tds webhooks` and what stands below it. */
export function addWebhooks(program: Command, bind: Bind): void {
  const command = program.command('webhooks').description('messages of services about their changes: list, show, replay, stats, addresses');
  addMessageFilter(command);
  command.action(bind(async (context) => {
    const options = command.opts<MessageOptions>();
    const { out, backend: { clock } } = context;
    const messages = await context.ask(await context.readyProject(), ({ operations }) => operations.webhooks.list({ ...messageFilter(options), limit: options.limit }));
    const columns = [{ title: 'id', right: true }, { title: 'arrived' }, { title: 'entity' }, { title: 'event' }, { title: 'key' }, { title: 'outcome' }, { title: 'after', right: true }, { title: 'how' }];
    const rows = messages.map((message) => [message.id, ago(message.receivedAt, clock.now()), message.entity, message.event, cell(message.key), `${message.outcome ?? 'waits'}${message.duplicate ? ', doubled' : ''}${message.code === null ? '' : ` (${message.code})`}`,
      message.appliedAt ? duration(Math.max(0, message.appliedAt.getTime() - message.receivedAt.getTime())) : '–', cell(message.how)]);
    for (const line of messages.length > 0 ? table(columns, rows, out.width) : [Object.keys(messageFilter(options)).length > 0 ? 'no such messages' : 'no messages; "tds webhooks urls" tells where they are to be sent']) out.line(line);
    out.json({ messages });
    return exitCodes.ok.code;
  }));
  explain(command, {
    examples: [
      ['tds webhooks', 'the last ones'], ['tds webhooks --outcome refused --since 24h', 'what could not be applied'], ['tds webhooks show 7', 'one with its body'], ['tds webhooks stats', 'counts, latency, losses'],
      ['tds webhooks replay --outcome refused --dry-run', 'what the mapping would make of them now'], ['tds webhooks urls', 'each address, and how to set it up'], ['tds webhooks send invoices', 'a signed message to oneself'],
    ],
    json: '{ "messages": [{ "id", "receivedAt", "connection", "entity", "event", "key", "modifiedAt", "outcome", "duplicate", "code", "how", "appliedAt", "attempts", "notBefore", "size" }] }',
  });
  addShow(command, bind);
  addStats(command, bind);
  addLost(command, bind);
  addUnreadable(command, bind);
  addReplayWebhooks(command, bind);
  addUrls(command, bind);
  addRegister(command, bind);
  addSend(command, bind);
}

function addShow(parent: Command, bind: Bind): void {
  const show = parent.command('show').description('show one message with its body').argument('<id>', 'the number of the message');
  show.action(bind(async (context, { args: [id = ''] }) => {
    const message = await context.ask(await context.readyProject(), ({ operations }) => operations.webhooks.show(id));
    const { out } = context;
    const facts: [string, string][] = [
      ['message', message.id], ['to', `${message.connection} / ${message.entity} / ${message.event}`], ['arrived', message.receivedAt.toISOString()], ['key', cell(message.key)],
      ['modified', cell(message.modifiedAt?.toISOString() ?? null)], ['outcome', `${message.outcome ?? 'waits'}${message.code === null ? '' : ` (${message.code})`}`], ['how', cell(message.how)],
      ['applied', cell(message.appliedAt?.toISOString() ?? null)], ['the same before', message.duplicate ? 'yes' : 'no'], ['hash', message.hash],
      ...Object.entries(message.headers).map(([name, value]) => [name, cell(value)] as [string, string]),
    ];
    for (const line of table([{ title: '' }, { title: '' }], facts).slice(1)) out.line(line);
    out.line(`\n${cell(message.body)}`);
    out.json(message);
    return exitCodes.ok.code;
  }));
  explain(show, { examples: [['tds webhooks show 7', 'all about one']], json: 'the message with "hash", "headers" and "body" (text)' });
}

/** Why messages were not taken, but for their signature. */
const notTaken = ['not_json', 'too_large', 'overload', 'broken_off', 'failed'];

function addStats(parent: Command, bind: Bind): void {
  const stats = parent.command('stats').description('counts of the last 24 hours, what waits, latency, the share that was lost, by entity');
  stats.action(bind(async (context) => {
    const { out, backend: { clock } } = context;
    const entities = await context.ask(await context.readyProject(), ({ operations }) => operations.webhooks.stats());
    const columns = ['applied', 'deleted', 'unchanged', 'stale', 'refused', 'doubled', 'forged', 'not taken', 'lost'].map((title) => ({ title, right: true }));
    const rows = entities.map(({ entity, counts, waiting, latency, lossRate, lastAt, pollingFactor }) => [
      entity, ago(lastAt, clock.now()), count(waiting), ...['applied', 'deleted', 'unchanged', 'stale', 'refused', 'duplicate', 'signature'].map((name) => count(counts[name] ?? 0)),
      count(notTaken.reduce((sum, name) => sum + (counts[name] ?? 0), 0)), count(counts['lost'] ?? 0),
      lossRate === null ? '–' : `${(lossRate * 100).toFixed(1)} %${pollingFactor < 1 ? ', read more often' : ''}`, latency ? `${duration(latency.p50)}, ${duration(latency.p99)}` : '–',
    ]);
    for (const line of entities.length > 0 ? table([{ title: 'entity' }, { title: 'last' }, { title: 'wait', right: true }, ...columns, { title: 'loss' }, { title: 'p50, p99' }], rows, out.width) : ['no entity takes messages: give its connection a secret (connections.<id>.webhooks.secret)']) out.line(line);
    out.json({ entities });
    return exitCodes.ok.code;
  }));
  explain(stats, { examples: [['tds webhooks stats', 'of all entities that take messages']], json: '{ "entities": [{ "entity", "connection", "apply", "counts": {}, "waiting", "oldestSeconds", "firstAt", "lastAt", "latency": { "p50", "p99" }, "lossRate", "pollingFactor" }] }' });
}
