/** One PostgreSQL server process: launched under a guard that ends it when this process dies, waited for, stopped. */
import { spawn, type ChildProcess } from 'node:child_process';
import { chownSync, closeSync, existsSync, openSync, readSync, renameSync, statSync } from 'node:fs';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Binaries } from './embedded-binaries.ts';
import { environment, pidFile, pidFileStamp, startFailed } from './embedded-data.ts';
import type { Place } from './embedded-place.ts';

/** `fast` disconnects clients and writes a checkpoint; `immediate` is a crash on purpose, mended at the next start. */
export type StopMode = 'fast' | 'immediate';

/** A server that accepts connections. */
export interface Server {
  readonly pid: number;
  /** Resolves with what is known of the end, asked for or not. */
  readonly exited: Promise<string>;
  stop(mode: StopMode): Promise<void>;
}

/** What the pid file says of a server that takes connections; a standby takes those that read. */
const accepting = /^(ready|standby)\s*$/;

/** Thrown inside this folder when the port was taken between choosing and binding it. */
export class PortTaken extends Error {}

/** Likewise when processes of a server, seen from here or not, are at work on the data directory. */
export class DataInUse extends Error {}

export interface LaunchOptions {
  readonly binaries: Binaries;
  readonly place: Place;
  readonly port: number;
  readonly durable: boolean;
  /** From `clearPredecessor`. */
  readonly stalePid: number | undefined;
  readonly settings: Readonly<Record<string, string>>;
}

/** Starts the server and resolves once it accepts connections. @throws PortTaken, DataInUse, StoreError `store.embedded_start` */
export async function launch(options: LaunchOptions): Promise<Server> {
  const { binaries, place, port } = options;
  const logPath = join(place.home, 'postgres.log');
  if (existsSync(logPath) && statSync(logPath).size > 5_000_000) renameSync(logPath, `${logPath}.1`);
  const lockPath = join(place.home, 'server.lock');
  const [logFile, lockFile] = [openSync(logPath, 'a', 0o600), openSync(lockPath, 'a', 0o600)];
  if (place.user) for (const path of [logPath, lockPath]) chownSync(path, place.user.uid, place.user.gid);
  const logStart = statSync(logPath).size;
  const args = ['-D', place.data, '-p', String(port)];
  for (const [name, value] of Object.entries({ ...defaults(options.durable), ...options.settings })) args.push('-c', `${name}=${value}`);
  // PostgreSQL takes its grandparent's pid in a stale postmaster.pid for its own: here it is told which pid it need not fear.
  const env = environment(options.stalePid === undefined ? {} : { PG_GRANDPARENT_PID: String(options.stalePid) });
  // In a container, where each start counts its processes anew, a killed server's file names the pid of the new one, and says that it is ready.
  const stale = pidFileStamp(place);
  const guard = spawnGuarded(binaries.postgres, args, { env, logFile, lockFile, user: place.user });
  closeSync(logFile);
  closeSync(lockFile);
  let ended: string | undefined;
  const exited = new Promise<string>((resolve) => {
    const end = (how: string): void => {
      ended ??= how;
      guard.stdin?.destroy(); // ends the guard's reader
      resolve(how);
    };
    guard.once('error', (error) => end(error.message));
    guard.once('exit', (code, signal) => end(signal ?? `code ${code}`));
  });
  const pid = await readPid(guard);
  for (const deadline = Date.now() + 120_000; ; await pause(5)) {
    if (ended !== undefined) {
      if (ended === `code ${inUse}`) throw new DataInUse();
      const text = tail(logPath, logStart);
      if (/Address already in use|could not create any TCP\/IP sockets|Permission denied.*bind/i.test(text)) throw new PortTaken(text);
      throw startFailed(`the server ended with ${ended}`, text, undefined);
    }
    const lines = pidFileStamp(place) === stale ? [] : pidFile(place);
    if (Number(lines[0]) === pid && accepting.test(lines[7] ?? '')) break;
    if (Date.now() > deadline) {
      guard.stdin?.end();
      throw startFailed('the server was not ready within 120 s', tail(logPath, logStart), undefined);
    }
  }
  guard.unref();
  let stopping: Promise<void> | undefined;
  return {
    pid,
    exited,
    stop(mode) {
      if (ended === undefined && mode === 'immediate') signalServer(pid, 'SIGQUIT');
      stopping ??= (async () => {
        guard.ref();
        if (mode === 'fast') guard.stdin?.end();
        const slow = setTimeout(() => signalServer(pid, 'SIGQUIT'), 20_000); // a checkpoint that does not end: recovery mends it
        await exited;
        clearTimeout(slow);
      })();
      return stopping;
    },
  };
}

/** How the guard ends where it did not get the lock: a code that PostgreSQL has not. */
const inUse = 75;

/**
 * The guard is the server's parent. It holds one end of a pipe whose other end is this process's: when this process dies, however, the
 * pipe ends and the server gets SIGINT (fast stop). `detached` keeps a ctrl-C in the terminal from reaching the server.
 * The inner check of `$$` keeps a late reader from signalling a pid that is no longer the server's.
 *
 * Descriptor 3 is a file beside the data, locked for as long as any process of the server lives: two containers with one volume see nothing else of
 * each other, neither pids nor shared memory nor sockets. Who has no `flock` (macOS) has no such containers either; its code for "locked" is 1.
 */
const guardScript = `flock -n 3 2>/dev/null; [ $? -eq 1 ] && exit ${inUse}
exec 4<&0
"$0" "$@" </dev/null 4<&- & P=$!
trap "" INT TERM HUP
echo $P
(exec 3<&-; cat <&4 >/dev/null; kill -0 $$ && kill -INT $P) >/dev/null 2>&1 &
exec 3<&- 4<&- 1>&-
wait $P`;

function spawnGuarded(binary: string, args: string[], options: { env: NodeJS.ProcessEnv; logFile: number; lockFile: number; user: Place['user'] }): ChildProcess {
  const { env, logFile, lockFile, user } = options;
  if (process.platform !== 'win32') return spawn('/bin/sh', ['-c', guardScript, binary, ...args], { cwd: '/', env, stdio: ['pipe', 'pipe', logFile, lockFile], detached: true, ...user });
  // No shell to count on: the same guard in JavaScript. pg_ctl is the only way to ask a server to stop there.
  const script = `const { spawn, spawnSync } = require('node:child_process');
const [binary, ...args] = process.argv.slice(1);
const server = spawn(binary, args, { stdio: ['ignore', 2, 2], windowsHide: true });
console.log(server.pid);
server.on('exit', (code) => process.exit(code ?? 1));
process.stdin.resume().on('end', () => spawnSync(binary.replace(/postgres(\\.exe)?$/, 'pg_ctl$1'), ['stop', '-m', 'fast', '-D', args[1]]));`;
  return spawn(process.execPath, ['-e', script, binary, ...args], { env, stdio: ['pipe', 'pipe', logFile], detached: true, windowsHide: true });
}

async function readPid(guard: ChildProcess): Promise<number> {
  let text = '';
  await new Promise<void>((resolve) => {
    guard.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (text.includes('\n')) resolve();
    });
    guard.stdout?.once('close', resolve);
    guard.once('error', () => resolve());
  });
  guard.stdin?.on('error', () => {}); // the guard has gone: 'exit' tells it
  for (const stream of [guard.stdin, guard.stdout]) (stream as { unref?: () => void } | null)?.unref?.();
  return Number(text);
}

function defaults(durable: boolean): Record<string, string> {
  return {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    timezone: 'UTC',
    log_timezone: 'UTC',
    // The client is told of each failed statement. In the server's log it would only spread the values of its rows.
    log_min_messages: 'log',
    log_min_error_statement: 'panic',
    log_error_verbosity: 'terse',
    log_checkpoints: 'off',
    log_line_prefix: '%m [%p] ',
    logging_collector: 'off',
    // a container may have less than its machine; 0: that is not known
    shared_buffers: Math.min(totalmem(), process.constrainedMemory() || Infinity) >= 4e9 ? '256MB' : '128MB',
    max_connections: '200',
    max_wal_size: '2GB',
    checkpoint_timeout: '15min',
    wal_compression: 'on',
    random_page_cost: '1.1',
    jit: 'off', // compiling costs more than it brings for statements of this size
    autovacuum_naptime: '20s',
    ...(durable ? {} : { fsync: 'off', full_page_writes: 'off', wal_compression: 'off', shared_buffers: '128MB', max_wal_size: '256MB' }),
  };
}

function signalServer(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has gone by itself.
  }
}

function tail(path: string, from: number): string {
  const file = openSync(path, 'r');
  try {
    const buffer = Buffer.alloc(20_000);
    return buffer.toString('utf8', 0, readSync(file, buffer, 0, buffer.length, from));
  } finally {
    closeSync(file);
  }
}
