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
