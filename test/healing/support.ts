/** What the tests of healing share: a healer on a real database, with a clock that the test moves. */
import { Healer, type HealerDeps, type HealingRule } from '../../core/healing/index.ts';
import type { Found, HealingContext, Outcome } from '../../core/healing/index.ts';
import type { DatabaseAccess } from '../../core/sdk/index.ts';
import { listActs, type HealingAct } from '../../core/store/healing-acts.ts';
import type { Pool } from '../../core/store/pool.ts';
import { databaseAccess } from '../../core/store/session.ts';
import { collectingLog } from '../queue/support.ts';
import { TestClock } from '../support/clock.ts';

export const minute = 60_000;
export const hour = 60 * minute;

export interface Ward {
  healer: Healer; clock: TestClock; database: DatabaseAccess; log: ReturnType<typeof collectingLog>;
  /** Moves the clock, then lets the rules look whose turn it is. */
  after(ms: number): ReturnType<Healer['tick']>;
  acts(): Promise<HealingAct[]>;
}

/** A healer that ticks when the test says so. Its time begins now, as the database's rows do. */
export function ward(pool: Pool, rules: readonly HealingRule[], more: Partial<HealerDeps> = {}): Ward {
  const clock = (more.clock as TestClock | undefined) ?? new TestClock(Date.now());
  const log = collectingLog();
  const database = databaseAccess(pool);
  const healer = new Healer({ rules, database, pool, clock, log, nodeId: () => 'node-1', every: 10_000, redact: (text) => text.replaceAll('s3cret', '•••'), now: async () => clock.now(), ...more });
  return {
    healer, clock, database, log,
    async after(ms) {
      await clock.advance(ms);
      return healer.tick();
    },
    acts: async () => (await database.transaction((session) => listActs(session, { limit: 500 }))).toReversed(),
  };
}

export interface FakeRule extends HealingRule { trouble: string[]; looks: number; acted: string[]; outcome: Outcome | undefined }

/** A rule whose trouble the test names. */
export function fakeRule(more: Partial<HealingRule> = {}): FakeRule {
  const rule: FakeRule = {
    id: 'fake', about: 'for tests', every: 10_000, cap: 3, scope: 'all', trouble: [], looks: 0, acted: [], outcome: { outcome: 'failed', came: 'still broken' },
    async look(): Promise<Found[]> {
      rule.looks += 1;
      return rule.trouble.map((name) => ({ fingerprint: name, seen: `${name} is broken`, plan: `mend ${name}`, cure: `look at ${name}`, facts: { name } }));
    },
    async act({ fingerprint }, _context: HealingContext) {
      rule.acted.push(fingerprint);
      return rule.outcome;
    },
    ...more,
  };
  return rule;
}
