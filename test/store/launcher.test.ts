import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test, type Test } from 'tap';
import { Child, lives, until } from '../support/processes.ts';

/** Plain JavaScript, as the launcher is. */
const { isAccident, pauseAfter } = await import(new URL('../../core/cli/supervise.js', import.meta.url).href) as {
  isAccident: (code: number | null, signal: string | null) => boolean; pauseAfter: (livedMs: number, before: number | undefined) => number;
};
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
  for (const file of ['tds.js', 'supervise.js']) copyFileSync(join(dirname(launcher), file), join(root, 'core', 'cli', file));
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
     if (process.argv[2] === 'load') { console.log('loading'); await new Promise(() => setInterval(() => {}, 1000)); }
     if (process.argv[2] === 'start') {
       if (process.argv[3] === 'fail') process.exit(3);
       const alive = setInterval(() => {}, 1000);
       process.on('SIGTERM', () => { clearInterval(alive); process.channel?.unref(); });
       await new Promise<void>((resolve) => (process.send ? process.send('started', () => resolve()) : resolve()));
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

test('start is started again when it dies, ends when it is told to, and is left to others where they say so', async (t) => {
  const tds = installation(t, false);
  const child = new Child(t, process.execPath, [tds, 'start']);
  const pids = async (count: number): Promise<number[]> => {
    await child.said(new RegExp(`(?:"pid"[^]*){${count}}`));
    return [...child.output.matchAll(/"pid":(\d+)/g)].map((match) => Number(match[1]));
  };
  const [first = 0] = await pids(1);
  t.not(first, child.pid);
  process.kill(first, 'SIGKILL');
  const [, second = 0] = await pids(2);
  t.match(child.output, /"code":null,"signal":"SIGKILL","msg":"tds ended by SIGKILL after \d+ s; it is started again"/);
  child.process.kill('SIGTERM');
  await child.ended;
  t.notOk(lives(second));

  t.strictSame(await new Child(t, process.execPath, [tds, 'start', 'fail']).ended, { code: 3, signal: null }, 'what never was at work is not tried again');
  const alone = new Child(t, process.execPath, [tds, 'start'], { env: { ...process.env, TDS_SUPERVISED: '1' } });
  t.match(await alone.json(), { pid: alone.pid });
  alone.process.kill('SIGKILL');
  t.strictSame(await alone.ended, { code: null, signal: 'SIGKILL' });
});

test('what ended by an accident is started again, ever later while it does not hold; what was asked for is not', async (t) => {
  for (const [code, signal] of [[null, 'SIGKILL'], [null, 'SIGABRT'], [null, 'SIGSEGV'], [1, null], [3, null], [134, null], [137, null]] as const) t.ok(isAccident(code, signal), `${code} ${signal}`);
  for (const [code, signal] of [[0, null], [2, null], [130, null], [143, null], [null, 'SIGTERM'], [null, 'SIGINT']] as const) t.notOk(isAccident(code, signal), `${code} ${signal}`);
  const pauses: (number | undefined)[] = [undefined];
  for (let death = 0; death < 10; death += 1) pauses.push(pauseAfter(2_000, pauses.at(-1)));
  t.same(pauses.slice(1), [0, 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
  t.equal(pauseAfter(61_000, 30_000), 0, 'one that lived for a minute begins anew');
});

const inNamespace = ['--pid', '--fork', '--kill-child'];
const noNamespace = spawnSync('unshare', [...inNamespace, 'true']).status === 0 ? false : 'NOT TRIED: no PID namespace can be made here (that wants root), so nothing shows that a hung TDS is ended in a container';

test('as the first process of a container it hands over to a child, which can end itself, and passes signals on and the exit back', { skip: noNamespace }, async (t) => {
  const tds = installation(t, false);
  const run = (...args: string[]) => new Child(t, 'unshare', [...inNamespace, process.execPath, tds, ...args], { env: { ...process.env, TDS_SUPERVISED: '1' } });
  const tell = (child: Child, signal: NodeJS.Signals) => process.kill(Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8')), signal);
  const hung = run('die');
  t.strictSame(await hung.ended, { code: 137, signal: null }, 'SIGKILL from inside, as by the watchdog');
  t.match(await hung.json(), { args: ['die'], launched: null });
  const exit = run('exit', '2');
  t.strictSame(await exit.ended, { code: 2, signal: null });
  const loading = run('load');
  await loading.said(/loading/);
  tell(loading, 'SIGTERM');
  t.strictSame(await loading.ended, { code: 143, signal: null }, 'while TDS is still being loaded');
  const stay = run('stay');
  await stay.json();
  tell(stay, 'SIGTERM');
  t.strictSame(await stay.ended, { code: 7, signal: null });
  t.match(stay.output, /^SIGTERM$/m);
  t.strictSame(await run('start', 'fail').ended, { code: 3, signal: null }, 'and starts nothing again where others do');
});
