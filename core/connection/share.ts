/**
 * One process's part of an account's limits. It asks for what it needs, renews each second while calls are made, and gives back what it
 * doesn't use. What it may use ends by itself when it can't renew: a process that is dead, stands still or lost the database sends nothing.
 */
import { randomUUID } from 'node:crypto';
import type { TimerClock } from '../monitor/clock.ts';
import { isGone, machineName } from '../monitor/machine.ts';
import type { Logger } from '../sdk/index.ts';
import { divide, noWants, partMs, type AccountState, type Answer } from './division.ts';
import { defaultMargin } from './limiter.ts';
import type { Limiter } from './limiter-types.ts';
import type { Divider } from './part.ts';
import type { Limits } from './settings.ts';
import { windowMs } from './window.ts';

/** Where the processes of an account keep what each has. */
export interface ShareStore {
  /** Reads the state, and writes what `change` makes of it as one step; `change` may be called several times. `now` is the time of all, in ms: not later than it is. @throws when that can't be done */
  change<T>(change: (state: AccountState, now: number) => { state: AccountState; result: T }): Promise<T>;
  /** Whether its answers come from another place than the config says, and why. */
  readonly notice?: string | undefined;
}

export interface Share extends Divider {
  /** To be called once, before anything else. */
  serve(limiter: Limiter): void;
  /** The limits are asked for just now. */
  readonly asking: boolean;
  /** For people: what is out of order. */
  notice(): string | undefined;
  /** Gives back what is left. */
  close(): Promise<void>;
}

export interface ShareDeps {
  clock: TimerClock;
  store: ShareStore;
  log: Logger;
  limits: Pick<Limits, 'perMinute' | 'concurrent'>;
  margin?: number | undefined;
}

const renewMs = 1_000;
/** Between two questions where the last one brought too little. */
const scarceMs = 100;
/** The share of a minute's calls that a process may have ahead: so many are lost for a minute when it is killed. */
const aheadShare = 0.1;
const trouble = 'the database, which divides the calls between nodes, gives no answer';
const machine = machineName();

export function createShare(deps: ShareDeps): Share {
  const { clock, store, log, limits } = deps;
  const margin = deps.margin ?? defaultMargin;
  const name = randomUUID();
  const perMinute = limits.perMinute !== undefined;
  const most = limits.perMinute === undefined ? 0 : Math.ceil(limits.perMinute * aheadShare);
  let limiter: Limiter;
  let asking: Promise<void> | undefined;
  let cancel: (() => void) | undefined;
  let plannedAt = Infinity;
  let failed = false;
  let holds = false;
  let closed = false;
  /** Calls of the other processes, by this one's clock. */
  let others: [number, number][] = [];
  let lookedAt = 0;
  /** Calls wait for more than there is, and: the last answer brought less than was asked for. */
  let isShort = false;
  let scarce = false;
  /** Calls that waited when it last asked, and that wait now. */
  let announced = 0;
  let waits = 0;

  const now = (): number => clock.now().getTime();

  function plan(at: number): void {
    if (closed || asking || at >= plannedAt) return;
    cancel?.();
    plannedAt = at;
    const wait = at - now();
    if (wait <= 0) return ask();
    cancel = clock.after(wait, ask);
  }

  function ask(): void {
    cancel?.();
    plannedAt = Infinity;
    asking ??= exchange().finally(() => {
      asking = undefined;
      // Set by `exchange`: the next question could not be planned while this one was under way.
      const at = plannedAt;
      plannedAt = Infinity;
      if (at !== Infinity) plan(at);
      // A patient caller looked at the answer just now, and waits on: nobody else might ask for it.
      else if (isShort) plan(now() + scarceMs);
    });
  }

  async function exchange(): Promise<void> {
    const sentAt = now();
    let active = false;
    const needs = limiter.needs((its) => {
      active = !closed && (its.busy > 0 || its.urgent + its.patient > 0 || (its.spent.at(-1)?.[0] ?? 0) >= lookedAt);
      return active ? { places: perMinute ? most : Infinity, slots: Infinity } : { places: 0, slots: 0 };
    });
    lookedAt = sentAt;
    announced = needs.urgent + needs.patient;
    let answer: Answer & { pausedUntil: number; ahead: number };
    try {
      answer = await store.change((state, at) => {
        // The time of all may seem to be later than it is by as much as the way takes: what was spent is then held back for longer.
        const ahead = at - sentAt;
        const next = divide(freeGone(state, at), {
          name, machine, pid: process.pid, margin, limits, now: at, active, most,
          needs: { ...needs, ...(perMinute ? {} : { places: 0 }), spent: needs.spent.map(([time, count]) => [time + ahead, count]), pausedUntil: needs.pausedUntil > sentAt ? needs.pausedUntil + ahead : 0 },
        });
        return { state: next.state, result: { ...next.answer, pausedUntil: next.state.pausedUntil, ahead } };
      });
    } catch (error) {
      if (!failed) log.warn('the limits can\'t be divided between nodes; calls wait until the database answers', { error });
      failed = true;
      plannedAt = now() + renewMs;
      return;
    }
    if (failed) log.info('the limits are divided between nodes again');
    failed = false;
    holds = active || needs.busy > 0;
    take(answer, { sentAt, active, shrinks: answer.slots < needs.slots, brought: answer.more >= Math.min(needs.urgent + needs.patient, most) - needs.places && answer.slots >= needs.concurrent });
  }

  function take(answer: Answer & { pausedUntil: number; ahead: number }, { sentAt, active, shrinks, brought }: { sentAt: number; active: boolean; shrinks: boolean; brought: boolean }): void {
    others = answer.others.map(([at, count]) => [at - answer.ahead, count]);
    const pausedUntil = answer.pausedUntil - answer.ahead;
    if (pausedUntil > now()) limiter.pause(new Date(pausedUntil));
    isShort = false;
    limiter.grant({ more: answer.more, slots: answer.slots, until: sentAt + partMs });
    scarce = isShort && !brought;
    const nextAt = answer.nextAt === undefined ? Infinity : answer.nextAt - answer.ahead;
    if (scarce && waits > announced) plannedAt = now() + scarceMs;
    else if (scarce) plannedAt = Math.max(now() + scarceMs, answer.rests && nextAt < Infinity ? nextAt : Math.min(nextAt, sentAt + renewMs));
    else if (isShort) plannedAt = now();
    else if (active) plannedAt = sentAt + (shrinks ? scarceMs : renewMs);
  }

  return {
    serve(its) {
      limiter = its;
    },
    short(waiting) {
      isShort = true;
      waits = waiting;
      // Where the last answer brought too little, the time to ask again is set; others need to know of calls that came since.
      if (!asking && !scarce) plan(now());
      else if (!asking && waiting > announced) plan(now() + scarceMs);
    },
    others: () => others.reduce((all, [at, count]) => (at + windowMs + margin > now() ? all + count : all), 0),
    trouble: () => (failed ? trouble : undefined),
    notice: () => (failed ? trouble : store.notice),
    get asking() {
      return asking !== undefined;
    },
    async close() {
      closed = true;
      cancel?.();
      await asking;
      if (holds) await exchange();
    },
  };
}

/** What a process of this machine that is gone had at once comes back now: its calls ended with it. */
function freeGone(state: AccountState, now: number): AccountState {
  const members = Object.entries(state.members).map(([id, member]) => (
    [id, member.machine === machine && (member.slots > 0 || member.until > now) && isGone(member.pid) ? { ...member, slots: 0, until: Math.min(member.until, now), wants: noWants } : member] as const));
  return { ...state, members: Object.fromEntries(members) };
}
