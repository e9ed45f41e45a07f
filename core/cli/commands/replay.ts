import type { Command } from 'commander';
import { explain, type Bind } from '../command.ts';
import { syncAndFollow } from '../sync-runs.ts';
import { addFollowOptions, type FollowOptions } from './sync.ts';

/** `tds replay`. */
export function addReplay(program: Command, bind: Bind): void {
  const command = program.command('replay').description('run the mapping over the stored raw records, without a call to the source').argument('[entity...]', 'which entities (default: all)');
  addFollowOptions(command);
  command.action(bind(async (context, { args }) => {
    const { allowDeletes = false, wait, waitDetails = false } = command.opts<FollowOptions>();
    return syncAndFollow(context, await context.readyProject(), { allowDeletes, wait, waitDetails, entities: args.length > 0 ? args : 'all', mode: 'replay', trigger: 'cli' });
  }));
  explain(command, {
    about: 'After a field was added or a mapping mended. The same as "tds sync --mode replay".',
    examples: [['tds replay products', 'fill a new column of products'], ['tds replay', 'all entities']],
    json: 'as tds sync',
    exit: '0 all runs succeeded, 1 one failed or was cancelled, 2 command or config wrong, 3 database out of reach, 130 ctrl-C',
  });
}
