import type { Command } from 'commander';
import { exitCodes } from '../exit-codes.ts';
import { explain, type Bind } from '../command.ts';
import { osUser } from '../os-user.ts';
import { table } from '../table.ts';
import { ago, cell } from '../text.ts';

/** `tds connections`, `tds connections pause`, `tds connections resume`. */
export function addConnections(program: Command, bind: Bind): void {
  const connections = program.command('connections').description('list connections and those that rest; let one rest, or go on');
  connections.action(bind(async (context) => {
    const { out, backend: { clock } } = context;
    const [all, pauses] = await context.ask(await context.readyProject(), async ({ operations }) => [await operations.connections(), await operations.pauses()] as const);
    const found = all.map((connection) => ({ ...connection, pause: pauses.find((pause) => pause.connection === connection.id) ?? null }));
    const rows = found.map(({ id, plugin, kind, pause }) => [id, plugin, kind, pause ? out.paint('yellow', `rests since ${ago(pause.pausedAt, clock.now())}, by ${cell(pause.pausedBy)}${pause.reason === '' ? '' : `: ${cell(pause.reason)}`}`) : 'at work']);
    for (const line of table([{ title: 'connection' }, { title: 'plugin' }, { title: 'kind' }, { title: 'state' }], rows, out.width)) out.line(line);
    out.json({ connections: found });
    return exitCodes.ok.code;
  }));
  explain(connections, {
    examples: [['tds connections', 'all of them'], ['tds connections pause books --reason "month end"', 'no run uses it until it is resumed'], ['tds connections resume books', 'go on']],
    json: '{ "connections": [{ "id", "plugin", "kind", "remote", "pause": { "pausedAt", "pausedBy", "reason" } }] }',
  });
  addPause(connections, bind);
  addResume(connections, bind);
}

function addPause(connections: Command, bind: Bind): void {
  const pause = connections.command('pause').description('let a connection rest, on every node').argument('<connection>', 'its id').option('--reason <text>', 'for people', '');
  pause.action(bind(async (context, { args: [id = ''] }) => {
    const { reason } = pause.opts<{ reason: string }>();
    const made = await context.act(await context.readyProject(), { action: 'tds connections pause', target: { id, reason } }, ({ operations }) => operations.pauseConnection(id, { by: osUser(), reason }));
    context.out.line(`${id} rests; runs that need it wait until "tds connections resume ${id}"`);
    context.out.json(made);
    return exitCodes.ok.code;
  }));
  explain(pause, { about: 'A run that is under way ends its batch first.', examples: [['tds connections pause books', 'no run uses it']], json: '{ "connection", "pausedAt", "pausedBy", "reason" }' });
}

function addResume(connections: Command, bind: Bind): void {
  const resume = connections.command('resume').description('end the rest of a connection').argument('<connection>', 'its id');
  resume.action(bind(async (context, { args: [id = ''] }) => {
    const resumed = await context.act(await context.readyProject(), { action: 'tds connections resume', target: { id } }, ({ operations }) => operations.resumeConnection(id));
    context.out.line(resumed ? `${id} goes on; runs that wait for it begin within 15 seconds` : `${id} did not rest`);
    context.out.json({ resumed });
    return exitCodes.ok.code;
  }));
  explain(resume, { examples: [['tds connections resume books', 'go on']], json: '{ "resumed" }' });
}
