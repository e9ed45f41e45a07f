import type { Command } from 'commander';
import { version } from '../../version.ts';
import { exitCodes } from '../exit-codes.ts';
import { explain, type Bind } from '../command.ts';

/** `tds version`. */
export function addVersion(program: Command, bind: Bind): void {
  const command = program.command('version').description('print the versions of TDS, Node and the system').action(bind(async ({ out }) => {
    const { platform, arch, versions: { node } } = process;
    out.line(`tds ${version}  (Node ${node}, ${platform} ${arch})`);
    out.json({ version, node, platform, arch });
    return exitCodes.ok.code;
  }));
  explain(command, { examples: [['tds version', 'what to name in a report']], json: '{ "version", "node", "platform", "arch" }', exit: '0' });
}
