/** A PgBouncer of a test's own in session mode, before the tests' PostgreSQL, with the settings that docs/scale.md names. */
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { Child, until } from './processes.ts';
import { freePort } from './redis.ts';

/** Where the program is; undefined where the machine has none, which a test is to say loudly. */
export function findPgbouncer(): string | undefined {
  return [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/usr/local/sbin'].map((folder) => join(folder, 'pgbouncer')).find((file) => existsSync(file));
}

/** Starts it before the server of a URL. Answers the same URL through it, and what asks it for its own figures. */
export async function startPgbouncer(scope: { teardown(action: () => unknown): unknown }, program: string, target: string): Promise<{ url: string; show(what: string): Promise<Record<string, unknown>[]> }> {
  const [server, port, folder] = [new URL(target), await freePort(), await mkdtemp(join(tmpdir(), 'tds-pgbouncer-'))];
  scope.teardown(() => rm(folder, { recursive: true, force: true }));
  const [file, users] = [join(folder, 'pgbouncer.ini'), join(folder, 'users.txt')];
  await writeFile(users, `"${decodeURIComponent(server.username)}" "${decodeURIComponent(server.password)}"\n`);
  await writeFile(file, `[databases]
* = host=${server.hostname} port=${server.port || 5432}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = ${users}
admin_users = ${decodeURIComponent(server.username)}
pool_mode = session
server_reset_query = DISCARD ALL
default_pool_size = 60
max_client_conn = 200
ignore_startup_parameters = extra_float_digits,options,statement_timeout,idle_in_transaction_session_timeout
`);
  // It refuses to run as root.
  const asNobody = process.getuid?.() === 0;
  if (asNobody) for (const path of [folder, file, users]) await chown(path, 65534, 65534);
  const child = new Child(scope, program, [...(asNobody ? ['-u', 'nobody'] : []), file]);
  const url = new URL(target);
  url.host = `127.0.0.1:${port}`;
  const admin = new URL(url);
  admin.pathname = '/pgbouncer';
  const show = async (what: string): Promise<Record<string, unknown>[]> => {
    const client = new Client({ connectionString: admin.href });
    client.on('error', () => {});
    await client.connect();
    try {
      return (await client.query(`SHOW ${what}`)).rows as Record<string, unknown>[];
    } finally {
      await client.end();
    }
  };
  await until('PgBouncer answers', async () => {
    if (child.process.exitCode !== null) throw new Error(`pgbouncer ended: ${child.output}`);
    return show('VERSION').then(() => true, () => false);
  });
  return { url: url.href, show };
}
