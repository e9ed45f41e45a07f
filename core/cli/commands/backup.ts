import path from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import type { TableHead } from '../../store/backup/catalog.ts';
import type { TableSum } from '../../store/backup/container.ts';
import { explain, type Bind } from '../command.ts';
import { exitCodes } from '../exit-codes.ts';
import { count, counted, duration } from '../text.ts';

/** `tds backup`. */
export function addBackup(program: Command, bind: Bind): void {
  const command = program.command('backup').description('all that TDS knows, and the tables that it manages, into one file; nodes may go on working')
    .argument('<place>', 'a file, or a folder (which ends with a slash where it is not there yet): the file is then named by the time')
    .option('--keep <n>', 'of the backups in the folder keep only the newest ones', atLeastOne);
  command.action(bind(async (context, { args: [place = ''] }) => {
    const { out, io, backend } = context;
    const { keep } = command.opts<{ keep?: number }>();
    const began = performance.now();
    const tables: object[] = [];
    const done = await backend.backUp(await context.readyProject(), {
      log: context.log(), dataDirectory: context.dataDirectory, place: path.isAbsolute(place) ? place : `${io.cwd}${path.sep}${place}`, now: backend.clock.now(), signal: io.interrupted,
      ...(keep === undefined ? {} : { keep }), onTable: (table, sum) => tables.push(entryOf(table, sum)),
    });
    const ms = Math.round(performance.now() - began);
    out.line(`${out.paint('green', 'ok')}  ${context.shown(done.place)}: ${counted(done.rows, 'row')} of ${counted(done.tables, 'table')}, ${count(done.bytes / 1024)} kB, in ${duration(ms)}`);
    for (const each of done.header.leftOut) out.line(`    not in it: ${each}`);
    for (const each of done.removed) out.line(`    removed: ${context.shown(each)}`);
    const { tds, madeAt, postgres, leftOut } = done.header;
    out.json({ file: done.place, bytes: done.bytes, rows: done.rows, milliseconds: ms, tds, madeAt, postgres, tables, leftOut, removed: done.removed });
    return exitCodes.ok.code;
  }));
  explain(command, {
    about: 'Read in one snapshot: TDS\'s schema, its queue, the managed tables in its database. Access tokens stay sealed: keep TDS_SECRET_KEY, or the file secret.key of the data folder, elsewhere.\nThe records of your business are in it in clear text: the file is made for its owner alone (0600).',
    examples: [['tds backup /backups/', 'a file named by the time'], ['tds backup /backups/ --keep 14', 'and the 14 newest stay'], ['tds backup before-upgrade.tds-backup', 'this file']],
    json: '{ "file", "bytes", "rows", "milliseconds", "tds", "madeAt", "postgres", "tables": [{ "schema", "table", "rows", "bytes", "sha256" }], "leftOut": […], "removed": […] }',
    exit: '0 done, 1 it could not be written, 2 command or config wrong, 3 database out of reach',
  });
}

/** `tds restore`. */
export function addRestore(program: Command, bind: Bind): void {
  const command = program.command('restore').description('a backup into an empty database, from where the next start goes on').argument('<file>', 'what "tds backup" wrote')
    .option('--replace', 'throw away what TDS has in the database, and the rows of the managed tables').option('--check', 'only read the file and compare its checksums');
  command.action(bind(async (context, { args: [file = ''] }) => {
    const { out, io, backend } = context;
    const { replace = false, check = false } = command.opts<{ replace?: boolean; check?: boolean }>();
    const began = performance.now();
    const tables: object[] = [];
    const done = await backend.restore(await context.readyProject(), {
      log: context.log(), dataDirectory: context.dataDirectory, place: path.resolve(io.cwd, file), replace, checkOnly: check, signal: io.interrupted, onTable: (table, sum) => tables.push(entryOf(table, sum)),
    });
    const ms = Math.round(performance.now() - began);
    const { tds, madeAt, postgres, leftOut } = done.header;
    out.line(`${out.paint('green', 'ok')}  ${check ? 'whole' : `restored into ${done.database}`}: ${counted(done.rows, 'row')} of ${counted(done.tables, 'table')}, made ${madeAt} by TDS ${tds} on PostgreSQL ${postgres}, in ${duration(ms)}`);
    for (const each of leftOut) out.line(`    not in it: ${each}`);
    if (!check) out.line('    next: tds start, which goes on where the backup was taken; later changes at the source are read by the next syncs');
    out.json({ file, restored: !check, rows: done.rows, milliseconds: ms, tds, madeAt, postgres, tables, leftOut });
    return exitCodes.ok.code;
  }));
  explain(command, {
    about: 'In one transaction: all of it, or nothing. Stop every node first. The schema is brought up to this version of TDS; a backup of a newer one is refused.',
    examples: [['tds restore /backups/tds-2026-01-31T02-00-00Z.tds-backup', 'into an empty database'], ['tds restore FILE --check', 'is the file whole?'], ['tds restore FILE --replace', 'what is there is lost']],
    json: '{ "file", "restored", "rows", "milliseconds", "tds", "madeAt", "postgres", "tables": [{ "schema", "table", "rows", "bytes", "sha256" }], "leftOut": […] }',
    exit: '0 done, 1 refused (the file is damaged or newer, the database is not empty or in use), 2 command or config wrong, 3 database out of reach',
  });
}

function entryOf({ schema, table }: TableHead, { rows, bytes, sha256 }: TableSum): object {
  return { schema, table, rows, bytes, sha256 };
}

function atLeastOne(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('a whole number from 1 on');
  return Number(text);
}
