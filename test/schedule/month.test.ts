/** A month, and both clock changes of two zones, lived by two nodes of which one is killed a hundred times. `npm run test:schedules` is the long form. */
import { test } from 'tap';
import { testDatabase } from '../support/database.ts';
import { judge, live, type Journey } from './journey.ts';
import type { Given } from './support.ts';

const shop: Record<string, Given> = {
  nightly: { cron: '0 2 * * *', timezone: 'Asia/Baghdad', entities: ['items', 'stock'], mode: 'full' }, often: { cron: '0 */4 * * *', timezone: 'Asia/Baghdad', entities: ['items'] },
  summary: { cron: '0 7 * * *', run: 'report' },
};
const inZone = (timezone: string): Record<string, Given> => ({ early: { cron: '30 1,2 * * *', timezone }, hourly: { cron: '15 * * * *', timezone, entities: ['items'] }, steady: { every: 3_600_000, entities: ['orders'] } });

const journeys: Record<string, Journey> = {
  'a month with two nodes, one of them killed a hundred times': { from: '2026-11-01T00:00:30Z', until: '2026-12-01T00:00:30Z', kills: 100, plan: shop },
  'the clocks of London go forward': { from: '2026-03-28T20:00:30Z', until: '2026-03-29T08:00:30Z', kills: 5, plan: inZone('Europe/London') },
  'the clocks of London go back': { from: '2026-10-24T20:00:30Z', until: '2026-10-25T08:00:30Z', kills: 5, plan: inZone('Europe/London') },
  'the clocks of New York go forward': { from: '2026-03-08T01:00:30Z', until: '2026-03-08T13:00:30Z', kills: 5, plan: inZone('America/New_York') },
  'the clocks of New York go back': { from: '2026-11-01T00:00:30Z', until: '2026-11-01T12:00:30Z', kills: 5, plan: inZone('America/New_York') },
};

for (const [name, journey] of Object.entries(journeys)) {
  test(`${name}: each time is ticked exactly once, none is missed, all within a second`, async (t) => {
    const { pool } = await testDatabase(t);
    const counts = await live(pool, journey);
    t.equal(counts.inLook + counts.after, journey.kills);
    t.ok(counts.inLook > journey.kills / 4, `${counts.inLook} died in the middle of a look`);
    t.same((await judge(pool, journey)).faults, []);
  });
}
