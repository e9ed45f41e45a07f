import type { Config } from '../../schemas/index.ts';
import { jobsOnQueue, type Names } from '../queue/index.ts';
import type { Clock, SqlSession } from '../sdk/index.ts';
import { maintainAudit } from '../store/audit.ts';
import { trimResolved } from '../store/dead-letters.ts';
import { maintainPartitions } from '../store/partitions.ts';
import { trimTicks } from '../store/ticks.ts';
import type { Pool } from '../store/pool.ts';
import type { Run } from '../store/runs.ts';
import { accessTokens, type TokenConnection } from './access-tokens.ts';
import { breakers, type ProbedConnection } from './breakers.ts';
import { deadLetters, type DeadLettersDeps } from './dead-letters.ts';
import { maintenance, type Chore } from './maintenance.ts';
import { missedSchedules, type MissedSchedulesDeps } from './missed-schedules.ts';
import { orphanedRuns, type OrphanedRunsDeps } from './orphaned-runs.ts';
import type { HealingRule } from './rule.ts';
import { stuckJobs } from './stuck-jobs.ts';

/** What the rules need of the rest of TDS; handed in by `main.ts`. */
export interface RulesDeps {
  policies: Config['policies'];
  pool: Pool;
  /** The queue's tables. */
  names: Names;
  connections: readonly (ProbedConnection & TokenConnection)[];
  /** The clock of the connections. */
  connectionClock: Clock;
  /** How long what is kept, as the config in force says. */
  retention: () => Config['policies']['retention'];
  /** Entities that may take messages. */
  hearing: () => readonly string[];
  catchUp: MissedSchedulesDeps['catchUp'];
  /** When this process began. */
  begunAt?: Date;
  causeOf: DeadLettersDeps['causeOf'];
  retry: DeadLettersDeps['retry'];
  requeue: (session: SqlSession, run: Run) => Promise<string>;
  /** Told of runs that healing closed as failed. */
  onRunClosed?: OrphanedRunsDeps['onClosed'];
}

const minuteMs = 60_000;

/** The rules that are switched on. */
export function healingRules({ policies, retention, hearing, catchUp, pool, names, connections, connectionClock, begunAt, causeOf, retry, requeue, onRunClosed }: RulesDeps): HealingRule[] {
  const { healing } = policies;
  const { every, cap } = healing;
  const soon = Math.max(every, 30_000);
  const chores: Chore[] = [
    (session, now) => keepPartitions(session, now, retention(), hearing()), (session, now) => keepAudit(session, now, retention().audit), (session, now) => keepTicks(session, now, retention()),
    (session, now) => trimLetters(session, now, retention().resolvedDeadLetters),
  ];
  return [
    { on: healing.stuckJobs.enabled, make: () => stuckJobs({ pool, names, every: soon, after: healing.stuckJobs.after }) },
    { on: healing.orphanedRuns.enabled, make: () => orphanedRuns({ pool, names, every: soon, after: healing.orphanedRuns.after, canRun: (entity) => causeOf(entity, 'record') !== undefined, requeue, onClosed: onRunClosed }) },
    { on: healing.deadLetters.enabled, make: () => deadLetters({
      every, cap: healing.deadLetters.cap, tryFor: healing.deadLetters.for, firstPause: healing.deadLetters.firstPause, canary: healing.deadLetters.canary, ...(begunAt ? { begunAt } : {}), causeOf, retry, onQueue: (ids) => jobsOnQueue(pool, names, ids),
    }) },
    { on: healing.breakers.enabled, make: () => breakers({ connections, clock: connectionClock, every, cap }) },
    { on: healing.tokens.enabled, make: () => accessTokens({ connections, every: Math.max(every, minuteMs), cap, before: healing.tokens.before }) },
    { on: healing.missedSchedules.enabled, make: () => missedSchedules({ every: soon, cap, after: healing.missedSchedules.after, catchUp }) },
    { on: healing.maintenance.enabled, make: () => maintenance({ every: healing.maintenance.every, keepActs: () => retention().runs, chores }) },
  ].filter(({ on }) => on).map(({ make }) => make());
}

async function trimLetters(session: SqlSession, now: Date, keepMs: number): Promise<string | undefined> {
  const letters = await trimResolved(session, new Date(now.getTime() - keepMs));
  return letters === 0 ? undefined : `${letters} dead ${letters === 1 ? 'letter' : 'letters'} removed that ${letters === 1 ? 'was' : 'were'} resolved more than ${Math.round(keepMs / 86_400_000)} days ago`;
}

async function keepPartitions(session: SqlSession, now: Date, retention: RulesDeps['policies']['retention'], hearing: readonly string[]): Promise<string | undefined> {
  const { made, dropped, runs, quota } = await maintainPartitions(session, now, retention, hearing);
  const words = [made.length > 0 && `made ${made.join(', ')}`, dropped.length > 0 && `dropped ${dropped.join(', ')}`, runs > 0 && `${runs} old runs removed`, quota > 0 && `${quota} old lines of the ledger of calls removed`].filter(Boolean);
  return words.length === 0 ? undefined : words.join('; ');
}

async function keepTicks(session: SqlSession, now: Date, retention: RulesDeps['policies']['retention']): Promise<string | undefined> {
  const removed = await trimTicks(session, new Date(now.getTime() - retention.runs));
  return removed === 0 ? undefined : `${removed} old ticks and reports removed`;
}

async function keepAudit(session: SqlSession, now: Date, keep: number): Promise<string | undefined> {
  const { made, dropped } = await maintainAudit(session, now, new Date(now.getTime() - keep));
  const words = [made.length > 0 && `made ${made.join(', ')}`, dropped.length > 0 && `dropped ${dropped.join(', ')}`].filter(Boolean);
  return words.length === 0 ? undefined : words.join('; ');
}
