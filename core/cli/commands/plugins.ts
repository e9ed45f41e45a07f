import type { Command } from 'commander';
import type { PluginStatus } from '../../operations/operations.ts';
import { exitCodes } from '../exit-codes.ts';
import { explain, type Bind } from '../command.ts';
import type { Output } from '../io.ts';
import { table } from '../table.ts';
import { plain } from '../text.ts';

/** `tds plugins`. */
export function addPlugins(program: Command, bind: Bind): void {
  const command = program.command('plugins').description('list the plugins that were found, and those that failed to load').action(bind(async (context) => {
    const { plugins } = await context.loadProject();
    printPlugins(context.out, plugins);
    context.out.json({ plugins });
    return exitCodes.ok.code;
  }));
  explain(command, {
    about: 'A plugin is a folder or a single .ts or .js file in plugins/, or in a folder that the config names under "plugins".',
    examples: [['tds plugins', 'id, version, file, and the connections that use it']],
    json: '{ "plugins": [{ "id", "version", "description", "file", "connections": [], "failure"?: { "code", "reason" } }] }',
    exit: '0',
  });
}

/** The plugins as a table, the failures below it by name and reason. */
export function printPlugins(out: Output, plugins: readonly PluginStatus[]): void {
  const loaded = plugins.filter(({ failure }) => !failure);
  const columns = [{ title: 'plugin' }, { title: 'version' }, { title: 'file' }, { title: 'used by' }];
  const rows = loaded.map(({ id, version, file, connections }) => [plain(id), plain(version), file, connections.join(', ') || out.paint('dim', 'no connection')]);
  if (rows.length > 0) for (const line of table(columns, rows, out.width)) out.line(line);
  for (const { id, file, connections, failure } of plugins) {
    if (!failure) continue;
    const use = connections.length > 0 ? `; ${connections.join(', ')} can't work without it` : '';
    out.line(`${out.paint('red', '✗ FAILED')}  ${plain(id)} in ${file}: ${plain(failure.reason)}${use} (${failure.code})`);
  }
}
