import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { CliError } from './errors.ts';

/** What a running demo leaves behind, so that `tds --demo status` in another terminal speaks with it. */
export interface DemoState {
  pid: number;
  /** The config file, from the directory where the demo was started. */
  config: string;
  /** What the config needs; for a remote that lives on this machine and ends with the demo. */
  variables: Record<string, string>;
}

/** Where the demo keeps its database. */
export const demoData = path.join('.tds', 'demo');

const fileName = path.join('.tds', 'demo.json');

/** @throws CliError `cli.no_demo` */
export function readDemoState(cwd: string): DemoState {
  try {
    const state = JSON.parse(readFileSync(path.join(cwd, fileName), 'utf8')) as DemoState;
    process.kill(state.pid, 0);
    return state;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EPERM') throw new CliError('cli.no_demo', 'the demo belongs to another user', { cause });
    throw new CliError('cli.no_demo', 'no demo runs in this directory', { suggestion: 'Start one in another terminal: npm run demo', cause });
  }
}

/** Writes the state; call it after the database was made, which sets the rights of the directory. */
export function writeDemoState(cwd: string, state: DemoState): void {
  mkdirSync(path.join(cwd, '.tds'), { recursive: true });
  writeFileSync(path.join(cwd, fileName), `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
}

/** Takes the state away when the demo ends. */
export function removeDemoState(cwd: string): void {
  rmSync(path.join(cwd, fileName), { force: true });
}
