/**
 * What happens when a planned time has come: rows and jobs in one transaction, under the row of the schedule. Whichever node holds that row
 * writes the tick; the cursor and the unique time keep every other one from writing it again, wherever the first one dies.
 */
import { holdEntities } from '../operations/request-run.ts';
import type { SqlSession } from '../sdk/index.ts';
import { beginAct } from '../store/healing-acts.ts';
import { endRun, readRun } from '../store/runs.ts';
import { holdSchedules, moveCursors, type ScheduleRow } from '../store/schedules.ts';
import { endTick, insertTick, openTicks, type OpenTick } from '../store/ticks.ts';
import type { Definition } from './definition.ts';
import { dueTimes, type DueTick, type DueTimes } from './due.ts';
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
}

/** Writes the ticks of these schedules that have come. */
export async function tickSchedules(session: SqlSession, deps: StartWorkDeps, definitions: readonly Definition[], now: Date, { wait = false }: { wait?: boolean } = {}): Promise<Ticked> {
  const rows = new Map((await holdSchedules(session, definitions.map(({ id }) => id), { wait })).map((row) => [row.schedule, row]));
  const outcome: Ticked = { due: new Map(), cancelled: [], written: 0 };
  const moved: Parameters<typeof moveCursors>[1][number][] = [];
  const come = definitions.flatMap((definition) => {
    const row = rows.get(definition.id);
    if (!row) return [];
    const times = isCurrent(row, definition) ? dueTimes(definition.timetable, definition.config, row, now) : undefined;
    outcome.due.set(definition.id, times?.dueAt);
    return times ? [{ definition, row, times }] : [];
  });
  const written = come.filter(({ times }) => times.ticks.length > 0);
  // A tick whose runs have ended is not in the way, though nobody has noted its end yet.
  const open = written.length === 0 ? [] : (await openTicks(session, written.map(({ definition }) => definition.id))).filter((tick) => endOfRuns(tick, now) === undefined);
  await holdEntities(session, written.flatMap(({ definition: { config } }) => (config.run === 'sync' ? config.entities : [])));
  for (const { definition, row, times } of come) {
    if (times.ticks.length > 0) await writeTicks(session, deps, definition, times, open.filter(({ schedule }) => schedule === definition.id), now, outcome);
    if (times.cursor > row.cursor || times.next?.getTime() !== row.nextAt?.getTime()) moved.push({ id: definition.id, cursor: times.cursor, next: times.next });
  }
  if (moved.length > 0) await moveCursors(session, moved, now);
  return outcome;
}

async function writeTicks(session: SqlSession, deps: StartWorkDeps, definition: Definition, times: DueTimes, before: OpenTick[], now: Date, outcome: Ticked): Promise<void> {
  let open = before;
  for (const time of times.ticks) {
    const { written, stillOpen, cancelled } = await writeTick(session, deps, definition, time, open, now);
    open = stillOpen;
    outcome.cancelled.push(...cancelled);
    outcome.written += written ? 1 : 0;
  }
  if (times.missed > 0) await tellMissed(session, definition, times, deps.nodeId(), now);
}

async function writeTick(session: SqlSession, deps: StartWorkDeps, definition: Definition, time: DueTick, open: readonly OpenTick[], now: Date): Promise<{ written: boolean; stillOpen: OpenTick[]; cancelled: string[] }> {
  const { id, config, timetable: { zone } } = definition;
  const first = open[0];
  // What is made up of many missed times comes one after the other, whatever the setting for times that come by the clock.
  const overlap = time.trigger === 'catch-up' && config.missed === 'all' ? 'queue' : config.overlap;
  const skips = time.run && first !== undefined && overlap === 'skip';
  const waits = time.run && first !== undefined && overlap === 'queue';
  const reason = skips || waits ? `the one of ${localText(zone, first.planned)} is still at work` : time.reason;
  const tick = await insertTick(session, {
    schedule: id, planned: time.planned, times: time.times, trigger: time.trigger, work: config.run, entities: config.run === 'sync' ? [...config.entities] : [],
    status: !time.run || skips ? 'skipped' : 'waiting', reason, dueAt: time.due, node: deps.nodeId(),
  }, now);
  if (!tick || tick.status === 'skipped') return { written: tick !== undefined, stillOpen: [...open], cancelled: [] };
  const cancelled: string[] = [];
  if (time.run && first !== undefined && overlap === 'cancel') for (const old of open) cancelled.push(...await cancelTick(session, old, `the one of ${localText(zone, time.planned)} has come`, now));
  const left = overlap === 'cancel' ? [] : [...open];
  if (waits) return { written: true, stillOpen: [...left, { ...tick, runsActive: 0, runsFailed: [], runsCancelled: 0, runsStartedAt: null, runsEndedAt: null }], cancelled };
  const status = await startWork(session, deps, tick, definition, now);
  return { written: true, stillOpen: status === 'queued' ? [...left, { ...tick, status, runsActive: 1, runsFailed: [], runsCancelled: 0, runsStartedAt: null, runsEndedAt: null }] : left, cancelled };
}

/** Ends a tick with its runs. Answers the jobs that do them, to be ended after the transaction. */
export async function cancelTick(session: SqlSession, tick: Pick<OpenTick, 'id' | 'runs' | 'jobId' | 'startedAt'>, reason: string, now: Date): Promise<string[]> {
  const jobs = tick.jobId === null ? [] : [tick.jobId];
  for (const id of tick.runs) {
    const run = await readRun(session, id);
    if (!run || run.endedAt) continue;
    await endRun(session, id, { status: 'cancelled', code: 'run.cancelled', reason: `cancelled by its schedule: ${reason}` });
    if (run.jobId !== null) jobs.push(run.jobId);
  }
  await endTick(session, tick.id, { status: 'cancelled', reason, startedAt: null, at: now });
  return jobs;
}

/** What was missed while everything was down and is made up is healing too, and stands with its acts. */
async function tellMissed(session: SqlSession, { id, timetable: { zone } }: Definition, { ticks, missed }: DueTimes, node: string, now: Date): Promise<void> {
  const late = ticks.filter(({ trigger }) => trigger === 'catch-up');
  const made = late.filter(({ run }) => run).length;
  if (made === 0) return;
  const last = late.at(-1);
  await beginAct(session, {
    rule: 'missed-schedules', fingerprint: id, seen: `${missed} planned ${missed === 1 ? 'time' : 'times'} of the schedule "${id}" passed unseen, the last one ${localText(zone, last?.planned ?? now)}`,
    done: `${made} made up`, outcome: 'healed', came: null, facts: { schedule: id, missed, made }, trigger: 'tick', node, at: now,
  });
}

/** Starts what waits for its turn, the oldest first, where the schedule is neither paused nor at work. */
export async function releaseWaiting(session: SqlSession, deps: StartWorkDeps, definition: Definition, now: Date): Promise<boolean> {
  const [row] = await holdSchedules(session, [definition.id], { wait: false });
  if (!row || !isCurrent(row, definition) || isPaused(row, now)) return false;
  const open = await openTicks(session, [definition.id]);
  const [next] = open;
  if (!next || open.some(({ status }) => status !== 'waiting')) return false;
  await holdEntities(session, next.entities);
  await startWork(session, deps, next, definition, now);
  return true;
}

/** Whether this node knows the schedule as the config has it that was loaded last. */
export function isCurrent(row: Pick<ScheduleRow, 'definition' | 'removedAt'>, { hash }: Definition): boolean {
  return row.removedAt === null && row.definition === hash;
}

/** Whether a schedule rests by a person's word, or by its failures. */
export function isPaused({ pausedAt, pausedUntil }: Pick<ScheduleRow, 'pausedAt' | 'pausedUntil'>, now: Date): boolean {
  return pausedAt !== null && pausedAt <= now && (pausedUntil === null || pausedUntil > now);
}
