/** What people and programs ask of the schedules. */
import type { Config } from '../../schemas/index.ts';
import { OperationError } from '../operations/errors.ts';
import { holdEntities } from '../operations/request-run.ts';
import type { Backfill, PlannedTime, ScheduleOperations, ScheduleStatus, TickShape } from '../operations/schedules.ts';
import type { SqlSession } from '../sdk/index.ts';
import type { Database } from '../store/session.ts';
import { listReports, readReport } from '../store/reports.ts';
import { holdSchedules, listSchedules, pauseSchedule, resumeSchedule, type ScheduleRow } from '../store/schedules.ts';
import { insertTicks, latestTicks, listTicks, openTicks, readTick, reviveTicks, ticksBetween, type Tick } from '../store/ticks.ts';
import { definitionsOf, whyUnavailable, type Definition } from './definition.ts';
import { newTick } from './plan.ts';
import { readTime } from './read-time.ts';
import { startWork, type StartWorkDeps } from './start-work.ts';
import { isCurrent, isPaused } from './tick.ts';
import { upcoming } from './timetable.ts';
import { localText } from './zone-time.ts';

export interface ScheduleOperationsDeps extends StartWorkDeps {
  database: Database;
  /** The config that is in force. */
  config: () => Pick<Config, 'schedules' | 'timezone'>;
  now: () => Date;
}

/** Planned times that a backfill looks through. */
const mostTimes = 50_000;

export function scheduleOperations(deps: ScheduleOperationsDeps): ScheduleOperations {
  const { database, now } = deps;
  const find = (id: string): Definition => definitionOf(deps.config(), id);
  const list = (): Promise<ScheduleStatus[]> => listAll(deps);
  const one = async (id: string): Promise<ScheduleStatus> => {
    const found = (await list()).find((schedule) => schedule.id === id);
    if (!found) throw unknownSchedule(deps.config(), id);
    return found;
  };
  const change = async (id: string, act: (session: SqlSession) => Promise<boolean>): Promise<ScheduleStatus> => {
    find(id);
    if (!(await database.transaction(act))) throw new OperationError('operation.schedule_new', `no node has taken up the schedule "${id}" yet`, { suggestion: 'Start one: npm start.' });
    return one(id);
  };
  return {
    list, one,
    next: (id, count) => planned(find(id), upcoming(find(id).timetable, now(), count)),
    ticks: async (filter) => (await listTicks(database.reads, filter)).map((tick) => shapeTick(tick)),
    pause(id, { until, reason, by }) {
      const end = until === null ? null : readTime(until, find(id).timetable.zone, now(), 'ahead');
      if (end && end <= now()) throw new OperationError('operation.bad_time', `the pause would be over already: ${end.toISOString()}`);
      return change(id, (session) => pauseSchedule(session, id, { at: now(), until: end, by, reason }));
    },
    resume: (id) => change(id, (session) => resumeSchedule(session, id, now())),
    async run(id, trigger) {
      const definition = available(find(id));
      return database.transaction((session) => runNow(session, deps, definition, trigger));
    },
    backfill(id, { from, to, ...rest }) {
      const definition = available(find(id));
      if (!definition.config.enabled) throw new OperationError('operation.schedule_off', `the schedule "${id}" is switched off in the config`, { suggestion: `Set schedules.${id}.enabled to true.` });
      const moment = (text: string): Date => readTime(text, definition.timetable.zone, now(), 'back');
      return database.transaction((session) => backfill(session, deps, definition, { from: moment(from), to: moment(to), ...rest }));
    },
    reports: (filter) => listReports(database.reads, filter),
    async report(id) {
      const found = await readReport(database.reads, id);
      if (!found) throw new OperationError('operation.unknown_report', id === undefined ? 'there is no report yet' : `there is no report ${JSON.stringify(id)}`, { suggestion: 'A schedule with "run: report" makes them; "tds schedules run <id>" makes one now.' });
      return found;
    },
  };
}

/** @throws OperationError `operation.not_available` */
function available(definition: Definition): Definition {
  const why = whyUnavailable(definition.config);
  if (why !== undefined) throw new OperationError('operation.not_available', why, { suggestion: 'Its planned times are noted as skipped; nothing has to be done about them.' });
  return definition;
}

async function listAll({ config, now, database: { reads } }: ScheduleOperationsDeps): Promise<ScheduleStatus[]> {
  const known = config();
  const [listed, last] = await Promise.all([listSchedules(reads), latestTicks(reads)]);
  const rows = new Map(listed.map((row) => [row.schedule, row]));
  const at = now();
  const definitions = definitionsOf(known);
  return Object.entries(known.schedules).map(([id, schedule]) => {
    const definition = definitions.get(id) ?? definitionOf(known, id);
    const row = rows.get(id);
    const tick = last.get(id);
    const next = schedule.enabled ? definition.timetable.next(at) : undefined;
    return {
      id, description: schedule.description ?? null, cron: schedule.cron ?? null, every: schedule.every ?? null, timezone: definition.timetable.zone, run: schedule.run,
      entities: schedule.run === 'sync' ? [...schedule.entities] : [], mode: schedule.run === 'sync' ? schedule.mode ?? 'incremental' : null, state: stateOf(definition, row, next, at),
      paused: row && isPaused(row, at) ? { at: row.pausedAt as Date, until: row.pausedUntil, by: row.pausedBy, reason: row.pauseReason } : null,
      next: next ? { at: next, local: localText(definition.timetable.zone, next) } : null, last: tick ? shapeTick(tick) : null, failures: row?.failures ?? 0, slow: row?.slow ?? null, unavailable: whyUnavailable(schedule) ?? null,
    };
  });
}

function stateOf(definition: Definition, row: ScheduleRow | undefined, next: Date | undefined, now: Date): ScheduleStatus['state'] {
  if (!definition.config.enabled) return 'off';
  if (!row || row.removedAt) return 'new';
  if (!isCurrent(row, definition)) return 'other';
  if (isPaused(row, now)) return 'paused';
  return next ? 'active' : 'over';
}

/** A schedule of the config, one that is switched off too. */
function definitionOf(config: Pick<Config, 'schedules' | 'timezone'>, id: string): Definition {
  const schedule = Object.hasOwn(config.schedules, id) ? config.schedules[id] : undefined;
  if (!schedule) throw unknownSchedule(config, id);
  const found = definitionsOf({ ...config, schedules: { [id]: { ...schedule, enabled: true } } }).get(id) as Definition;
  return { ...found, config: schedule };
}

async function runNow(session: SqlSession, deps: ScheduleOperationsDeps, definition: Definition, trigger: 'person' | 'api'): Promise<TickShape> {
  const { id } = definition;
  const at = deps.now();
  await holdSchedules(session, [id], { wait: true });
  const [first] = await openTicks(session, [id]);
  if (first) throw new OperationError('operation.schedule_busy', `the schedule "${id}" is at work: its tick ${first.id} is ${first.status}`, { suggestion: 'Wait for its end (tds schedules), or cancel its runs (tds runs cancel).' });
  const [tick] = await insertTicks(session, [newTick(definition, { planned: at, trigger, dueAt: at, node: deps.nodeId() })], at);
  if (!tick) throw new OperationError('operation.schedule_busy', `the schedule "${id}" was started at this very moment`);
  await holdEntities(session, tick.entities);
  await startWork(session, deps, [{ tick, definition }], at);
  return shapeTick(await readTick(session, tick.id) as Tick);
}

async function backfill(session: SqlSession, deps: ScheduleOperationsDeps, definition: Definition, { from, to, most, dryRun }: { from: Date; to: Date; most: number; dryRun: boolean }): Promise<Backfill> {
  const { id, timetable } = definition;
  const now = deps.now();
  if (to <= from) throw new OperationError('operation.bad_time', 'the span ends before it begins');
  const end = to < now ? to : now;
  await holdSchedules(session, [id], { wait: true });
  const rows = new Map((await ticksBetween(session, id, from, end)).map((tick) => [tick.planned.getTime(), tick]));
  const times = upcoming(timetable, new Date(from.getTime() - 1), mostTimes, end);
  const isDone = (time: Date): boolean => !['skipped', 'failed', 'cancelled', undefined].includes(rows.get(time.getTime())?.status);
  const wanted = times.filter((time) => !isDone(time));
  const chosen = wanted.slice(0, most);
  if (!dryRun) {
    const rowOf = (time: Date): Tick | undefined => rows.get(time.getTime());
    await reviveTicks(session, chosen.flatMap((time) => rowOf(time)?.id ?? []), 'backfill');
    await insertTicks(session, chosen.filter((time) => !rowOf(time)).map((time) => newTick(definition, { planned: time, trigger: 'backfill', reason: 'its turn comes after the others', dueAt: now, node: deps.nodeId() })), now);
  }
  return { schedule: id, dryRun, times: planned(definition, chosen), done: times.length - wanted.length, left: wanted.length - chosen.length };
}

function planned({ timetable: { zone } }: Definition, times: readonly Date[]): PlannedTime[] {
  return times.map((at) => ({ at, local: localText(zone, at) }));
}

/** A tick as programs see it. */
export function shapeTick({ jobId: _jobId, ...tick }: Tick): TickShape {
  const between = (from: Date | null, to: Date | null): number | null => (from && to ? Math.max(0, to.getTime() - from.getTime()) : null);
  return { ...tick, late: between(tick.dueAt, tick.enqueuedAt), waited: between(tick.enqueuedAt, tick.startedAt), took: between(tick.startedAt, tick.endedAt) };
}

function unknownSchedule({ schedules }: Pick<Config, 'schedules'>, id: string): OperationError {
  return new OperationError('operation.unknown_schedule', `there is no schedule ${JSON.stringify(id)}`, { suggestion: `The config has: ${Object.keys(schedules).join(', ') || 'none'}.` });
}
