/** Whoever asks for the same runs at the same moment, in whatever order, waits for the others at most. */
import { test } from 'tap';
import { createOperations, type OperationsDeps } from '../../core/operations/create-operations.ts';
import type { Enqueue } from '../../core/operations/request-run.ts';
import { databaseAccess } from '../../core/store/session.ts';
import { testDatabase } from '../support/database.ts';
import { TestClock } from '../support/clock.ts';
import { definitions, endRuns, enqueue as enqueueMany, node, ticks } from './support.ts';

const enqueue: Enqueue = async (session, job) => (await enqueueMany(session, [job]))[0] as string;
const entities = Array.from({ length: 15 }, (_, at) => `entity-${at}`);
const reversed = entities.toReversed();

test('a planned time, its neighbour, and two people who ask in another order: nobody waits for ever, and each run is one', async (t) => {
  const { pool } = await testDatabase(t);
  const database = databaseAccess(pool);
  const clock = new TestClock('2026-11-24T08:00:30Z');
  const one = node(pool, definitions({ there: { every: 60_000, entities: entities.slice(5) }, back: { every: 60_000, entities: reversed.slice(5) } }), { clock });
  await one.scheduler.look();
  const known = new Map(entities.map((id) => [id, { id }]));
  const operations = createOperations({ database, enqueue, entities: known, connections: new Map(), config: { entities: Object.fromEntries(known) } } as unknown as OperationsDeps);
  const ask = (ids: string[]) => operations.sync({ entities: ids, mode: 'incremental', trigger: 'person' });
  for (let round = 0; round < 4; round += 1) {
    await clock.advance(60_000);
    await Promise.all([one.scheduler.look(), ask(entities), ask(reversed), ask(entities), ask(reversed)]);
    const { rows } = await pool.query('SELECT count(*)::int AS runs FROM runs WHERE ended_at IS NULL');
    t.equal(rows[0].runs, entities.length);
    await endRuns(pool, 'succeeded', clock.now());
  }
  t.equal((await ticks(pool)).filter(({ runs }) => runs.length === 10).length, 8);
  t.same(one.log.lines, [], 'no look had to be tried again');
});
