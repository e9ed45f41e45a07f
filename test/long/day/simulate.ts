/**
 * A day of a shop against a Zoho with its limits on and faults on its way: a full sync, then an incremental one each hour, while nodes come
 * and go. What the sandbox counted is held against the ledger, and against what Zoho allows.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { projectRoot } from '../../../core/main.ts';
import type { FaultOptions } from '../../../sandbox/zoho/server.ts';
import type { TestScope } from '../../support/database.ts';
import { fastClock, type FastClock } from '../../support/fast-clock.ts';
import { untilQuiet } from '../../support/passing-time.ts';
import { until } from '../../support/processes.ts';
import { openShop, type Shop, type ShopOptions } from '../../support/shop.ts';
import { allDifferences } from '../../support/shop-truth.ts';
import type { Outcome } from '../chaos/scenario.ts';

/** A node of the day, in whatever process. */
export interface DayNode {
  readonly name: string;
  /** It stops orderly. */
  stop(): Promise<unknown>;
  /** It is dropped with what it is at. */
  drop(): Promise<unknown>;
  /** Its connections' clock was moved by the day's own. */
  moved(ms: number): Promise<unknown>;
}

export interface DayOptions {
  items: number;
  /** Hours after the full sync, divided evenly between two nodes, three and one. */
  hours: number;
  /** Invoices that change in an hour; each costs a call. */
  edits: number;
  perDay: number;
  perMinute: number;
  atOnce: number;
  /** How many times as fast as the machine's the time runs while something is done; the rest of each hour is left out. */
  speed: number;
  world: ShopOptions['sandbox'];
  open(shop: Shop, clock: FastClock, name: string): Promise<DayNode>;
  say(line: string): void;
}

const entities = ['products', 'customers', 'invoices'];
const checked = [...entities, 'invoice_lines'];
const hourMs = 3_600_000;
const share = 0.15; // `reserve` of the sample config
const urgent = ['webhook', 'person', 'repair', 'check'];
/** One after another, an hour each. */
const faults: FaultOptions[][] = [
  [{ kind: 'error-500', after: 1, times: 2 }], [{ kind: 'reset', after: 2 }], [{ kind: 'cut-body', match: '/invoices/', after: 1, times: 2 }], [{ kind: 'unauthorized', after: 3 }],
  [{ kind: 'bad-json', match: '/items', times: 1 }, { kind: 'html', match: '/contacts', times: 1 }], [{ kind: 'maintenance', after: 2, times: 2 }], [{ kind: 'empty-body', match: '/invoices', after: 1 }],
];

export async function simulateDay(scope: TestScope, options: DayOptions): Promise<Outcome> {
  const { hours, perDay, perMinute, atOnce, say } = options;
  const clock = fastClock(options.speed);
  const shop = await openShop(scope, {
    role: 'client', clock: clock.tds, config: await patientSample(), queueTimings: { pollMs: 50 },
    env: { ZOHO_CALLS_PER_MINUTE: String(perMinute), ZOHO_CALLS_AT_ONCE: String(atOnce), ZOHO_CALLS_PER_DAY: String(perDay) },
    sandbox: { scale: 'small', ...options.world, items: options.items, latency: 3, clock: clock.sandbox, limits: { perMinute, concurrency: atOnce, perDay: { books: perDay, inventory: perDay }, countRefused: true } },
  });
  const day = new Day(shop, clock, options);
  await day.begin();
  await day.work('full');
  say(`full sync: ${shop.sandbox.calls.total} calls in ${day.clockTime()}`);
  for (let hour = 1; hour <= hours; hour++) {
    await day.nodes(hour);
    day.change(hour);
    await day.passTo(hour);
    await day.work('incremental');
    if (hour % 6 === 0 || hour === hours) say(`hour ${hour}: ${day.living} nodes, ${shop.sandbox.calls.total} calls, ${shop.sandbox.limits.refused} refused`);
  }
  const atNight = await shop.runtime.operations.connectionQuota('books');
  const asked = await Array.fromAsync(shop.runtime.operations.check(['books'], AbortSignal.timeout(60_000)));
  await day.passTo(24);
  await day.work('incremental');
  const broken = asked.filter(({ ok }) => !ok).map(({ message }) => `a person's call at the end of the day failed: ${message}`);
  return day.judge({ paused: atNight.bulkPaused, broken });
}

/** The config that ships, with time-outs that a machine under load keeps although its time runs faster. */
async function patientSample(): Promise<string> {
  const text = await readFile(join(projectRoot, 'tds.config.yaml'), 'utf8');
  const timeout = 'timeout: { connect: 30m, headers: 30m, body: 30m, total: 60m }';
  return text.replace(/timeout: \{[^}]*\}/, timeout).replace('limits: *zoho-limits\n', `limits: *zoho-limits\n    ${timeout}\n`);
}

class Day {
  readonly #shop: Shop;
  readonly #clock: FastClock;
  readonly #options: DayOptions;
  readonly #began: number;
  #nodes: DayNode[] = [];
  #names = 0;
  #dropped = 0;
  #latest = 0;

  constructor(shop: Shop, clock: FastClock, options: DayOptions) {
    [this.#shop, this.#clock, this.#options] = [shop, clock, options];
    const { zone } = shop.sandbox.store.world;
    this.#began = (zone.midnight(Math.floor(clock.sandbox.now() / 1000)) + 86_400) * 1000 + 60_000;
  }

  get living(): number {
    return this.#nodes.length;
  }

  /** A minute after the organization's midnight, with two nodes. */
  async begin(): Promise<void> {
    await this.#moveTo(this.#began);
    this.#nodes = [await this.#node(), await this.#node()];
  }

  clockTime(): string {
    return `${Math.round((this.#clock.sandbox.now() - this.#began) / 1000)} s`;
  }

  /** Two nodes, then three, then one; on the way one stops and one is dropped in the middle of its work. */
  async nodes(hour: number): Promise<void> {
    const third = Math.ceil(this.#options.hours / 3);
    if (hour === third + 1) this.#nodes.push(await this.#node());
    if (hour !== 2 * third + 1) return;
    await this.#nodes.shift()?.stop();
    // So that it is caught with a call on its way.
    this.#shop.sandbox.fault({ kind: 'delay', match: '/items', ms: 500 });
    await this.#ask('incremental');
    const name = await this.#atWork();
    const dropped = this.#nodes.find((node) => node.name === name);
    await dropped?.drop();
    if (dropped) this.#dropped += 1;
    this.#nodes = this.#nodes.filter((node) => node !== dropped);
    await untilQuiet(this.#shop, this.#clock);
  }

  /** The node that is at a run with calls in it, as soon as one is. */
  async #atWork(): Promise<string> {
    const calls = this.#shop.sandbox.calls.total;
    let name: string | undefined;
    await until('a node is in the middle of a run', async () => {
      const [row] = await this.#shop.rows(`SELECT node FROM tds.runs WHERE status = 'running' AND mode IN ('details', 'incremental') ORDER BY mode LIMIT 1`);
      name = row?.['node'] ?? undefined;
      return name !== undefined && this.#shop.sandbox.calls.total > calls;
    });
    return name as string;
  }

  /** What the shop does in an hour, and what goes wrong. */
  change(hour: number): void {
    const { store } = this.#shop.sandbox;
    const turn = (all: Iterable<string>, count: number): string[] => {
      const ids = [...all];
      return Array.from({ length: count }, (_, index) => ids[(hour * count + index) % ids.length] as string);
    };
    for (const id of turn(store.ids('invoices'), this.#options.edits)) store.edit('invoices', id, { reference_number: `hour ${hour}` });
    for (const id of turn(store.ids('items'), 20)) store.edit('items', id, { description: `hour ${hour}` });
    store.create('contacts', { contact_type: 'customer', contact_name: `of hour ${hour}` });
    for (const fault of faults[hour % faults.length] ?? []) this.#shop.sandbox.fault({ ...fault });
  }

  /** Leaves out what is left of the time before this hour of the day. */
  async passTo(hour: number): Promise<void> {
    await this.#moveTo(this.#began + hour * hourMs);
  }

  async work(mode: 'full' | 'incremental'): Promise<void> {
    const began = this.#clock.sandbox.now();
    await this.#ask(mode);
    await untilQuiet(this.#shop, this.#clock);
    this.#latest = Math.max(this.#latest, this.#clock.sandbox.now() - began);
  }

  async judge({ paused, broken }: { paused: boolean; broken: string[] }): Promise<Outcome> {
    const { perDay, perMinute, atOnce } = this.#options;
    const { sandbox } = this.#shop;
    await this.#shop.settled();
    for (const node of this.#nodes) await node.stop();
    await this.#shop.runtime.stop();
    const calls = sandbox.calls.entries.filter(({ path }) => !path.startsWith('/oauth'));
    const ledger = await this.#shop.rows('SELECT connection, day::text, purpose, sum(calls) AS calls FROM tds.quota_calls GROUP BY 1, 2, 3');
    const sum = (which: (row: Record<string, string | null>) => boolean): number => ledger.filter(which).reduce((all, row) => all + Number(row['calls']), 0);
    const ofDay = (api: string): typeof calls => calls.filter(({ path, at }) => path.startsWith(`/${api}`) && at < this.#began + 24 * hourMs - 120_000);
    const reserve = Math.ceil(perDay * share);
    const bulk = ofDay('books').length - sum((row) => row['connection'] === 'books' && urgent.includes(row['purpose'] ?? ''));
    const faults = [...broken];
    const hold = (holds: boolean, what: string): void => void (holds || faults.push(what));
    const refused = calls.filter(({ status }) => status === 429);
    const more = sum(() => true) - calls.length;
    hold(this.#dropped === 1, 'no node was dropped');
    hold(refused.length === 0 && sandbox.limits.refused === 0, `${refused.length} answers 429: ${refused.map(({ path, code }) => `${path} ${code}`).slice(0, 5).join(', ')}`);
    // A process that is killed between the ledger and the call has counted what it did not call any more.
    hold(more >= 0 && more <= this.#dropped * atOnce, `the ledger has ${sum(() => true)} calls, Zoho ${calls.length}`);
    for (const api of ['books', 'inventory']) hold(ofDay(api).length <= perDay, `${ofDay(api).length} calls of ${api} in one day of ${perDay}`);
    hold(bulk <= perDay - reserve, `bulk work took ${bulk} calls of ${perDay - reserve}`);
    const differences = await allDifferences(this.#shop, checked);
    faults.push(...differences);
    faults.push(...(await this.#shop.rows(`SELECT entity, key, message FROM tds.dead_letters`)).map((letter) => `dead letter ${JSON.stringify(letter)}`));
    return {
      figures: {
        'calls that Zoho counted': calls.length, 'calls in the ledger': sum(() => true), 'of those, calls of persons': sum((row) => urgent.includes(row['purpose'] ?? '')),
        'answers 429': refused.length, 'faults that struck': sandbox.faults.queue.reduce((all, { hits }) => all + hits, 0),
        'most calls of a minute': `${mostWithin(calls.map(({ at }) => at), 60_000)} of ${perMinute}`, 'calls of books in the day': `${ofDay('books').length} of ${perDay}`,
        'of those, bulk work': `${bulk} of ${perDay - reserve}${paused ? '; it paused, and went on after midnight' : ''}`, 'calls of inventory in the day': `${ofDay('inventory').length} of ${perDay}`,
        'the longest sync': `${Math.round(this.#latest / 1000)} s of the shop's time`, 'nodes dropped in a run': this.#dropped, 'rows that differ': differences.length,
      },
      faults,
    };
  }

  async #ask(mode: 'full' | 'incremental'): Promise<void> {
    await this.#shop.runtime.operations.sync({ entities, mode, trigger: 'schedule' });
  }

  async #node(): Promise<DayNode> {
    return this.#options.open(this.#shop, this.#clock, `node ${++this.#names}`);
  }

  async #moveTo(moment: number): Promise<void> {
    const ms = moment - this.#clock.sandbox.now();
    if (ms <= 0) return;
    this.#clock.sandbox.advance(ms);
    await Promise.all(this.#nodes.map((node) => node.moved(ms)));
  }
}

function mostWithin(times: readonly number[], ms: number): number {
  const sorted = times.toSorted((one, other) => one - other);
  let most = 0;
  for (let first = 0, last = 0; last < sorted.length; last++) {
    while ((sorted[last] as number) - (sorted[first] as number) >= ms) first++;
    most = Math.max(most, last - first + 1);
  }
  return most;
}
