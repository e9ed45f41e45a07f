import { InvalidArgumentError, Option, type Command } from 'commander';
import { parseDuration } from '../../../schemas/units.ts';
import type { Runtime } from '../../main.ts';
import type { AlertState, Silence } from '../../store/alerts.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { explain, type Bind } from '../command.ts';
import { osUser } from '../os-user.ts';
import { table } from '../table.ts';
import { ago, cell, counted } from '../text.ts';
import { limitOption } from './runs.ts';

/** `tds alerts list`, `rules`, `ack`, `silence`, `silences`, `test`. */
export function addAlerts(program: Command, bind: Bind): void {
  const alerts = program.command('alerts').description('what is wrong, who was told; acknowledge, silence, test the notifiers');
  explain(alerts, { examples: [['tds alerts list', 'the newest first'], ['tds alerts ack 17', 'I look after it'], ['tds alerts test', 'a message by every notifier']], json: 'see tds alerts list --help and the others' });
  addList(alerts, bind);
  addRules(alerts, bind);
  addAck(alerts, bind);
  addSilence(alerts, bind);
  addSilences(alerts, bind);
  addTest(alerts, bind);
}

function addList(alerts: Command, bind: Bind): void {
  const list = alerts.command('list').description('list alerts, the newest first').addOption(limitOption());
  list.addOption(new Option('--state <state>', 'those in one state').choices(['pending', 'firing', 'acknowledged', 'resolved']));
  list.action(bind(async (context) => {
    const filter = list.opts<{ state?: AlertState; limit: number }>();
    const { out, backend: { clock } } = context;
    const found = await context.ask(await context.readyProject(), ({ operations }) => operations.alerts.list(filter));
    const columns = [{ title: 'id', right: true }, { title: 'state' }, { title: 'severity' }, { title: 'since' }, { title: 'told' }, { title: 'rule' }, { title: 'what, and what helps' }];
    const rows = found.map((alert) => [alert.id, stateText(context, alert.state), alert.severity, ago(alert.since, clock.now()), ago(alert.notifiedAt, clock.now()), alert.rule, `${cell(alert.summary)} → ${cell(alert.help)}`]);
    for (const line of found.length > 0 ? table(columns, rows, out.width) : ['no alerts']) out.line(line);
    out.json({ alerts: found });
    return exitCodes.ok.code;
  }));
  explain(list, {
    examples: [['tds alerts list', 'the last 20'], ['tds alerts list --state firing', 'what is wrong now']],
    json: '{ "alerts": [{ "id", "rule", "fingerprint", "labels", "severity", "state", "value", "summary", "help", "since", "seenAt", "firedAt", "acknowledgedAt", "acknowledgedBy", "resolvedAt", "notifiedAt" }] }',
  });
}

function addRules(alerts: Command, bind: Bind): void {
  const rules = alerts.command('rules').description('list the rules that are at work, and whom they tell').action(bind(async (context) => {
    const { out } = context;
    const [enabled, list] = await context.ask(await context.readyProject(), async ({ operations }) => [operations.alerts.enabled, operations.alerts.rules()] as const);
    const rows = list.map((rule) => [rule.id, rule.severity, rule.condition, rule.notifiers.join(', ') || out.paint('yellow', 'nobody'), rule.help]);
    for (const line of table([{ title: 'rule' }, { title: 'severity' }, { title: 'breaks when' }, { title: 'tells' }, { title: 'helps' }], rows, out.width)) out.line(line);
    if (!enabled) out.line('alerts.enabled is false: nothing is evaluated.');
    out.json({ enabled, rules: list });
    return exitCodes.ok.code;
  }));
  explain(rules, { examples: [['tds alerts rules', 'those that ship and those of the config']], json: '{ "enabled", "rules": [{ "id", "severity", "condition", "summary", "help", "notifiers" }] }' });
}

function addAck(alerts: Command, bind: Bind): void {
  const ack = alerts.command('ack').description('say that you look after an alert: it is not told again before its end').argument('<id>', 'the number of an alert, or "all"').option('--by <name>', 'who (default: who is signed in)');
  ack.action(bind(async (context, { args: [id = ''] }) => {
    const { by = osUser() } = ack.opts<{ by?: string }>();
    const acknowledged = await context.act(await context.readyProject(), { action: 'tds alerts ack', target: { id, by } }, ({ operations }) => operations.alerts.acknowledge(id, by));
    context.out.line(`${counted(acknowledged, 'alert')} acknowledged by ${by}`);
    context.out.json({ acknowledged });
    return exitCodes.ok.code;
  }));
  explain(ack, { examples: [['tds alerts ack 17', 'one'], ['tds alerts ack all', 'all that fire']], json: '{ "acknowledged": 1 }', exit: '0 done, 2 no such alert fires or the config is wrong, 3 database out of reach' });
}

function addSilence(alerts: Command, bind: Bind): void {
  const silence = alerts.command('silence').description('hold messages back for a while').argument('[rule]', 'of one rule (default: of all)');
  silence.addOption(new Option('--for <time>', 'how long, such as 90m or 2h').argParser(lengthOf).makeOptionMandatory());
  silence.addOption(new Option('--label <name=value>', 'only alerts with this label; may stand several times').argParser(labelOf).default({}, 'any'));
  silence.option('--reason <text>', 'why', 'said on the command line').option('--by <name>', 'who (default: who is signed in)');
  silence.action(bind(async (context, { args: [rule] }) => {
    const { for: lasts, label, reason, by = osUser() } = silence.opts<{ for: number; label: Record<string, string>; reason: string; by?: string }>();
    const made = await context.act(await context.readyProject(), { action: 'tds alerts silence', target: { rule: rule ?? 'any', labels: label, seconds: lasts / 1000, reason, by } }, ({ operations }) => operations.alerts.silence({ rule, labels: label, lasts, reason, by }));
    context.out.line(`silence ${made.id} holds until ${made.until.toISOString()}; end it by "tds alerts silences --end ${made.id}"`);
    context.out.json({ silence: made });
    return exitCodes.ok.code;
  }));
  explain(silence, {
    about: 'Alerts are evaluated and listed all the same. What still fires when the silence ends is told then.',
    examples: [['tds alerts silence --for 2h', 'everything'], ['tds alerts silence run-failed --for 1d --label entity=invoices', 'one rule about one entity']],
    json: '{ "silence": { "id", "rule", "labels", "reason", "by", "at", "until" } }', exit: '0 done, 2 no such rule or the config is wrong, 3 database out of reach',
  });
}

function addSilences(alerts: Command, bind: Bind): void {
  const silences = alerts.command('silences').description('list the silences that hold, or end one').option('--end <id>', 'end the silence of this number');
  silences.action(bind(async (context) => {
    const { end } = silences.opts<{ end?: string }>();
    const { out } = context;
    const project = await context.readyProject();
    const list = ({ operations }: Runtime): Promise<Silence[]> => operations.alerts.silences();
    const found = await (end === undefined ? context.ask(project, list) : context.act(project, { action: 'tds alerts silences --end', target: { id: end } }, async (runtime) => {
      await runtime.operations.alerts.endSilence(end);
      return list(runtime);
    }));
    const rows = found.map(({ id, rule, labels, until, by, reason }) => [id, rule ?? 'any', Object.entries(labels).map(([name, value]) => `${name}=${value}`).join(', ') || 'any', until.toISOString(), cell(by), cell(reason)]);
    for (const line of found.length > 0 ? table([{ title: 'id', right: true }, { title: 'rule' }, { title: 'labels' }, { title: 'until' }, { title: 'by' }, { title: 'why' }], rows, out.width) : ['no silences']) out.line(line);
    out.json({ silences: found });
    return exitCodes.ok.code;
  }));
  explain(silences, { examples: [['tds alerts silences', 'all that hold'], ['tds alerts silences --end 3', 'end one before its time']], json: '{ "silences": [{ "id", "rule", "labels", "reason", "by", "at", "until" }] }', exit: '0 done, 2 no such silence or the config is wrong, 3 database out of reach' });
}

function addTest(alerts: Command, bind: Bind): void {
  const test = alerts.command('test').description('send a test message, and say whether the service took it').argument('[notifier]', 'one of them (default: each)');
  test.action(bind(async (context, { args: [notifier] }) => {
    const { out, io } = context;
    const results = await context.act(await context.readyProject(), { action: 'tds alerts test', target: { notifier: notifier ?? 'all' } }, ({ operations }) => operations.alerts.test(notifier, io.interrupted));
    for (const { notifier: id, plugin, ok, message, milliseconds } of results) out.line(`${ok ? out.paint('green', '✓') : out.paint('red', '✗')} ${id} (${plugin}), ${milliseconds} ms: ${cell(message)}`);
    if (results.length === 0) out.line('the config has no notifiers; docs/alerts.md shows how to declare one');
    out.json({ notifiers: results });
    return results.every(({ ok }) => ok) ? exitCodes.ok.code : exitCodes.failed.code;
  }));
  explain(test, { examples: [['tds alerts test', 'every notifier'], ['tds alerts test mail', 'one']], json: '{ "notifiers": [{ "notifier", "plugin", "ok", "message", "milliseconds" }] }', exit: '0 all got through, 1 one did not, 2 no such notifier or the config is wrong, 3 database out of reach' });
}

function stateText({ out }: Context, state: AlertState): string {
  return state === 'firing' ? out.paint('red', state) : state === 'resolved' ? out.paint('green', state) : out.paint('yellow', state);
}

function lengthOf(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined || ms <= 0) throw new InvalidArgumentError('It must be a length of time, such as 90m or 2h.');
  return ms;
}

function labelOf(text: string, before: Record<string, string>): Record<string, string> {
  const [, name = '', value = ''] = /^([a-z_]+)=(.*)$/.exec(text) ?? [];
  if (name === '') throw new InvalidArgumentError('It must be a name and a value, such as entity=invoices.');
  return { ...before, [name]: value };
}
