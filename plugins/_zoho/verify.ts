import { readPath, type SourceRecord } from 'tds/sdk';
import type { ListAnswer } from './list.ts';
import { sortTrait, type Plan } from './plans.ts';
import type { Position, RecordFields } from './position.ts';
import { instantOf } from './times.ts';
import type { Trait, Traits } from './traits.ts';

/** So many different times in a row can't be in order by chance. */
const enoughTimes = 10;

/** The trait that this page shows the list not to have, if any: an order or a filter that was asked for and ignored. */
export function brokenPromise(plan: Plan, position: Position, answer: ListAnswer, fields: RecordFields): Trait | undefined {
  const { records } = answer;
  if (records.length === 0) return undefined;
  const trait = sortTrait(plan);
  if (plan.sort && trait) {
    const times = timesOf(records, plan.sort.column === 'created_time' ? fields.created : fields.modified);
    if (!times || !inOrder(times, plan.sort.order)) return trait;
  }
  if (!plan.filtered || position.since === null) return undefined;
  const since = instantOf(position.since) ?? -Infinity;
  const times = timesOf(records, fields.modified);
  return !times || times.some((time) => time < since) ? 'modifiedFilter' : undefined;
}

/** Traits that this page proves. Those that are `known` for sure need no proof. */
export function keptPromises(plan: Plan, position: Position, answer: ListAnswer, fields: RecordFields, known: Traits): Trait[] {
  const { records } = answer;
  const proven: Trait[] = [];
  const trait = sortTrait(plan);
  if (trait && known[trait] === 'yes' && (!plan.keyset || known.modifiedFilter === 'yes')) return proven;
  const times = plan.sort && timesOf(records, plan.sort.column === 'created_time' ? fields.created : fields.modified);
  if (!trait || !times || new Set(times).size < enoughTimes) return proven;
  proven.push(trait);
  // Keyset: the filter left out what was read, and kept what was last read and what came after.
  if (plan.keyset && position.at > 0 && times[0] === instantOf(position.since)) proven.push('modifiedFilter');
  return proven;
}

/** The times of all records, or undefined where one has none. */
export function timesOf(records: readonly SourceRecord[], path: string | undefined): number[] | undefined {
  if (path === undefined) return undefined;
  const times: number[] = [];
  for (const record of records) {
    const time = instantOf(readPath(record, path));
    if (time === undefined) return undefined;
    times.push(time);
  }
  return times;
}

/** Whether times go one way only; equal ones may stand beside each other. */
export function inOrder(times: readonly number[], order: 'A' | 'D'): boolean {
  for (let n = 1; n < times.length; n++) {
    const step = (times[n] as number) - (times[n - 1] as number);
    if (order === 'A' ? step < 0 : step > 0) return false;
  }
  return true;
}
