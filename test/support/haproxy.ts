/** A haproxy of a test's own, with the config that ships. */
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../../core/main.ts';
import { Child, until } from './processes.ts';

/** Where the program is; undefined where the machine has none, which a test is to say loudly. Debian keeps it out of the path of ordinary users. */
export function findHaproxy(): string | undefined {
  return [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/usr/local/sbin'].map((folder) => join(folder, 'haproxy')).find((file) => existsSync(file));
}

/** Starts it before two nodes, looking at them five times a second; one that a busy machine keeps waiting is not gone. Answers its address. */
export async function startHaproxy(scope: { teardown(action: () => unknown): unknown }, program: string, nodes: readonly [string, string], port: number): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tds-haproxy-'));
  scope.teardown(() => rm(folder, { recursive: true, force: true }));
  const shipped = await readFile(join(projectRoot, 'deploy/haproxy/haproxy.cfg'), 'utf8');
  const file = join(folder, 'haproxy.cfg');
  await writeFile(file, shipped.replace('127.0.0.1:8443', `127.0.0.1:${port}`).replace('127.0.0.1:8081', new URL(nodes[0]).host).replace('127.0.0.1:8082', new URL(nodes[1]).host).replaceAll('inter 1s', 'inter 200ms').replace('  timeout connect 3s', '  timeout connect 30s\n  timeout check 30s'));
  const child = new Child(scope, program, ['-db', '-f', file]);
  const url = `http://127.0.0.1:${port}`;
  await until('haproxy answers', async () => {
    if (child.process.exitCode !== null) throw new Error(`haproxy ended: ${child.output}`);
    return (await fetch(`${url}/healthz`).catch(() => undefined))?.status === 200;
  });
  return url;
}
