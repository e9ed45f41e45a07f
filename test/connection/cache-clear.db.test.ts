/** A cache that a person empties is emptied on every node, by the database; and each node says how its caches do. */
import t from 'tap';
import type { Connection } from '../../core/connection/index.ts';
import { silentLogger } from '../../core/monitor/log.ts';
import { cacheOperations } from '../../core/operations/cache.ts';
import type { ConnectionAtWork } from '../../core/operations/check.ts';
import { databaseAccess } from '../../core/store/session.ts';
import { tendCaches } from '../../core/tend-caches.ts';
import { callCli } from '../cli/support.ts';
import { fakeOperations } from '../api/fake-operations.ts';
import { TestClock } from '../support/clock.ts';
import { testDatabase } from '../support/database.ts';
import { until } from '../support/processes.ts';

interface Held { connection: Connection; cleared: number; figures: { hits: number; misses: number; entries?: number; bytes?: number } }

function held(id: string, figures: Held['figures']): Held {
  const made: Held = { cleared: 0, figures, connection: undefined as never };
  made.connection = { id, clearCache: async () => void (made.cleared += 1), status: () => ({ cache: made.figures }) } as unknown as Connection;
  return made;
}

t.test('every node empties what one of them, or the command line, wants emptied', async (t) => {
  const { pool } = await testDatabase(t);
  const database = databaseAccess(pool);
  const clock = new TestClock();
  const nodes = ['a', 'b'].map((name) => ({ name, books: held('books', { hits: 2, misses: 3, entries: 1, bytes: 1024 }), inventory: held('inventory', { hits: 0, misses: 1 }) }));
  for (const { name } of nodes) await pool.query(`INSERT INTO nodes (pool_id, node_id, host, machine, pid, version, concurrency) VALUES ($1, $1, 'h', 'm', 1, '1', 1)`, [name]);
  const ends = nodes.map(({ name, books, inventory }) => tendCaches({ database, clock, log: silentLogger, nodeId: () => name, connections: [books.connection, inventory.connection] }));
  t.teardown(() => Promise.all(ends.map((end) => end())));
  // the command line is a process of its own, whose caches are empty
  const asker = cacheOperations({ database, connections: new Map(['books', 'inventory', 'erp'].map((id) => [id, { id, ...(id === 'erp' ? {} : { clearCache: async () => undefined }) } as unknown as ConnectionAtWork])) });
  await until('both nodes have said how their caches do', async () => (await asker.list()).every((one) => one.nodes.length === 2));
  t.match(await asker.list(), [
    { connection: 'books', hits: 4, misses: 6, entries: 2, bytes: 2048, clearedAt: null, nodes: [{ node: 'a', hits: 2 }, { node: 'b' }] },
    { connection: 'inventory', misses: 2, entries: null, bytes: null },
  ], 'of what calls no remote there is none');
  const turn = async (): Promise<void> => clock.advance(1000);
  await turn();
  const cleared = await callCli(['cache', 'clear', 'books', '--json'], { operations: fakeOperations({ cache: asker }) });
  t.match(cleared, { exit: 0, json: [{ cleared: ['books'] }] });
  await until('both have emptied it', async () => {
    await turn();
    return nodes.every(({ books }) => books.cleared > 0);
  });
  t.same(nodes.map(({ books, inventory }) => [books.cleared, inventory.cleared]), [[1, 0], [1, 0]], 'once, and no other');
  t.match((await asker.list())[0], { clearedAt: Date });
  t.match(await callCli(['cache'], { operations: fakeOperations({ cache: asker }) }), { exit: 0, out: /books +4 +6 +2 +2 [\s\S]*inventory +0 +2 +in Redis/ });
  t.match(await callCli(['cache', 'clear', 'nope'], { operations: fakeOperations({ cache: asker }) }), { exit: 2, err: /operation\.unknown_connection/ });
  const [first] = ends;
  await first?.();
  t.match((await asker.list())[0], { hits: 2, nodes: [{ node: 'b' }] }, 'a node that stops takes its figures along');
});
