import { readPath, type SourceRecord } from 'tds/sdk';
import type { ListAnswer } from './list.ts';
import { pageFrom, type Ask } from './offsets.ts';
import type { Plan } from './plans.ts';
import { tailLength, type Anchor, type Position } from './position.ts';
import { instantOf } from './times.ts';

/** Records that a page may repeat, where the list shifts so much that one is not enough. */
const mostOverlap = 100;
/** How often in a row a place is looked for before the reading goes on without it. */
const mostLosses = 12;
/** How often a list is begun anew because the place could not be found. */
const mostRestarts = 3;

/** Pages in a row that may bring nothing new although the list goes on. */
const mostIdle = 10;

/** What a page brought. */
export interface Step {
  /** Records that were not read before. Undefined: the place was lost, the next page is asked for to find it. */
  fresh: SourceRecord[] | undefined;
  position: Position;
  /** Whether the list ends here. */
  ended: boolean;
}

/** A page that is asked for. */
export interface Asked {
  ask: Ask;
  /** It starts with a record that was read already, so that a shift shows. */
  joined: boolean;
  /** The API obeys no page size but its own: pages can't overlap. */
  fixedPage: boolean;
}

/** The next page to ask for, and whether it must join the last one. */
export function nextAsk(position: Position, fixedPage: boolean): Asked {
  if (position.at === 0) return { ask: pageFrom(0), joined: false, fixedPage };
  if (fixedPage) return { ask: wholePage(position), joined: false, fixedPage };
  return { ask: pageFrom(Math.max(0, position.at - position.overlap)), joined: true, fixedPage };
}

/** Where the API knows only pages of 200: the page of the next unread record. */
function wholePage({ at }: Position): Ask {
  return { page: Math.floor(at / 200) + 1, perPage: 200, start: Math.floor(at / 200) * 200 };
}

/** Takes a page in: finds where it joins what was read, and what is new in it. */
export function advance(plan: Plan, before: Position, asked: Asked, answer: ListAnswer, anchor: Anchor): Step {
  const { ask, joined, fixedPage } = asked;
  const { records, more } = answer;
  const place = before.at === 0 ? { base: 0, fresh: records } : findPlace(plan, before, ask, records, anchor, joined);
  if (place === undefined) return { fresh: undefined, position: stepBack(before, ask), ended: false };
  const { fresh } = place;
  const position = moveOn(plan, before, { base: place.base, fresh, records }, anchor);
  if (place.blind || (fixedPage && answer.more)) position.gap = true;
  // A list that says again and again that there is more, and has nothing: its word is not trusted for ever.
  position.idle = fresh.length === 0 && more ? before.idle + 1 : 0;
  const endless = position.idle >= mostIdle;
  if (endless) position.gap = true;
  return { fresh, position, ended: !more || endless };
}

interface Place { base: number; fresh: SourceRecord[]; blind?: boolean }

function findPlace(plan: Plan, before: Position, ask: Ask, records: SourceRecord[], anchor: Anchor, joined: boolean): Place | undefined {
  const tail = new Set(before.tail);
  if (plan.keyset && ask.start === 0 && before.tail.length >= before.at) {
    // All that was read of this second is known by name, so its order need not be trusted.
    const ids = new Set(before.tail.map(anchor.idOf));
    // Who has none of their ids is none of them; only of the few others more need be known.
    const fresh = records.filter((record) => !ids.has(anchor.id(record)) || !tail.has(anchor.of(record)));
    return { base: records.length - fresh.length, fresh };
  }
  const last = records.findLastIndex((record) => tail.has(anchor.of(record)));
  if (last >= 0) return { base: ask.start + last + 1, fresh: records.slice(last + 1) };
  // Everything from the beginning: nothing can be missed, something may be read twice.
  if (ask.start === 0) return { base: 0, fresh: records };
  if (!joined && ask.start === before.at) return { base: before.at, fresh: records };
  if (before.lost >= mostLosses || before.restarts >= mostRestarts) return { base: ask.start, fresh: records, blind: true };
  return undefined;
}

/** The last records read are not where they were: looks further up the list for one of them. */
function stepBack(before: Position, ask: Ask): Position {
  const lost = before.lost + 1;
  const at = Math.max(0, ask.start - 50 * lost * lost);
  return { ...before, at, lost, restarts: before.restarts + (at === 0 ? 1 : 0), overlap: Math.min(mostOverlap, before.overlap * 2 + 8) };
}

interface Taken { base: number; fresh: SourceRecord[]; records: readonly SourceRecord[] }

function moveOn(plan: Plan, before: Position, taken: Taken, anchor: Anchor): Position {
  const { base, fresh, records } = taken;
  const position: Position = { ...before, at: base + fresh.length, read: before.read + fresh.length, tail: records.slice(-tailLength).map(anchor.of), lost: fresh.length > 0 ? 0 : before.lost };
  if (records.length === 0) position.tail = before.tail;
  return plan.keyset && fresh.length > 0 ? rebase(position, before, fresh, records, anchor) : position;
}

/** Keyset: the filter moves to the last time seen; offsets then count from the first record of that second. */
function rebase(position: Position, before: Position, fresh: readonly SourceRecord[], records: readonly SourceRecord[], anchor: Anchor): Position {
  const timeOf = (record: SourceRecord): string => String(readPath(record, anchor.modified ?? '') ?? '');
  const last = timeOf(fresh.at(-1) as SourceRecord);
  const instant = instantOf(last);
  if (instant === undefined || (before.since !== null && instant <= (instantOf(before.since) ?? -Infinity))) return position;
  const group = records.filter((record) => instantOf(timeOf(record)) === instant);
  return { ...position, since: last, at: group.length, tail: group.slice(-tailLength).map(anchor.of) };
}
