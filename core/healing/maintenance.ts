/** What grows is trimmed by age, and the partitions of the days to come stand ready. */
import type { SqlSession } from '../sdk/index.ts';
import { trimActs } from '../store/healing-acts.ts';
import { trimRuns } from '../store/runs.ts';
import type { HealingRule } from './rule.ts';

/** One thing to keep in order. Answers what it did, in words; undefined where there was nothing to do. */
export type Chore = (session: SqlSession, now: Date) => Promise<string | undefined>;

export interface MaintenanceDeps {
  every: number;
  /** Milliseconds for which runs, and the acts of healing, are kept. */
  keepRuns: number;
  /** Of others, such as the partitions of the records' history. */
  chores: readonly Chore[];
}

export function maintenance({ every, keepRuns, chores }: MaintenanceDeps): HealingRule {
  const before = (now: Date): Date => new Date(now.getTime() - keepRuns);
  const own: Chore[] = [
    async (session, now) => counted(await trimRuns(session, before(now)), 'runs'),
    async (session, now) => counted(await trimActs(session, before(now), now), 'acts of healing'),
  ];
  return {
    // It is no trouble that could be mended for good, so no number of acts is too many.
    id: 'maintenance', about: 'Old runs, acts and partitions are removed, new partitions made.', every, cap: Infinity, scope: 'all',
    look: async () => [{ fingerprint: 'maintenance', seen: 'the hour for tidying up has come', plan: 'trim what is old, make partitions', cure: 'See the log.', facts: {} }],
    async act(_found, { database, now, log }) {
      const done: string[] = [];
      const failed: string[] = [];
      for (const chore of [...own, ...chores]) {
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

function counted(count: number, what: string): string | undefined {
  return count === 0 ? undefined : `${count} old ${what} removed`;
}
