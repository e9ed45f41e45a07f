#!/usr/bin/env node
// The launcher of the `tds` command. Plain JavaScript of the year 2020, so that any Node that somebody may have can parse it: it only
// finds a Node that runs TypeScript as it is (24 or newer, which `npm ci` brings), hands over to main.ts, and keeps `tds start` alive.
import { spawn } from 'child_process';
import { existsSync, realpathSync } from 'fs';
import { constants } from 'os';
import { dirname, join } from 'path';
import process from 'process';
import { isatty } from 'tty';
import { fileURLToPath } from 'url';
import { isAccident, nodeFlags, pauseAfter, tellRestart } from './supervise.js';

const needed = 24;
const here = dirname(realpathSync(fileURLToPath(import.meta.url)));

/** Looks upwards, as Node does for packages: TDS may itself be installed below another project's node_modules. */
function findPinnedNode() {
  for (let at = here; ; at = dirname(at)) {
    for (const name of ['node', 'node.exe']) {
      const path = join(at, 'node_modules', 'node', 'bin', name);
      if (existsSync(path)) return path;
    }
    if (at === dirname(at)) return undefined;
  }
}

/** Exit code 2: the way in which TDS was installed or called is wrong. */
function refuse(problem) {
  process.exitCode = 2;
  console.error(
    'tds needs Node ' + needed + ' or newer; this is Node ' + process.versions.node + '. ' + problem + '\n' +
      'An install brings the right one: run "npm ci" without --ignore-scripts, or "npm rebuild node" if it was run with it.\n' +
      'Or install Node ' + needed + ' yourself. (cli.node_version)',
  );
}

/** Runs TDS in a child process, which ends this one too. With `again` a child that was at work and ends by an accident gets a successor. */
function handOver(node, again) {
  let child;
  let waiting;
  let pause;
  let started = false;
  let asked = false;
  const end = (code, signal) => {
    process.exitCode = signal === null ? code : 128 + constants.signals[signal];
    if (signal === null) return;
    // Die in the same way, so that whoever waits sees the same. The first process of a container can't, and says it by its code alone.
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  };
  const start = () => {
    const began = Date.now();
    waiting = undefined;
    child = spawn(node, [...nodeFlags, ...process.execArgv, join(here, 'tds.js'), ...process.argv.slice(2)], {
      // The channel tells the child when this process has been killed, and this process when the child is at work.
      stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
      env: { ...process.env, TDS_LAUNCHED: '1' },
    });
    child.on('message', (word) => {
      if (word === 'started') started = true;
    });
    child.on('error', (error) => refuse('The one at ' + node + " can't be run (" + error.message + ').'));
    const follow = (code, signal) => {
      if (!again || !started || asked || !isAccident(code, signal)) return end(code, signal);
      const lived = Date.now() - began;
      pause = pauseAfter(lived, pause);
      tellRestart(code, signal, lived, pause);
      waiting = setTimeout(start, pause);
    };
    child.on('exit', (code, signal) => {
      // What it said last is read before the channel is known to be closed.
      if (child.connected) child.once('disconnect', () => follow(code, signal));
      else follow(code, signal);
    });
  };
  const pass = (signal) => {
    if (signal !== 'SIGUSR2') asked = true;
    if (waiting === undefined) child.kill(signal);
    else clearTimeout(waiting); // nothing runs that could be stopped
  };
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGUSR2', 'SIGBREAK']) {
    try {
      process.on(signal, () => pass(signal));
    } catch {
      // This system doesn't know that one.
    }
  }
  // A ctrl-C in a terminal reaches the child by itself. Passing it on too would look like a second, impatient one; this process only
  // has to outlive it. Without a terminal (a service manager, a test) it comes to this process alone.
  process.on('SIGINT', () => {
    if (waiting !== undefined || !isatty(0)) pass('SIGINT');
    else asked = true;
  });
  start();
}

/** The command among the arguments; `--config` alone has a value. */
function commandOf(args) {
  return args.find((arg, at) => !arg.startsWith('-') && args[at - 1] !== '--config');
}

/**
 * What was compiled once is not compiled again: a start then takes about half the time. The cache lies among the packages, where only
 * who installed them can write; where that can't be done, a start takes the time that it takes.
 */
async function start() {
  const { enableCompileCache } = await import('module');
  if (enableCompileCache) enableCompileCache(join(here, '..', '..', 'node_modules', '.cache', 'tds'));
  await import('./main.ts');
}

const launched = process.env.TDS_LAUNCHED === '1';
// `start` works for months: a parent starts it again after an accident, unless somebody else does (systemd, a container's restart policy).
const again = !launched && process.env.TDS_SUPERVISED !== '1' && commandOf(process.argv.slice(2)) === 'start';
// The kernel keeps the first process of a container from ending itself by a signal: its watchdog could not end a hang. So a child does the work.
const first = process.pid === 1;
const isNew = Number(process.versions.node.split('.')[0]) >= needed;
if (isNew && (again || first)) handOver(process.execPath, again);
else if (isNew) {
  if (launched && process.channel) {
    delete process.env.TDS_LAUNCHED; // not for the children of the child
    process.channel.unref();
    process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  }
  start();
} else {
  const node = findPinnedNode();
  if (node === undefined) refuse('The Node that TDS brings (node_modules/node) is missing.');
  else if (launched) refuse('So is the one at ' + node + '.');
  else handOver(node, again);
}
