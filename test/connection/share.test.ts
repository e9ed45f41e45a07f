import { t } from 'tap';
import { emptyState, type AccountState } from '../../core/connection/division.ts';
import { createLimiter } from '../../core/connection/limiter.ts';
import { createShare, type ShareStore } from '../../core/connection/share.ts';
import { silentLogger } from '../../core/monitor/log.ts';
import { TestClock } from '../support/clock.ts';

const limits = { perMinute: 60, concurrent: 6 };
const [person, details] = [1, 8];

t.test('a patient call that comes while the share is being given back is asked for, and does not wait for ever', async (t) => {
  const clock = new TestClock();
  let state: AccountState = emptyState;
  let answer = Promise.resolve();
  let questions = 0;
  const store: ShareStore = {
    async change(change) {
      questions += 1;
      await answer;
      const changed = change(state, clock.now().getTime());
      state = changed.state;
      return changed.result;
    },
  };
  const share = createShare({ clock, store, log: silentLogger, limits });
  const limiter = createLimiter({ clock, limits, divider: share });
  share.serve(limiter);
  t.teardown(() => limiter.close());

  const first = await limiter.acquire(person);
  await first.sent();
  first.release();
  await clock.advance(1000); // it looks once more, as there was a call
  const before = questions;
  const slow = Promise.withResolvers<void>();
  answer = slow.promise;
  await clock.advance(1000); // nothing was called since: what is left is on its way back
  t.equal(questions, before + 1);
  const late = limiter.acquire(details);
  slow.resolve();
  answer = Promise.resolve();
  await clock.runUntil(late, () => !share.asking);
  const permit = await late;
  await permit.sent();
  permit.release();
  t.ok(questions > before + 1, 'it was asked for');
});
