import type { Trait, Traits } from './traits.ts';

/** A way to read a list. */
export interface Plan {
  name: string;
  /** The order that is asked for; undefined is the list's own. */
  sort?: { column: 'created_time' | 'last_modified_time'; order: 'A' | 'D' };
  /** Only records modified at or after a time are asked for. */
  filtered: boolean;
  /** Keyset: the filter follows the last time seen, so that offsets count inside one second only. */
  keyset: boolean;
  /** A record that is not edited keeps its place among the others that are not, so that a page that joins the last one leaves no gap. */
  settled: boolean;
  /** Read down to the time asked for and no further. */
  newestFirst: boolean;
}

const keyset: Plan = { name: 'keyset', sort: { column: 'last_modified_time', order: 'A' }, filtered: true, keyset: true, settled: true, newestFirst: false };
const created: Plan = { name: 'created', sort: { column: 'created_time', order: 'A' }, filtered: false, keyset: false, settled: true, newestFirst: false };
const modified: Plan = { name: 'modified', sort: { column: 'last_modified_time', order: 'A' }, filtered: false, keyset: false, settled: true, newestFirst: false };
const plain: Plan = { name: 'plain', filtered: false, keyset: false, settled: false, newestFirst: false };
const changedByCreation: Plan = { name: 'changed-created', sort: { column: 'created_time', order: 'A' }, filtered: true, keyset: false, settled: false, newestFirst: false };
const changed: Plan = { name: 'changed', filtered: true, keyset: false, settled: false, newestFirst: false };
const newest: Plan = { name: 'newest', sort: { column: 'last_modified_time', order: 'D' }, filtered: false, keyset: false, settled: false, newestFirst: true };

const plans = [keyset, created, modified, plain, changedByCreation, changed, newest];

/** The plan of a saved position. */
export function planNamed(name: unknown): Plan | undefined {
  return plans.find((plan) => plan.name === name);
}

/** The safest plan for every record. */
export function fullPlan(traits: Traits): Plan {
  if (traits.modifiedSort !== 'no' && traits.modifiedFilter !== 'no') return keyset;
  if (traits.createdSort !== 'no') return created;
  if (traits.modifiedSort !== 'no') return modified;
  return plain;
}

/** The cheapest plan that is certain to find what changed since a time. A filter that was not proven is not trusted. */
export function changesPlan(traits: Traits): Plan {
  if (traits.modifiedFilter === 'yes') {
    if (traits.modifiedSort !== 'no') return keyset;
    return traits.createdSort === 'no' ? changed : changedByCreation;
  }
  return traits.modifiedSort === 'no' ? fullPlan(traits) : newest;
}

/** The trait on which a plan's order rests. */
export function sortTrait(plan: Plan): Trait | undefined {
  if (!plan.sort) return undefined;
  return plan.sort.column === 'created_time' ? 'createdSort' : 'modifiedSort';
}
