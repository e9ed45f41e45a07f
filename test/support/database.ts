/**
 * A database of its own for each test file, on a real PostgreSQL: a clone of a template that holds all migrations.
 *
 * The server is shared by all test processes of this checkout. Whoever comes first starts it (`database-server.ts`, a process of its
 * own), and it ends by itself when no test process has been attached for some seconds. TDS_TEST_DATABASE_URL names another server
 * (its user needs CREATEDB); what is left there after a killed test has a name that starts with `tds_test_`.
 */
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { withAdvisoryLock } from '../../core/store/advisory-lock.ts';
import { attachEmbeddedPostgres } from '../../core/store/embedded-postgres.ts';
import { migrate, migrateQueue } from '../../core/store/migrate.ts';
import { createPool, type Pool } from '../../core/store/pool.ts';
import { testServerDirectory } from './database-directory.ts';

/** The part of tap's `t` that is needed here. */
export interface TestScope {
  teardown(action: () => Promise<void>): unknown;
}

export interface TestDatabase {
  /** As TDS_DATABASE_URL. Child processes of the test may use it. */
  readonly url: string;
  /** On TDS's schema, at most 10 connections. Ended at teardown. */
  readonly pool: Pool;
  readonly name: string;
}

export interface TestDatabaseOptions {
  /** False gives an empty database, without TDS's and the queue's schema. Default true. */
  readonly migrated?: boolean;
  /** Another server than the one that all tests share. */
  readonly server?: string;
}

const migrations = fileURLToPath(new URL('../../core/store/migrations', import.meta.url));
const packageFile = fileURLToPath(new URL('../../node_modules/graphile-worker/package.json', import.meta.url));
const serverFile = fileURLToPath(new URL('database-server.ts', import.meta.url));

/** ms: longer than the pause between two test files, short enough to leave nothing behind. */
const idleLimit = 4_000;

/** Makes the database; its scope's teardown ends the pool and drops it, whoever is still connected. */
export async function testDatabase(scope: TestScope, options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const server = options.server ?? await serverUrl();
  const name = `tds_test_${process.pid}_${randomBytes(5).toString('hex')}`;
  await onServer(server, async (admin) => {
    const template = options.migrated === false ? 'template0' : await ensureTemplate(server, admin);
    const { rows } = await admin.query<{ major: number }>(`SELECT current_setting('server_version_num')::int / 10000 AS major`);
    await admin.query(`CREATE DATABASE ${name} TEMPLATE ${template}${(rows[0]?.major ?? 0) >= 15 ? ' STRATEGY file_copy' : ''}`); // 14 knows that way alone, and no word for it
  });
  const url = databaseUrl(server, name);
  const pool = createPool({ url, schema: 'tds', max: 10, applicationName: 'tds test' });
  scope.teardown(async () => {
    // Not awaited: it would wait for ever for a client that a test has kept. Dropping by force ends all connections.
    pool.end().catch(() => {});
    await onServer(server, (admin) => admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
  });
  return { url, pool, name };
}

let shared: Promise<string> | undefined;

/** The URL of the server's `postgres` database; starts the shared server if need be. */
export function serverUrl(): Promise<string> {
  const given = process.env['TDS_TEST_DATABASE_URL'];
  shared ??= given !== undefined && given !== '' ? Promise.resolve(given) : startShared();
  return shared;
}

async function startShared(): Promise<string> {
  for (let attempt = 1; attempt <= 5; attempt++) {
    const attached = await attachEmbeddedPostgres({ dataDirectory: testServerDirectory() });
    // The attachment is held until this process ends: it is what keeps the server alive.
    if (attached) return attached.url;
    void import('graphile-worker'); // the template will need it: loads beside initdb
    await spawnServer();
  }
  throw new Error(`the test server did not start; see ${join(testServerDirectory(), 'postgres.log')}`);
}

/** Resolves when the new process says that a server runs, its own or one that was faster; rejects with its words when it ends. */
function spawnServer(): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [serverFile, testServerDirectory(), String(idleLimit)], { stdio: ['ignore', 'pipe', 'pipe'], detached: true, env: cleanEnvironment() });
    let words = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (words += text));
    child.stdout.once('data', () => {
      child.stdout.destroy();
      child.stderr.destroy();
      child.unref();
      resolve();
    });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the test server ended with code ${code}: ${words}`)));
  });
}

/** Without what tap puts there: the server is no test. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(_?TAP|NODE_OPTIONS$|NODE_V8_COVERAGE$)/.test(name)));
}

async function ensureTemplate(server: string, admin: Client): Promise<string> {
  const name = `tds_template_${templateKey()}`;
  const exists = async (): Promise<boolean> => (await admin.query('SELECT FROM pg_database WHERE datname = $1', [name])).rows.length > 0;
  if (await exists()) return name;
  await withAdvisoryLock(admin, 'test template', async () => {
    if (await exists()) return;
    // Made under another name, so that nobody clones a half one.
    const draft = `${name}_draft`;
    await admin.query(`DROP DATABASE IF EXISTS ${draft} WITH (FORCE)`);
    await admin.query(`CREATE DATABASE ${draft} TEMPLATE template0`);
    const pool = createPool({ url: databaseUrl(server, draft), schema: 'tds', max: 2 });
    try {
      if (existsSync(migrations)) await migrate({ pool, directory: migrations, schema: 'tds' });
      await migrateQueue({ pool });
    } finally {
      await pool.end();
    }
    await admin.query(`ALTER DATABASE ${draft} RENAME TO ${name}`);
  });
  return name;
}

/** Changes with every byte of a migration, so an edited one gets a new template. */
function templateKey(): string {
  const hash = createHash('sha256').update(readFileSync(packageFile));
  if (existsSync(migrations)) for (const name of readdirSync(migrations).sort()) hash.update(`${name}\0`).update(readFileSync(join(migrations, name)));
  return hash.digest('hex').slice(0, 16);
}

function databaseUrl(server: string, name: string): string {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}

async function onServer<T>(server: string, work: (admin: Client) => Promise<T>): Promise<T> {
  const admin = new Client({ connectionString: server, connectionTimeoutMillis: 120_000 });
  admin.on('error', () => {});
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.end();
  }
}
