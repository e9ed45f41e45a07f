/**
 * How the limits of an account are divided between the processes that call it. What each has is written down before it is used, and
 * given out only as far as all others' leave room: what they called within the last minute, and what they may yet call. So the sum
 * is never above the limit, however many come and go. No I/O: whoever keeps the state changes it in one step.
 */
import type { Limits } from './settings.ts';
import { keptShare } from './limiter.ts';
import type { Needs } from './part.ts';
import { windowMs } from './window.ts';

/** What one process has. All times in ms, by the clock that the account's processes share. */
export interface Member {
  /** Until when it may use what it has. */
  until: number;
  /** `[time, calls]` of the last minute. */
  spent: [number, number][];
  /** Calls on their way, and those that it may yet send. */
  open: number;
  slots: number;
  /** Calls that wait, calls at once that it could use, how urgent the most urgent one is that waits, and until when that is to be believed. */
  wants: { places: number; slots: number; priority: number; until: number };
  /** Where its `pid` means something. */
  machine: string;
  pid: number;
}

export interface AccountState {
  /** Nothing is given out before. */
  opensAt: number;
  /** The other side said "too many calls": none leaves before. */
  pausedUntil: number;
  members: Record<string, Member>;
}

export const emptyState: AccountState = { opensAt: 0, pausedUntil: 0, members: {} };

export const noWants: Member['wants'] = { places: 0, slots: 0, priority: 9, until: 0 };

/** A part that was not renewed for so long may not be used any more. */
export const partMs = 5_000;
/** Calls at once of a process that fell silent count for so long after its part has ended: its last calls are over by then. */
const slotsMs = 30_000;
const turnMs = 5_000;

export interface Ask {
  name: string;
  now: number;
  machine: string;
  pid: number;
  margin: number;
  needs: Needs;
  /** Whether it calls at all; else it gives all back. */
  active: boolean;
  /** Calls that it may have ahead. */
  most: number;
  limits: Pick<Limits, 'perMinute' | 'concurrent'>;
}

export interface Answer {
  more: number;
  slots: number;
  /** Nothing can be done before `nextAt`, and nobody else is there who could give anything back. */
  rests: boolean;
  /** Calls of the others, as `Member.spent`, those that they may yet make at the latest time. */
  others: [number, number][];
  /** When a place may come back to be given out; undefined when nobody has any. */
  nextAt: number | undefined;
}

export function divide(state: AccountState, ask: Ask): { state: AccountState; answer: Answer } {
  const { name, now, needs } = ask;
  const horizon = now - windowMs - ask.margin;
  const entries = Object.entries(state.members).filter(([id, member]) => id !== name && leftOf(member, now, horizon));
  const others = entries.map(([, member]) => member);
  const used = others.flatMap((member) => usedBy(member, horizon));
  const closed = !ask.active || now < state.opensAt;
  const more = closed ? 0 : placesFor(ask, others, sum(used));
  const perMinute = ask.limits.perMinute !== undefined;
  // Without a place no call can begin, and others may use the slots.
  const rests = closed || (perMinute && needs.open + needs.places + more === 0);
  const slots = rests ? 0 : slotsFor(ask, entries);
  const nextAt = earliest([...used, ...needs.spent].map(([at]) => at + windowMs + ask.margin), state.opensAt > now ? state.opensAt : undefined);
  const me: Member = {
    until: now + partMs, machine: ask.machine, pid: ask.pid,
    spent: perMinute ? bySecond(needs.spent.filter(([at]) => at > horizon)) : [],
    open: perMinute ? needs.open + needs.places + more : 0,
    // What it had until now counts too: calls may begin by it until this is written. It shrinks first, and others grow later.
    slots: ask.limits.concurrent === undefined ? 0 : rests ? Math.max(needs.busy, closed ? needs.slots : 0) : Math.max(needs.busy, needs.slots, slots),
    wants: !ask.active ? noWants : { places: Math.max(0, needs.urgent + needs.patient - needs.places - (Number.isFinite(more) ? more : 0)), slots: needs.busy + needs.urgent + needs.patient, priority: needs.priority, until: (rests ? nextAt ?? now : now) + partMs },
  };
  return {
    state: { opensAt: state.opensAt, pausedUntil: Math.max(state.pausedUntil, needs.pausedUntil), members: { ...Object.fromEntries(entries), [name]: me } },
    answer: { more, slots, rests: rests && others.every((other) => other.until <= now), others: used, nextAt },
  };
}

/** Whether anything of it still counts. */
function leftOf(member: Member, now: number, horizon: number): boolean {
  return member.until + slotsMs > now && (member.slots > 0 || member.until > now) || member.wants.until > now || usedBy(member, horizon).length > 0;
}

function usedBy({ spent, open, until }: Member, horizon: number): [number, number][] {
  return [...spent, [until, open] as [number, number]].filter(([at, count]) => at > horizon && count > 0);
}

/** How many more calls it may make. Who waits more urgently comes first; equals divide what is there. */
function placesFor({ limits: { perMinute }, needs, now, most }: Ask, others: readonly Member[], usedByOthers: number): number {
  if (perMinute === undefined) return Infinity;
  const rivals = others.filter((other) => other.wants.until > now && other.wants.places > 0);
  const ahead = rivals.filter((rival) => rival.wants.priority < needs.priority).reduce((all, rival) => all + rival.wants.places, 0);
  const peers = rivals.filter((rival) => rival.wants.priority === needs.priority).length;
  const free = perMinute - usedByOthers - sum(needs.spent) - needs.open - needs.places - ahead;
  const fair = Math.ceil(free / (1 + peers));
  const onlyPatient = needs.patient > 0 && needs.urgent === 0;
  const wanted = (rivals.length > 0 ? Math.min(needs.urgent + needs.patient, most) : most) - needs.places;
  return Math.max(0, Math.min(wanted, fair, onlyPatient ? free - Math.floor(perMinute * keptShare) : Infinity));
}

/** How many calls it may have under way. */
function slotsFor({ limits, needs, name, now }: Ask, others: readonly [string, Member][]): number {
  if (limits.concurrent === undefined) return Infinity;
  const taken = others.reduce((all, [, other]) => all + (other.until + slotsMs > now ? other.slots : 0), 0);
  const rivals = others.filter(([, other]) => other.wants.until > now && other.wants.slots > 0);
  const wanted = needs.busy + needs.urgent + needs.patient;
  const fair = rivals.length === 0 ? needs.concurrent : fairSlots(needs.concurrent, [...rivals.map(([id, { wants }]) => ({ id, wants: wants.slots })), { id: name, wants: wanted }], name, Math.floor(now / turnMs));
  return Math.max(0, Math.min(fair, needs.concurrent - taken));
}

/** Each gets what it wants as far as all others can have as much. Where there are more processes than slots they take turns. */
function fairSlots(slots: number, demands: { id: string; wants: number }[], name: string, turn: number): number {
  const sorted = demands.toSorted((one, other) => (one.id < other.id ? -1 : 1));
  const turned = sorted.map((_, index) => sorted[(index + turn) % sorted.length] as { id: string; wants: number }).toSorted((one, other) => one.wants - other.wants);
  let left = slots;
  for (const [index, { id, wants }] of turned.entries()) {
    const share = Math.min(wants, Math.ceil(left / (turned.length - index)));
    if (id === name) return share;
    left -= share;
  }
  return 0;
}

function earliest(times: readonly number[], opensAt: number | undefined): number | undefined {
  const all = opensAt === undefined ? times : [...times, opensAt];
  return all.length === 0 ? undefined : all.reduce((one, other) => Math.min(one, other));
}

function sum(calls: readonly [number, number][]): number {
  return calls.reduce((all, [, count]) => all + count, 0);
}

/** Joined by second, each at the latest time of its calls. */
function bySecond(spent: readonly [number, number][]): [number, number][] {
  const joined: [number, number][] = [];
  for (const [at, count] of spent) {
    const last = joined.at(-1);
    if (last && Math.floor(at / 1000) === Math.floor(last[0] / 1000)) joined[joined.length - 1] = [Math.max(at, last[0]), last[1] + count];
    else joined.push([at, count]);
  }
  return joined;
}
