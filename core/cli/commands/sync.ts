import { Option, type Command } from 'commander';
import type { RunMode } from '../../store/runs.ts';
import { explain, type Bind } from '../command.ts';
import { syncAndFollow } from '../sync-runs.ts';

/** `tds sync`. */
export function addSync(program: Command, bind: Bind): void {
  const command = program.command('sync').description('bring entities up to date, and follow the runs').argument('[entity...]', 'which entities (default: all)');
  command.addOption(new Option('--mode <mode>', 'what to read').choices(['full', 'incremental', 'details', 'replay']).default('incremental'));
  addFollowOptions(command);
  command.action(bind(async (context, { args }) => {
    const { mode, allowDeletes = false, wait, waitDetails = false } = command.opts<FollowOptions & { mode: RunMode }>();
    return syncAndFollow(context, await context.readyProject(), { entities: args.length > 0 ? args : 'all', mode, allowDeletes, wait, waitDetails, trigger: 'cli' });
  }));
  explain(command, {
    about: [
      'Modes:', '  incremental   what changed since the last sync; everything where there was none', '  full          everything; what is gone at the source is found too',
      '  details       records whose details are still to come', '  replay        the stored raw records through the mapping once more, without a call to the source',
      '', 'Where "tds start" is running it does the work, else this command does. Ctrl-C hands the runs back; nothing is lost.',
    ].join('\n'),
    examples: [
      ['tds sync', 'what changed, of all entities'], ['tds sync products stock --mode full', 'two entities from the beginning'], ['tds sync customers --mode full --allow-deletes', 'after a run said that it held deletions back'],
      ['tds sync --no-wait', 'only ask; see tds runs'],
    ],
    json: 'one line each: { "type": "run", "run" } at each change of a run\'s state, at the end { "type": "summary", "ok", "runs": [] };\nwith --no-wait one document { "runs": [] }. A run as in tds runs show.',
    exit: '0 all runs succeeded, 1 one failed or was cancelled, 2 command or config wrong, 3 database out of reach, 130 ctrl-C',
  });
}

/** What {@link addFollowOptions} adds. */
export interface FollowOptions { allowDeletes?: true; wait: boolean; waitDetails?: true }

/** Options of every command that asks for runs. */
export function addFollowOptions(command: Command): void {
  command
    .option('--allow-deletes', 'let these runs delete more rows than the guard allows (deletes.maxShare)')
    .option('--wait-details', 'follow the runs of details too, which may take long')
    .option('--no-wait', 'only ask for the runs');
}
