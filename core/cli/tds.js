#!/usr/bin/env node
// The launcher of the `tds` command. Plain JavaScript of the year 2020, so that any Node that somebody may have can parse it: it only
// finds a Node that runs TypeScript as it is (24 or newer, which `npm ci` brings), and hands over to main.ts.
import { spawn } from 'child_process';
import { existsSync, realpathSync } from 'fs';
import { dirname, join } from 'path';
import process from 'process';
import { isatty } from 'tty';
import { fileURLToPath } from 'url';

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

function handOver(node) {
  const child = spawn(node, [...process.execArgv, join(here, 'tds.js'), ...process.argv.slice(2)], {
    // The channel tells the child when this process has been killed.
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, TDS_LAUNCHED: '1' },
  });
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGUSR2', 'SIGBREAK']) {
    try {
      process.on(signal, () => child.kill(signal));
    } catch {
      // This system doesn't know that one.
    }
  }
  // A ctrl-C in a terminal reaches the child by itself. Passing it on too would look like a second, impatient one; this process only
  // has to outlive it. Without a terminal (a service manager, a test) it comes to this process alone.
  process.on('SIGINT', () => {
    if (!isatty(0)) child.kill('SIGINT');
  });
  child.on('error', (error) => refuse('The one at ' + node + " can't be run (" + error.message + ').'));
  child.on('exit', (code, signal) => {
    process.exitCode = code === null ? 1 : code;
    if (signal === null) return;
    // Die in the same way, so that whoever waits sees the same.
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
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
if (Number(process.versions.node.split('.')[0]) >= needed) {
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
  else handOver(node);
}
