/**
 * Builds the image and tries it for real: hardened, with the embedded PostgreSQL and with one beside it. Run by `npm run test:container`.
 *
 *     TDS_CONTAINER_CHECK=/path/to/verify-containerfile.sh   a program that tries the image and the Quadlet units first, given the project and their folder;
 *                                                            it may leave base images behind, which are used where podman finds them (CONTAINERS_STORAGE_CONF)
 *     TDS_CONTAINER_BUILD="--network=host -v …"              more words for `podman build`, where a mirror of npm is to be used
 *
 * Exit code 0: all was tried and is well; 1: something is not; 2: it could not be tried, and standard error says why.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { clear, healthy, isHealthy, logs, make, mark, must, podman, remove, run, stop, until } from './podman.ts';

const root = join(import.meta.dirname, '../../..');
const image = 'localhost/tds:check';
const [nodeImage, postgresImage] = ['docker.io/library/node:24-bookworm-slim', 'docker.io/library/postgres:17-trixie'];
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
const token = '0123456789abcdef'.repeat(4);
const given = { tds_admin_token: token, tds_db_password: 'a-password-of-this-check', zoho_organization_id: '60001', zoho_client_id: 'client', zoho_client_secret: 'a-client-secret', zoho_refresh_token: 'a-refresh-token' };
const hardened = ['--read-only', '--cap-drop=all', '--security-opt=no-new-privileges', '--publish', '127.0.0.1::8080'];

class Impossible extends Error {}

function hold(what: string, truth: boolean, more = ''): void {
  if (!truth) throw new Error(`NOT ${what}${more === '' ? '' : `\n${more}`}`);
  console.log(`ok: ${what}`);
}

/** A secret of the check under the name that the config reads. */
const secretFlags = (names: readonly (keyof typeof given)[]): string[] => names.flatMap((name) => ['--secret', `${mark}-${name},target=${name}`]);

async function ask(container: string, path: string, bearer?: string): Promise<{ status: number; text: string }> {
  const answer = await fetch(`http://${must(['port', container, '8080'])}${path}`, { signal: AbortSignal.timeout(10_000), headers: bearer === undefined ? {} : { Authorization: `Bearer ${bearer}` } });
  return { status: answer.status, text: await answer.text() };
}

/** Resident memory of the first process, in MB. */
function memory(container: string): number {
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(must(['exec', container, 'cat', '/proc/1/status']))?.[1]) / 1024);
}

function prepare(): void {
  console.log('\n== the image');
  const info = podman(['info', '--format', '{{.Host.OCIRuntime.Name}}']);
  if (!info.ok) throw new Impossible(`podman can't be used here: ${info.all.slice(0, 500)}`);
  for (const base of [nodeImage, postgresImage]) {
    if (podman(['image', 'exists', base]).ok) continue;
    const pulled = podman(['pull', '--quiet', base]);
    if (!pulled.ok) throw new Impossible(`${base} is not here and can't be pulled: ${pulled.all.slice(-500)}\nWhere no registry is reached, make a stand-in of that name first, or let TDS_CONTAINER_CHECK name a program that does.`);
  }
  const built = podman(['build', '--format', 'docker', '--pull=never', '--tag', image, ...(process.env['TDS_CONTAINER_BUILD'] ?? '').split(' ').filter((word) => word !== ''), root]);
  hold('the image can be built', built.ok, built.all.slice(-4000));
  const { User, Labels } = JSON.parse(must(['inspect', image, '--format', '{{json .Config}}'])) as { User: string; Labels: Record<string, string> };
  hold(`it is of version ${version} and run by user ${User}`, /^[1-9]/.test(User) && Labels['org.opencontainers.image.version'] === version);
  const megabytes = (name: string): number => Math.round(Number(must(['inspect', name, '--format', '{{.Size}}'])) / 1e6);
  console.log(`size ${megabytes(image)} MB, of which ${megabytes(nodeImage)} MB are ${nodeImage}`);
  for (const [name, value] of Object.entries(given)) make('secret', name, value);
}

async function alone(): Promise<void> {
  console.log('\n== one container, with the embedded PostgreSQL');
  const without = run('bare', hardened, [image]);
  await until('it ends', 60, () => must(['inspect', without, '--format', '{{.State.Running}}']) === 'false');
  hold('without a token it does not start, and says which secret is missing', must(['inspect', without, '--format', '{{.State.ExitCode}}']) === '2' && logs(without).includes('tds_admin_token'), logs(without));

  const options = [...hardened, ...secretFlags(['tds_admin_token']), '--volume', `${make('volume', 'data')}:/var/lib/tds`];
  const first = run('alone', options, [image]);
  hold(`healthy ${(await healthy(first)).toFixed(1)} s after the first start, with initdb`, true);
  hold('who has no token is kept out', (await ask(first, '/v1/tokens')).status === 401);
  const list = await ask(first, '/v1/tokens', token);
  hold('the token of the secret lets in', list.status === 200 && (JSON.parse(list.text) as { tokens: unknown[] }).tokens.length === 1, list.text);
  hold('and stands in no log', !logs(first).includes(token) && logs(first).includes('"msg":"started"'), logs(first));
  hold('nothing can be written outside of the volume', !podman(['exec', first, 'touch', '/app/x']).ok && !podman(['exec', first, 'touch', '/etc/tds/x']).ok);
  hold('it has no capabilities', /CapEff:\s+0+\n[\s\S]*CapBnd:\s+0+\n/.test(must(['exec', first, 'cat', '/proc/1/status'])));
  hold('commands work inside', podman(['exec', first, 'tds', 'token', 'create', 'ci']).ok && podman(['exec', first, 'tds', 'status']).ok);
  console.log(`memory of TDS soon after the start ${memory(first)} MB`);
  const end = stop(first);
  hold(`SIGTERM ends it in order, in ${end.seconds.toFixed(1)} s`, end.code === 0, `${end.code}\n${logs(first)}`);
  remove(first);

  const second = run('again', options, [image]);
  hold(`healthy again on the same volume after ${(await healthy(second)).toFixed(1)} s`, true);
  hold('what was there is there', (await ask(second, '/v1/tokens', token)).text.includes('"name":"ci"'));
  must(['kill', '--signal', 'KILL', second]);
  must(['start', second]);
  await healthy(second);
  hold('a killed one starts again on what it left', (await ask(second, '/v1/tokens', token)).text.includes('"name":"ci"'));
  remove(second);

  const demo = podman(['run', '--rm', ...hardened, '--workdir', '/var/lib/tds', image, 'demo', '--exit']);
  hold('the demo syncs all of its entities inside', demo.ok && /to the end of the full sync/.test(demo.all), demo.all.slice(-3000));
  console.log(/^from start to first rows.*$/m.exec(demo.all)?.[0] ?? '');
}

async function beside(): Promise<void> {
  console.log('\n== with a PostgreSQL beside it, and the config of deploy/podman');
  const network = make('network', 'net');
  const database = run('postgres', [
    '--network', network, '--network-alias', 'tds-postgres', '--user', '999:999', '--read-only', '--tmpfs', '/run/postgresql:mode=1777', '--cap-drop=all', '--security-opt=no-new-privileges', '--shm-size=256m',
    ...secretFlags(['tds_db_password']), '--env', 'POSTGRES_USER=tds', '--env', 'POSTGRES_DB=tds', '--env', 'POSTGRES_PASSWORD_FILE=/run/secrets/tds_db_password', '--volume', `${make('volume', 'pg')}:/var/lib/postgresql/data`,
    '--health-cmd', 'pg_isready --quiet --host=127.0.0.1 --username=tds --dbname=tds', '--health-interval', 'disable',
  ], [postgresImage]);
  await healthy(database);
  const options = [...hardened, '--network', network, ...secretFlags(Object.keys(given) as (keyof typeof given)[]), '--env', 'TDS_SCHEDULES=off', '--volume', `${join(root, 'deploy/podman')}:/etc/tds:ro`];
  const container = run('beside', options, [image]);
  hold(`healthy ${(await healthy(container)).toFixed(1)} s after the first start, with migrations`, true);
  hold('it works on the database beside', logs(container).includes('PostgreSQL tds@tds-postgres:5432/tds'), logs(container));
  hold('no secret stands in its log', !Object.values(given).filter((value) => value.length > 10).some((secret) => logs(container).includes(secret)));
  must(['stop', '--time', '30', database]);
  await until('it says that the database is away', 60, () => !isHealthy(container));
  must(['start', database]);
  hold(`while the database is away it is unhealthy, and ${(await healthy(container)).toFixed(1)} s after that is back it is well`, true);
  console.log(`memory of TDS with 24 entities ${memory(container)} MB`);
  const end = stop(container);
  hold(`SIGTERM ends it in order, in ${end.seconds.toFixed(1)} s`, end.code === 0, logs(container));
  must(['start', container]);
  hold(`healthy ${(await healthy(container)).toFixed(1)} s after a further start`, true);
}

/** What others have to try the units with, which need a systemd. */
function tryUnits(check: string | undefined): void {
  if (check === undefined || check === '') {
    console.log('TDS_CONTAINER_CHECK is not set: the Quadlet units are NOT started, as that wants a machine with systemd of its own');
    return;
  }
  console.log(`== ${check}`);
  const SECRETS = Object.entries(given).map(([name, value]) => `${name}=${value}`).join(' ');
  const { status } = spawnSync(check, [root, join(root, 'deploy/podman')], { stdio: 'inherit', env: { PORT: '8080', HEALTH: '/healthz', UNIT: 'tds', HOSTPORT: '8080', SECRETS, ...process.env } });
  hold('the image and its units pass it', status === 0);
}

try {
  tryUnits(process.env['TDS_CONTAINER_CHECK']);
  prepare();
  await alone();
  await beside();
  console.log('\nall is well');
} catch (error) {
  const impossible = error instanceof Impossible;
  console.error(impossible ? `What is checked here was NOT tried. ${error.message}` : (error as Error).message);
  process.exitCode = impossible ? 2 : 1;
} finally {
  clear();
}
