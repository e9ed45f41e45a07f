/** The image, the Quadlet units, compose and kube against the program and each other. No podman: `npm run test:container` runs them. */
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { builtinModules } from 'node:module';
import t from 'tap';
import { allRoutes } from '../../core/api/routes/index.ts';
import type { RouteDeps } from '../../core/api/route.ts';
import { fakeOperations } from '../api/fake-operations.ts';
import { load } from '../config/memory-files.ts';
import { callCli } from '../cli/support.ts';
import { readSourceFiles } from '../support/source-files.ts';
import { compose, copied, inBuild, inContext, kube, type ComposeService, type KubeContainer, lastStage, pairs, root, section, text, units } from './support.ts';

const manifest = JSON.parse(text('package.json')) as { version: string; description: string; dependencies: Record<string, string>; optionalDependencies: Record<string, string> };
const image = lastStage();
const said = (word: string): string[] => image.filter(([name]) => name === word).map(([, rest]) => rest);
const one = (word: string): string => {
  const [first = '', ...more] = said(word);
  if (more.length > 0 || first === '') throw new Error(`the image says ${word} ${more.length === 0 ? 'never' : 'more than once'}`);
  return first;
};
const environment = pairs(one('ENV'));
const [tds, postgres, redis] = ['tds.container', 'tds-postgres.container', 'tds-redis.container'].map((name) => section(name, 'Container')) as [ReturnType<typeof section>, ReturnType<typeof section>, ReturnType<typeof section>];
const there = <T>(found: T | undefined): T => {
  if (found === undefined) throw new Error('a part that everything else is held against is missing');
  return found;
};
const pod = there(kube.find(({ kind }) => kind === 'Pod'));
const [podTds, podPostgres] = ['app', 'postgres'].map((name) => there(pod.spec.containers.find((container) => container.name === name))) as [KubeContainer, KubeContainer];
const composed = (name: string): ComposeService => there(compose.services[name]);

const config = text('deploy/podman/tds.config.yaml');
const secretsOf = (yaml: string): string[] => [...new Set([...yaml.replaceAll(/^#.*/gm, '').matchAll(/\$\{file:\/run\/secrets\/(\w+)\}/g)].map(([, name = '']) => name))].toSorted();
const secrets = secretsOf(config);
/** Loads a config as in the container, with a value for each secret. */
const loaded = (yaml: string, env: Record<string, string> = {}) => {
  const { config: read, findings } = load(yaml, { env, more: Object.fromEntries(secrets.map((name) => [`/run/secrets/${name}`, name === 'zoho_organization_id' ? '60001' : '0123456789abcdef'.repeat(4)])) });
  if (!read) throw new Error(JSON.stringify(findings));
  return read;
};

t.test('both configs for containers are right, listen beyond the container, and have a token for the first start', async (t) => {
  for (const yaml of [config, text('deploy/image/tds.config.yaml')]) {
    const { api, plugins } = loaded(yaml);
    t.match(api, { host: '0.0.0.0', port: 8080 });
    t.equal(api.adminToken.length, 64);
    t.match(plugins, ['/plugins']);
    t.same(secretsOf(yaml).filter((name) => !secrets.includes(name)), []);
  }
  t.equal(loaded(text('deploy/image/tds.config.yaml')).database.url, '', 'the image alone brings its PostgreSQL');
  t.match(load(config).findings.map(({ code }) => code), ['config.missing_secret_file'], 'a secret that is not mounted is told');
  t.match(load(config, { more: Object.fromEntries(secrets.map((name) => [`/run/secrets/${name}`, 'short'])) }).findings, [{ code: 'config.bad_value', message: /tds_admin_token.*\{32,200\}/ }], 'a token that can be guessed is refused');
});

t.test('the port is one and the same, and published to this machine alone', async (t) => {
  const { port } = loaded(config).api;
  t.equal(one('EXPOSE'), String(port));
  t.same(tds['PublishPort'], [`127.0.0.1:${port}:${port}`]);
  t.same(composed('tds').ports, [`127.0.0.1:${port}:${port}`]);
  t.match(podTds.ports, [{ containerPort: port, hostPort: port, hostIP: '127.0.0.1' }]);
  for (const other of [postgres, redis]) t.notOk(other['PublishPort'], 'no other one is');
  for (const [name, { ports }] of Object.entries(compose.services)) t.ok(name === 'tds' || ports === undefined, name);
  t.notOk(podPostgres.ports);
});

t.test('every secret that the config reads is given by each way of running it, and told of in the guide', async (t) => {
  const files = (tds['Secret'] ?? []).filter((secret) => !secret.includes(','));
  t.same(files.toSorted(), secrets);
  t.same(composed('tds').secrets?.toSorted(), secrets);
  t.same(Object.keys(compose.secrets).toSorted(), secrets);
  for (const [name, { file }] of Object.entries(compose.secrets)) t.equal(file, `./secrets/${name}`);
  t.ok(pod.spec.volumes.some(({ name, secret }) => secret !== undefined && podTds.volumeMounts.some((mount) => mount.name === name && mount.mountPath === '/run/secrets')));
  for (const name of secrets) t.match(text('docs/deploy.md'), `${name}`);
});

t.test('the database that the config names is the one beside', async (t) => {
  const { hostname, port, username, pathname } = new URL(loaded(config).database.url);
  const environments = [
    Object.fromEntries((postgres['Environment'] ?? []).map((pair) => pair.split('=') as [string, string])), composed('tds-postgres').environment ?? {}, Object.fromEntries((podPostgres.env ?? []).map(({ name, value }) => [name, value])),
  ];
  for (const given of environments) t.match(given, { POSTGRES_USER: username, POSTGRES_DB: pathname.slice(1), POSTGRES_PASSWORD_FILE: '/run/secrets/tds_db_password' });
  t.equal(port, '5432');
  t.same(postgres['ContainerName'], [hostname]);
  t.equal(composed('tds-postgres').container_name, hostname);
  t.match(pod.spec.hostAliases, [{ ip: '127.0.0.1', hostnames: [hostname] }]);
  t.match(postgres['Secret'], ['tds_db_password']);
  t.match(composed('tds-postgres').secrets, ['tds_db_password']);
  t.match(Object.keys(composed('tds').depends_on ?? {}), [hostname]);
  for (const images of [[postgres['Image']?.[0], composed('tds-postgres').image, podPostgres.image], [redis['Image']?.[0], composed('tds-redis').image], [tds['Image']?.[0], composed('tds').image, podTds.image]]) t.equal(new Set(images).size, 1, images.join(', '));
  t.equal(new Set([postgres['User']?.[0], composed('tds-postgres').user, `${podPostgres.securityContext.runAsUser}:999`]).size, 1);
});

t.test('every variable that is set, or shown to be set, is one that TDS knows', async (t) => {
  const { out } = await callCli(['--help']);
  const known = new Set([...`${out.slice(out.indexOf('Environment:'))}${config}`.matchAll(/\b((?:TDS|ZOHO|REDIS)_[A-Z_]+)\b/g)].map(([, name]) => name));
  const ofPostgres = new Set(['POSTGRES_USER', 'POSTGRES_DB', 'POSTGRES_PASSWORD_FILE']);
  const shown = [
    ...Object.keys(environment).filter((name) => !['NODE_ENV', 'HOME'].includes(name)), ...Object.keys(composed('tds').environment ?? {}), ...(podTds.env ?? []).map(({ name }) => name),
    ...['deploy/podman/tds.container', 'deploy/compose.yaml', 'docs/deploy.md'].flatMap((file) => [...text(file).matchAll(/\b((?:TDS|ZOHO|REDIS|POSTGRES)_[A-Z_]+)\b/g)].map(([, name = '']) => name)),
  ];
  t.ok(shown.length > 10);
  t.same([...new Set(shown)].filter((name) => !known.has(name) && !ofPostgres.has(name) && name !== 'TDS_CONTAINER_CHECK'), []);
  t.equal(environment['TDS_SUPERVISED'], '1');
});

t.test('the commands, files and headings that the guide names are there', async (t) => {
  const guide = text('docs/deploy.md');
  const { out } = await callCli(['--help']);
  const commands = [...guide.matchAll(/podman exec tds(?:-app)? tds ([a-z-]+)/g)].map(([, name = '']) => name);
  t.ok(commands.length > 6);
  for (const name of new Set([...commands, 'demo'])) t.match(out, new RegExp(`^ {2}${name}\\b`, 'm'), name);
  for (const [, target = ''] of guide.matchAll(/\]\(([^)\s]+)\)/g)) {
    const [file = '', heading] = target.split('#');
    const path = file === '' ? 'docs/deploy.md' : normalize(join('docs', file));
    t.ok(existsSync(join(root, path)), target);
    const headings = [...text(path).matchAll(/^#+ (.+)$/gm)].map(([, title = '']) => title.toLowerCase().replaceAll(/[^\p{L}\p{N} -]/gu, '').replaceAll(' ', '-'));
    if (heading !== undefined) t.ok(headings.includes(heading), target);
  }
  for (const [, unit = ''] of guide.matchAll(/`(tds-\w+\.(?:container|volume))`/g)) t.ok(unit in units, unit);
  for (const [, path = ''] of guide.matchAll(/`(deploy\/[\w./-]+)`/g)) t.ok(existsSync(join(root, path)), path);
});

t.test('what the units name is there', async (t) => {
  for (const [file, parts] of Object.entries(units)) {
    for (const kind of ['Volume', 'Network']) for (const value of parts['Container']?.[kind] ?? []) {
      const [source = ''] = value.split(':');
      if (/\.(?:volume|network)$/.test(source)) t.ok(source in units, `${file}: ${source}`);
    }
    for (const key of ['Wants', 'After', 'Requires']) for (const name of parts['Unit']?.[key] ?? []) t.ok(name.replace(/service$/, 'container') in units, `${file}: ${name}`);
    t.notOk(text(`deploy/podman/${file}`).includes('HealthCmd=["node"') && !existsSync(join(root, 'deploy/image/health.js')), file);
  }
  for (const [, unit = ''] of text('deploy/podman/tds.container').matchAll(/^#(?:Wants|After)=(.*)\.service$/gm)) t.ok(`${unit}.container` in units, unit);
  for (const [volume, id] of [['tds-data', 'data'], ['tds-postgres', 'postgres']] as const) {
    t.same(section(`${volume}.volume`, 'Volume')['VolumeName'], [volume]);
    t.ok(volume in compose.volumes);
    t.ok(kube.some(({ kind, metadata }) => kind === 'PersistentVolumeClaim' && metadata.name === volume));
    t.ok(pod.spec.volumes.some(({ name, persistentVolumeClaim }) => name === id && persistentVolumeClaim?.claimName === volume));
  }
});

t.test('what one container can have, each way can have: webhooks, Redis, a second node; and each comes back after a reboot', async (t) => {
  const files = ['deploy/podman/tds.container', 'deploy/compose.yaml', 'deploy/kube.yaml'];
  for (const file of files) for (const name of ['TDS_PUBLIC_URL', 'ZOHO_WEBHOOK_SECRET', 'REDIS_URL', 'TDS_SECRET_KEY', 'TDS_ROLES', 'ZOHO_DATA_CENTER']) t.match(text(file), name, `${file}: ${name}`);
  for (const [name, { restart }] of Object.entries(compose.services)) t.equal(restart, 'always', `${name}: podman-restart.service leaves out unless-stopped`);
  t.match(text('deploy/kube.yaml'), /^ {2}restartPolicy: Always$/m);
  const guide = text('docs/deploy.md');
  t.notMatch(guide, 'unless-stopped');
  t.match(guide, 'podman-restart.service');
  t.same([postgres['ShmSize']?.[0], composed('tds-postgres').shm_size], ['256m', '256m']);
  t.match(text('deploy/kube.yaml'), 'name: shm, emptyDir: { medium: Memory, sizeLimit: 256Mi }');
  for (const heading of ['## podman with quadlet units', '## compose', '## podman kube play', '## a single container']) {
    const begin = guide.toLowerCase().indexOf(`\n${heading}\n`);
    const part = guide.slice(begin, guide.indexOf('\n## ', begin + 5));
    t.match(part, /restore \/var\/lib\/tds\/backups\/FILE --replace/, `${heading}: the way back is written`);
  }
});

t.test('the line of the guide that makes a second node makes one that only works, beside the first', async (t) => {
  const line = /^(sed .*) > tds-worker\.container$/m.exec(text('docs/deploy.md'))?.[1] ?? 'false';
  const { status, stdout } = spawnSync('/bin/sh', ['-c', line], { cwd: join(root, 'deploy/podman'), encoding: 'utf8' });
  t.equal(status, 0);
  t.match(stdout, /^ContainerName=tds-worker$/m);
  t.match(stdout, /^Environment=TDS_ROLES=worker$/m);
  t.notMatch(stdout, /^PublishPort=|^ContainerName=tds$/m);
  t.equal(stdout.split('\n').length, text('deploy/podman/tds.container').split('\n').length - 1, 'all else is the same');
});

t.test('config, data and plugins lie where the image looks for them', async (t) => {
  const mounts = [
    (tds['Volume'] ?? []).map((volume) => volume.split(':')[1]), (composed('tds').volumes ?? []).map((volume) => volume.split(':')[1]), podTds.volumeMounts.map(({ mountPath }) => mountPath),
  ];
  t.equal(one('VOLUME'), environment['TDS_DATA']);
  for (const places of mounts) {
    t.ok(places.includes(environment['TDS_DATA']));
    t.ok(places.includes(environment['TDS_CONFIG']?.replace(/\/tds\.config\.yaml$/, '')));
  }
  for (const file of ['deploy/podman/tds.container', 'deploy/compose.yaml']) t.match(text(file), '#Volume=./plugins:/plugins:ro,z'.replace('#Volume=', ''));
  for (const place of [environment['TDS_DATA'], '/etc/tds', '/plugins']) t.match(said('RUN').join('\n'), place);
  // The container's own config is in a folder that exists, under its name.
  for (const folder of [compose.services['tds']?.volumes?.[0]?.split(':')[0], pod.spec.volumes.find(({ name }) => name === 'config')?.hostPath?.path]) t.ok(existsSync(join(root, 'deploy', folder ?? 'x', 'tds.config.yaml')), `${folder}`);
});

t.test('each container is read-only, without capabilities, by a user who is not root', async (t) => {
  t.match(one('USER'), /^[1-9]\d*:[1-9]\d*$/, 'by number, so that it can be told from root');
  const [uid] = one('USER').split(':');
  t.match(said('RUN').join('\n'), new RegExp(`'tds:x:${uid}:${uid}:[\\s\\S]*'tds:x:${uid}:'[\\s\\S]*-o ${uid} -g ${uid} `));
  t.match(text('deploy/image/prepare.ts').replaceAll('_', ''), `user = ${uid};`);
  for (const unit of [tds, postgres, redis]) t.match(unit, { ReadOnly: ['true'], DropCapability: ['all'], NoNewPrivileges: ['true'], Notify: ['healthy'] });
  for (const unit of [postgres, redis]) t.match(unit, { LogDriver: ['journald'] });
  t.match(tds, { LogDriver: ['passthrough'], Environment: ['ZOHO_DATA_CENTER=com', 'TDS_JOURNAL=1'] }, 'the priority of a line is read by the journal, and by no conmon before 2.2');
  for (const unit of [postgres, redis]) t.match(unit, { User: [/^999/], AutoUpdate: ['registry'] });
  for (const [name, service] of Object.entries(compose.services)) t.match(service, { read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] }, name);
  for (const { securityContext } of pod.spec.containers) t.match(securityContext, { readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } });
});

t.test('all ask for health by the same file, which asks a route that needs no token', async (t) => {
  const command = JSON.parse(one('HEALTHCHECK').replace(/^.* CMD /, '')) as string[];
  t.same(command.slice(0, 1), ['node']);
  t.ok(existsSync(join(root, command[1]?.replace('/app/', '') ?? '')));
  for (const key of ['HealthCmd', 'HealthStartupCmd']) t.same(JSON.parse(tds[key]?.[0] ?? ''), command);
  t.same(composed('tds').healthcheck.test, ['CMD', ...command]);
  t.same(podTds.livenessProbe.exec.command, [...command, '/healthz'], 'a node that waits for its database is not killed: docs/decisions/033');
  const asked = /argv\[2\] \|\| '(\/\w+)'/.exec(text('deploy/image/health.js'))?.[1];
  t.equal(asked, '/readyz');
  for (const each of [asked, '/healthz']) {
    const route = allRoutes({ operations: fakeOperations(), version: '1', doors: {} as RouteDeps['doors'] }).find(({ path, method }) => path === each && method === 'GET');
    t.match(route, { scope: 'apart' });
  }
  t.match(text('deploy/image/health.js'), 'process.env.TDS_ADDRESS_FILE');
  t.match(environment['TDS_ADDRESS_FILE'], /^\/tmp\//, 'which can be written, and does not outlive the container');
});

t.test('the image tells its version, and is started like `tds start` under a supervisor', async (t) => {
  const [version] = said('ARG').map(pairs).flatMap(({ VERSION }) => VERSION ?? []);
  t.equal(version, manifest.version);
  t.match(pairs(one('LABEL')), { 'org.opencontainers.image.version': '${VERSION}', 'org.opencontainers.image.description': manifest.description, 'org.opencontainers.image.title': 'TDS', 'org.opencontainers.image.base.name': one('FROM') });
  const { nodeFlags } = await import(new URL('../../core/cli/supervise.js', import.meta.url).href) as { nodeFlags: string[] };
  t.same(JSON.parse(one('ENTRYPOINT')), ['node', ...nodeFlags, '/app/core/cli/tds.js']);
  t.same(JSON.parse(one('CMD')), ['start']);
  t.equal(one('STOPSIGNAL'), 'SIGTERM');
  t.equal(/node:(\d+)-/.exec(one('FROM'))?.[1], manifest.dependencies['node']?.split('.')[0], 'the Node that TDS pins, and no other');
});

t.test('the image gets all that the program imports and reads, and the packages that are no tools of ours', async (t) => {
  const inImage = inBuild();
  const files = readSourceFiles(root, ['core', 'plugins', 'schemas', 'sandbox', 'deploy']).filter(({ path }) => inImage(path));
  t.ok(files.length > 300);
  const packages = new Set([...Object.keys(manifest.dependencies), ...Object.keys(manifest.optionalDependencies)]);
  const faults: string[] = [];
  const named = (file: string, target: string): void => {
    // The test kit of plugins runs with `tap`, where plugins are made: the host only says where it would be.
    if (existsSync(join(root, target)) && !inImage(target) && target !== 'core/sdk/test/index.ts') faults.push(`${file}: ${target} is left out of the image`);
  };
  for (const { path, imports, literals } of files) {
    for (const { text: specifier, target, typeOnly } of imports) {
      const name = specifier.split('/').slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
      if (target !== undefined) named(path, target);
      else if (!typeOnly && /^[@a-z]/.test(specifier) && !specifier.startsWith('node:') && !builtinModules.includes(specifier) && name !== 'tds' && !packages.has(name)) faults.push(`${path}: ${specifier} is not among the dependencies`);
    }
    for (const { text: literal } of literals) if (/^\.{1,2}\/\w\S+$/.test(literal)) named(path, normalize(join(path, '..', literal)));
  }
  t.same(faults, []);
  for (const file of ['package.json', 'package-lock.json', '.npmrc', 'tds.config.yaml', 'core/store/migrations', 'sandbox/demo.json', 'deploy/image/tds.config.yaml']) t.ok(inImage(file) && existsSync(join(root, file)), file);
  for (const file of ['.git', '.env', '.tds', 'node_modules', 'core/x/node_modules', 'test', 'deploy/secrets', 'core/api/x.test.ts', 'core/sdk/test/index.ts', 'docs']) t.notOk(inImage(file), file);
  t.ok(statSync(join(root, 'core/cli/tds.js')).mode & 0o111, 'the command can be run');
});

t.test('nothing that lies about gets into the image: the Containerfile copies by name, and .dockerignore, which Docker reads too, keeps out the rest', async (t) => {
  t.ok(copied.length > 6);
  for (const source of copied) t.ok(/^[\w.][\w./-]*$/.test(source) && !/^\.{0,2}$/.test(source) && existsSync(join(root, source)), source);
  t.notOk(existsSync(join(root, '.containerignore')), 'a second list, which Podman alone would read');
  const letThrough = inContext();
  for (const file of ['.git/config', '.env', '.tds/postgres/password', 'deploy/secrets/tds_db_password', 'deploy/secrets.yaml', 'node_modules/x/y.js', 'plugins/shop/.env.local', 'core/.tds/key']) {
    t.notOk(letThrough(file), `${file}: let through`);
    if (!/^(?:plugins|core)\//.test(file)) t.notOk(copied.some((source) => file === source || file.startsWith(`${source}/`)), `${file}: copied`);
  }
});
