import { Command, CommanderError, Option } from 'commander';
import { version } from '../version.ts';
import type { Bind } from './command.ts';
import { addAlerts } from './commands/alerts.ts';
import { addAudit } from './commands/audit.ts';
import { addBackup, addRestore } from './commands/backup.ts';
import { addBreaker } from './commands/breaker.ts';
import { addCache } from './commands/cache.ts';
import { addCheck } from './commands/check.ts';
import { addConnections } from './commands/connections.ts';
import { addDeadLetters } from './commands/dead-letters.ts';
import { addDemo } from './commands/demo.ts';
import { addHealing } from './commands/healing.ts';
import { addHealth } from './commands/health.ts';
import { addJobs } from './commands/jobs.ts';
import { addNodes } from './commands/nodes.ts';
import { addPlugins } from './commands/plugins.ts';
import { addQuota } from './commands/quota.ts';
import { addRecord } from './commands/record.ts';
import { addReload } from './commands/reload.ts';
import { addReplay } from './commands/replay.ts';
import { addReport } from './commands/report.ts';
import { addRuns } from './commands/runs.ts';
import { addSchedules } from './commands/schedules.ts';
import { addStart } from './commands/start.ts';
import { addStatus } from './commands/status.ts';
import { addSync } from './commands/sync.ts';
import { addToken } from './commands/token.ts';
import { addValidate } from './commands/validate.ts';
import { addWebhooks } from './commands/webhooks.ts';
import { addVersion } from './commands/version.ts';
import { Context, type Backend } from './context.ts';
import { ConfigRefused, exitCodeOf, renderError } from './errors.ts';
import { exitCodeHelp, exitCodes, type ExitCode } from './exit-codes.ts';
import { Output, type GlobalOptions, type Io } from './io.ts';
import { goesToJournal, journalMark } from '../monitor/journal.ts';
import { isTdsError } from '../sdk/index.ts';

/** In the order of the help. */
const commands = [
  addDemo, addStart, addValidate, addCheck, addSync, addReplay, addRuns, addJobs, addStatus, addNodes, addHealth, addSchedules, addReport, addReload, addQuota, addBreaker, addPlugins, addConnections, addCache, addDeadLetters, addHealing, addAlerts, addRecord, addWebhooks, addToken, addAudit, addBackup, addRestore, addVersion,
];

/** One call of `tds`. Never throws; answers the exit code. */
export async function runCli(argv: readonly string[], io: Io, backend: Backend): Promise<ExitCode> {
  let exit: ExitCode = exitCodes.ok.code;
  let context: Context | undefined;
  const asked: GlobalOptions = { json: argv.includes('--json'), color: !argv.includes('--no-color'), demo: false };
  const program = makeProgram(io, (action) => async (...parts) => {
    const command = parts.at(-1) as Command;
    const given = command.optsWithGlobals<Partial<GlobalOptions>>();
    const options: GlobalOptions = { ...given, json: given.json === true, demo: given.demo === true, color: given.color !== false };
    context = new Context(io, new Output(io, options), options, backend);
    exit = await action(context, command);
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exit;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.ok.code;
    if (error instanceof CommanderError) {
      new Output(io, asked).json({ error: { code: 'cli.usage', message: error.message.replace(/^error: /, ''), suggestion: 'See tds --help.' } });
      return exitCodes.usage.code;
    }
    tellError(error, context?.out ?? new Output(io, asked), { env: io.env, mask: (text) => context?.redactor.text(text) ?? text });
    return exitCodeOf(error);
  }
}

function tellError(error: unknown, out: Output, options: { env: NodeJS.ProcessEnv; mask: (text: string) => string }): void {
  if (!out.isJson) {
    const mark = goesToJournal(options.env, process.stderr.fd) ? journalMark(50) : '';
    for (const line of renderError(error, options)) out.error(`${mark}${line}`);
    return;
  }
  const message = options.mask(error instanceof Error ? error.message : String(error));
  const { code = 'cli.failed', suggestion = null } = isTdsError(error) ? error : (error as { code?: string; suggestion?: null });
  out.json({ error: { code, message, suggestion, ...(error instanceof ConfigRefused ? { findings: error.findings } : {}) } });
}

function makeProgram(io: Io, bind: Bind): Command {
  const program = new Command('tds');
  program
    .description('Keeps your own PostgreSQL in step with the services where your business happens.')
    .usage('<command> [options]')
    .option('--config <file>', 'the config file (default: TDS_CONFIG, else tds.config.yaml)')
    .option('--demo', 'speak with the demo that runs in another terminal')
    .option('--json', 'JSON on stdout: one document, or one per line where a command reports as it goes')
    .addOption(new Option('--no-color', 'plain text (NO_COLOR does the same)'))
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help; "tds <command> --help" tells all about one command')
    .helpCommand(false)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ writeOut: (text) => void io.stdout.write(text), writeErr: (text) => void io.stderr.write(text), getOutHasColors: () => false, getErrHasColors: () => false })
    .exitOverride()
    .showHelpAfterError('See tds --help.')
    .showSuggestionAfterError()
    .addHelpText('after', helpTail);
  for (const add of commands) add(program, bind);
  return program;
}

const helpTail = `
Begin here:
  npm run demo            everything at work, with a remote that lives on this machine
  npx tds validate        every fault of the config, with its line and its cure
  npx tds check           really calls each connection and looks at each table
  npx tds sync            brings the tables up to date once
  npm start               works until it is stopped, and serves the API

Exit codes:
${exitCodeHelp()}

Environment:
  TDS_CONFIG         the config file
  TDS_DATABASE_URL   the PostgreSQL to use; without it TDS starts one of its own
  TDS_DATA           where the embedded PostgreSQL lies (default .tds)
  TDS_HOST TDS_PORT  where the API listens (default 127.0.0.1:8080)
  TDS_ROLES          what this node does: all, or some of api, worker, scheduler
  TDS_SCHEDULES=off  this process ticks no schedules; it still does the work that others' ticks put on the queue
  REDIS_URL          a Redis that the nodes share, for limits and cache; without it PostgreSQL divides the limits
  TDS_ADDRESS_FILE   a file in which start says where the API listens, for as long as it does: for a health check
  TDS_SUPERVISED=1   start leaves it to others (systemd, a container) to start it again when it dies
  TDS_SECRET_KEY     seals access tokens: the same on all nodes of one database (default: a file in TDS_DATA)
  TDS_PUBLIC_URL     where Zoho reaches /webhooks/, where the config says so
  TDS_JOURNAL=1      each line of the log begins with its priority, for systemd's journal behind a container; else where JOURNAL_STREAM says so
  TDS_DEBUG=1        debug log, and where an error happened
  NO_COLOR           plain text
  and those that your config names: \${NAME}
`;
