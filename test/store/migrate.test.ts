import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test, type Test } from 'tap';
import { migrate, migrateQueue, readMigrations, underMigrationLock } from '../../core/store/migrate.ts';
import { createPool } from '../../core/store/pool.ts';
import { startBlackHole } from '../support/black-hole.ts';
import { testDatabase } from '../support/database.ts';
import { Child } from '../support/processes.ts';

const first = 'CREATE TABLE runs (id int);\nINSERT INTO runs VALUES (1);\n';
const second = 'CREATE TABLE events (id int);\n';
const directoryOf = (t: Test, files: Record<string, string> = { '001-first.sql': first, '002-second.sql': second }): string => t.testdir(files);

test('migrations are applied once, in order, into the schema', async (t) => {
  const { pool } = await testDatabase(t, { migrated: false });
  const directory = directoryOf(t);
  const lines: string[] = [];
  t.strictSame(await migrate({ pool, directory, log: { info: (text) => lines.push(text) } }), ['001-first.sql', '002-second.sql']);
  t.match(lines, [/001-first\.sql applied in \d+ ms/, /002-second/]);
  t.strictSame(await migrate({ pool, directory }), []);
  t.strictSame((await pool.query('SELECT * FROM tds.runs')).rows, [{ id: 1 }]);
  t.strictSame(await migrate({ pool, directory, schema: 'Another "one' }), ['001-first.sql', '002-second.sql'], 'two installations share a database');
  t.strictSame((await pool.query('SELECT * FROM "Another ""one".runs')).rows, [{ id: 1 }]);
  writeFileSync(join(directory, '001-first.sql'), first.replaceAll('\n', '\r\n'));
  t.strictSame(await migrate({ pool, directory }), [], "git's line ends are no change");
  writeFileSync(join(directory, '003-third.sql'), 'SELECT 1');
  t.strictSame(await migrate({ pool, directory }), ['003-third.sql']);
});

test('what does not fit is refused', async (t) => {
  const { pool } = await testDatabase(t, { migrated: false });
  const directory = directoryOf(t);
  await migrate({ pool, directory });
  const file = (name: string) => join(directory, name);

  rmSync(file('002-second.sql'));
  await t.rejects(migrate({ pool, directory }), { code: 'store.migration_newer', message: /newer TDS, to 002-second\.sql/ }, 'an older node on a newer schema');
  writeFileSync(file('002-second.sql'), `${second}-- edited`);
  await t.rejects(migrate({ pool, directory }), { code: 'store.migration_changed', message: /002-second\.sql has changed/ });
  writeFileSync(file('002-second.sql'), second);
  rmSync(file('001-first.sql'));
  await t.rejects(migrate({ pool, directory }), { code: 'store.migration_changed', message: /file is missing/ });
  writeFileSync(file('001-first.sql'), first);

  writeFileSync(file('004-bad.sql'), 'CREATE TABLE half (id int);\nCREATE TABLE oops (;\n');
  await t.rejects(migrate({ pool, directory }), { code: 'store.migration_failed', message: /004-bad\.sql:2 failed: syntax error/, cause: { code: '42601' } });
  t.match((await pool.query("SELECT to_regclass('tds.half') AS half")).rows[0], { half: null }, 'nothing of it is kept');
  writeFileSync(file('004-bad.sql'), 'SELECT 1');
  await migrate({ pool, directory });
  writeFileSync(file('003-late.sql'), 'SELECT 1');
  await t.rejects(migrate({ pool, directory }), { code: 'store.migration_gap', message: /003-late\.sql came after 004-bad\.sql/ });
  rmSync(file('003-late.sql'));

  writeFileSync(file('5-five.sql'), 'SELECT 1');
  await t.rejects(migrate({ pool, directory }), { code: 'store.migration_name' });
  rmSync(file('5-five.sql'));
  writeFileSync(file('002-twice.sql'), 'SELECT 1');
  await t.rejects(migrate({ pool, directory }), { code: 'store.migration_name', message: /same number/ });
});

test('four nodes that start at once migrate once, the queue included', async (t) => {
  const { pool, url } = await testDatabase(t, { migrated: false });
  const directory = directoryOf(t);
  const file = fileURLToPath(new URL('migrate-child.ts', import.meta.url));
  const nodes = Array.from({ length: 4 }, () => new Child(t, process.execPath, [file, url, directory]));
  await Promise.all(nodes.map((node) => node.said(/waiting/)));
  for (const node of nodes) node.process.stdin?.write('go\n');
  const said = await Promise.all(nodes.map((node) => node.json<{ applied: string[] }>()));
  t.strictSame(await Promise.all(nodes.map((node) => node.ended)), nodes.map(() => ({ code: 0, signal: null })));
  t.strictSame(said.flatMap((each) => each.applied), ['001-first.sql', '002-second.sql']);
  t.equal((await pool.query("SELECT (graphile_worker.add_job('x')).id IS NOT NULL AS added")).rows[0]?.added, true);
});

test('a queue migrated by a newer version is refused, and the exit code is left alone', async (t) => {
  const { pool } = await testDatabase(t);
  await migrateQueue({ pool });
  await pool.query('INSERT INTO graphile_worker.migrations (id, breaking) VALUES (999999, true)');
  await t.rejects(migrateQueue({ pool }), { code: 'store.migration_newer' });
  t.equal(process.exitCode, undefined);
});

test('a start does not wait on one that was cut off while it migrated', async (t) => {
  const { pool, url } = await testDatabase(t, { migrated: false });
  const { hostname, port } = new URL(url);
  const proxy = await startBlackHole(t, { host: hostname, port: Number(port) });
  const far = createPool({ url: proxy.through(url), max: 1 });
  t.teardown(() => void far.end());
  const over = Promise.withResolvers<void>();
  const holds = Promise.withResolvers<void>();
  const cutOff = underMigrationLock(far, async () => {
    holds.resolve();
    await over.promise;
  }, { silentMs: 800, elsewhere: true }).catch(() => {});
  await holds.promise;
  let isIn = false;
  const other = underMigrationLock(pool, async () => void (isIn = true));
  await pool.query('select pg_sleep(1.6)'); // the sign of life of the first one keeps its lock
  t.notOk(isIn);
  proxy.freeze({ newOnes: false });
  await other;
  t.ok(isIn);
  over.resolve();
  proxy.cut();
  await cutOff;
});

/** The first migration that an old node may have to live with: before it nothing was installed anywhere. */
const firstLived = 15;
/** Statements that do more than add, each with why an old node can live with it. */
const lived: Readonly<Record<string, readonly RegExp[]>> = {
  '017-schedule-figures.sql': [/^ALTER TABLE notifications (?:DROP|ADD) CONSTRAINT notifications_kind_check\b/], // one kind more, which old nodes never write
  '022-mixed-mappings.sql': [/^ALTER TABLE entities ALTER COLUMN mapping DROP NOT NULL$/], // to an old node it is another mapping than its own
  '024-messages-of-dead-letters.sql': [/^UPDATE dead_letters SET message_id = /], // the new column alone
  '027-parts.sql': [/^ALTER TABLE runs (?:DROP|ADD) CONSTRAINT runs_mode_check\b/], // further modes, which old nodes never write, for a task that they do not know
  '018-lists-and-caches.sql': [/^ALTER TABLE audit ENABLE ALWAYS TRIGGER \w+$/, /^DO \$\$$/], // the same triggers, for sessions that switch ordinary ones off
};

/** The statements of a migration, without comments and bodies. */
const statementsOf = (sql: string): string[] => sql.replaceAll(/--.*$/gm, '').replaceAll(/\$(\w*)\$[^]*?\$\1\$/g, '$$$$').split(';').map((each) => each.replaceAll(/\s+/g, ' ').trim()).filter((each) => each !== '');

/** What is wrong with a statement for a node of the version before; undefined: nothing. */
function fault(statement: string, made: ReadonlySet<string>, named: boolean): string | undefined {
  const [, unique, exists, onto = ''] = /^CREATE (UNIQUE )?INDEX (IF NOT EXISTS )?\w+ ON (\w+) /.exec(statement) ?? [];
  if (onto !== '') {
    if (made.has(onto)) return undefined;
    if (unique !== undefined) return 'a unique index refuses rows that an old node may write';
    return exists === undefined && named ? 'say IF NOT EXISTS: a person may have made it before, with CONCURRENTLY (docs/decisions/034)' : undefined;
  }
  if (/^CREATE (?:TABLE|SEQUENCE|FUNCTION) \w+/.test(statement)) return undefined;
  const [, table = ''] = /^(?:ALTER TABLE|INSERT INTO|CREATE TRIGGER \w+ .* ON|COMMENT ON TABLE) (\w+)/.exec(statement) ?? [];
  if (made.has(table)) return undefined;
  const parts = /^ALTER TABLE \w+ (.*)$/.exec(statement)?.[1]?.split(/, (?=[A-Z]{3,} )/) ?? [];
  if (parts.length > 0 && parts.every((part) => /^ADD COLUMN \w+ /.test(part) && (!/ NOT NULL\b/.test(part) || / DEFAULT /.test(part)))) return undefined;
  return 'it does more than add: an old node that still runs reads and writes as before';
}

test('migrations only add, so that old nodes end their work beside them; indexes of tables that are there may have been made by a person', async (t) => {
  const faults = (name: string, sql: string): string[] => {
    const statements = statementsOf(sql);
    const made = new Set(statements.flatMap((each) => /^CREATE TABLE (?:IF NOT EXISTS )?(\w+)/.exec(each)?.[1] ?? []));
    return statements.filter((each) => lived[name]?.some((known) => known.test(each)) !== true).flatMap((each) => {
      const found = fault(each, made, Number(name.slice(0, 3)) > 21); // those up to 021 were there before this rule
      return found === undefined ? [] : [`${name}: ${each.slice(0, 80)}: ${found}`];
    });
  };
  const files = (await readMigrations(fileURLToPath(new URL('../../core/store/migrations', import.meta.url)))).filter(({ number }) => number >= firstLived);
  t.ok(files.length > 3);
  t.same(files.flatMap(({ name, sql }) => faults(name, sql)), []);
  const good = ['ALTER TABLE runs ADD COLUMN x int', 'ALTER TABLE runs ADD COLUMN x int NOT NULL DEFAULT 0, ADD COLUMN y text', 'CREATE INDEX IF NOT EXISTS a ON runs (x)', 'CREATE TABLE a (b int); CREATE UNIQUE INDEX c ON a (b); INSERT INTO a VALUES (1)'];
  for (const sql of good) t.same(faults('099-x.sql', sql), [], sql);
  const bad = ['ALTER TABLE runs ADD COLUMN x int NOT NULL', 'ALTER TABLE runs DROP COLUMN mode', 'ALTER TABLE runs ADD COLUMN x int, DROP COLUMN mode', 'ALTER TABLE runs RENAME TO r', 'ALTER TABLE runs ALTER COLUMN mode SET NOT NULL', 'DROP TABLE runs', 'DROP INDEX runs_by_mode', 'UPDATE runs SET mode = 1', 'CREATE INDEX a ON runs (x)', 'CREATE UNIQUE INDEX IF NOT EXISTS a ON runs (x)', 'CREATE OR REPLACE FUNCTION f() RETURNS int AS $$ x; $$', 'DO $$ x $$'];
  for (const sql of bad) t.equal(faults('099-x.sql', sql).length, 1, sql);
});
