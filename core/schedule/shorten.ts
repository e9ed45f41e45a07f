/** Further syncs between two planned ones, for entities that are to be read more often just now (where webhooks have failed, for one). */
import { holdEntities } from '../operations/request-run.ts';
import type { DatabaseAccess } from '../sdk/index.ts';
import { holdSchedules } from '../store/schedules.ts';
import { insertTicks, openTicks } from '../store/ticks.ts';
import type { Definition } from './definition.ts';
import { newTick } from './plan.ts';
import { startWork, type StartWorkDeps } from './start-work.ts';
import { isCurrent, isPaused } from './tick.ts';

/** The last planned time and its period, kept so that it need not be reckoned each second. */
export type Shortened = Map<string, { from: number; until: number }>;

/** The pauses are cut into this many parts at most. */
const mostParts = 20;
/** A part that passed longer ago is left alone: the next one comes soon. */
const graceMs = 60_000;

export async function shortenedTicks(database: DatabaseAccess, deps: StartWorkDeps, { definitions, factor, seen }: { definitions: Iterable<Definition>; factor: (entity: string) => number; seen: Shortened }, now: Date): Promise<void> {
  for (const definition of definitions) {
    const { id, config } = definition;
    if (config.run !== 'sync' || config.mode === 'full') continue;
    for (const [parts, entities] of byParts(config.entities, factor)) {
      const span = spanOf(definition, seen, now.getTime());
      if (!span) continue;
      const length = (span.until - span.from) / parts;
      const part = Math.floor((now.getTime() - span.from) / length);
      const planned = new Date(Math.round(span.from + part * length));
      if (part === 0 || part >= parts || now.getTime() - planned.getTime() > graceMs) continue;
      await database.transaction(async (session) => {
        const [row] = await holdSchedules(session, [id], { wait: false });
        if (!row || !isCurrent(row, definition) || isPaused(row, now) || (await openTicks(session, [id])).length > 0) return;
        const [tick] = await insertTicks(session, [newTick(definition, { planned, trigger: 'shortened', entities, dueAt: planned, node: deps.nodeId() })], now);
        if (!tick) return;
        await holdEntities(session, entities);
        await startWork(session, deps, [{ tick, definition }], now);
      });
    }
  }
}

/** Entities by the number of parts into which their pauses are cut; without those whose pauses are whole. */
function byParts(entities: readonly string[], factor: (entity: string) => number): Map<number, string[]> {
  const groups = new Map<number, string[]>();
  for (const entity of entities) {
    const share = factor(entity);
    const parts = share > 0 && share < 1 ? Math.min(Math.round(1 / share), mostParts) : 1;
    if (parts > 1) groups.set(parts, [...(groups.get(parts) ?? []), entity]);
  }
  return groups;
}

/** The planned times around a moment. */
function spanOf({ id, timetable }: Definition, seen: Shortened, now: number): { from: number; until: number } | undefined {
  const known = seen.get(id);
  if (known && now >= known.from && now < known.until) return known;
  const until = timetable.next(new Date(now))?.getTime();
  if (until === undefined) return undefined;
  // The time before is found by going back by growing steps.
  for (let back = until - now; back < 40 * 86_400_000; back = back * 2 + 60_000) {
    let from: number | undefined;
    for (let next = timetable.next(new Date(now - back)); next && next.getTime() < until; next = timetable.next(next)) from = next.getTime();
    if (from === undefined || from > now) continue;
    const span = { from, until };
    seen.set(id, span);
    return span;
  }
  return undefined;
}
