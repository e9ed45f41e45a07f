/** The ways of docs/deploy.md beside the units: `podman kube play` and compose, from the files that ship, under names of this check. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../support/redis.ts';
import { ask, given, hold, image, notTried, token } from './check.ts';
import { backUp, endsWithIt, logs, mark, must, podman, until } from './podman.ts';

const deploy = join(import.meta.dirname, '../../../deploy');

/** A copy of what the guide tells to change or to make, in a folder that is thrown away. */
function folderOf(file: string, change: (text: string) => string): string {
  const folder = mkdtempSync(join(tmpdir(), 'tds-check-'));
  cpSync(join(deploy, 'podman'), join(folder, 'podman'), { recursive: true });
  writeFileSync(join(folder, file), change(readFileSync(join(deploy, file), 'utf8')));
  return folder;
}

/** Backs up, changes something, and puts the backup back as the guide says; then the change must be gone, and TDS at work. */
async function backAndForth(address: string, container: string, restore: (file: string) => void): Promise<void> {
  const names = async (): Promise<string[]> => (JSON.parse((await ask(address, '/v1/tokens', token)).text) as { tokens: { name: string }[] }).tokens.map(({ name }) => name);
  const file = backUp(container);
  must(['exec', container, 'tds', 'token', 'create', 'later']);
  hold('a backup is made inside, and what comes later is not in it', (await names()).includes('later'));
  restore(file);
  await until('TDS is back', 120, async () => (await ask(address, '/readyz').catch(() => undefined))?.status === 200);
  hold('restored as the guide says: it is as it was at the backup, and goes on', !(await names()).includes('later'));
}

/** Older ones mount no `stringData`, and know no volumes in memory. */
const kubeWants = 5;

export async function kubePlay(): Promise<void> {
  const version = must(['version', '--format', '{{.Client.Version}}']);
  if (Number.parseInt(version, 10) < kubeWants) {
    notTried.push(`podman kube play (it wants Podman ${kubeWants}; this is ${version})`);
    return;
  }
  console.log('\n== podman kube play, with deploy/kube.yaml');
  const port = await freePort();
  const named = (text: string): string => text.replaceAll(/\b(tds-data|tds-postgres|tds-secrets)\b(?=[ ,}])/g, `${mark}-$1`);
  const folder = folderOf('kube.yaml', (text) => named(text).replace(/^ {2}name: tds$/m, `  name: ${mark}`).replace('localhost/tds:1', image).replace('hostPort: 8080', `hostPort: ${port}`).replace('path: ./podman', `path: ${join(deploy, 'podman')}`));
  const [file, secrets, app] = [join(folder, 'kube.yaml'), join(folder, 'secrets.yaml'), `${mark}-app`];
  try {
    writeFileSync(secrets, `apiVersion: v1\nkind: Secret\nmetadata: { name: ${mark}-tds-secrets }\nstringData:\n${Object.entries(given).map(([name, value]) => `  ${name}: "${value}"\n`).join('')}`);
    for (const volume of ['tds-data', 'tds-postgres']) endsWithIt('volume', 'rm', '--force', `${mark}-${volume}`);
    endsWithIt('secret', 'rm', `${mark}-tds-secrets`);
    endsWithIt('pod', 'rm', '--force', '--time', '1', mark);
    must(['kube', 'play', secrets]);
    must(['kube', 'play', file]);
    const address = `http://127.0.0.1:${port}`;
    const took = await until('the pod is ready', 120, async () => (await ask(address, '/readyz').catch(() => undefined))?.status === 200).catch((cause: unknown) => {
      throw new Error(`${(cause as Error).message}\n${must(['pod', 'ps'])}\n${podman(['ps', '--all']).all}\n${logs(app).slice(-3000)}\n${logs(`${mark}-postgres`).slice(-3000)}`, { cause });
    });
    hold(`ready ${took.toFixed(1)} s after \`podman kube play\``, true);
    const shared = must(['exec', `${mark}-postgres`, 'df', '-k', '/dev/shm']);
    hold('PostgreSQL has the shared memory that kube.yaml says, or more', Number(/\S+\s+(\d+)/.exec(shared.split('\n').at(-1) ?? '')?.[1]) >= 256 * 1024, shared);
    await backAndForth(address, app, (backup) => {
      must(['stop', '--time', '30', app]);
      must(['run', '--rm', '--pod', mark, '--volumes-from', app, '--read-only', '--cap-drop=all', image, 'restore', backup, '--replace']);
      must(['start', app]);
    });
    must(['stop', '--time', '30', `${mark}-postgres`]);
    await until('it says that the database is away', 60, async () => (await ask(address, '/readyz')).status === 503);
    hold('while the database is away it lives (/healthz), and would not be restarted', podman(['exec', app, 'node', '/app/deploy/image/health.js', '/healthz']).ok && !podman(['exec', app, 'node', '/app/deploy/image/health.js']).ok);
    must(['start', `${mark}-postgres`]);
    await until('it is well again', 60, async () => (await ask(address, '/readyz')).status === 200);
    must(['kube', 'down', file]);
    hold('`podman kube down` keeps the data', podman(['volume', 'exists', `${mark}-tds-postgres`]).ok);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The programs that the guide names, the first that is there. */
function findCompose(): string[] | undefined {
  return [['podman-compose'], ['docker', 'compose']].find(([program = '', ...args]) => spawnSync(program, [...args, 'version'], { encoding: 'utf8' }).status === 0);
}

export async function composeUp(): Promise<void> {
  const [program, ...first] = findCompose() ?? [];
  if (program === undefined) {
    notTried.push('compose (neither podman-compose nor docker is here)');
    return;
  }
  console.log(`\n== ${[program, ...first].join(' ')}, with deploy/compose.yaml`);
  const port = await freePort();
  const folder = folderOf('compose.yaml', (text) => text.replace('name: tds\n', `name: ${mark}\n`).replaceAll(/container_name: (\S+)/g, `container_name: ${mark}-$1`).replaceAll(/\{ name: (tds-\w+) \}/g, `{ name: ${mark}-$1-c }`)
    .replaceAll('localhost/tds:1', image).replace(/^ {4}build: .*\n/m, '').replace('127.0.0.1:8080:8080', `127.0.0.1:${port}:8080`));
  const run = (...args: string[]): string => {
    const { status, stdout, stderr } = spawnSync(program, [...first, ...(program === 'podman-compose' ? ['-p', mark] : []), ...args], { cwd: folder, encoding: 'utf8' });
    if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${status}: ${stdout}${stderr}`);
    return stdout;
  };
  try {
    mkdirSync(join(folder, 'secrets'), { mode: 0o700 });
    for (const [name, value] of Object.entries(given)) writeFileSync(join(folder, 'secrets', name), value, { mode: 0o444 });
    for (const volume of ['tds-data', 'tds-postgres']) endsWithIt('volume', 'rm', '--force', `${mark}-${volume}-c`);
    for (const container of ['tds', 'tds-postgres']) endsWithIt('rm', '--force', '--time', '1', `${mark}-${container}`);
    run('up', '-d');
    const [address, container] = [`http://127.0.0.1:${port}`, `${mark}-tds`];
    const took = await until('TDS is ready', 120, async () => (await ask(address, '/readyz').catch(() => undefined))?.status === 200).catch((cause: unknown) => {
      throw new Error(`${(cause as Error).message}\n${podman(['ps', '--all']).all}\n${logs(container).slice(-3000)}`, { cause });
    });
    hold(`ready ${took.toFixed(1)} s after \`up\``, true);
    await backAndForth(address, container, (backup) => {
      run('stop', 'tds');
      run('run', '--rm', '--no-deps', 'tds', 'restore', backup, '--replace');
      run('up', '-d');
    });
    run('down');
    hold('`down` keeps the data', podman(['volume', 'exists', `${mark}-tds-postgres-c`]).ok);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
