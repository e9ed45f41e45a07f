import { Option, type Command } from 'commander';
import { explain, type Bind } from '../command.ts';
import type { ReadyProject } from '../context.ts';
import { CliError } from '../errors.ts';
import { exitCodes } from '../exit-codes.ts';
import type { Output } from '../io.ts';
import type { WebhookRule } from '../../sdk/index.ts';

/** Where others reach the API. */
function baseOf({ config: { api } }: ReadyProject, given: string | undefined): string {
  return given ?? (api.publicUrl || `http://${api.host.includes(':') ? `[${api.host}]` : api.host}:${api.port}`);
}

const nobody = 'no entity takes messages: give its connection a secret (connections.<id>.webhooks.secret)';
const mustReach = '\nThe service must reach these addresses: put a proxy before TDS that passes on /webhooks/ alone, and name it in api.publicUrl.';

function printSteps(out: Output, { entity, event, url }: WebhookRule, steps: readonly string[]): void {
  out.line(out.paint('bold', `${entity}, ${event}: ${url}`));
  steps.forEach((step, at) => out.line(`  ${at + 1}. ${step}`));
}

const baseOption = (): Option => new Option('--base <url>', 'the address under which the service reaches this TDS (default: api.publicUrl)');

/** `tds webhooks urls`. */
export function addUrls(parent: Command, bind: Bind): void {
  const urls = parent.command('urls').description('print each address, with the steps to set it up at the service').addOption(baseOption());
  urls.action(bind(async (context, command) => {
    const project = await context.readyProject();
    const base = baseOf(project, command.opts<{ base?: string }>().base);
    const { out } = context;
    const found = (await context.ask(project, async ({ operations }) => operations.webhooks.urls(base))).filter(({ rule }) => [undefined, rule.entity].includes(command.optsWithGlobals<{ entity?: string }>().entity));
    for (const { rule, steps, canRegister } of found) {
      printSteps(out, rule, steps);
      if (canRegister) out.line('  Or let TDS do it: tds webhooks register');
    }
    if (found.length === 0) out.line(nobody);
    else if (!project.config.api.publicUrl) out.line(mustReach);
    out.json({ urls: found.map(({ rule, ...rest }) => ({ ...rule, ...rest })) });
    return exitCodes.ok.code;
  }));
  explain(urls, { examples: [['tds webhooks urls', 'of all entities'], ['tds webhooks urls --base https://hooks.example.com', 'as seen from outside']], json: '{ "urls": [{ "entity", "stream", "event", "url", "connection", "steps": [], "canRegister" }] }' });
}

/** `tds webhooks register`. */
export function addRegister(parent: Command, bind: Bind): void {
  const register = parent.command('register').description('make the rules by the service\'s API, where it has a way').argument('[entity...]', 'entities (default: all)').addOption(baseOption());
  register.action(bind(async (context, command) => {
    const project = await context.readyProject();
    const base = baseOf(project, command.opts<{ base?: string }>().base);
    const { out } = context;
    const { connections, byHand } = await context.ask(project, ({ operations }) => operations.webhooks.register(base, command.args, context.io.interrupted));
    for (const { connection, rules } of connections) for (const { entity, event, url, id, created } of rules) out.line(`${connection}: ${entity}, ${event}: ${url} ${created ? 'made' : 'was there'} (${id})`);
    for (const [connection, rules] of Map.groupBy(byHand, (one) => one.connection)) {
      out.line(`${connection}: its service has no call that makes rules. Make ${rules.length === 1 ? 'this one' : `these ${rules.length}`} by hand:`);
      for (const { rule, steps } of rules) printSteps(out, rule, steps);
    }
    if (connections.length + byHand.length === 0) out.line(nobody);
    else if (!project.config.api.publicUrl) out.line(mustReach);
    out.json({ connections, byHand: byHand.map(({ rule, ...rest }) => ({ ...rule, ...rest })) });
    return exitCodes.ok.code;
  }));
  explain(register, {
    about: 'Zoho documents no call for it: what can\'t be made is printed with its steps.', examples: [['tds webhooks register', 'all that can be'], ['tds webhooks register invoices', 'those of one entity']],
    json: '{ "connections": [{ "connection", "rules": [{ "entity", "stream", "event", "url", "id", "created" }] }], "byHand": [{ "entity", "stream", "event", "url", "connection", "steps": [] }] }',
  });
}

/** `tds webhooks send`. */
export function addSend(parent: Command, bind: Bind): void {
  const send = parent.command('send').description('send a signed message about a stored record to oneself').argument('<entity>', 'about a record of this entity')
    .option('--record <key>', 'about this one (default: any)').option('--to <url>', 'the address of the API (default: where the config says it listens)').option('--deleted', 'say that it is gone');
  send.action(bind(async (context, command) => {
    const { record: key, to, deleted = false } = command.opts<{ record?: string; to?: string; deleted?: boolean }>();
    const project = await context.readyProject();
    const { path, headers, body } = await context.ask(project, ({ operations }) => operations.webhooks.compose({ entity: command.args[0] ?? '', event: deleted ? 'deleted' : 'changed', ...(key === undefined ? {} : { key }) }));
    const { api } = project.config;
    const url = `${(to ?? `http://${api.host.includes(':') ? `[${api.host}]` : api.host}:${api.port}`).replace(/\/$/, '')}${path}`;
    const answer = await fetch(url, { method: 'POST', headers, body, signal: context.io.interrupted }).catch((cause: unknown) => {
      throw new CliError('cli.unreachable', `nobody answers at ${url}`, { cause, exit: exitCodes.unreachable.code, suggestion: 'Start TDS first (tds start), or name its address: --to.' });
    });
    const text = await answer.text();
    context.out.line(`${url}: ${answer.status} ${text.trim().slice(0, 500)}`);
    context.out.json({ url, status: answer.status, bytes: Buffer.byteLength(body) });
    return answer.ok ? exitCodes.ok.code : exitCodes.failed.code;
  }));
  explain(send, {
    about: 'The record is sent as it is stored, so that nothing changes; with --deleted its row is taken away as your entity says, until the next full read.',
    examples: [['tds webhooks send invoices', 'any record'], ['tds webhooks send invoices --record 42 --to http://127.0.0.1:9000', 'one, to another port']], json: '{ "url", "status", "bytes" }', exit: '0 taken, 1 refused, 2 command or config wrong, 3 database out of reach',
  });
}
