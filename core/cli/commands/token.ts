import { InvalidArgumentError, Option, type Command } from 'commander';
import { parseDuration } from '../../../schemas/index.ts';
import { tokenScopes, type Token, type TokenScope } from '../../operations/access.ts';
import type { TokenFilter } from '../../store/access.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { explain, type Bind } from '../command.ts';
import { osUser } from '../os-user.ts';
import { table } from '../table.ts';
import { ago, cell } from '../text.ts';
import { limitOption } from './runs.ts';

/** `tds token create`, `tds token list`, `tds token revoke`. */
export function addToken(program: Command, bind: Bind): void {
  const token = program.command('token').description('make, list and revoke the tokens by which the API knows who asks');
  addCreate(token, bind);
  addList(token, bind);
  addRevoke(token, bind);
}

function addCreate(token: Command, bind: Bind): void {
  const create = token.command('create').description('make a token and show it, this once').argument('<name>', 'whose it is, or what for');
  create.addOption(new Option('--scope <scope>', 'read: look; operate: start and mend too; admin: tokens and audit too').choices(tokenScopes).default('read'));
  create.addOption(new Option('--expires <time>', 'how long it is good, or "never"').default('365d').argParser(readEnd));
  create.action(bind(async (context, { args: [name = ''] }) => {
    const { scope, expires } = create.opts<{ scope: TokenScope; expires: string }>();
    const ms = parseDuration(expires);
    const request = { name: name.slice(0, 100), scope, expiresAt: ms === undefined ? null : new Date(Date.now() + ms), by: osUser() };
    const made = await context.act(await context.readyProject(), { action: 'tds token create', target: { name: request.name, scope, expires } }, ({ operations }) => operations.access.createToken(request));
    const { out } = context;
    out.line(made.secret);
    out.line();
    out.line(`It may ${scope}, ${made.token.expiresAt ? `until ${made.token.expiresAt.toISOString().slice(0, 10)}` : 'for ever'}. Keep it now: TDS has only its hash, and can't show it again.`);
    out.line('From now on the API answers nobody without a token.');
    out.json({ ...made.token, secret: made.secret });
    return exitCodes.ok.code;
  }));
  explain(create, {
    examples: [['tds token create grafana', 'one that only looks'], ['tds token create ci --scope operate --expires 90d', 'one that starts syncs'], ['tds token create me --scope admin', 'one that may do all']],
    json: '{ "id", "name", "prefix", "scope", "createdAt", "expiresAt", …, "secret" }',
  });
}

function addList(token: Command, bind: Bind): void {
  const list = token.command('list').description('list tokens, the newest first; never their secrets').addOption(new Option('--state <state>', 'those in one state').choices(['active', 'expired', 'revoked'])).addOption(limitOption());
  list.action(bind(async (context) => {
    const tokens = await context.ask(await context.readyProject(), ({ operations }) => operations.access.tokens(list.opts<TokenFilter>()));
    for (const line of tokens.length > 0 ? tokenTable(context, tokens) : ['no tokens: on this machine the API is open to anybody, and elsewhere it does not listen']) context.out.line(line);
    context.out.json({ tokens });
    return exitCodes.ok.code;
  }));
  explain(list, { examples: [['tds token list', 'the last 20 that were made'], ['tds token list --state active', 'those that are good']], json: '{ "tokens": [{ "id", "name", "prefix", "scope", "state", "createdAt", "createdBy", "expiresAt", "revokedAt", "revokedBy", "usedAt" }] }' });
}

function addRevoke(token: Command, bind: Bind): void {
  const revoke = token.command('revoke').description('revoke a token; every node refuses it within a second').argument('<id>', 'its number or prefix');
  revoke.action(bind(async (context, { args: [which = ''] }) => {
    const revoked = await context.act(await context.readyProject(), { action: 'tds token revoke', target: { id: which } }, ({ operations }) => operations.access.revokeToken(which, osUser()));
    context.out.line(`token ${revoked.id} (${cell(revoked.name)}) is revoked`);
    context.out.json(revoked);
    return exitCodes.ok.code;
  }));
  explain(revoke, { examples: [['tds token revoke 3', 'by its number']], json: 'the token', exit: '0 done, 2 there is no such token or the config is wrong, 3 database out of reach' });
}

function tokenTable({ out, backend: { clock } }: Context, tokens: readonly Token[]): string[] {
  const rows = tokens.map((one) => [
    one.id, cell(one.name), one.prefix, one.scope, one.state === 'active' ? one.state : out.paint('yellow', one.state), ago(one.createdAt, clock.now()), cell(one.createdBy),
    one.expiresAt?.toISOString().slice(0, 10) ?? 'never', ago(one.usedAt, clock.now()),
  ]);
  return table([{ title: 'id', right: true }, { title: 'name' }, { title: 'prefix' }, { title: 'scope' }, { title: 'state' }, { title: 'made' }, { title: 'by' }, { title: 'good until' }, { title: 'used' }], rows, out.width);
}

function readEnd(text: string): string {
  const ms = parseDuration(text);
  if (text !== 'never' && (ms === undefined || ms <= 0 || ms > 36_500 * 86_400_000)) throw new InvalidArgumentError('Write a length of time such as 90d, or never.');
  return text;
}
