import path from 'node:path';
import type { BackedUp, BackUpOptions, Restored, RestoreOptions } from '../backup.ts';
import type { Config, Finding } from '../config/index.ts';
import type { InspectOptions } from '../inspect-tables.ts';
import type { Runtime, RuntimeOptions } from '../main.ts';
import { goesToJournal } from '../monitor/journal.ts';
import { createLogger, type LogLevel } from '../monitor/log.ts';
import { Redactor } from '../monitor/redact.ts';
import type { Project, ProjectOptions } from '../project.ts';
import { isTdsError, type Clock, type JsonObject, type Logger } from '../sdk/index.ts';
import { readDemoState } from './demo-state.ts';
import { ConfigRefused, Interrupted } from './errors.ts';
import { osUser } from './os-user.ts';
import type { GlobalOptions, Io, Output } from './io.ts';

/** What stands below the command line. Tests hand in another. */
export interface Backend {
  clock: Clock;
  loadProject(options: ProjectOptions): Promise<Project>;
  inspectTables(project: Project, options: InspectOptions): Promise<Finding[]>;
  backUp(project: ReadyProject, options: BackUpOptions): Promise<BackedUp>;
  restore(project: ReadyProject, options: RestoreOptions): Promise<Restored>;
  openRuntime(project: Project, options: RuntimeOptions): Promise<Runtime>;
}

/** A project that can be opened. */
export type ReadyProject = Project & { config: Config };

/** One call of `tds`: its world, its options, and the ways to project and runtime that all commands share. */
export class Context {
  readonly io: Io;
  readonly out: Output;
  readonly options: GlobalOptions;
  readonly backend: Backend;
  readonly redactor: Redactor = new Redactor();
  /** The environment, with what the running demo adds to it under `--demo`. */
  readonly env: NodeJS.ProcessEnv;
  readonly #config: string | undefined;
  /** Where log lines go; a progress area puts itself between. */
  logSink: (line: string) => void;

  constructor(io: Io, out: Output, options: GlobalOptions, backend: Backend) {
    this.io = io;
    this.out = out;
    this.options = options;
    this.backend = backend;
    const demo = options.demo ? readDemoState(io.cwd) : undefined;
    this.env = demo ? { ...io.env, ...demo.variables } : io.env;
    this.#config = options.config ?? demo?.config;
    this.logSink = (line) => void io.stderr.write(line);
  }

  /** A logger for stderr, or for stdout where the log is the command's output. Lines for people where `pretty`. */
  log(options: { level?: LogLevel; pretty?: boolean; journal?: boolean } = {}): Logger {
    const level = this.io.env['TDS_DEBUG'] === '1' ? 'debug' : (options.level ?? 'warn');
    const destination = { write: (line: string) => this.logSink(line), isTTY: this.io.stderr.isTTY === true };
    return createLogger({ level, redactor: this.redactor, destination, pretty: options.pretty ?? !this.out.isJson, journal: options.journal ?? false, color: this.options.color && destination.isTTY && !this.io.env['NO_COLOR'] });
  }

  /** Whether what is written to that descriptor of this process is read by systemd's journal. */
  goesToJournal(descriptor: number): boolean {
    return goesToJournal(this.io.env, descriptor);
  }

  /** Loads and checks config and plugins; its secrets are masked from here on. */
  async loadProject(file = this.#config, env: NodeJS.ProcessEnv = this.env): Promise<Project> {
    const project = await this.backend.loadProject({ env, cwd: this.io.cwd, log: this.log(), ...(file === undefined ? {} : { file }) });
    for (const secret of project.secrets.values) this.redactor.add(secret);
    return project;
  }

  /** What is wrong between the mapping and the tables that belong to the user. */
  inspectTables(project: Project): Promise<Finding[]> {
    return this.backend.inspectTables(project, { log: this.log(), dataDirectory: this.dataDirectory });
  }

  /** Where the embedded PostgreSQL and the key lie. */
  get dataDirectory(): string {
    return path.resolve(this.io.cwd, this.env['TDS_DATA'] || '.tds');
  }

  /** The same for a command that can't work with a config that has errors. @throws ConfigRefused */
  async readyProject(): Promise<ReadyProject> {
    return ready(await this.loadProject());
  }

  /** Opens a runtime for `use` and stops it afterwards, whatever happens; a signal ends it too. @throws Interrupted */
  async withRuntime<T>(project: ReadyProject, options: { role: 'node' | 'client'; log?: Logger; dataDirectory?: string; env?: NodeJS.ProcessEnv; drainMs?: number; watchdog?: { pretty: boolean; journal?: boolean }; roles?: RuntimeOptions['roles'] }, use: (runtime: Runtime) => Promise<T>): Promise<T> {
    const { role, log = this.log(), dataDirectory, env = this.env, drainMs = 3000, watchdog, roles } = options;
    const signal = this.io.interrupted;
    signal.throwIfAborted();
    const runtime = await this.backend.openRuntime(project, { role, log, redactor: this.redactor, env, ...(dataDirectory === undefined ? {} : { dataDirectory }), ...(watchdog ? { watchdog } : {}), ...(roles ? { roles } : {}) });
    try {
      return await use(runtime);
    } finally {
      await runtime.stop({ drainMs });
    }
  }

  /** For commands that only ask: a client, whose work ends at once when a signal comes. */
  ask<T>(project: ReadyProject, use: (runtime: Runtime) => Promise<T>): Promise<T> {
    return this.withRuntime(project, { role: 'client' }, (runtime) => Promise.race([use(runtime), this.untilInterrupted()]));
  }

  /** The same for a command that changes something: the audit keeps who did it, and how it ended. */
  act<T>(project: ReadyProject, act: { action: string; target?: JsonObject }, use: (runtime: Runtime) => Promise<T>): Promise<T> {
    return this.ask(project, (runtime) => this.audited(runtime, act, () => use(runtime)));
  }

  /** Writes down an act of this command with its outcome. */
  async audited<T>({ operations }: Runtime, { action, target = {} }: { action: string; target?: JsonObject }, act: () => Promise<T>): Promise<T> {
    const note = (outcome: 'done' | 'failed', code: string | null): Promise<void> => operations.audit.note({
      source: 'cli', actor: osUser(), kind: 'user', tokenId: null, address: null, action, target, outcome, status: null, code });
    try {
      const result = await act();
      await note('done', null);
      return result;
    } catch (error) {
      await note('failed', isTdsError(error) ? error.code : null).catch((reason: unknown) => this.log().warn('the audit could not be written', { error: reason }));
      throw error;
    }
  }

  /** Rejects when a signal comes; never resolves. */
  untilInterrupted(): Promise<never> {
    const { interrupted } = this.io;
    return new Promise((_, reject) => {
      const stop = (): void => reject(new Interrupted(interrupted.reason));
      if (interrupted.aborted) stop();
      else interrupted.addEventListener('abort', stop, { once: true });
    });
  }

  /** A path as a person in this directory writes it. */
  shown(file: string): string {
    const relative = path.relative(this.io.cwd, path.resolve(this.io.cwd, file));
    return relative.startsWith('..') ? file : relative || '.';
  }
}

/** Holds a project to having a config. @throws ConfigRefused */
export function ready(project: Project): ReadyProject {
  if (!project.config) throw new ConfigRefused(project.file, project.findings);
  return project as ReadyProject;
}
