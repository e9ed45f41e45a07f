/** The data directory of the embedded PostgreSQL: made by initdb, of a known version, and free of what an earlier server left. */
import { spawn } from 'node:child_process';
import { chownSync, existsSync, readFileSync, statSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Binaries } from './embedded-binaries.ts';
import { forbidden, type Place } from './embedded-place.ts';
import { StoreError } from './errors.ts';

const superuser = 'tds';

/**
 * Runs initdb unless the data directory is there; refuses one of another major version.
 * @param durable false leaves out fsync (tests).
 */
export async function initialize(binaries: Binaries, place: Place, password: string, durable: boolean): Promise<void> {
  const versionFile = join(place.data, 'PG_VERSION');
  if (existsSync(place.data)) {
    const found = await readFile(versionFile, 'utf8').then((text) => text.trim(), (error: unknown) => forbidden(place.data, error));
    if (found === binaries.major) return;
    const cure = `Run the version of TDS that made it and move the data with pg_dump, or set another data directory, or TDS_DATABASE_URL.`;
    throw new StoreError('store.embedded_version', `${place.data} was made by PostgreSQL ${found}; this TDS brings PostgreSQL ${binaries.major}.`, cure);
  }
  // Drafts of a start that was killed. One whose initdb still runs fails there, which harms nobody.
  for (const name of await readdir(place.home)) if (name.startsWith('draft-')) await rm(join(place.home, name), { recursive: true, force: true });
  const draft = join(place.home, `draft-${process.pid}-${Date.now()}`);
  const passwordFile = join(draft, 'password');
  await mkdir(draft, { mode: 0o700 });
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (place.user) for (const path of [draft, passwordFile]) chownSync(path, place.user.uid, place.user.gid);
  const args = ['--pgdata', join(draft, 'data'), '--username', superuser, '--pwfile', passwordFile, '--auth', 'scram-sha-256'];
  args.push('--locale=C', '--encoding=UTF8', ...(durable ? [] : ['--no-sync']));
  const child = spawn(binaries.initdb, args, { cwd: '/', env: environment(), stdio: ['ignore', 'pipe', 'pipe'], ...place.user });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  const code = await new Promise<unknown>((resolve) => child.once('error', resolve).once('close', resolve));
  const [, nameless] = /could not look up effective user ID (\d+)/.exec(output) ?? [];
  if (nameless !== undefined) {
    const cure = 'Run as a user whom /etc/passwd names (a container with --user needs a line there), or set TDS_DATABASE_URL.';
    throw new StoreError('store.embedded_user', `PostgreSQL's initdb needs a name for user ${nameless}, and this system has none.`, cure);
  }
  if (code !== 0) throw startFailed(`initdb ended with ${String(code)}`, output, code);
  await rename(join(draft, 'data'), place.data);
  await rm(draft, { recursive: true, force: true });
}

/**
 * Ends what an earlier owner may have left of a server on this data directory: waits for one that is stopping, stops one whose guard
 * was killed as well. Returns the pid of a stale postmaster.pid that another program has by now, for `launch`.
 */
export async function clearPredecessor(place: Place, log: (text: string) => void): Promise<number | undefined> {
  const deadline = Date.now() + 60_000;
  let asked = false;
  for (;;) {
    const pid = Number(pidFile(place)[0]);
    if (!Number.isInteger(pid) || pid <= 0 || !alive(pid)) return undefined;
    if (!(await isServerOf(pid, place))) return pid;
    if (!asked) {
      asked = true;
      log(`waiting for the former server (pid ${pid}) to stop`);
      process.kill(pid, 'SIGINT');
    }
    if (Date.now() > deadline) {
      const cure = 'Wait for it, or stop it by hand with SIGINT.';
      throw new StoreError('store.embedded_busy', `A PostgreSQL (pid ${pid}) on ${place.data} does not stop.`, cure);
    }
    await pause(20);
  }
}

/** Text for whoever reads an error: the server's own last words. */
export const startFailed = (what: string, output: string, cause: unknown): StoreError =>
  new StoreError(
    'store.embedded_start',
    `The embedded PostgreSQL did not start: ${what}.`,
    `It said: ${output.trim().slice(-1500) || 'nothing'}\nMend that, or set TDS_DATABASE_URL to a PostgreSQL of your own.`,
    cause instanceof Error ? { cause } : undefined,
  );

/** Nothing of this process's environment, where credentials may stand, goes to the server; nor its PG* variables. */
export function environment(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const { PATH, SystemRoot } = process.env;
  return { PATH, ...(SystemRoot === undefined ? {} : { SystemRoot }), LC_ALL: 'C', ...more } as NodeJS.ProcessEnv;
}

/** The lines of postmaster.pid: pid, data directory, start time, port, …, and in the eighth the state. Empty where there is none. */
export function pidFile(place: Place): string[] {
  try {
    return readFileSync(join(place.data, 'postmaster.pid'), 'utf8').split('\n');
  } catch {
    return [];
  }
}

/** When postmaster.pid was last written, in ns: tells the server's own from one that a killed predecessor left, perhaps of the same number. */
export function pidFileStamp(place: Place): bigint | undefined {
  return statSync(join(place.data, 'postmaster.pid'), { bigint: true, throwIfNoEntry: false })?.ctimeNs;
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * Is this living process the PostgreSQL of our data directory? Its command line tells (not its working directory: in a container root
 * may not read that), or where there is none, the port. A wrong "no" is caught by PostgreSQL itself, by the shared memory in use.
 */
async function isServerOf(pid: number, place: Place): Promise<boolean> {
  if (process.platform === 'linux') {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(place.data);
    } catch {
      // gone, or hidden
    }
  }
  const port = Number(pidFile(place)[3]);
  return new Promise<boolean>((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

