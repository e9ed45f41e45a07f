import type { Command } from 'commander';
import { didYouMean } from '../../config/index.ts';
import type { CheckResult } from '../../operations/operations.ts';
import { ready, type Context } from '../context.ts';
import { CliError } from '../errors.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { explain, type Bind } from '../command.ts';
import { counted, duration, plain } from '../text.ts';
import { printPlugins } from './plugins.ts';

/** `tds check`: real calls. */
export function addCheck(program: Command, bind: Bind): void {
  const command = program.command('check').description('really call each connection and look at each table').argument('[connection...]', 'which connections (default: all)');
  command.action(bind((context, { args }) => check(context, args)));
  explain(command, {
    about: 'Plugins first, then each connection with its own probes (token, organization, permission …), then the tables of its entities. Changes nothing.',
    examples: [['tds check', 'everything'], ['tds check inventory erp', 'two connections'], ['tds check --json', 'one line of JSON per probe']],
    json: 'one line each: { "type": "plugin", … as tds plugins }, { "type": "probe", "connection", "plugin", "probe", "ok",\n"message", "code"?, "milliseconds" }, at the end { "type": "summary", "ok", "probes", "failed", "failedPlugins" }',
    exit: '0 all well, 1 a probe or a plugin failed, 2 command or config wrong, 3 database out of reach',
  });
}

async function check(context: Context, connections: readonly string[]): Promise<ExitCode> {
  const { out } = context;
  const loaded = await context.loadProject();
  const failedPlugins = loaded.plugins.filter(({ failure }) => failure !== undefined).length;
  out.line(out.paint('bold', 'plugins'));
  printPlugins(out, loaded.plugins);
  for (const plugin of loaded.plugins) out.json({ type: 'plugin', ...plugin });
  const project = ready(loaded);
  const known = Object.keys(project.config.connections);
  const unknown = connections.find((id) => !known.includes(id));
  if (unknown !== undefined) throw new CliError('cli.usage', `there is no connection "${unknown}"`, { suggestion: didYouMean(unknown, known) ?? `The config has: ${known.join(', ') || 'none'}.` });
  return context.ask(project, async ({ operations }) => {
    let probes = 0;
    let failed = 0;
    let shown = '';
    for await (const result of operations.check(connections, context.io.interrupted)) {
      probes += 1;
      if (!result.ok) failed += 1;
      if (result.connection !== shown) out.line(`\n${out.paint('bold', result.connection)} ${out.paint('dim', `(${result.plugin})`)}`);
      shown = result.connection;
      out.line(probeLine(context, result));
      out.json({ type: 'probe', ...result, message: context.redactor.text(result.message) });
    }
    const ok = failed === 0 && failedPlugins === 0;
    const faults = [failed > 0 && `${counted(failed, 'probe')} failed`, failedPlugins > 0 && `${counted(failedPlugins, 'plugin')} failed to load`].filter(Boolean).join(', ');
    out.line(`\n${counted(probes, 'probe')}: ${ok ? out.paint('green', 'all well') : out.paint('red', faults)}`);
    out.json({ type: 'summary', ok, probes, failed, failedPlugins });
    return ok ? exitCodes.ok.code : exitCodes.failed.code;
  });
}

function probeLine({ out, redactor }: Context, { ok, probe, message, code, milliseconds }: CheckResult): string {
  const mark = ok ? out.paint('green', '✓ ok    ') : out.paint('red', '✗ FAILED');
  const end = ok ? out.paint('dim', ` (${duration(milliseconds)})`) : code === undefined ? '' : ` (${code})`;
  return `  ${mark}  ${plain(probe).padEnd(28)}  ${plain(redactor.text(message))}${end}`;
}
