import t from 'tap';
import { healthReader } from '../../core/operations/health.ts';
import { createPool } from '../../core/store/pool.ts';
import { databaseAccess } from '../../core/store/session.ts';
import { useUpConnections } from '../long/chaos/connections.ts';
import { quick } from '../long/chaos/scenario.ts';
import { fakeOperations } from '../api/fake-operations.ts';
import { startApi } from '../api/support.ts';
import { testDatabase } from '../support/database.ts';

t.test('a node without any connection to its database lives, says why it is not ready, and goes on', async (t) => {
  const { figures, faults } = await useUpConnections(t, { seed: 1, rounds: 1, timings: quick, say: (line) => t.comment(line) });
  t.same(faults, []);
  t.match(figures['what it says'], /the database has no connection left for this process/);
  t.comment(JSON.stringify(figures));
});

t.test('a process whose connections are all in use says so in time, asks once however often it is asked, and is ready when one is back', async (t) => {
  const { url } = await testDatabase(t);
  const pool = createPool({ url, schema: 'tds', max: 2 });
  t.teardown(() => pool.end());
  const ask = healthReader({
    database: databaseAccess(pool), version: '1', patienceMs: 100, queue: { nodeId: 'n', health: () => ({ state: 'running', secondsSinceBeat: 0, inFlight: 0 }) },
    poolUse: () => ({ most: 2, open: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
  });
  for (const client of [await pool.connect(), await pool.connect()]) client.release(); // a machine with much to do may need longer to connect than it is waited for
  t.match(await ask(), { ready: true, database: 'up' });
  const busy = [await pool.connect(), await pool.connect()];
  for (let times = 0; times < 3; times++) t.match(await ask(), { ready: false, database: 'down', reasons: [/^all 2 database connections of this process are in use, and 1 wait/] });
  for (const client of busy) client.release();
  t.match(await ask(), { ready: true, reasons: [] });
});

t.test('strangers are told a code, and who may ask more what the database said', async (t) => {
  const said = Object.assign(new Error('password authentication failed for user "tds" at db.shop.internal'), { code: '28P01' });
  let messages: 'running' | 'stopped' = 'running';
  const queue = { nodeId: 'n', health: () => ({ state: 'running' as const, secondsSinceBeat: 0, inFlight: 0 }) };
  const ask = healthReader({ database: { work: { query: () => Promise.reject(said) } }, version: '1', queue, messageQueue: () => ({ health: () => ({ ...queue.health(), state: messages }) }) });
  const health = await ask();
  t.match(health, { ready: false, reasons: ["the database can't be reached (28P01)"], fault: /db\.shop\.internal/ });
  const { call } = await startApi(t, fakeOperations({ health: async () => health }));
  const { status, text } = await call('/readyz');
  t.equal(status, 503);
  t.notMatch(text, /shop\.internal|fault/);
  messages = 'stopped';
  t.match(await ask(), { reasons: [/28P01/, 'the queue of messages is stopped'] });
});
