/** A day, and both clock changes of two zones, lived by two nodes of which one is killed. `npm run test:schedules` lives the month with a hundred kills. */
import { test } from 'tap';
import { Random } from '../../sandbox/zoho/random.ts';
import { testDatabase } from '../support/database.ts';
import { auditJobs, changingPlan, clockChanges, judge, live, type Journey } from './journey.ts';
import { mortalCrew } from './mortal-crew.ts';
import { processCrew } from './process-crew.ts';
import type { Given } from './support.ts';

const seed = Number(process.env['TDS_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const shop: Record<string, Given> = {
  ...changingPlan,
  nightly: { cron: '0 2 * * *', timezone: 'Asia/Baghdad', entities: ['items', 'stock'], mode: 'full' }, often: { cron: '0 */4 * * *', timezone: 'Asia/Baghdad', entities: ['items'] },
};

test(`each time is ticked exactly once, none is missed, all within a second; one of two nodes is cut off at any statement (seed ${seed})`, async (t) => {
  const { pool } = await testDatabase(t);
  await auditJobs(pool);
  const journey: Journey = { spans: [{ from: '2026-11-10T00:00:30Z', until: '2026-11-11T00:00:30Z' }], kills: 30, plan: shop };
  const random = new Random(seed);
  const lived = await live(pool, journey, mortalCrew(pool, journey, random), random);
  t.equal(lived.inLook + lived.after, journey.kills);
  t.ok(lived.inLook > journey.kills / 4, `${lived.inLook} died in the middle of a look`);
  t.same((await judge(pool, journey)).faults, []);
});

test(`the same by two processes with their queues, one of them killed (seed ${seed})`, async (t) => {
  const database = await testDatabase(t);
  await auditJobs(database.pool);
  const journey: Journey = { spans: clockChanges, kills: 5, plan: shop };
  const random = new Random(seed);
  const lived = await live(database.pool, journey, await processCrew(t, database, journey, random), random);
  t.equal(lived.inLook + lived.after, journey.kills);
  t.comment(`${lived.inLook} died in the middle of a look, ${lived.after} after it`);
  t.same((await judge(database.pool, journey)).faults, []);
});
