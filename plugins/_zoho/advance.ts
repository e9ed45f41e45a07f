import { readPath, type SourceRecord } from 'tds/sdk';
import type { ListAnswer } from './list.ts';
import { pageFrom, type Ask } from './offsets.ts';
import type { Plan } from './plans.ts';
import { tailLength, type Anchor, type Position } from './position.ts';
import { instantOf } from './times.ts';

/** Pages between two checks where a look at the end would find every shift too. */
const pagesUnchecked = 50;
/** How often a place is looked for before the reading goes on without it. */
const mostLosses = 12;

/** What a page brought. */
export interface Step {
  /** Records that were not read before. Undefined: the place was lost, the next page is asked for to find it. */
  fresh: SourceRecord[] | undefined;
  position: Position;
  /** Whether the list ends here and nothing is left to check. */
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
export function nextAsk(plan: Plan, position: Position, fixedPage: boolean): Asked {
  if (position.at === 0) return { ask: pageFrom(0), joined: false, fixedPage };
  if (fixedPage) return { ask: wholePage(position), joined: false, fixedPage };
  const unchecked = plan.settled && !plan.keyset && !position.careful && (position.sure?.pages ?? 0) < pagesUnchecked;
  if (unchecked) return { ask: pageFrom(position.at), joined: false, fixedPage };
  return { ask: pageFrom(position.at - 1), joined: true, fixedPage };
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
  const unchecked = before.sure !== null && before.sure.pages > 0;
  if (place === undefined) return { fresh: undefined, position: unchecked ? rewind(before) : stepBack(before, ask), ended: false };
  const shifted = before.at > 0 && place.base !== before.at;
  if (shifted && place.base < before.at && unchecked) return { fresh: undefined, position: rewind(before), ended: false };
  const { fresh } = place;
  const position = moveOn(plan, before, { base: place.base, fresh, records, checked: joined || before.at === 0 }, anchor);
  if (shifted) position.careful = true;
  if (place.blind || (fixedPage && answer.more)) position.gap = true;
  // The end is certain when the last page was seen to join; else one more look at the last record.
  const certain = joined || fixedPage || (position.sure?.pages ?? 0) === 0 || plan.keyset || !plan.settled;
  if (!more && !certain && !position.careful) {
    if (position.sure) position.sure.pages = pagesUnchecked;
    return { fresh, position, ended: false };
  }
  return { fresh, position, ended: !more };
}

interface Place { base: number; fresh: SourceRecord[]; blind?: boolean }

function findPlace(plan: Plan, before: Position, ask: Ask, records: SourceRecord[], anchor: Anchor, joined: boolean): Place | undefined {
  const tail = new Set(before.tail);
  if (plan.keyset && ask.start === 0 && before.tail.length >= before.at) {
    // All that was read of this second is known by name, so its order need not be trusted.
    const fresh = records.filter((record) => !tail.has(anchor.of(record)));
    return { base: records.length - fresh.length, fresh };
  }
  const last = records.findLastIndex((record) => tail.has(anchor.of(record)));
  if (last >= 0) return { base: ask.start + last + 1, fresh: records.slice(last + 1) };
  // Everything from the beginning: nothing can be missed, something may be read twice.
  if (ask.start === 0) return { base: 0, fresh: records };
  if (!joined && ask.start === before.at) return { base: before.at, fresh: records };
  if (before.lost >= mostLosses) return { base: ask.start, fresh: records, blind: true };
  return undefined;
}

/** The last records read are not where they were: looks further up the list for one of them. */
function stepBack(before: Position, ask: Ask): Position {
  const lost = before.lost + 1;
  return { ...before, at: Math.max(0, ask.start - 100 * lost * lost), careful: true, lost, sure: null };
}

/** Something before this place went away since the last check, so records may have slipped past: reads again from there. */
function rewind(before: Position): Position {
  const sure = before.sure as NonNullable<Position['sure']>;
  return { ...before, at: sure.at, tail: sure.tail, sure: null, careful: true };
}

interface Taken { base: number; fresh: SourceRecord[]; records: readonly SourceRecord[]; checked: boolean }

function moveOn(plan: Plan, before: Position, taken: Taken, anchor: Anchor): Position {
  const { base, fresh, records, checked } = taken;
  const position: Position = { ...before, at: base + fresh.length, tail: records.slice(-tailLength).map(anchor.of) };
  if (records.length === 0) position.tail = before.tail;
  if (plan.keyset) return fresh.length === 0 ? position : rebase(position, before, fresh, records, anchor);
  position.sure = checked || before.careful
    ? { at: position.at, tail: position.tail, pages: 0 }
    : { ...(before.sure ?? { at: 0, tail: [] }), pages: (before.sure?.pages ?? 0) + 1 };
  return position;
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
