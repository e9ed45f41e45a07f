import { InvalidArgumentError, type Command } from 'commander';
import { createApi } from '../../api/index.ts';
import type { Runtime } from '../../main.ts';
import { nodeRoles, rolesOf, type NodeRole } from '../../roles.ts';
import { version } from '../../version.ts';
import type { Logger } from '../../sdk/index.ts';
import type { Context, ReadyProject } from '../context.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { explain, type Bind } from '../command.ts';
import { tellAddress } from '../address-file.ts';
import { osUser } from '../os-user.ts';
import { counted, plain } from '../text.ts';

/** `tds start`. */
export function addStart(program: Command, bind: Bind): void {
  const command = program.command('start').description('work until it is stopped, and serve the API')
    .option('--roles <roles>', 'what this node does: api, worker, scheduler, with commas, or all (default: node.roles of the config)', readRoles).action(bind(start));
  explain(command, {
    about: 'Ctrl-C (or SIGTERM) stops in order within 10 seconds: running jobs are handed back and go on from the last saved page with the next start. A second ctrl-C ends at once.',
    examples: [['npm start', 'the same'], ['TDS_PORT=9000 tds start', 'the API on another port'], ['tds start --roles worker', 'one of several nodes: does jobs, and serves its health and metrics alone'], ['tds start | tee tds.log', 'JSON lines where stdout is no terminal']],
    json: 'first { "type": "started", "version", "config", "database", "api", "apiOpen", "roles", "entities", "failedPlugins" }, then the log',
    exit: '0 stopped in order, 2 command or config wrong (a taken port too) or the database newer than this TDS, 3 database out of reach, 130 ended at once',
  });
}

/** Milliseconds that running jobs have to end: all is to be over within ten seconds. */
const drainMs = 7000;

function readRoles(text: string): readonly NodeRole[] {
  const roles = rolesOf(text);
  if (!roles) throw new InvalidArgumentError(`one or more of ${nodeRoles.join(', ')}, with commas, or all`);
  return roles;
}

async function start(context: Context, command: Command): Promise<ExitCode> {
  const { out, io } = context;
  const project = await context.readyProject();
  const pretty = io.stdout.isTTY === true && !out.isJson;
  const journal = !pretty && !out.isJson && context.goesToJournal(process.stdout.fd);
  context.logSink = (line) => void io.stdout.write(line);
  const log = context.log({ level: project.config.policies.log.level, pretty, journal });
  return context.withRuntime(project, { role: 'node', log, drainMs, watchdog: { pretty, journal }, ...command.opts<{ roles?: readonly NodeRole[] }>() }, async (runtime) => {
    const { host, port, proxies, publicUrl, origins, adminToken } = project.config.api;
    if (adminToken !== '') await adopt(runtime, adminToken, log);
    const api = createApi({ operations: runtime.operations, log, version, host, port, proxies, publicUrl, origins, serves: runtime.roles.includes('api') ? 'all' : 'health' });
    let address: { remove(): void } | undefined;
    try {
      const { url, open } = await api.start();
      address = tellAddress(url, context.env['TDS_ADDRESS_FILE'], log);
      announce(context, { project, runtime, url, open, log, pretty });
      io.started?.();
      await context.untilInterrupted().catch(() => undefined);
      log.info('stopping', { signal: io.interrupted.reason as string });
    } finally {
      address?.remove();
      await runtime.stop({ drainMs, beside: () => api.stop() });
    }
    return exitCodes.ok.code;
  });
}

/** Lets the token of the config in, before the API asks whether there is one. */
async function adopt({ operations }: Runtime, secret: string, log: Logger): Promise<void> {
  const { token, made } = await operations.access.adoptToken(secret);
  if (token.state !== 'active') log.warn('the token of api.adminToken is not good any more: give another one', { state: token.state, prefix: token.prefix });
  if (!made) return;
  const target = { name: token.name, scope: token.scope, prefix: token.prefix };
  await operations.audit.note({ source: 'cli', actor: osUser(), kind: 'user', tokenId: null, address: null, action: 'tds start: api.adminToken', target, outcome: 'done', status: null, code: null });
  log.info('the token of api.adminToken is good from now on, and those that stood there before are not', { prefix: token.prefix });
}

interface Started { project: ReadyProject; runtime: Runtime; url: string; open: boolean; log: Logger; pretty: boolean }

function announce({ out }: Context, { project, runtime, url, open, log, pretty }: Started): void {
  const entities = Object.keys(project.config.entities);
  const failed = project.plugins.filter(({ failure }) => failure !== undefined);
  const schedules = Object.values(project.config.schedules).filter(({ enabled }) => enabled).length;
  out.json({ type: 'started', version, config: project.file, database: runtime.databaseLabel, api: url, apiOpen: open, roles: runtime.roles, entities, failedPlugins: failed });
  if (out.isJson) return;
  if (!pretty) {
    log.info('started', { version, config: project.file, database: runtime.databaseLabel, api: url, roles: runtime.roles.join(','), entities: entities.length, schedules });
    if (open) log.info('the API is open: anybody on this machine may do all, until the first token is made (tds token create)');
    for (const { id, failure } of failed) log.warn('a plugin failed to load', { plugin: id, reason: failure?.reason, code: failure?.code });
    return;
  }
  out.line(out.paint('bold', `TDS ${version}`));
  out.line(`  config     ${project.file}: ${counted(entities.length, 'entity', 'entities')}, ${counted(Object.keys(project.config.connections).length, 'connection')}`);
  out.line(`  database   ${runtime.databaseLabel}`);
  out.line(`  API        ${url}${open ? ', open: anybody on this machine may do all, until the first token is made (tds token create)' : ', by token'}`);
  if (runtime.roles.length < nodeRoles.length) out.line(`  roles      ${runtime.roles.join(', ')}`);
  for (const { id, failure } of failed) out.line(`  ${out.paint('yellow', 'plugin')}     ${plain(id)} failed to load: ${plain(failure?.reason ?? '')} (${failure?.code ?? ''})`);
  out.line(`  schedules  ${schedules === 0 ? 'none: "tds sync" in another terminal brings the tables up to date' : `${schedules}; "tds schedules" in another terminal tells when they run`}`);
  out.line('  ctrl-C stops it; "tds status" in another terminal tells how far it is');
  out.line();
}
