import t from 'tap';
import { pollingFactors } from '../../core/compose-schedules.ts';
import { TestClock } from '../support/clock.ts';

void t.test('an entity is read more often half a minute after its messages were found lost, and one without messages never', async (t) => {
  const clock = new TestClock('2026-11-24T08:00:00Z');
  const asked: string[] = [];
  let share = 1;
  const factor = pollingFactors({ urls: () => [{ rule: { entity: 'items' } } as never], pollingFactor: async (entity) => { asked.push(entity); return share; } }, () => clock.now());
  t.equal(factor('items'), 1);
  await Promise.resolve();
  share = 0.25;
  await clock.advance(29_000);
  t.equal(factor('items'), 1);
  t.same(asked, ['items'], 'the answer is kept');
  await clock.advance(1000);
  factor('items');
  await Promise.resolve();
  t.equal(factor('items'), 0.25);
  t.equal(factor('stock'), 1);
  t.same(asked, ['items', 'items']);
});
