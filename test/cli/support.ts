import { fileURLToPath } from 'node:url';
import type { Backend } from '../../core/cli/context.ts';
import type { ExitCode } from '../../core/cli/exit-codes.ts';
import { runCli } from '../../core/cli/program.ts';
import type { Config } from '../../core/config/index.ts';
import { Secrets, Sources, type Finding } from '../../core/config/index.ts';
import type { Runtime, RuntimeOptions } from '../../core/main.ts';
import type { Operations, PluginStatus } from '../../core/operations/operations.ts';
import type { Project } from '../../core/project.ts';
import { fakeOperations } from '../api/fake-operations.ts';
import { Child } from '../support/processes.ts';
import { TestClock } from '../support/clock.ts';

const launcher = fileURLToPath(new URL('../../core/cli/tds.js', import.meta.url));

/** `tds` as a process of its own, with only the given variables. */
export function tds(scope: { teardown(action: () => unknown): unknown }, args: readonly string[], options: { cwd?: string; env?: Record<string, string> } = {}): Child {
  return new Child(scope, process.execPath, [launcher, ...args], { cwd: options.cwd ?? process.cwd(), env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...options.env } });
}

/** A call of `tds` in this process, over fakes. */
export interface FakeCall {
  operations?: Operations;
  findings?: readonly Finding[];
  plugins?: readonly PluginStatus[];
  secrets?: readonly string[];
  open?: (options: RuntimeOptions) => Promise<Runtime>;
  /** Told before the runtime is opened. */
  onOpen?: (options: RuntimeOptions) => void;
  /** Standard output is a terminal. */
  terminal?: boolean;
  /** `policies.log.level`. */
  level?: string;
  clock?: TestClock;
  interrupted?: AbortSignal;
  env?: Record<string, string>;
  /** The settings of `api` that are others than usual. */
  api?: { host?: string; adminToken?: string };
  /** Told of each piece of standard output. */
  onOut?: (text: string) => void;
}

export interface FakeOutcome { exit: ExitCode; out: string; err: string; json: Record<string, unknown>[]; opened: ('node' | 'client')[]; stopped: number }

/** Runs a command over fakes and answers all that it printed. */
export async function callCli(args: readonly string[], fake: FakeCall = {}): Promise<FakeOutcome> {
  const outcome: FakeOutcome = { exit: 0, out: '', err: '', json: [], opened: [], stopped: 0 };
  const operations = fake.operations ?? fakeOperations();
  const runtime: Runtime = {
    operations, webhooks: { look: async () => undefined }, events: { listen: () => () => undefined }, nodeId: 'me', roles: [], databaseUrl: 'postgres://x', databaseLabel: 'a fake database', embedded: false, database: { transaction: () => Promise.reject(new Error('no database')) },
    stop: async () => undefined,
  };
  const backend: Backend = {
    clock: fake.clock ?? new TestClock(),
    loadProject: async () => fakeProject(fake),
    inspectTables: async () => [],
    backUp: () => Promise.reject(new Error('no database')),
    restore: () => Promise.reject(new Error('no database')),
    openRuntime: async (_project, options) => {
      outcome.opened.push(options.role);
      fake.onOpen?.(options);
      if (fake.open) return fake.open(options);
      let isOver = false;
      return { ...runtime, async stop({ beside } = {}) {
        await beside?.(0);
        if (!isOver) outcome.stopped += 1; // a second call finds nothing to do
        isOver = true;
      } };
    },
  };
  const io = {
    stdout: { isTTY: fake.terminal === true, write: (text: string) => {
      outcome.out += text;
      fake.onOut?.(text);
    } }, stderr: { write: (text: string) => (outcome.err += text) },
    env: fake.env ?? {}, cwd: process.cwd(), interrupted: fake.interrupted ?? new AbortController().signal,
  };
  outcome.exit = await runCli(args, io, backend);
  if (args.includes('--json')) outcome.json = outcome.out.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Record<string, unknown>);
  return outcome;
}

function fakeProject({ findings = [], plugins = [], secrets: hidden = [], level = 'info', api = {} }: FakeCall): Project {
  const secrets = new Secrets();
  hidden.forEach((value, at) => secrets.add([String(at)], value));
  const config = { connections: { shop: {}, erp: {} }, entities: { products: {}, stock: {} }, schedules: {}, api: { host: '127.0.0.1', port: 0, adminToken: '', ...api }, policies: { log: { level } } } as unknown as Config;
  const failed = findings.some(({ severity }) => severity === 'error');
  return { file: 'tds.config.yaml', ...(failed ? {} : { config }), findings, plugins, connections: new Map(), notifiers: new Map(), secrets, sources: new Sources('tds.config.yaml'), files: [] };
}
