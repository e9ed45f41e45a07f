import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, cpSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { test, type Test } from 'tap';
import { findBinaries, packageRoot } from '../../core/store/embedded-binaries.ts';
import { reachableByOthers } from '../../core/store/embedded-place.ts';
import { attachEmbeddedPostgres, startEmbeddedPostgres } from '../../core/store/embedded-postgres.ts';
import { fastDirectory } from '../support/database-directory.ts';
import { Child, lives, until } from '../support/processes.ts';

const childFile = fileURLToPath(new URL('embedded-child.ts', import.meta.url));
const nobody = { uid: 65534, gid: 65534 };
const root = process.getuid?.() === 0;
/** A user who has a name on each system, and is neither root nor nobody. */
const daemon = { uid: 1, gid: 1 };
const asOther = root && reachableByOthers(childFile) ? false : 'needs root, and a checkout that others may read';

interface Said {
  url: string;
  port: number;
  pid: number;
  owned: boolean;
  directory: string;
  log: string[];
  code?: string;
  message?: string;
}

/** A directory that everybody may enter, removed with all that is in it. */
function scratch(t: Test): string {
  const path = mkdtempSync(join(fastDirectory(), 'tds-embedded-'));
  chmodSync(path, 0o755);
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const child = (t: Test, options: object, user: object = {}): Child => new Child(t, process.execPath, [childFile, JSON.stringify(options)], { cwd: '/', ...user });

async function query<T extends object>(url: string, text: string): Promise<T[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query<T>(text)).rows;
  } finally {
    await client.end();
  }
}

/** A server whose owner, or the server itself, was killed: what the next one must cope with. */
async function killOwner(owner: Child, server: Said): Promise<void> {
  owner.process.kill('SIGKILL');
  await owner.ended;
  await until('the server has ended with its owner', () => !lives(server.pid));
}

test('a killed owner leaves no server behind, and the next start has all that was committed', async (t) => {
  const dataDirectory = join(scratch(t), 'deep', 'postgres');
  const first = child(t, { dataDirectory, durable: true });
  const server = await first.json<Said>();
  t.equal(server.owned, true);
  await query(server.url, 'CREATE TABLE kept AS SELECT 7 AS seven');
  await killOwner(first, server);

  const second = child(t, { dataDirectory });
  const again = await second.json<Said>();
  t.equal(again.owned, true);
  t.equal(again.url, server.url, 'port and password are those of before');
  t.strictSame(await query(again.url, 'SELECT seven FROM kept'), [{ seven: 7 }]);
  t.equal(statSync(join(again.directory, 'password')).mode & 0o777, 0o600);
  const { password } = new URL(again.url);
  t.notMatch(again.log.join(), password, 'the log does not tell the password');
  t.notMatch(readFileSync(join(again.directory, 'server.json'), 'utf8'), password, 'nor does the state file');
  t.notMatch(readFileSync(join(again.directory, 'postgres.log'), 'utf8'), password);
  second.process.stdin?.write('stop\n');
  t.strictSame(await second.ended, { code: 0, signal: null });
  t.notOk(lives(again.pid));
});

test('processes that start at once share one server; it ends with its owner, and an attached one can start it anew', async (t) => {
  const dataDirectory = join(scratch(t), 'postgres');
  const children = Array.from({ length: 3 }, () => child(t, { dataDirectory }));
  const said = await Promise.all(children.map((each) => each.json<Said>()));
  t.equal(said.filter((each) => each.owned).length, 1);
  t.equal(new Set(said.map((each) => each.url)).size, 1);
  const owner = said.findIndex((each) => each.owned);
  const guest = children.find((_, index) => index !== owner)!;
  guest.process.stdin?.write('stop\n');
  await guest.ended;
  t.ok(lives(said[0]!.pid), 'a guest that goes leaves the server alone');

  const attached = await attachEmbeddedPostgres({ dataDirectory });
  t.match(attached, { owned: false, url: said[0]!.url });
  await killOwner(children[owner]!, said[0]!);
  await attached?.ended;
  t.equal(await attachEmbeddedPostgres({ dataDirectory }), undefined, 'nothing to attach to, and nothing started');
  const mine = await startEmbeddedPostgres({ dataDirectory, durable: false });
  t.teardown(() => mine.stop());
  t.equal(mine.owned, true);
});

test('the server can be crashed and started, and comes back by itself when it is killed', async (t) => {
  const dataDirectory = join(scratch(t), 'postgres');
  const warned: string[] = [];
  const server = await startEmbeddedPostgres({ dataDirectory, durable: false, log: { info() {}, warn: (text) => void warned.push(text) } });
  t.teardown(() => server.stop('immediate'));
  const { url, pid } = server;
  await query(url, 'CREATE TABLE kept AS SELECT 7 AS seven');
  await server.restart('immediate');
  t.not(server.pid, pid);
  t.strictSame(await query(url, 'SELECT seven FROM kept'), [{ seven: 7 }], 'recovered after the crash');

  const before = server.pid;
  process.kill(before, 'SIGKILL');
  await until('it is back', () => server.pid !== 0 && server.pid !== before);
  t.match(warned, [/ended by itself/]);
  t.strictSame(await query(url, 'SELECT seven FROM kept'), [{ seven: 7 }]);

  await Promise.all([server.stop(), server.stop()]);
  await server.stop();
  await server.ended;
  await t.rejects(server.restart(), /has been stopped/);
  t.notOk(existsSync(join(dataDirectory, 'data', 'postmaster.pid')));
});

test('an owner killed together with its guard leaves a server that the next start takes down first', { skip: process.platform !== 'linux' }, async (t) => {
  const dataDirectory = join(scratch(t), 'postgres');
  const first = child(t, { dataDirectory });
  const server = await first.json<Said>();
  const parentOf = (pid: number) => Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]);
  const guard = parentOf(server.pid);
  const readers = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== server.pid && lives(Number(name)) && parentOf(Number(name)) === guard);
  first.process.kill('SIGSTOP'); // it would see its guard die, and act, before it dies itself
  for (const pid of [guard, ...readers.map(Number)]) process.kill(pid, 'SIGKILL');
  first.process.kill('SIGKILL');
  await first.ended;
  t.ok(lives(server.pid), 'the server has nobody now');
  const mine = await startEmbeddedPostgres({ dataDirectory, durable: false });
  t.teardown(() => mine.stop('immediate'));
  t.notOk(lives(server.pid));
  t.ok(lives(mine.pid));
});

test('a stale postmaster.pid whose number another process has by now does not block the start', async (t) => {
  const dataDirectory = join(scratch(t), 'postgres');
  const server = await startEmbeddedPostgres({ dataDirectory, durable: false });
  await server.stop('immediate');
  const pidFile = join(dataDirectory, 'data', 'postmaster.pid');
  // A process of the same user as the server's: another user's number would not frighten PostgreSQL. That user need not reach our Node.
  const bystander = root ? spawn('sleep', ['600'], { cwd: '/', ...nobody }) : spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { cwd: '/' });
  t.teardown(() => bystander.kill('SIGKILL'));
  const lines = existsSync(pidFile) ? readFileSync(pidFile, 'utf8').split('\n').slice(1) : [join(dataDirectory, 'data'), '1700000000', '5432', '', '127.0.0.1', '  1  1', 'ready   '];
  writeFileSync(pidFile, [bystander.pid, ...lines].join('\n'));
  const again = await startEmbeddedPostgres({ dataDirectory, durable: false });
  t.teardown(() => again.stop('immediate'));
  t.strictSame(await query(again.url, 'SELECT 1 AS one'), [{ one: 1 }]);
  t.ok(lives(bystander.pid!), 'and nothing was done to that process');
});

/** As in a container: a start in a PID namespace of its own, where each one gets the same numbers. */
const inNamespace = ['--pid', '--fork', '--kill-child', '--mount-proc'];
const noNamespace = spawnSync('unshare', [...inNamespace, 'true']).status === 0 ? false : 'no PID namespace can be made here';

test('in a container that was killed, the server of the next start has the number of the one before, and is waited for all the same', { skip: noNamespace }, async (t) => {
  const directory = scratch(t);
  const pids: number[] = [];
  for (let start = 0; start < 3; start++) {
    const owner = new Child(t, 'unshare', [...inNamespace, process.execPath, childFile, JSON.stringify({ dataDirectory: directory })], { cwd: '/' });
    const { url, pid } = await owner.json<Said>();
    t.same(await query(url, 'SELECT 1 AS one'), [{ one: 1 }], `start ${start + 1} can be asked as soon as it says so`);
    pids.push(pid);
    if (start === 0) {
      const other = new Child(t, 'unshare', [...inNamespace, '--net', '--ipc', process.execPath, childFile, JSON.stringify({ dataDirectory: directory, patience: 200 })], { cwd: '/' });
      t.match(await other.json(), { code: 'store.embedded_busy', message: /in another container/ }, 'two containers on one volume: the second sees nothing of the first, and is refused');
      t.same(await query(url, 'SELECT 1 AS one'), [{ one: 1 }], 'whose server goes on');
    }
    owner.process.kill('SIGKILL'); // and all in its namespace with it
    await owner.ended;
    await until('the server has ended too', async () => query(url, 'SELECT 1').then(() => false, () => true));
  }
  t.comment(`pids ${pids.join(', ')}`);
});

test('what cannot work is refused with a code and a cure', async (t) => {
  const dataDirectory = join(scratch(t), 'postgres');
  const server = await startEmbeddedPostgres({ dataDirectory, durable: false });
  const { url } = server;
  await server.stop();
  const taken = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => taken.once('listening', resolve));
  const { port } = taken.address() as AddressInfo;
  await t.rejects(startEmbeddedPostgres({ dataDirectory, port }), { code: 'store.embedded_port' });
  taken.close();
  if (!asOther) t.match(await child(t, { dataDirectory }, nobody).json(), { code: 'store.embedded_forbidden' }, "root's directory, another user");
  if (!asOther) {
    const place = scratch(t);
    chownSync(place, 54_321, 54_321);
    t.match(await child(t, { dataDirectory: join(place, 'pg') }, { uid: 54_321, gid: 54_321 }).json(), { code: 'store.embedded_user' }, 'a user without a name');
  }
  writeFileSync(join(dataDirectory, 'data', 'PG_VERSION'), '15\n');
  await t.rejects(startEmbeddedPostgres({ dataDirectory }), { code: 'store.embedded_version', message: /made by PostgreSQL 15/ });
  writeFileSync(join(dataDirectory, 'data', 'PG_VERSION'), '18\n');
  const again = await startEmbeddedPostgres({ dataDirectory, durable: false });
  t.equal(again.url, url, 'a refused start has spoilt nothing');
  await again.stop('immediate');
});

test('an ordinary user runs it, and root finds the same database', { skip: asOther }, async (t) => {
  const place = scratch(t);
  const dataDirectory = join(place, 'theirs', 'postgres');
  mkdirSync(dirname(dataDirectory));
  chownSync(dirname(dataDirectory), daemon.uid, daemon.gid);
  const theirs = child(t, { dataDirectory }, daemon);
  const server = await theirs.json<Said>();
  t.match(server, { owned: true }, server.message ?? '');
  await query(server.url, 'CREATE TABLE kept AS SELECT 7 AS seven');
  t.match(await attachEmbeddedPostgres({ dataDirectory }), { url: server.url });
  await killOwner(theirs, server);
  const roots = await startEmbeddedPostgres({ dataDirectory, durable: false });
  t.strictSame(await query(roots.url, 'SELECT seven FROM kept'), [{ seven: 7 }]);
  await roots.stop();
  t.match(await child(t, { dataDirectory }, daemon).json(), { owned: true, url: server.url }, 'and the user goes on after root');
});

test('as root below a closed directory the data goes to a place that lasts', { skip: asOther }, async (t) => {
  const place = scratch(t);
  chmodSync(place, 0o700);
  const dataDirectory = join(place, '.tds', 'postgres');
  const lines: string[] = [];
  const server = await startEmbeddedPostgres({ dataDirectory, durable: false, log: { info: (text) => lines.push(text), warn() {} } });
  t.teardown(async () => {
    await server.stop('immediate');
    rmSync(server.directory, { recursive: true, force: true });
    try {
      rmdirSync(dirname(server.directory)); // only if nothing else is there
    } catch {}
  });
  t.not(server.directory, dataDirectory);
  t.match(lines.join(), server.directory, 'the log tells where');
  await query(server.url, 'CREATE TABLE kept AS SELECT 7 AS seven');
  await server.stop();
  chmodSync(place, 0o755);
  const again = await startEmbeddedPostgres({ dataDirectory, durable: false });
  t.strictSame(await query(again.url, 'SELECT seven FROM kept'), [{ seven: 7 }], 'and stays there when the directory has been opened');
  await again.stop('immediate');
});

test('an install without scripts gets its library links, a read-only or closed one is copied', async (t) => {
  const place = scratch(t);
  const copy = join(place, 'package');
  const links = JSON.parse(readFileSync(join(packageRoot(), 'native', 'pg-symlinks.json'), 'utf8')) as { target: string }[];
  cpSync(packageRoot(), copy, { recursive: true, verbatimSymlinks: true, filter: (path) => !path.endsWith('.a') });
  for (const { target } of links) rmSync(join(copy, target), { force: true });
  const here = await findBinaries(place, undefined, copy);
  t.equal(here.postgres, join(copy, 'native', 'bin', 'postgres'));
  t.ok(links.every(({ target }) => lstatSync(join(copy, target)).isSymbolicLink()));
  chmodSync(copy, 0o700);
  const copied = await findBinaries(place, nobody, copy);
  t.not(copied.postgres, here.postgres);
  t.ok(links.every(({ target }) => existsSync(join(copied.postgres, '..', '..', '..', target.replace('native', copied.postgres.split('/').at(-3)!)))));
  t.ok(reachableByOthers(copied.postgres));
});
