import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { CliError } from '../errors.ts';
import { exitCodes } from '../exit-codes.ts';
import { fill, type DemoPlan } from './plan.ts';

/** The remote of a demo, at work in a process of its own. */
export interface DemoSandbox {
  /** What it told of itself. */
  facts: Readonly<Record<string, string>>;
  /** The variables that point the config at it. */
  variables: Record<string, string>;
  /** Rejects when it ends without having been stopped. */
  died: Promise<never>;
  /** Makes some changes at the remote. */
  change(): Promise<void>;
  stop(): Promise<void>;
}

const patienceMs = 30_000;

/** Starts the remote and waits until it listens. @throws CliError `cli.demo_sandbox` */
export async function startSandbox(plan: DemoPlan, options: { realLimits: boolean; env: NodeJS.ProcessEnv }): Promise<DemoSandbox> {
  const more = options.realLimits ? undefined : plan.unlimited;
  // A group of its own: ctrl-C is for us, who stop it after the last call to it. When we die, its standard input closes and it ends too.
  const child = spawn(process.execPath, [plan.script, ...plan.arguments, ...(more?.arguments ?? [])], { stdio: ['pipe', 'pipe', 'pipe'], detached: process.platform !== 'win32', env: options.env });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-2000)));
  child.stdin.on('error', () => {});
  let isStopping = false;
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const died = new Promise<never>((_, reject) => {
    const tell = (why: string, cause?: unknown): void => reject(new CliError('cli.demo_sandbox', `the demo's remote ${why}`, { exit: exitCodes.failed.code, ...(said === '' ? {} : { suggestion: said.trim().split('\n').slice(-6).join('\n  ') }), cause }));
    child.once('error', (error) => tell('could not be started', error));
    child.once('close', (code) => !isStopping && tell(`ended by itself with code ${String(code)}`));
  });
  died.catch(() => {});
  const stop = async (): Promise<void> => {
    isStopping = true;
    child.stdin.end();
    child.kill('SIGTERM');
    const force = setTimeout(() => child.kill('SIGKILL'), 2000);
    await ended;
    clearTimeout(force);
  };
  try {
    const facts = await Promise.race([firstLine(child.stdout), died]);
    const variables = Object.fromEntries(Object.entries({ ...plan.variables, ...more?.variables }).map(([name, text]) => [name, fill(text, facts)]));
    return { facts, variables, died, stop, change: () => change(plan, facts) };
  } catch (error) {
    if (child.exitCode === null && child.pid !== undefined) await stop();
    throw error;
  }
}

async function firstLine(stdout: NodeJS.ReadableStream): Promise<Record<string, string>> {
  const timeout = AbortSignal.timeout(patienceMs);
  const lines = createInterface({ input: stdout, signal: timeout });
  for await (const line of lines) {
    stdout.resume(); // what it says later is nobody's concern, but a full pipe would stop it
    return JSON.parse(line) as Record<string, string>;
  }
  throw new CliError('cli.demo_sandbox', `the demo's remote did not say where it listens within ${patienceMs / 1000} s`, { exit: exitCodes.failed.code });
}

async function change({ changes }: DemoPlan, facts: Readonly<Record<string, string>>): Promise<void> {
  const response = await fetch(fill(changes.url, facts), { method: changes.method, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(changes.body), signal: AbortSignal.timeout(10_000) });
  await response.body?.cancel();
  if (!response.ok) throw new CliError('cli.demo_sandbox', `the demo's remote answered ${response.status} when it was asked for changes`, { exit: exitCodes.failed.code });
}
