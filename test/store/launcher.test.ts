import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test, type Test } from 'tap';
import { Child, lives, until } from '../support/processes.ts';

const launcher = fileURLToPath(new URL('../../core/cli/tds.js', import.meta.url));

/** A Node older than 24 that this machine has; the system's own, mostly. */
const oldNode = (process.env['PATH'] ?? '')
  .split(delimiter)
  .map((directory) => join(directory, 'node'))
  .filter((path) => existsSync(path))
  .find((path) => Number(/^v(\d+)/.exec(execFileSync(path, ['--version'], { encoding: 'utf8' }))?.[1]) < 24);
const skip = oldNode === undefined && 'this machine has no Node older than 24';

/** An installation with a `main.ts` that tells what it was given, and does as it is told. */
function installation(t: Test, pinned: boolean): string {
  // Not below this checkout, whose own Node would be found.
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'tds-launcher-')));
  t.teardown(() => rmSync(root, { recursive: true, force: true }));
  mkdirSync(join(root, 'core', 'cli'), { recursive: true });
  mkdirSync(join(root, 'node_modules', '.bin'), { recursive: true });
  writeFileSync(join(root, 'package.json'), '{"type":"module"}');
  copyFileSync(launcher, join(root, 'core', 'cli', 'tds.js'));
  chmodSync(join(root, 'core', 'cli', 'tds.js'), 0o755);
  symlinkSync('../../core/cli/tds.js', join(root, 'node_modules', '.bin', 'tds'));
  writeFileSync(
    join(root, 'core', 'cli', 'main.ts'),
    `const version: string = process.versions.node;
     if (process.argv[2] === 'exit') process.exitCode = Number(process.argv[3]);
     if (process.argv[2] === 'stay') {
       const alive = setInterval(() => {}, 1000);
       for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => { console.log(signal); process.exitCode = 7; clearInterval(alive); process.channel?.unref(); });
     }
     console.log(JSON.stringify({ version, args: process.argv.slice(2), pid: process.pid, launched: process.env['TDS_LAUNCHED'] ?? null }));
     if (process.argv[2] === 'die') process.kill(process.pid, 'SIGKILL');`,
  );
  if (pinned) {
    mkdirSync(join(root, 'node_modules', 'node', 'bin'), { recursive: true });
    symlinkSync(process.execPath, join(root, 'node_modules', 'node', 'bin', 'node'));
  }
  return join(root, 'node_modules', '.bin', 'tds');
}

test('on a new Node it runs main.ts in the same process', async (t) => {
  const child = new Child(t, process.execPath, [installation(t, false), 'exit', '3']);
  t.match(await child.json(), { version: process.versions.node, args: ['exit', '3'], pid: child.pid });
  t.strictSame(await child.ended, { code: 3, signal: null });
});

test('on an old Node it hands over to the one that was installed, with arguments, signals and the exit', { skip }, async (t) => {
  const tds = installation(t, true);
  const run = (...args: string[]) => new Child(t, oldNode!, [tds, ...args]);
  const exit = run('exit', '3', 'a b', '--json');
  t.match(await exit.json(), { version: process.versions.node, args: ['exit', '3', 'a b', '--json'], launched: null });
  t.strictSame(await exit.ended, { code: 3, signal: null });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const stay = run('stay');
    await stay.json();
    stay.process.kill(signal);
    t.strictSame(await stay.ended, { code: 7, signal: null }, signal);
    t.match(stay.output, new RegExp(`^${signal}$`, 'm'));
    t.equal(stay.output.split(signal).length, 2, 'once');
  }
  t.strictSame(await run('die').ended, { code: null, signal: 'SIGKILL' });

  const killed = run('stay');
  const { pid } = await killed.json<{ pid: number }>();
  killed.process.kill('SIGKILL');
  await until('the real process has stopped too', () => !lives(pid));
  t.match(killed.output, /SIGTERM/, 'in good order');
});

test('without the installed one it says what to do', { skip }, async (t) => {
  const child = new Child(t, oldNode!, [installation(t, false), 'exit', '3']);
  t.strictSame(await child.ended, { code: 2, signal: null });
  t.match(child.output, /needs Node 24 or newer; this is Node \d+.*npm ci.*npm rebuild node.*cli\.node_version/s);
});
