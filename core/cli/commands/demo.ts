import path from 'node:path';
import type { Command } from 'commander';
import { ApiError, createApi, shapeRun, type Api } from '../../api/index.ts';
import type { Runtime } from '../../main.ts';
import type { Logger } from '../../sdk/index.ts';
import type { Run } from '../../store/runs.ts';
import { version } from '../../version.ts';
import { explain, type Bind } from '../command.ts';
import { ready, type Context, type ReadyProject } from '../context.ts';
import { demoData, removeDemoState, writeDemoState } from '../demo-state.ts';
import { liveOn } from '../demo/changes.ts';
import { beginFresh } from '../demo/fresh.ts';
import { readDemoPlan, type DemoPlan } from '../demo/plan.ts';
import { printTables, readTables } from '../demo/report.ts';
import { startSandbox, type DemoSandbox } from '../demo/sandbox.ts';
import { Interrupted } from '../errors.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { followRuns } from '../follow-runs.ts';
import { createProgress } from '../progress.ts';
import { report, tellDetails } from '../sync-runs.ts';
import { counted, duration } from '../text.ts';

interface DemoOptions { exit?: true; realLimits?: true }

/** `tds demo`. */
export function addDemo(program: Command, bind: Bind): void {
  const plan = readDemoPlan();
  const command = program.command('demo').description('show everything at work, with a remote that lives on this machine');
  command.option('--exit', 'end after the summary').option('--real-limits', `keep ${plan.unlimited.realLimits}; the first sync then takes minutes`);
  command.action(bind((context) => demo(context, plan, command.opts<DemoOptions>())));
  explain(command, {
    about: `Starts ${plan.remote}, runs the sample config against it with a database of its own in ${demoData} (made anew each time), shows what arrived, and stays to sync changes until ctrl-C.`,
    examples: [['npm run demo', 'the same'], ['npx tds --demo status', 'in another terminal: any command, speaking with the demo'], ['npx tds demo --exit', 'ends after the summary']],
    json: 'one line each: { "type": "run", "run" } at each change of a run\'s state, then { "type": "demo", "ok", "api", "firstRowsMs", "totalMs",\n"tables": [{ "table", "rows" }], "sample": [], "runs": [] }',
    exit: '0 done or stopped, 1 a run failed, 2 a demo runs already, 3 no database, 130 ctrl-C before the first sync was over',
  });
}

async function demo(context: Context, plan: DemoPlan, options: DemoOptions): Promise<ExitCode> {
  const { io } = context;
  const dataDirectory = path.resolve(io.cwd, demoData);
  await beginFresh(dataDirectory);
  const sandbox = await startSandbox(plan, { realLimits: options.realLimits === true, env: io.env });
  try {
    // whatever database and address the caller's own TDS uses is none of the demo's business
    const variables = { ...sandbox.variables, TDS_DATABASE_URL: '', TDS_DATA: dataDirectory };
    const env = { ...io.env, ...variables };
    const project = ready(await context.loadProject(context.shown(plan.config), env));
    const log = context.log({ level: 'error' }); // what a run meets is shown with the run
    return await context.withRuntime(project, { role: 'node', log, env, dataDirectory, drainMs: 1500 }, async (runtime) => {
      const { api, url } = await startApi(project, runtime, log);
      try {
        writeDemoState(io.cwd, { pid: process.pid, config: plan.config, variables });
        return await show(context, { plan, options, sandbox, project, runtime, url });
      } finally {
        removeDemoState(io.cwd);
        await api.stop();
      }
    });
  } finally {
    await sandbox.stop();
  }
}

/** On the config's port, or on any free one where that is taken: a demo should not fail for a port. */
async function startApi({ config }: ReadyProject, { operations }: Runtime, log: Logger): Promise<{ api: Api; url: string }> {
  const { host, port } = config.api;
  const make = (at: number): Api => createApi({ operations, log, version, host, port: at });
  const api = make(port);
  try {
    return { api, ...(await api.start()) };
  } catch (error) {
    if (!(error instanceof ApiError && error.code === 'api.port_taken')) throw error;
    const other = make(0);
    return { api: other, ...(await other.start()) };
  }
}

interface Stage { plan: DemoPlan; options: DemoOptions; sandbox: DemoSandbox; project: ReadyProject; runtime: Runtime; url: string }

async function show(context: Context, stage: Stage): Promise<ExitCode> {
  const { out, io, backend: { clock } } = context;
  const { plan, options, sandbox, project, runtime, url } = stage;
  const { operations } = runtime;
  out.line(`${out.paint('bold', `TDS ${version} demo`)}: ${plan.remote}, into ${runtime.databaseLabel}`);
  out.line(options.realLimits ? `With ${plan.unlimited.realLimits}, so the first sync takes minutes.` : `Without ${plan.unlimited.realLimits}, so that you need not wait (--real-limits keeps them).`);
  out.line(`Full sync of ${counted(Object.keys(project.config.entities).length, 'entity', 'entities')} of ${project.file}:\n`);
  let firstRowsMs: number | undefined;
  const asked = await operations.sync({ entities: 'all', mode: 'full', trigger: 'demo' });
  const progress = createProgress(context);
  const onUpdate = (runs: readonly Run[]): void => {
    if (runs.some((run) => run.new + run.changed > 0)) firstRowsMs ??= sinceStart();
    progress.update(runs);
  };
  let runs: Run[];
  try {
    runs = await Promise.race([followRuns(operations, asked.map(({ run }) => run.id), { clock, signal: io.interrupted, onUpdate }), sandbox.died]);
  } finally {
    progress.stop();
  }
  if (io.interrupted.aborted) throw new Interrupted(io.interrupted.reason);
  const totalMs = sinceStart();
  const tables = await readTables(runtime, plan);
  const ok = runs.every(({ status }) => status === 'succeeded');
  report(context, runs);
  printTables(out, plan, tables);
  out.line();
  await tellDetails(context, operations, new Set(runs.map(({ entity }) => entity)), options.exit ? 'the demo ends before the rest' : 'the rest follows now, the newest first');
  out.line(`from start to first rows ${firstRowsMs === undefined ? '–' : duration(firstRowsMs)}, to the end of the full sync ${duration(totalMs)}`);
  out.json({ type: 'demo', ok, api: url, firstRowsMs: firstRowsMs ?? null, totalMs, tables: tables.counts, sample: tables.sample, runs: runs.map((run) => shapeRun(run, clock.now())) });
  const code = ok ? exitCodes.ok.code : exitCodes.failed.code;
  if (options.exit) return code;
  printNext(context, stage);
  await liveOn(context, runtime, sandbox, plan);
  out.line('stopping');
  return code;
}

function printNext({ out }: Context, { runtime, url, plan }: Stage): void {
  out.line(`\n${out.paint('bold', 'It stays up. In another terminal:')}`);
  for (const [text, what] of [
    ['npx tds --demo status', 'how far each entity is'], ['npx tds --demo runs', 'every run with its counts'], ['npx tds --demo check', 'really calls the remote, looks at each table'],
    ['npx tds --demo sync products --mode full', 'asks for a run and follows it'], [`curl -s ${url}/v1/entities`, 'the same from the API; GET / lists the routes'], [`psql "${runtime.databaseUrl}"`, 'the database'],
  ] as const) out.line(`  ${text.padEnd(42)}  ${what}`);
  out.line(`\nEvery ${plan.changes.everySeconds} s something changes at the remote and is synced. Ctrl-C ends the demo.\n`);
}

function sinceStart(): number {
  return Math.round(process.uptime() * 1000);
}
