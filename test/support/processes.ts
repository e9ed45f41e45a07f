/** Child processes of tests: what they say, how they end, and whether any process lives. */
import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** Where the launcher keeps what was compiled; so children that start otherwise start as fast. */
const compileCache = fileURLToPath(new URL('../../node_modules/.cache/tds', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A child whose output is collected. Dies with the test that `scope` belongs to. */
export class Child {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  output = '';
  #more = Promise.withResolvers<void>();
  #over = false;

  constructor(scope: { teardown(action: () => unknown): unknown }, command: string, args: readonly string[], options: SpawnOptions = {}) {
    this.process = spawn(command, args, { ...options, env: { NODE_COMPILE_CACHE: compileCache, ...(options.env ?? process.env) }, stdio: ['pipe', 'pipe', 'pipe'] });
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
        this.#wake();
      });
    }
    this.process.stdin?.on('error', () => {});
    this.ended = new Promise((resolve, reject) => {
      this.process.once('error', reject);
      this.process.once('close', (code, signal) => {
        this.#over = true;
        this.#wake();
        resolve({ code, signal });
      });
    });
    this.ended.catch(() => {});
    scope.teardown(() => this.process.kill('SIGKILL'));
  }

  get pid(): number {
    return this.process.pid ?? 0;
  }

  /** Resolves with the match as soon as the output has one; rejects when the child ends without. */
  async said(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.output);
      if (match) return match;
      if (this.#over) throw new Error(`the child ended (${JSON.stringify(await this.ended)}) without saying ${pattern}: ${this.output}`);
      await this.#more.promise;
    }
  }

  /** All who wait look again; who looks later waits on the next one. */
  #wake(): void {
    const { resolve } = this.#more;
    this.#more = Promise.withResolvers<void>();
    resolve();
  }

  /** The first line that is a JSON object, and none of the log. */
  async json<T>(): Promise<T> {
    const [line] = await this.said(/^\{(?!"level").*\}$/m);
    return JSON.parse(line) as T;
  }
}

/** False once a process has ended, as a zombie too: nobody may have waited for it yet. */
export function lives(pid: number): boolean {
  if (process.platform === 'linux') {
    try {
      return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
    } catch {
      return false;
    }
  }
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** How long a test waits for what is to come, in ms: no machine is so slow. What takes longer hangs. */
export const patienceMs = 240_000;

/** Waits on what nothing tells: looks again after 5 ms, then more and more seldom, as each look costs what is waited for; gives up after `limit` ms, which is for hangs and no measure of speed. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, limit = patienceMs): Promise<void> {
  const deadline = Date.now() + limit;
  for (let wait = 5; !(await holds()); wait = Math.min(wait * 1.3, 40)) {
    if (Date.now() > deadline) throw new Error(`waited ${limit} ms in vain until ${what}`);
    await pause(wait);
  }
}
