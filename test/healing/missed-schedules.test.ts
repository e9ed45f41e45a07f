import { test } from 'tap';
import { missedSchedules } from '../../core/healing/missed-schedules.ts';
import { definitions, node, ticks } from '../schedule/support.ts';
import { testDatabase } from '../support/database.ts';
import { TestClock } from '../support/clock.ts';
import { hour, minute, ward } from './support.ts';

test('a planned time that no node has ticked is ticked by healing, and stands among its acts', async (t) => {
  const { pool } = await testDatabase(t);
  const clock = new TestClock('2026-11-24T08:30:00Z');
  const { scheduler } = node(pool, definitions({ stock: { every: hour }, rests: { every: hour } }), { clock });
  await scheduler.look();
  await pool.query(`UPDATE schedules SET paused_at = $1, paused_by = 'ann' WHERE schedule = 'rests'`, [clock.now()]);
  const w = ward(pool, [missedSchedules({ every: minute, cap: 5, after: 2 * minute, catchUp: (id) => scheduler.catchUp(id) })], { clock });
  await w.after(31 * minute);
  t.same(await w.acts(), [], 'a minute is not too late');
  await w.after(3 * minute);
  t.match((await w.acts()).filter((act) => act.trigger === 'tick' && act.done === 'tick it now'), [{ rule: 'missed-schedules', outcome: 'healed', seen: 'the schedule "stock" was due at 2026-11-24T09:00:00.000Z, and no node has ticked it', came: '1 tick written' }]);
  t.match((await ticks(pool)).map((tick) => [tick.schedule, tick.status, tick.planned]), [['stock', 'queued', new Date('2026-11-24T09:00:00Z')]]);
  await w.after(minute);
  t.equal((await ticks(pool)).length, 1);
});
