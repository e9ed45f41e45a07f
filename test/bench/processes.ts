/** The other processes of a measurement: the sandbox that is read from, and the runtime that is measured. */
import { spawn, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
// @ts-expect-error it is plain JavaScript, as the launcher is
import { nodeFlags } from '../../core/cli/supervise.js';
import type { Run } from '../../core/store/runs.ts';
import { cpuSeconds } from './cpu.ts';

/** The folder of the project. */
export const home = fileURLToPath(new URL('../..', import.meta.url));

/** A Zoho that runs beside us. */
export interface Sandbox {
  facts: { url: string; accountsUrl: string; apiUrl: string; clientId: string; clientSecret: string; refreshToken: string; organizationId: string };
  /** What the config wants to know of it. */
  variables: Record<string, string>;
  /** Asks its admin plane. */
  admin<T>(method: 'GET' | 'POST' | 'DELETE', name: string, body?: object): Promise<T>;
  cpu(): number | null;
  stop(): Promise<void>;
}

/** Starts a sandbox with so many items of 2 kB, and without limits; `latency`: ms before each answer. */
export async function startSandbox(items: number, { latency = 0 } = {}): Promise<Sandbox> {
  const child = spawn(process.execPath, [path.join(home, 'sandbox/zoho/main.ts'), '--items', String(items), '--record-bytes', '2000', '--days-of-orders', '0', '--latency', String(latency), '--no-limits', '--exit-with-parent'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const line = await new Promise<string>((resolve, reject) => {
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => { text += String(chunk); if (text.includes('\n')) resolve(text); });
    child.once('exit', (code) => reject(new Error(`the sandbox ended with code ${String(code)}`)));
  });
  const facts = JSON.parse(line) as Sandbox['facts'];
  return {
    facts,
    variables: {
      ZOHO_ACCOUNTS_URL: facts.accountsUrl, ZOHO_API_URL: facts.apiUrl, ZOHO_CLIENT_ID: facts.clientId, ZOHO_CLIENT_SECRET: facts.clientSecret,
      ZOHO_REFRESH_TOKEN: facts.refreshToken, ZOHO_ORGANIZATION_ID: facts.organizationId, ZOHO_CALLS_PER_MINUTE: '1000000', ZOHO_CALLS_PER_DAY: '100000000',
    },
    async admin<T>(method: 'GET' | 'POST' | 'DELETE', name: string, body?: object) {
      const response = await fetch(`${facts.url}/_sandbox/${name}`, { method, ...(body ? { body: JSON.stringify(body) } : {}) });
      if (!response.ok) throw new Error(`the sandbox refused ${name}: ${await response.text()}`);
      return await response.json() as T;
    },
    cpu: () => cpuSeconds(child.pid),
    stop: () => ended(child, () => child.stdin.end()),
  };
}

/** What the runtime process tells of a sync. */
export interface SyncResult {
  run: Run;
  /** From the question to the end, by the database's clock. */
  seconds: number;
  /** CPU seconds of the runtime process in that time. */
  cpu: number;
  /** The most memory that the process ever had, in bytes. */
  peak: number;
  /** How late the event loop was in that time, in ms. */
  loop: { p50: number; p99: number; most: number };
}

/** TDS in a process of its own, so that its memory and its CPU are its own. */
export interface RuntimeProcess {
  /** Where its API listens, where `TDS_BENCH_API` asks for one. */
  api: string | undefined;
  /** A token for it that may do all. */
  token: string | undefined;
  sync(mode: 'full' | 'incremental'): Promise<SyncResult>;
  stop(): Promise<void>;
}

/** Opens the sample config, or the one given, against a sandbox and a database. `TDS_BENCH_NODE_OPTIONS` (`--cpu-prof …`) reach the process. */
export async function startRuntime(options: { url: string; sandbox: Sandbox; directory: string; variables?: Record<string, string>; config?: string }): Promise<RuntimeProcess> {
  const child = spawn(process.execPath, [...(nodeFlags as string[]), ...(process.env['TDS_BENCH_NODE_OPTIONS'] ?? '').split(' ').filter(Boolean), path.join(home, 'test/bench/runtime-process.ts')], {
    cwd: home, stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, ...options.sandbox.variables, ...options.variables, TDS_DATABASE_URL: options.url, TDS_DATA: options.directory, TDS_CONFIG: options.config ?? '', NODE_COMPILE_CACHE: path.join(home, 'node_modules/.cache/tds') },
  });
  const answers: ((answer: unknown) => void)[] = [];
  const next = <T>(): Promise<T> => new Promise((resolve, reject) => {
    const onExit = (code: number | null): void => reject(new Error(`the runtime process ended with code ${String(code)}`));
    child.once('exit', onExit);
    answers.push((answer) => { child.off('exit', onExit); resolve(answer as T); });
  });
  child.on('message', (message) => answers.shift()?.(message));
  const { api, token } = await next<{ api?: string; token?: string }>();
  return {
    api, token,
    sync(mode) {
      const answer = next<SyncResult>();
      child.send(mode);
      return answer;
    },
    stop: () => ended(child, () => child.send('stop')),
  };
}

function ended(child: ChildProcess, act: () => void): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  const done = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  act();
  return done;
}
