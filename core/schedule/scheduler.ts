/**
 * Ticks the schedules of one node. All nodes tick; the row of a schedule and the unique time of a tick make it once. Nothing of what is due
 * is kept in memory alone: whatever a node that died had not written, the next look of any node finds by the cursors.
 */
import type { Clock, DatabaseAccess, Logger } from '../sdk/index.ts';
import { enrollSchedules } from '../store/schedules.ts';
import { openTicks, type OpenTick } from '../store/ticks.ts';
import type { Definition } from './definition.ts';
import { endOfRuns, finishTicks, tellSlow, type Ended, type Tell } from './settle.ts';
import { shortenedTicks, type Shortened } from './shorten.ts';
import type { StartWorkDeps } from './start-work.ts';
import { releaseWaiting, tickSchedules, type Ticked } from './tick.ts';

export interface SchedulerDeps extends StartWorkDeps {
  database: DatabaseAccess;
  clock: Clock;
  log: Logger;
  tell: Tell;
  /** Ends a job of the queue. */
  cancelJob: (id: string) => Promise<unknown>;
  /** By how much the pauses between the incremental syncs of an entity are shortened just now: 0.5 halves them. Default: 1 for all. */
  factor?: (entity: string) => number;
  /** The time that plans go by. Default: the database's, as the clocks of nodes differ. Tests hand in their own. */
  now?: () => Promise<Date>;
}

/** Between two looks at open ticks. */
const settleMs = 1000;
/** Between two looks while nothing is open and nothing due: another node may have left something. */
const idleMs = 5000;
/** Until the next look at a schedule that another node held: it may die with it. */
const heldMs = 250;
/** Until the next look at a schedule without a time to come, or one that another node knows otherwise. */
const restMs = 60_000;
/** Schedules in one transaction, and ticks that end in one: so many that a thousand at the same second are within it, so few that two nodes share them. */
const batch = 250;
/** How long `stop` waits for the look under way. */
const patienceMs = 2000;

export class Scheduler {
  readonly #deps: SchedulerDeps;
  readonly #stop = new AbortController();
  #definitions: ReadonlyMap<string, Definition>;
  /** When each schedule is looked at next, in ms. */
  #due = new Map<string, number>();
  #wake = new AbortController();
  #ticking: Promise<void> | undefined;
  #enrolled = false;
  #shortened: Shortened = new Map();
  /** Schedules whose database rows could not be written at the last look, for the log. */
  #failing = new Set<string>();

  constructor(deps: SchedulerDeps, definitions: ReadonlyMap<string, Definition>) {
    this.#deps = deps;
    this.#definitions = definitions;
  }

  get definitions(): ReadonlyMap<string, Definition> {
    return this.#definitions;
  }

  /** Ticks from now on, the first time at once. */
  start(): void {
    this.#ticking ??= this.#loop();
  }

  /** Resolves when the look under way has ended, soon in any case. Idempotent, and safe before `start`. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#wake.abort();
    const ended = new AbortController();
    await Promise.race([this.#ticking, this.#deps.clock.sleep(patienceMs, ended.signal).catch(() => undefined)]);
    ended.abort();
  }

  /** Goes on with other schedules, from the next look on. What is at work goes on. */
  replace(definitions: ReadonlyMap<string, Definition>): void {
    this.#definitions = definitions;
    this.#due.clear();
    this.#enrolled = false;
    this.#wake.abort();
  }

  async #loop(): Promise<void> {
    const { clock, log } = this.#deps;
    let failed = false;
    while (!this.#stop.signal.aborted) {
      this.#wake = new AbortController();
      let pause = settleMs;
      const begun = clock.now().getTime();
      try {
        const after = await this.look();
        pause = after - Math.min(Math.max(clock.now().getTime() - begun, 0), after); // the look itself took time
        failed = false;
      } catch (error) {
        if (!failed && !this.#stop.signal.aborted) log.warn('the schedules could not be looked at; it is tried again each second', { error });
        failed = true;
      }
      await clock.sleep(pause, AbortSignal.any([this.#stop.signal, this.#wake.signal])).catch(() => undefined);
    }
  }

  /** One look: ticks what is due, ends what has ended, starts what waited. Answers after how many ms the next one is due. */
  async look(): Promise<number> {
    const { database } = this.#deps;
    const now = await this.#now();
    if (!this.#enrolled) {
      const list = [...this.#definitions.values()].map(({ id, hash, timing }) => ({ id, definition: hash, timing }));
      await database.transaction((session) => enrollSchedules(session, list, now));
      this.#enrolled = true;
    }
    const due = [...this.#definitions.values()].filter(({ id }) => (this.#due.get(id) ?? 0) <= now.getTime());
    // Many at once take a while: each batch has its own time, so that lateness is told as it is.
    for (let at = 0; at < due.length; at += batch) await this.#tick(due.slice(at, at + batch), at === 0 ? now : await this.#now());
    await this.#shorten(now);
    const open = await this.#settle(now);
    const after = Math.min(...[...this.#due.values()].map((next) => next - now.getTime()), open ? settleMs : idleMs);
    return Math.max(after, 0);
  }

  /** Ticks one schedule now, waiting for a node that is at it: for healing. Answers how many ticks were written. */
  async catchUp(id: string): Promise<number> {
    const definition = this.#definitions.get(id);
    if (!definition) return 0;
    const now = await this.#now();
    const ticked = await this.#deps.database.transaction((session) => tickSchedules(session, this.#deps, [definition], now, { wait: true }));
    this.#note([definition], ticked, now);
    return ticked.written;
  }

  async #tick(definitions: readonly Definition[], now: Date): Promise<void> {
    const { database, log } = this.#deps;
    try {
      this.#note(definitions, await database.transaction((session) => tickSchedules(session, this.#deps, definitions, now)), now);
      for (const { id } of definitions) this.#failing.delete(id);
    } catch (error) {
      // One that can't be ticked keeps no other from its time: it is found by halves.
      if (definitions.length > 1) {
        const half = Math.ceil(definitions.length / 2);
        for (const part of [definitions.slice(0, half), definitions.slice(half)]) await this.#tick(part, now);
        return;
      }
      const { id } = definitions[0] as Definition;
      if (!this.#failing.has(id)) log.warn('a schedule could not be ticked; it is tried again', { schedule: id, error });
      this.#failing.add(id);
      this.#due.set(id, now.getTime() + settleMs);
    }
  }

  #note(definitions: readonly Definition[], { due, cancelled, over, missed }: Ticked, now: Date): void {
    for (const { id } of definitions) {
      this.#due.set(id, due.get(id)?.getTime() ?? now.getTime() + (due.has(id) ? restMs : heldMs));
    }
    for (const { schedule, id, status, reason, times } of over) this.#deps.tell('schedule.ended', { schedule, tick: id, state: status, ...(reason === null ? {} : { reason }), ...(times > 1 ? { times } : {}) });
    for (const one of missed) this.#deps.tell('schedule.missed', one);
    for (const job of cancelled) void this.#deps.cancelJob(job).catch((error: unknown) => this.#deps.log.debug('the job of a cancelled tick could not be ended', { job, error }));
  }

  async #shorten(now: Date): Promise<void> {
    const { factor, database } = this.#deps;
    if (!factor) return;
    await shortenedTicks(database, this.#deps, { definitions: this.#definitions.values(), factor, seen: this.#shortened }, now)
      .catch((error: unknown) => this.#deps.log.debug('a shortened pause could not be kept', { error }));
  }

  /** Answers whether any tick is open. */
  async #settle(now: Date): Promise<boolean> {
    const { database, tell } = this.#deps;
    const open = await database.transaction((session) => openTicks(session));
    const ended = open.flatMap((tick): Ended[] => {
      const end = endOfRuns(tick, now);
      return end ? [{ tick, end, definition: this.#definitions.get(tick.schedule) }] : [];
    });
    for (let at = 0; at < ended.length; at += batch) await this.#finish(ended.slice(at, at + batch));
    const over = new Set(ended.map(({ tick }) => tick.id));
    const left = open.filter(({ id }) => !over.has(id));
    await tellSlow(database, left.flatMap((tick) => {
      const definition = this.#definitions.get(tick.schedule);
      return definition ? [{ tick, definition }] : [];
    }), now, tell);
    await this.#release(left, now);
    return open.length > 0;
  }

  async #finish(ended: readonly Ended[]): Promise<void> {
    const told: (() => void)[] = [];
    await this.#deps.database.transaction((session) => finishTicks(session, ended, (name, detail) => void told.push(() => this.#deps.tell(name, detail))));
    for (const tell of told) tell();
  }

  /** Starts what waits behind work that has ended. */
  async #release(open: readonly OpenTick[], now: Date): Promise<void> {
    const busy = new Set(open.filter(({ status }) => status !== 'waiting').map(({ schedule }) => schedule));
    const free = new Set(open.map(({ schedule }) => schedule)).difference(busy);
    const definitions = [...free].flatMap((id) => this.#definitions.get(id) ?? []);
    for (let at = 0; at < definitions.length; at += batch) await this.#deps.database.transaction((session) => releaseWaiting(session, this.#deps, definitions.slice(at, at + batch), now));
  }

  #now(): Promise<Date> {
    return this.#deps.now?.() ?? this.#deps.database.transaction(async (session) => (await session.query('SELECT clock_timestamp() AS now')).rows[0]?.['now'] as Date);
  }
}
