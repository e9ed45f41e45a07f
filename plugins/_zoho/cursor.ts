import { isRecord, type JsonValue } from 'tds/sdk';
import type { Plan } from './plans.ts';
import type { Position } from './position.ts';
import { instantOf, offsetOf, stampOf } from './times.ts';

/** Where the next incremental reading begins: everything modified at this time or later is still to be read. */
export interface Cursor { since: string }

/** A saved cursor, or undefined where it is none of ours; then everything is read. */
export function cursorOf(value: JsonValue | undefined): Cursor | undefined {
  return isRecord(value) && instantOf(value.since) !== undefined ? { since: value.since as string } : undefined;
}

/**
 * The latest time up to which nothing can have been missed. A record may change while the pages are read, and may be
 * written some seconds after the time that it bears; so the next reading overlaps this one, by as little as is certain.
 */
export function sinceOf(plan: Plan, position: Position, sole: boolean, chased: boolean): string | undefined {
  const latest = instantOf(position.latest);
  if (latest === undefined) return undefined;
  const since = (instant: number): string => stampOf(instant, offsetOf(position.latest));
  const { settledFirst, settledLast, bound } = position;
  if (plan.sort?.column === 'last_modified_time' && plan.sort.order === 'A') {
    if (chased) return since(Math.min(latest, bound ?? latest));
    if (settledLast === null) return since(latest - 1000);
    return since(Math.min(latest + 1000, bound ?? Infinity));
  }
  if (settledFirst !== null) return since(Math.min(latest + 1000, settledFirst));
  return since((sole ? latest : Math.min(latest, position.floor ?? latest)) - 1000);
}
