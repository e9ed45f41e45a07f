/**
 * What happens when planned times have come: rows and jobs in one transaction, under the rows of their schedules, in as many statements for
 * a thousand as for one. Whichever node holds those rows writes the ticks; the cursor and the unique time keep every other one from writing
 * them again, wherever the first one dies.
 */
import { holdEntities } from '../operations/request-run.ts';
import type { SqlSession } from '../sdk/index.ts';
import { addActs, type NewAct } from '../store/healing-acts.ts';
import { cancelRuns } from '../store/run-sets.ts';
import { holdSchedules, moveCursors, type ScheduleRow } from '../store/schedules.ts';
import { endTicks, insertTicks, knownTicks, openTicks, tickName, type OpenTick, type Tick } from '../store/ticks.ts';
import type { Definition } from './definition.ts';
import { dueTimes, type DueTimes } from './due.ts';
import { planTicks, type TickPlan } from './plan.ts';
import { endOfRuns } from './settle.ts';
import { startWork, type StartWorkDeps } from './start-work.ts';
import { localText } from './zone-time.ts';

/** What came of a look at some schedules. */
export interface Ticked {
  /** When the next time of each is due; those that another node held are not named. */
  due: Map<string, Date | undefined>;
  /** Jobs to be ended once the transaction has landed. */
  cancelled: string[];
  /** How many ticks were written. */
  written: number;
  /** What was written as over, and what was missed: to be told once the transaction has landed. */
  over: Pick<Tick, 'id' | 'schedule' | 'status' | 'reason' | 'times'>[];
  missed: { schedule: string; missed: number; made: number }[];
}

interface Come { definition: Definition; row: ScheduleRow; times: DueTimes }

/** Writes the ticks of these schedules that have come. */
export async function tickSchedules(session: SqlSession, deps: StartWorkDeps, definitions: readonly Definition[], now: Date, { wait = false }: { wait?: boolean } = {}): Promise<Ticked> {
  const rows = new Map((await holdSchedules(session, definitions.map(({ id }) => id), { wait })).map((row) => [row.schedule, row]));
  const outcome: Ticked = { due: new Map(), cancelled: [], written: 0, over: [], missed: [] };
  const come = definitions.flatMap((definition): Come[] => {
    const row = rows.get(definition.id);
    if (!row) return [];
    const times = isCurrent(row, definition) ? dueTimes(definition.timetable, definition.config, row, now) : undefined;
    outcome.due.set(definition.id, times?.dueAt);
    return times ? [{ definition, row, times }] : [];
  });
  const written = come.filter(({ times }) => times.ticks.length > 0);
  if (written.length > 0) Object.assign(outcome, await writeTicks(session, deps, written, now));
  const moved = come.filter(({ row, times }) => times.cursor > row.cursor || times.next?.getTime() !== row.nextAt?.getTime() || times.dueAt?.getTime() !== row.dueAt?.getTime());
  if (moved.length > 0) await moveCursors(session, moved.map(({ definition, times }) => ({ id: definition.id, cursor: times.cursor, next: times.next, due: times.dueAt })), now);
  return outcome;
}

async function writeTicks(session: SqlSession, deps: StartWorkDeps, come: readonly Come[], now: Date): Promise<Omit<Ticked, 'due'>> {
  const ids = come.map(({ definition }) => definition.id);
  // A tick whose runs have ended is not in the way, though nobody has noted its end yet.
  const open = Map.groupBy((await openTicks(session, ids)).filter((tick) => endOfRuns(tick, now) === undefined), ({ schedule }) => schedule);
  const known = await knownTicks(session, come.flatMap(({ definition, times }) => times.ticks.map(({ planned }) => ({ schedule: definition.id, planned }))));
  await holdEntities(session, come.flatMap(({ definition: { config } }) => (config.run === 'sync' ? config.entities : [])));
  const plans = come.map(({ definition, times }) => planTicks(definition, times.ticks, open.get(definition.id) ?? [], known, deps.nodeId()));
  const planned = plans.flatMap(({ ticks }) => ticks);
  const gaveWay = plans.flatMap((plan) => plan.cancelled);
  const cancelled = await cancelTicks(session, gaveWay, now);
  const rows = await insertTicks(session, planned.map(({ tick }) => tick), now);
  const starting = new Map(planned.filter(({ starts }) => starts).map(({ tick, definition }) => [tickName(tick), definition]));
  await startWork(session, deps, rows.flatMap((tick) => {
    const definition = starting.get(tickName(tick));
    return definition ? [{ tick, definition }] : [];
  }), now);
  await addActs(session, come.flatMap(({ definition, times }) => missedAct(definition, times, deps.nodeId(), now) ?? []));
  return {
    cancelled, written: rows.length, over: [...rows.filter(({ status }) => status !== 'waiting'), ...gaveWay.map(({ tick, reason }) => ({ ...tick, status: 'cancelled' as const, reason }))],
    missed: come.flatMap(({ definition: { id, config }, times: { ticks, missed } }) => (missed === 0 || config.missed === 'none' ? [] : [{ schedule: id, missed, made: madeUp(ticks) }])),
  };
}

/** Ends ticks with their runs. Answers the jobs that do them, to be ended after the transaction. */
async function cancelTicks(session: SqlSession, given: TickPlan['cancelled'], now: Date): Promise<string[]> {
  const jobs = await cancelRuns(session, given.flatMap(({ tick, reason }) => tick.runs.map((id) => ({ id, reason: `cancelled by its schedule: ${reason}` }))));
  await endTicks(session, given.map(({ tick: { id }, reason }) => ({ id, status: 'cancelled', reason, startedAt: null, at: now })));
  return [...given.flatMap(({ tick: { jobId } }) => jobId ?? []), ...jobs];
}

/** What was missed while everything was down and is made up is healing too, and stands with its acts. */
function missedAct({ id, timetable: { zone } }: Definition, { ticks, missed }: DueTimes, node: string, now: Date): NewAct | undefined {
  const made = madeUp(ticks);
  if (made === 0) return undefined;
  const last = ticks.findLast(({ trigger }) => trigger === 'catch-up');
  return {
    rule: 'missed-schedules', fingerprint: id, seen: `${missed} planned ${missed === 1 ? 'time' : 'times'} of the schedule "${id}" passed unseen, the last one ${localText(zone, last?.planned ?? now)}`,
    done: `${made} made up`, outcome: 'healed', came: null, facts: { schedule: id, missed, made }, trigger: 'tick', node, at: now,
  };
}

function madeUp(ticks: DueTimes['ticks']): number {
  return ticks.filter(({ trigger, run }) => trigger === 'catch-up' && run).length;
}

/** Starts what waits for its turn, of each schedule the oldest, where the schedule is neither paused nor at work. */
export async function releaseWaiting(session: SqlSession, deps: StartWorkDeps, definitions: readonly Definition[], now: Date): Promise<void> {
  const ids = definitions.map(({ id }) => id);
  const rows = new Map((await holdSchedules(session, ids, { wait: false })).map((row) => [row.schedule, row]));
  const open = Map.groupBy(await openTicks(session, ids), ({ schedule }) => schedule);
  const works = definitions.flatMap((definition): { tick: OpenTick; definition: Definition }[] => {
    const row = rows.get(definition.id);
    if (!row || !isCurrent(row, definition) || isPaused(row, now)) return [];
    const waiting = open.get(definition.id) ?? [];
    const [tick] = waiting;
    return tick && waiting.every(({ status }) => status === 'waiting') ? [{ tick, definition }] : [];
  });
  if (works.length === 0) return;
  await holdEntities(session, works.flatMap(({ tick }) => tick.entities));
  await startWork(session, deps, works, now);
}

/** Whether this node knows the schedule as the config has it that was loaded last. */
export function isCurrent(row: Pick<ScheduleRow, 'definition' | 'removedAt'>, { hash }: Definition): boolean {
  return row.removedAt === null && row.definition === hash;
}

/** Whether a schedule rests by a person's word, or by its failures. */
export function isPaused({ pausedAt, pausedUntil }: Pick<ScheduleRow, 'pausedAt' | 'pausedUntil'>, now: Date): boolean {
  return pausedAt !== null && pausedAt <= now && (pausedUntil === null || pausedUntil > now);
}
