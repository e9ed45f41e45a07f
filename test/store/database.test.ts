import { chmodSync, chownSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'tap';
import { attachEmbeddedPostgres } from '../../core/store/embedded-postgres.ts';
import { reachableByOthers } from '../../core/store/embedded-place.ts';
import { fastDirectory } from '../support/database-directory.ts';
import { testDatabase } from '../support/database.ts';
import { Child, lives, until } from '../support/processes.ts';

test('each database is a clone of the template, alone, and gone afterwards', async (t) => {
  const start = performance.now();
  const [a, b] = await Promise.all([testDatabase(t), testDatabase(t)]);
  t.comment(`two clones in ${Math.round(performance.now() - start)} ms`);
  await a.pool.query('CREATE TABLE public.mine (id int)');
  const { rows } = await b.pool.query("SELECT to_regclass('public.mine') AS mine, to_regclass('graphile_worker._private_jobs') AS jobs, to_regclass('migrations')::text AS migrations");
  t.match(rows[0], { mine: null, jobs: 'graphile_worker._private_jobs', migrations: 'migrations' });
  let name = '';
  await t.test('inner', async (inner) => {
    const database = await testDatabase(inner, { migrated: false });
    name = database.name;
    await database.pool.connect(); // never given back: the teardown must not wait for it
  });
  t.strictSame((await a.pool.query('SELECT FROM pg_database WHERE datname = $1', [name])).rows, []);
});

test('the shared server ends by itself, data and all, when nobody is attached any more', async (t) => {
  const serverFile = fileURLToPath(new URL('../support/database-server.ts', import.meta.url));
  const place = mkdtempSync(join(fastDirectory(), 'tds-shared-'));
  t.teardown(() => rmSync(place, { recursive: true, force: true }));
  // As an ordinary user where that can be had.
  const nobody = { uid: 65534, gid: 65534 };
  const other = process.getuid?.() === 0 && reachableByOthers(serverFile);
  chmodSync(place, 0o755);
  if (other) chownSync(place, nobody.uid, nobody.gid);
  const dataDirectory = join(place, 'server');
  const server = new Child(t, process.execPath, [serverFile, dataDirectory, '300'], { cwd: '/', ...(other ? nobody : {}) });
  await server.said(/ready/);
  const attached = await attachEmbeddedPostgres({ dataDirectory });
  t.ok(attached && lives(attached.pid));
  await attached?.stop();
  t.strictSame(await server.ended, { code: 0, signal: null });
  await until('the server has gone', () => !lives(attached!.pid));
  t.notOk(existsSync(dataDirectory));
});
