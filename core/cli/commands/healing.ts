import { Option, type Command } from 'commander';
import type { Runtime } from '../../main.ts';
import type { HealReport } from '../../operations/healing.ts';
import type { ActOutcome } from '../../store/healing-acts.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { explain, type Bind } from '../command.ts';
import { table } from '../table.ts';
import { ago, cell, counted, duration } from '../text.ts';
import { limitOption } from './runs.ts';

/** `tds healing`, `tds healing rules`, `tds healing run`, `tds healing reset`. */
export function addHealing(program: Command, bind: Bind): void {
  const healing = program.command('healing').description('list what TDS mended by itself, the newest first; look at the rules, let them look now').option('--rule <rule>', 'of one rule');
  const outcomes: ActOutcome[] = ['started', 'healed', 'failed', 'told'];
  healing.addOption(new Option('--outcome <outcome>', 'those that ended so').choices(outcomes)).addOption(limitOption());
  healing.action(bind(async (context) => {
    const filter = healing.opts<{ rule?: string; outcome?: ActOutcome; limit: number }>();
    const { out, backend: { clock } } = context;
    const acts = await context.ask(await context.readyProject(), ({ operations }) => operations.healing.acts(filter));
    const columns = [{ title: 'id', right: true }, { title: 'when' }, { title: 'rule' }, { title: 'outcome' }, { title: 'seen, done, what came of it' }];
    const rows = acts.map((act) => [act.id, ago(act.at, clock.now()), act.rule, outcomeText(context, act.outcome), [act.seen, act.done, act.came].filter((text) => text !== null).map(cell).join(' → ')]);
    for (const line of acts.length > 0 ? table(columns, rows, out.width) : ['nothing had to be mended']) out.line(line);
    if (acts.some((act) => act.outcome === 'told' && act.resetAt === null)) out.line('Of what is "told" nothing more is done by itself. After mending it: "tds healing reset <id>", or "tds healing reset all".');
    out.json({ acts });
    return exitCodes.ok.code;
  }));
  explain(healing, {
    examples: [['tds healing', 'the last 20 acts'], ['tds healing --outcome told', 'what waits for a person'], ['tds healing rules', 'what is looked at, how often'], ['tds healing run --dry-run', 'what would be done now'], ['tds healing reset 17', 'try it again by itself']],
    json: '{ "acts": [{ "id", "rule", "fingerprint", "seen", "done", "outcome", "came", "facts", "trigger", "node", "at", "endedAt", "resetAt" }] }',
  });
  addRules(healing, bind);
  addRun(healing, bind);
  addReset(healing, bind);
}

function addRules(healing: Command, bind: Bind): void {
  const rules = healing.command('rules').description('list the rules that are switched on, and when each looked');
  rules.action(bind(async (context) => {
    const { out, backend: { clock } } = context;
    const [enabled, list] = await context.ask(await context.readyProject(), async ({ operations }) => [operations.healing.enabled, await operations.healing.rules()] as const);
    const columns = [{ title: 'rule' }, { title: 'every' }, { title: 'cap', right: true }, { title: 'looked' }, { title: 'acts', right: true }, { title: 'told', right: true }, { title: 'what it does' }];
    const rows = list.map((rule) => {
      const sum = (name: 'acts' | 'told'): string => String(rule.looks.reduce((all, look) => all + look[name], 0));
      const last = rule.looks.reduce<(typeof rule.looks)[number] | undefined>((one, other) => (one && one.lookedAt > other.lookedAt ? one : other), undefined);
      return [rule.id, duration(rule.every), rule.cap === null ? '–' : String(rule.cap), ago(last?.lookedAt ?? null, clock.now()), sum('acts'), sum('told'), last?.error ? out.paint('red', `failed: ${cell(last.error)}`) : rule.about];
    });
    for (const line of table(columns, rows, out.width)) out.line(line);
    if (!enabled) out.line('policies.healing.enabled is false: they look only when they are asked to, by "tds healing run".');
    out.json({ enabled, rules: list });
    return exitCodes.ok.code;
  }));
  explain(rules, { examples: [['tds healing rules', 'all of them']], json: '{ "enabled", "rules": [{ "id", "about", "every", "cap", "scope", "looks": [{ "node", "nextAt", "lookedAt", "lookedBy", "found", "acts", "told", "error" }] }] }' });
}

function addRun(healing: Command, bind: Bind): void {
  const run = healing.command('run').description('let the rules look and mend now').argument('[rule]', 'one rule (default: all)').option('--dry-run', 'look, say what would be done, change nothing');
  run.action(bind(async (context, { args: [rule] }) => {
    const { dryRun = false } = run.opts<{ dryRun?: boolean }>();
    const look = ({ operations }: Runtime): Promise<HealReport[]> => operations.healing.run({ rule, dryRun, trigger: 'person' });
    const project = await context.readyProject();
    const reports = await (dryRun ? context.ask(project, look) : context.act(project, { action: 'tds healing run', target: { rule: rule ?? 'all' } }, look));
    for (const report of reports) for (const line of reportLines(context, report)) context.out.line(line);
    context.out.json({ dryRun, rules: reports });
    return reports.some((report) => report.error !== undefined) ? exitCodes.failed.code : exitCodes.ok.code;
  }));
  explain(run, {
    examples: [['tds healing run --dry-run', 'what would be done'], ['tds healing run dead-letters', 'one rule, now']],
    json: '{ "dryRun", "rules": [{ "rule", "busy", "found": [{ "fingerprint", "seen", "done", "outcome", "came" }], "error" }] }', exit: '0 done, 1 a rule could not look, 2 there is no such rule or the config is wrong, 3 database out of reach',
  });
}

function addReset(healing: Command, bind: Bind): void {
  const reset = healing.command('reset').description('let healing act again on what a person was told of').argument('<act>', 'the number of an act, or "all"');
  reset.action(bind(async (context, { args: [act = ''] }) => {
    const things = await context.act(await context.readyProject(), { action: 'tds healing reset', target: { act } }, ({ operations }) => operations.healing.reset(act));
    context.out.line(`${counted(things, 'thing')} may be healed again`);
    context.out.json({ reset: things });
    return exitCodes.ok.code;
  }));
  explain(reset, { examples: [['tds healing reset 17', 'what act 17 was about'], ['tds healing reset all', 'all that people were told of']], json: '{ "reset": 1 }', exit: '0 done, 2 there is no such act or the config is wrong, 3 database out of reach' });
}

function reportLines(context: Context, { rule, busy, found, error }: HealReport): string[] {
  if (busy) return [`${rule}: a node is at it just now`];
  if (error !== undefined) return [`${rule}: ${context.out.paint('red', 'could not look')}: ${cell(error)}`];
  if (found.length === 0) return [`${rule}: nothing to mend`];
  return found.map((one) => `${rule}: ${cell(one.seen)} → ${cell(one.done)} (${outcomeText(context, one.outcome)}${one.came === null ? '' : `: ${cell(one.came)}`})`);
}

function outcomeText({ out }: Context, outcome: string): string {
  if (outcome === 'would') return 'would be done';
  return outcome === 'told' ? out.paint('yellow', outcome) : outcome === 'failed' ? out.paint('red', outcome) : outcome;
}
