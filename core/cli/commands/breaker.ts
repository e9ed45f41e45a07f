import type { Command } from 'commander';
import { exitCodes } from '../exit-codes.ts';
import { explain, type Bind } from '../command.ts';
import { table } from '../table.ts';
import { cell, plain } from '../text.ts';

/** What a breaker looks like in `remote` of a connection. */
interface Breaker { state: string; resumesAt?: string | Date; code?: string }

/** `tds breaker`, `tds breaker reset`. */
export function addBreaker(program: Command, bind: Bind): void {
  const breaker = program.command('breaker').description('show the breakers of connections; close one by hand');
  breaker.action(bind(async (context) => {
    const { out } = context;
    const connections = await context.ask(await context.readyProject(), ({ operations }) => operations.connections());
    const breakers = connections.flatMap(({ id, remote }) => (remote['breaker'] ? [{ connection: id, ...(remote['breaker'] as unknown as Breaker) }] : []));
    const rows = breakers.map(({ connection, state, resumesAt, code }) => [cell(connection), state, resumesAt === undefined ? '' : new Date(resumesAt).toISOString(), code ?? '']);
    const columns = ['connection', 'breaker', 'one call may try at', 'last failure'].map((title) => ({ title }));
    for (const line of breakers.length > 0 ? table(columns, rows, out.width) : ['no connection of the config calls a remote']) out.line(line);
    out.json({ breakers });
    return exitCodes.ok.code;
  }));
  explain(breaker, {
    about: 'An open breaker lets calls rest; when its rest is over, one call of all nodes tries. The state is one for all nodes and outlives restarts.',
    examples: [['tds breaker', 'all connections'], ['tds breaker reset books', 'let its calls go on now']],
    json: '{ "breakers": [{ "connection", "state", "resumesAt", "code" }] }',
  });
  const reset = breaker.command('reset').description('close the breaker of a connection for all nodes').argument('<connection>', 'its id in the config');
  reset.action(bind(async (context, { args: [connection = ''] }) => {
    const wasOpen = await context.act(await context.readyProject(), { action: 'tds breaker reset', target: { id: connection } }, ({ operations }) => operations.resetBreaker(connection));
    context.out.line(wasOpen ? `the breaker of ${plain(connection)} is closed; nodes see it within a second` : `the breaker of ${plain(connection)} was closed already`);
    context.out.json({ connection, reset: wasOpen });
    return exitCodes.ok.code;
  }));
  explain(reset, {
    about: 'Runs that wait for the end of the rest go on at that time; new ones call at once.',
    examples: [['tds breaker reset books', 'let its calls go on now']], json: '{ "connection", "reset": true }', exit: '0 done, 2 there is no such connection or the config is wrong, 3 database out of reach',
  });
}
