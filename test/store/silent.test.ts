import { test } from 'tap';
import { databaseErrorKind } from '../../core/store/errors.ts';
import { breakSilent, createPool } from '../../core/store/pool.ts';
import { startBlackHole } from '../support/black-hole.ts';
import { testDatabase } from '../support/database.ts';
import { until } from '../support/processes.ts';

test('connections that fall silent are broken, with what they were at; one that is heard of stays', async (t) => {
  const database = await testDatabase(t);
  const { hostname, port } = new URL(database.url);
  const proxy = await startBlackHole(t, { host: hostname, port: Number(port) });
  const pool = createPool({ url: proxy.through(database.url), max: 3, applicationName: 'tds silent test' });
  t.teardown(() => void pool.end());
  const waits = pool.query('select pg_sleep(60)').catch((error: unknown) => error);
  await pool.query('select 1');
  proxy.freeze({ newOnes: false });
  let isOver = false;
  void waits.then(() => (isOver = true));
  // What had arrived before is heard of late on a busy machine.
  await until('it is given up', async () => {
    await breakSilent(pool, 150);
    return isOver;
  });
  t.equal(databaseErrorKind(await waits), 'unavailable');
  t.match((await pool.query('select 1 as one')).rows, [{ one: 1 }], 'the pool makes new ones');
  const before = pool.totalCount;
  const over = new AbortController();
  const talking = (async () => { while (!over.signal.aborted) await pool.query('select 1'); })();
  t.equal(await breakSilent(pool, 1_500), before - 1, 'the one that talks is left, idle ones are not missed');
  over.abort();
  await talking;
  await breakSilent(pool, 0);
  t.match((await pool.query('select 1 as one')).rows, [{ one: 1 }]);
});

test('the session of a connection that was given up is ended at the server, with its locks; those of others and the living ones are left', async (t) => {
  const database = await testDatabase(t);
  const { hostname, port } = new URL(database.url);
  const proxy = await startBlackHole(t, { host: hostname, port: Number(port) });
  const mine = createPool({ url: proxy.through(database.url), max: 3, applicationName: 'tds mine', exclusive: true });
  const other = createPool({ url: database.url, max: 1, applicationName: 'tds mine too', exclusive: true });
  t.teardown(() => void mine.end());
  t.teardown(() => void other.end());
  const holder = await mine.connect();
  await holder.query('begin; select pg_advisory_xact_lock(4711)');
  proxy.freeze({ newOnes: false });
  const living = await mine.connect();
  await living.query('begin; select pg_advisory_xact_lock(4712)');
  const kept = await other.connect();
  await kept.query('begin; select pg_advisory_xact_lock(4713)');
  holder.release(new Error('Connection terminated unexpectedly'));
  const free = async (number: number): Promise<boolean> => (await database.pool.query<{ got: boolean }>('select pg_try_advisory_xact_lock($1) as got', [number])).rows[0]?.got === true;
  await until('the lock is free', () => free(4711), 60_000); // sooner than by the server's own patience with a silent transaction
  t.notOk(await free(4712), 'of a connection that lives');
  t.notOk(await free(4713), 'of a pool with another name');
  t.match((await living.query('commit')).command, 'COMMIT');
  t.match((await kept.query('commit')).command, 'COMMIT');
  living.release();
  kept.release();
});
