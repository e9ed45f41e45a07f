/** What becomes of planned times that have come, beside what is still at work: what starts, waits, is left out or is cancelled. Pure. */
import { tickName, type NewTick, type OpenTick } from '../store/ticks.ts';
import { whyUnavailable, type Definition } from './definition.ts';
import type { DueTick } from './due.ts';
import { localText } from './zone-time.ts';

/** A row to be written; the work of one that `starts` is put on the queue with it. */
export interface PlannedTick { tick: NewTick; definition: Definition; starts: boolean }

export interface TickPlan {
  ticks: PlannedTick[];
  /** Open ticks that give way. */
  cancelled: { tick: OpenTick; reason: string }[];
}

/**
 * Plans the times of one schedule, the oldest first.
 * @param open its ticks that are at work or wait, in order
 * @param known names of ticks that there are already: a person's or a shortened one may have come at the very same moment
 */
export function planTicks(definition: Definition, times: readonly DueTick[], open: readonly OpenTick[], known: ReadonlySet<string>, node: string): TickPlan {
  const { id, config, timetable: { zone } } = definition;
  const plan: TickPlan = { ticks: [], cancelled: [] };
  let ahead: readonly (OpenTick | PlannedTick)[] = open;
  const missing = whyUnavailable(config);
  for (const planned of times) {
    const time = missing !== undefined && planned.run ? { ...planned, run: false, reason: missing } : planned;
    if (known.has(tickName({ schedule: id, planned: time.planned }))) continue;
    const one: PlannedTick = { definition, starts: false, tick: newTick(definition, { planned: time.planned, times: time.times, trigger: time.trigger, dueAt: time.due, untilAt: definition.timetable.next(time.planned) ?? null, reason: time.reason, node }) };
    plan.ticks.push(one);
    const first = ahead[0];
    // What is made up of many missed times comes one after the other, whatever the setting for times that come by the clock.
    const overlap = time.trigger === 'catch-up' && config.missed === 'all' ? 'queue' : config.overlap;
    const isBusy = first !== undefined && overlap !== 'cancel';
    if (!time.run || (isBusy && overlap === 'skip')) one.tick.status = 'skipped';
    if (time.run && isBusy) one.tick.reason = `the one of ${localText(zone, plannedOf(first))} is still at work`;
    if (!time.run || (isBusy && overlap === 'skip')) continue;
    if (!isBusy) {
      for (const old of ahead) giveWay(plan, old, `the one of ${localText(zone, time.planned)} has come`);
      one.starts = true;
      ahead = [one];
    } else ahead = [...ahead, one];
  }
  return plan;
}

/** A tick of a schedule that waits. */
export function newTick({ id, config }: Definition, { entities, ...given }: Pick<NewTick, 'planned' | 'trigger' | 'dueAt' | 'node'> & Partial<Pick<NewTick, 'times' | 'reason' | 'entities' | 'untilAt'>>): NewTick {
  return { schedule: id, work: config.run, entities: config.run === 'sync' ? [...entities ?? config.entities] : [], times: 1, reason: null, untilAt: null, status: 'waiting', ...given };
}

function plannedOf(tick: OpenTick | PlannedTick): Date {
  return 'tick' in tick ? tick.tick.planned : tick.planned;
}

function giveWay(plan: TickPlan, old: OpenTick | PlannedTick, reason: string): void {
  if ('tick' in old) Object.assign(old, { starts: false, tick: { ...old.tick, status: 'cancelled', reason } });
  else plan.cancelled.push({ tick: old, reason });
}
