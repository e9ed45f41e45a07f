import type { ReportToTell } from './alerts/index.ts';
import type { Config } from './config/index.ts';
import type { Healing } from './healing/index.ts';
import { systemClock } from './monitor/clock.ts';
import type { Events } from './monitor/events.ts';
import type { EnqueueMany } from './operations/request-run.ts';
import type { Entity } from './pipeline/entity.ts';
import type { Queue } from './queue/index.ts';
import type { WebhookOperations } from './operations/webhooks.ts';
import { createSchedules, makeReport, type Definition, type Schedules, type WorkDone } from './schedule/index.ts';
import type { Logger, SqlSession } from './sdk/index.ts';
import type { Database } from './store/session.ts';
import { trimActs } from './store/healing-acts.ts';
import { maintainPartitions } from './store/partitions.ts';
import { trimTicks, type Tick } from './store/ticks.ts';
import { hearingIn } from './webhook/index.ts';

/** What the schedules are made of. */
export interface ScheduleParts {
  /** The config that is in force. */
  config: () => Config;
  database: Database; enqueue: EnqueueMany; queue: () => Queue; healing: () => Healing; events: Events; log: Logger; redact: (text: string) => string;
  entities: ReadonlyMap<string, Entity>;
  /** Has a report delivered, by jobs that are written in the session's transaction. Answers to whom. */
  tellReport: (session: SqlSession, report: ReportToTell) => Promise<string[]>;
  /** By how much the pauses of an entity's incremental syncs are shortened just now; 1 leaves them as they are. */
  factor?: (entity: string) => number;
}

/** Between two questions about the same entity. */
const factorMs = 30_000;

/** What the webhooks say of how often their entities are to be read. The answer is that of half a minute ago at most; nobody waits for a newer one. */
export function pollingFactors({ urls, pollingFactor }: Pick<WebhookOperations, 'urls' | 'pollingFactor'>, now: () => Date): (entity: string) => number {
  const known = new Map<string, { factor: number; askedAt: number }>();
  return (entity) => {
    const last = known.get(entity) ?? { factor: 1, askedAt: -Infinity };
    if (now().getTime() - last.askedAt < factorMs) return last.factor;
    const asked = { ...last, askedAt: now().getTime() };
    known.set(entity, asked);
    // What entities take messages may change at run time.
    if (!urls('').some(({ rule }) => rule.entity === entity)) asked.factor = 1;
    else void pollingFactor(entity).then((factor) => (asked.factor = factor), () => undefined); // asked again in half a minute
    return asked.factor;
  };
}

/** Puts the schedules together for `main.ts`. */
export function composeSchedules(parts: ScheduleParts): Schedules {
  const { config, database, enqueue, queue, events, log, redact, entities, factor } = parts;
  return createSchedules({
    config, database, enqueue, log, redact, clock: systemClock, nodeId: () => queue().nodeId, isAtWork: (entity) => entities.has(entity), cancelJob: (id) => queue().cancel(id),
    tell(name, detail) {
      events.emit(name, detail);
      if (name === 'schedule.slow' || name === 'schedule.paused') log.warn(name === 'schedule.slow' ? 'the work of a schedule outgrows its period' : 'a schedule was paused by its failures', detail as Record<string, unknown>);
    },
    async work(tick, definition) {
      if (tick.work === 'heal') return heal(parts, definition?.config.rules ?? []);
      if (tick.work === 'maintain') return maintain(parts);
      if (tick.work === 'report') return report(parts, tick, definition);
      return { status: 'skipped', reason: `this version does not know the work "${tick.work}"` };
    },
    ...(factor ? { factor } : {}),
  });
}

/** Makes a report and hands it to the notifiers, together: it is told once, however often the work is repeated. */
async function report({ database, config, redact, tellReport }: ScheduleParts, tick: Tick, definition: Definition | undefined): Promise<WorkDone> {
  const timezone = definition?.timetable.zone ?? config().timezone;
  const { id, summary, told } = await database.transaction(async (session) => {
    const made = await makeReport(session, { schedule: tick.schedule, to: tick.planned, now: systemClock.now(), timezone, redact });
    const { from, to, attention } = made.summary;
    const { headline, text, html } = made;
    return { ...made, told: made.first ? await tellReport(session, { id: made.id, schedule: tick.schedule, from, to, headline, attention, text, html, notifiers: definition?.config.notifiers }) : [] };
  });
  return { status: 'succeeded', reason: `report ${id}: ${summary.attention.length === 0 ? 'all is well' : `${summary.attention.length} to look at`}${told.length > 0 ? `; goes to ${told.join(', ')}` : ''}` };
}

async function heal({ healing }: ScheduleParts, rules: readonly string[]): Promise<WorkDone> {
  const { operations } = healing();
  const atWork = new Set((await operations.rules()).map(({ id }) => id));
  const reports = [];
  for (const rule of rules.length === 0 ? [undefined] : rules.filter((id) => atWork.has(id))) reports.push(...await operations.run({ rule, dryRun: false, trigger: 'schedule' }));
  const failed = reports.filter(({ error }) => error !== undefined);
  const acts = reports.reduce((sum, { found }) => sum + found.filter(({ outcome }) => outcome !== 'silent').length, 0);
  if (failed.length > 0) return { status: 'failed', reason: failed.map(({ rule, error }) => `${rule}: ${error}`).join('; ') };
  return { status: 'succeeded', reason: acts === 0 ? 'nothing to mend' : `${acts} ${acts === 1 ? 'act' : 'acts'} of healing` };
}

async function maintain({ database, config }: ScheduleParts): Promise<WorkDone> {
  const now = systemClock.now();
  const { retention } = config().policies;
  const oldest = new Date(now.getTime() - retention.runs);
  const { made, dropped, runs } = await database.transaction((session) => maintainPartitions(session, now, retention, hearingIn(config())));
  const [acts, ticks] = await database.transaction(async (session) => [await trimActs(session, oldest, now), await trimTicks(session, oldest)] as const);
  return { status: 'succeeded', reason: `${made.length} partitions made, ${dropped.length} dropped; ${runs} runs, ${ticks} ticks and reports, ${acts} acts of healing removed` };
}
