/** What grows is trimmed by age, and the partitions of the days to come stand ready. */
import type { SqlSession } from '../sdk/index.ts';
import { trimActs } from '../store/healing-acts.ts';
import type { HealingRule } from './rule.ts';

/** One thing to keep in order. Answers what it did, in words; undefined where there was nothing to do. */
export type Chore = (session: SqlSession, now: Date) => Promise<string | undefined>;

export interface MaintenanceDeps {
  every: number;
  /** Milliseconds for which the acts of healing are kept. */
  keepActs: () => number;
  /** Of others: runs, the partitions of the records' history. */
  chores: readonly Chore[];
}

export function maintenance({ every, keepActs, chores }: MaintenanceDeps): HealingRule {
  const own: Chore = async (session, now) => {
    const trimmed = await trimActs(session, new Date(now.getTime() - keepActs()), now);
    return trimmed === 0 ? undefined : `${trimmed} old acts of healing removed`;
  };
  return {
    // It is no trouble that could be mended for good, so no number of acts is too many.
    id: 'maintenance', about: 'Old runs, acts and partitions are removed, new partitions made.', every, cap: Infinity, scope: 'all',
    look: async () => [{ fingerprint: 'maintenance', seen: 'the hour for tidying up has come', plan: 'trim what is old, make partitions', cure: 'See the log.', facts: {} }],
    async act(_found, { database, now, log }) {
      const done: string[] = [];
      const failed: string[] = [];
      for (const chore of [own, ...chores]) {
        try {
          const words = await database.transaction((session) => chore(session, now));
          if (words !== undefined) done.push(words);
        } catch (error) {
          // One that fails keeps no other from its turn; all come again.
          log.warn('a chore failed; it is tried again', { error });
          failed.push((error as Error).message);
        }
      }
      if (failed.length > 0) return { outcome: 'failed', came: [...done, ...failed].join('; ') };
      return done.length === 0 ? undefined : { outcome: 'healed', came: done.join('; ') };
    },
  };
}
