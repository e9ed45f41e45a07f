import * as fc from 'fast-check';
import { createServer, type AddressInfo } from 'node:net';
import { test } from 'tap';
import { lockTransaction, tryLockTransaction, tryWithAdvisoryLock, withAdvisoryLock } from '../../core/store/advisory-lock.ts';
import { databaseErrorKind } from '../../core/store/errors.ts';
import { copyFrom, createPool, dedicatedClient, toCount, withTransaction } from '../../core/store/pool.ts';
import { quoteIdentifier, quoteLiteral, quoteQualified } from '../../core/store/sql.ts';
import { testDatabase } from '../support/database.ts';
import { until } from '../support/processes.ts';

test('transactions', async (t) => {
  const { pool } = await testDatabase(t, { migrated: false });
  await pool.query('CREATE TABLE public.t (id int PRIMARY KEY)');
  const ids = async () => (await pool.query<{ id: number }>('SELECT id FROM public.t ORDER BY id')).rows.map((row) => row.id);

  t.equal(await withTransaction(pool, async (client) => (await client.query('INSERT INTO public.t VALUES (1)')).rowCount), 1);
  await t.rejects(
    withTransaction(pool, async (client) => {
      await client.query('INSERT INTO public.t VALUES (2)');
      throw new Error('mine');
    }),
    { message: 'mine' },
  );
  t.strictSame(await ids(), [1], 'an error rolls all back and is thrown on');
  await t.rejects(
    withTransaction(pool, async (client) => {
      await client.query('INSERT INTO public.t VALUES (3)');
      await client.query('SELECT 1/0').catch(() => {});
    }),
    /rolled back/,
    'a swallowed error does not pass for a commit',
  );
  await t.rejects(withTransaction(pool, (client) => client.query('INSERT INTO public.t VALUES (4)'), { readOnly: true }), { code: '25006' });

  let error: unknown;
  await withTransaction(pool, async (client) => {
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    await pool.query('SELECT pg_terminate_backend($1)', [rows[0]!.pid]);
    await until('the backend has gone', async () => (await pool.query('SELECT FROM pg_stat_activity WHERE pid = $1', [rows[0]!.pid])).rows.length === 0);
    await client.query('INSERT INTO public.t VALUES (5)');
  }).catch((reason: unknown) => (error = reason));
  t.equal(databaseErrorKind(error), 'unavailable', 'a connection that broke while lent out is an error, not the end of the process');
  t.strictSame(await ids(), [1], 'and the pool goes on');

  let attempts = 0;
  await withTransaction(
    pool,
    async (client) => {
      attempts++;
      if (attempts === 1) await client.query(`DO $$ BEGIN RAISE serialization_failure; END $$`);
    },
    { retries: 1, isolation: 'serializable' },
  );
  t.equal(attempts, 2);
  t.equal(pool.totalCount, pool.idleCount, 'no connection is kept');
});

test('COPY takes chunks of any cut, and its failure is whole', async (t) => {
  const { pool } = await testDatabase(t, { migrated: false });
  await pool.query('CREATE TABLE public.t (id int, name text)');
  const copy = 'COPY public.t FROM STDIN';
  const chunks = ['1\tأح', Buffer.from('مد\n2\tb'), '\n', ...Array.from({ length: 20_000 }, (_, id) => `${id + 3}\tname\n`)];
  t.equal(await withTransaction(pool, (client) => copyFrom(client, copy, chunks)), 20_002);
  t.strictSame((await pool.query('SELECT name FROM public.t WHERE id = 1')).rows, [{ name: 'أحمد' }]);
  async function* failing() {
    yield '7\tx\n';
    throw new Error('source failed');
  }
  await t.rejects(withTransaction(pool, (client) => copyFrom(client, copy, failing())), /source failed/);
  await t.rejects(withTransaction(pool, (client) => copyFrom(client, copy, ['x\ty\n'])), { code: '22P02' });
  t.equal(toCount((await pool.query<{ count: string }>('SELECT count(*) FROM public.t')).rows[0]?.count), 20_002);
  t.equal(await withTransaction(pool, (client) => copyFrom(client, copy, [])), 0);
});

test('named locks', async (t) => {
  const { pool } = await testDatabase(t, { migrated: false });
  const [a, b] = [await dedicatedClient(pool), await dedicatedClient(pool)];
  await withAdvisoryLock(a, 'sweep', async () => {
    t.equal(await tryWithAdvisoryLock(b, 'sweep', async () => 1), undefined);
    t.strictSame(await tryWithAdvisoryLock(b, 'other', async () => 2), { value: 2 });
  });
  await t.rejects(withAdvisoryLock(a, 'sweep', () => Promise.reject(new Error('mine'))), { message: 'mine' });
  t.strictSame(await tryWithAdvisoryLock(b, 'sweep', async () => 3), { value: 3 }, 'freed after success and failure');
  await a.query('BEGIN');
  await b.query('BEGIN');
  await lockTransaction(a, 'entity', 'items');
  t.equal(await tryLockTransaction(b, 'entity', 'items'), false);
  t.equal(await tryLockTransaction(b, 'record', 'items'), true);
  await a.query('COMMIT');
  t.equal(await tryLockTransaction(b, 'entity', 'items'), true);
  await Promise.all([a.end(), b.end()]);
});

test('types: no digit and no zone gets lost', async (t) => {
  const { pool } = await testDatabase(t, { migrated: false });
  const { rows } = await pool.query(`SELECT 9007199254740993::int8 AS int8, 0.10::numeric AS num, '2026-03-29'::date AS day,
    '2026-03-29 02:30'::timestamp AS local, '2026-03-29T02:30:00Z'::timestamptz AS at, '{"a":1}'::jsonb AS json`);
  t.strictSame(rows[0], { int8: '9007199254740993', num: '0.10', day: '2026-03-29', local: '2026-03-29 02:30:00', at: new Date('2026-03-29T02:30:00Z'), json: { a: 1 } });
  t.equal(toCount('12'), 12);
  t.equal(toCount(null), 0);
  t.throws(() => toCount('9007199254740993'), RangeError);
});

test('settings of a pool', async (t) => {
  const { url } = await testDatabase(t, { migrated: false });
  const schema = 'my "odd\\ schema';
  const pool = createPool({ url: `${url}?options=-c%20work_mem%3D5MB`, schema, applicationName: 'me', statementTimeout: 200, max: 1 });
  t.teardown(() => pool.end());
  const show = async (name: string) => (await pool.query<{ value: string }>('SELECT current_setting($1) AS value', [name])).rows[0]?.value;
  t.equal(await show('search_path'), quoteIdentifier(schema));
  t.match(await show('application_name'), 'me');
  t.equal(await show('work_mem'), '5MB', 'options of the URL stay');
  await t.rejects(pool.query('SELECT pg_sleep(5)'), { code: '57014' });
  t.equal(await show('statement_timeout'), '200ms');

  // A server that takes connections and never says a word.
  const silent = createServer(() => {}).listen(0, '127.0.0.1');
  await new Promise((resolve) => silent.once('listening', resolve));
  const port = String((silent.address() as AddressInfo).port);
  const stuck = createPool({ url: `postgres://u:p@127.0.0.1:${port}/x`, connectTimeout: 100 });
  const error = await stuck.query('SELECT 1').catch((reason: unknown) => reason);
  t.equal(databaseErrorKind(error), 'unavailable');
  silent.close();
  await stuck.end();
});

test('quoting bears any text', async (t) => {
  const { pool } = await testDatabase(t, { migrated: false });
  const client = await dedicatedClient(pool);
  t.teardown(() => client.end());
  const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: fc.constantFrom("'", '"', '\\', ';', '--', '$', '\n', 'E', '%', '/*', ' ') }));
  const usable = text.filter((each) => !each.includes('\0') && each.isWellFormed());
  for (const conforming of ['on', 'off']) {
    await client.query(`SET standard_conforming_strings = ${conforming}`);
    await client.query('SET escape_string_warning = off');
    await fc.assert(
      fc.asyncProperty(usable, async (value) => {
        const { rows } = await client.query<{ value: string }>(`SELECT ${quoteLiteral(value)} AS value`);
        return rows[0]?.value === value;
      }),
    );
  }
  await fc.assert(
    fc.asyncProperty(usable.filter((each) => each !== '' && Buffer.byteLength(each) <= 63), async (name) => {
      const { fields } = await client.query(`SELECT 1 AS ${quoteIdentifier(name)}`);
      return fields[0]?.name === name;
    }),
  );
  t.equal(quoteQualified('a', 'b"c'), '"a"."b""c"');
  t.equal(quoteQualified(undefined, 'b'), '"b"');
  for (const bad of ['', 'a\0b', 'x'.repeat(64), 'ä'.repeat(32), '\ud800']) t.throws(() => quoteIdentifier(bad), { code: 'store.identifier' }, JSON.stringify(bad));
  for (const bad of ['a\0b', '\ud800']) t.throws(() => quoteLiteral(bad), { code: 'store.literal' });
});
