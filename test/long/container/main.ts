/**
 * Builds the image and tries it for real: hardened, with the embedded PostgreSQL and with one beside it. Run by `npm run test:container`.
 *
 *     TDS_CONTAINER_CHECK=/path/to/verify-containerfile.sh   a program that tries the image and the Quadlet units first, given the project and their folder;
 *                                                            it may leave base images behind, which are used where podman finds them (CONTAINERS_STORAGE_CONF)
 *     TDS_CONTAINER_BUILD="--network=host -v …"              more words for `podman build`, where a mirror of npm is to be used
 *
 *     --only alone,beside,kube,compose,units                 these parts alone
 *
 * Exit code 0: all that was tried is well, and the last line says what was not tried; 1: something is not well; 2: nothing could be tried, and standard error
 * says why.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { addressOf, ask as askAt, given, hardened as hard, hold, image, nodeImage, notTried, postgresImage, secretFlags, token } from './check.ts';
import { backUp, clear, healthy, isHealthy, logs, make, must, podman, remove, run, stop, until } from './podman.ts';
import { composeUp, kubePlay } from './ways.ts';

const root = join(import.meta.dirname, '../../..');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
const hardened = [...hard, '--publish', '127.0.0.1::8080'];

class Impossible extends Error {}

const ask = (container: string, path: string, bearer?: string): Promise<{ status: number; text: string }> => askAt(addressOf(container), path, bearer);

/** Resident memory of TDS, and of the first process, which waits for it; in MB. */
function memory(container: string): string {
  const of = (pid: string): number => Math.round(Number(/VmRSS:\s+(\d+)/.exec(must(['exec', container, 'cat', `/proc/${pid}/status`]))?.[1]) / 1024);
  const [child = ''] = must(['exec', container, 'cat', '/proc/1/task/1/children']).split(' ');
  return `${of(child)} MB, and ${of('1')} MB of the process that waits for it`;
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
  console.log(`memory of TDS soon after the start ${memory(first)}`);
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
  const another = podman(['run', '--rm', ...hard, ...secretFlags(['tds_admin_token']), '--volumes-from', second, image, 'status']);
  hold('a second container on the volume of the first is refused, and told what to do', !another.ok && another.all.includes('store.embedded_busy') && another.all.includes('podman exec'), another.all);

  const file = backUp(second);
  must(['exec', second, 'tds', 'token', 'create', 'later']);
  stop(second);
  must(['run', '--rm', ...hard, ...secretFlags(['tds_admin_token']), '--volumes-from', second, image, 'restore', file, '--replace']);
  must(['start', second]);
  await healthy(second);
  const names = (await ask(second, '/v1/tokens', token)).text;
  hold('a backup is restored as the guide says', names.includes('"name":"ci"') && !names.includes('"name":"later"'), names);
  remove(second);
  await hangs();

  const demo = podman(['run', '--rm', ...hardened, '--workdir', '/var/lib/tds', image, 'demo', '--exit']);
  hold('the demo syncs all of its entities inside', demo.ok && /to the end of the full sync/.test(demo.all), demo.all.slice(-3000));
  console.log(/^from start to first rows.*$/m.exec(demo.all)?.[0] ?? '');
}

/** A plugin that never comes back: nobody but the watchdog can end that, from inside. */
async function hangs(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'tds-check-'));
  try {
    chmodSync(folder, 0o755);
    mkdirSync(join(folder, 'plugins'));
    writeFileSync(join(folder, 'plugins/hang.ts'), `import { SDK_VERSION, definePlugin, type StreamInfo } from 'tds/sdk';
const stream: StreamInfo = { name: 'ever', description: 'Never comes back', key: ['id'], incremental: 'none', details: 'none', provesGone: false, fields: [{ path: 'id', type: 'string' }] };
export default definePlugin({ id: 'hang', version: '1.0.0', sdk: SDK_VERSION, kind: 'connector', description: 'Hangs.', configSchema: { type: 'object', additionalProperties: false, properties: {} },
  create: () => ({ check: async () => [], source: { streams: () => [stream], describe: () => stream, async *read() { for (;;); yield { records: [], observedAt: new Date(), position: null }; } } }) });
`);
    writeFileSync(join(folder, 'tds.config.yaml'), `${readFileSync(join(root, 'deploy/image/tds.config.yaml'), 'utf8')}
policies: { watchdog: { after: 3s } }
connections: { bad: { plugin: hang }, erp: { plugin: postgres, with: { schema: erp } } }
entities: { ever: { from: { connection: bad, stream: ever }, to: { connection: erp, table: ever }, key: id, fields: { id: id } } }
`);
    const container = run('hangs', [...hardened, ...secretFlags(['tds_admin_token']), '--volume', `${folder}:/etc/tds:ro,z`, '--volume', `${join(folder, 'plugins')}:/plugins:ro,z`], [image]);
    await healthy(container);
    const asked = await fetch(`${addressOf(container)}/v1/runs`, { method: 'POST', headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` }, body: JSON.stringify({ entities: ['ever'], mode: 'full' }) });
    hold('a sync that hangs TDS is taken', asked.status === 202, await asked.text());
    const took = await until('the watchdog has ended it', 60, () => must(['inspect', container, '--format', '{{.State.Running}}']) === 'false');
    hold(`a TDS that hangs is ended from inside, ${took.toFixed(1)} s later, with exit code 137`, must(['inspect', container, '--format', '{{.State.ExitCode}}']) === '137' && logs(container).includes('the event loop hangs'), logs(container).slice(-2000));
    remove(container);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function beside(): Promise<void> {
  console.log('\n== with a PostgreSQL beside it, and the config of deploy/podman');
  const [network, data] = [make('network', 'net'), make('volume', 'beside')];
  const database = run('postgres', [
    '--network', network, '--network-alias', 'tds-postgres', '--user', '999:999', '--read-only', '--tmpfs', '/run/postgresql:mode=1777', '--cap-drop=all', '--security-opt=no-new-privileges', '--shm-size=256m',
    ...secretFlags(['tds_db_password']), '--env', 'POSTGRES_USER=tds', '--env', 'POSTGRES_DB=tds', '--env', 'POSTGRES_PASSWORD_FILE=/run/secrets/tds_db_password', '--volume', `${make('volume', 'pg')}:/var/lib/postgresql/data`,
    '--health-cmd', 'pg_isready --quiet --host=127.0.0.1 --username=tds --dbname=tds', '--health-interval', 'disable',
  ], [postgresImage]);
  await healthy(database);
  const options = [...hardened, '--network', network, ...secretFlags(Object.keys(given) as (keyof typeof given)[]), '--env', 'TDS_SCHEDULES=off', '--volume', `${join(root, 'deploy/podman')}:/etc/tds:ro`, '--volume', `${data}:/var/lib/tds`];
  const container = run('beside', options, [image]);
  hold(`healthy ${(await healthy(container)).toFixed(1)} s after the first start, with migrations`, true);
  hold('it works on the database beside', logs(container).includes('PostgreSQL tds@tds-postgres:5432/tds'), logs(container));
  hold('no secret stands in its log', !Object.values(given).filter((value) => value.length > 10).some((secret) => logs(container).includes(secret)));
  must(['stop', '--time', '30', database]);
  await until('it says that the database is away', 60, () => !isHealthy(container));
  hold('but it lives: a probe of /healthz would not restart it', podman(['exec', container, 'node', '/app/deploy/image/health.js', '/healthz']).ok);
  must(['start', database]);
  hold(`while the database is away it is unhealthy, and ${(await healthy(container)).toFixed(1)} s after that is back it is well`, true);
  console.log(`memory of TDS with 24 entities ${memory(container)}`);
  const second = run('second', [...options, '--env', 'TDS_ROLES=worker', '--env', 'TDS_JOURNAL=1'], [image]);
  await healthy(second);
  const nodes = must(['exec', container, 'tds', 'nodes', '--json']);
  hold('a second node with the role worker is at work beside it', (JSON.parse(nodes) as { nodes: unknown[] }).nodes.length === 2, nodes);
  hold('its log has the priorities of the journal, as the units say', /^<6>\{.*"msg":"started"/m.test(logs(second)), logs(second));

  // Restore, as the guide says it for the units: TDS stopped, its database not, one container with the same mounts and secrets; the file came by `podman cp`.
  const file = backUp(container);
  const away = mkdtempSync(join(tmpdir(), 'tds-check-'));
  try {
    must(['cp', `${container}:/var/lib/tds/backups`, join(away, 'tds-backups')]);
    must(['exec', container, 'tds', 'token', 'create', 'later']);
    must(['exec', container, 'rm', file]);
    must(['cp', join(away, 'tds-backups', basename(file)), `${container}:/var/lib/tds/backups/`]);
  } finally {
    rmSync(away, { recursive: true, force: true });
  }
  const restore = ['run', '--rm', ...hard, '--network', network, ...secretFlags(Object.keys(given) as (keyof typeof given)[]), '--volume', `${join(root, 'deploy/podman')}:/etc/tds:ro`, '--volume', `${data}:/var/lib/tds`, image, 'restore', file, '--replace'];
  const refused = podman(restore);
  hold('nothing is restored under a node that works', !refused.ok && refused.all.includes('store.restore_in_use'), refused.all);
  const end = stop(container);
  hold(`SIGTERM ends it in order, in ${end.seconds.toFixed(1)} s`, end.code === 0, logs(container));
  stop(second);
  remove(second);
  const restored = podman(restore);
  hold('stopped, it is restored as the guide says', restored.ok, restored.all);
  must(['start', container]);
  hold(`healthy ${(await healthy(container)).toFixed(1)} s after a further start`, true);
  hold('as it was at the backup', !(await ask(container, '/v1/tokens', token)).text.includes('"name":"later"'));
}

/** What others have to try the units with, which need a systemd. */
function tryUnits(check: string | undefined): void {
  if (check === undefined || check === '') {
    notTried.push('the Quadlet units (TDS_CONTAINER_CHECK is not set: starting them wants a machine with systemd of its own)');
    return;
  }
  console.log(`== ${check}`);
  const SECRETS = Object.entries(given).map(([name, value]) => `${name}=${value}`).join(' ');
  const { status } = spawnSync(check, [root, join(root, 'deploy/podman')], { stdio: 'inherit', env: { PORT: '8080', HEALTH: '/healthz', UNIT: 'tds', HOSTPORT: '8080', SECRETS, ...process.env } });
  hold('the image and its units pass it', status === 0);
}

const parts: Readonly<Record<string, () => unknown>> = { units: () => tryUnits(process.env['TDS_CONTAINER_CHECK']), alone, beside, kube: kubePlay, compose: composeUp };
const { values: { only } } = parseArgs({ options: { only: { type: 'string' } } });
try {
  if (only === undefined || only.split(',').includes('units')) await parts['units']?.();
  else notTried.push('units');
  prepare();
  for (const [name, part] of Object.entries(parts)) {
    if (name === 'units') continue; // before the image of this check is made: it may make the bases
    if (only === undefined || only.split(',').includes(name)) await part();
    else notTried.push(name);
  }
  // What only people have tried, with what they found, stands in docs/deploy.md.
  notTried.push('rootless Podman, Redis, Docker, podman auto-update');
  console.log(`\nall that was tried is well; NOT tried: ${notTried.join('; ')}`);
} catch (error) {
  const impossible = error instanceof Impossible;
  console.error(impossible ? `What is checked here was NOT tried. ${error.message}` : (error as Error).message);
  process.exitCode = impossible ? 2 : 1;
} finally {
  clear();
}
