import { setTimeout as pause } from 'node:timers/promises';
import type { DeadLetterProblem } from '../store/dead-letters.ts';
import { addCounts, noCounts, noteSuspect, type RunCounts, type RunSuspect } from '../store/runs.ts';
import { applyBatch, type Batch } from './apply.ts';
import { writesNothing } from './batch.ts';
import type { Incoming } from './decide.ts';
import type { RunContext } from './run-context.ts';

/** What careful applying stands on. `note` keeps the suspicion where it outlives the process; of a run by itself. */
export type CareContext = Pick<RunContext, 'care' | 'database' | 'log' | 'fence'> & { run: Pick<RunContext['run'], 'id'> } | { care: Care | undefined; database: RunContext['database']; log: RunContext['log']; fence: RunContext['fence']; note: (suspect: RunSuspect) => Promise<void> };

/** Losses known to have struck one record, alone or in a step and then alone, after which it is set aside: one may be chance, such as a machine that lost its power. */
const lossesOfOne = 2;
/** Sets that were on their way at once when a worker was lost: one collected, one being mapped, one being written. */
const setsAtOnce = 3;
/** So few records are tried one by one at once; more of them in steps of `step` first. Each try costs a note and a commit. */
const fewRecords = 150;
const step = 25;
/** Where batches are large the steps grow, so that one chance loss does not cost minutes of small commits. */
const mostSteps = 100;
/**
 * Before a suspect is tried alone, which decides, the run rests with nothing in its hands: so long in all, and for one between these, in ms.
 * Poison strikes in the try and never in the rest; a kill by chance falls into the rest nearly always, as that is much the longer one.
 */
const restAllMs = 5_000;
const restLeastMs = 50;
const restMostMs = 1_000;

/**
 * How a run goes on after it lost a worker. What the worker was at is not known, so the records up to where it can have come
 * are applied in small steps, or one by one where they are few, each step noted before. When the worker is lost again, the
 * note says in which step; its records go one by one, and the one that is found alone in the note after that, or twice, is set
 * aside: the third try. A run that has lost no worker knows nothing of this.
 *
 * Nobody can tell a kill from outside from one that the record brought about (the kernel's for want of memory looks the same). So what
 * decides is done singly, in a quiet moment: a rest, the note, this record alone from mapping to commit, and the note is taken back at
 * once. A good record is blamed only when two kills by chance hit it alone, the second in the few milliseconds after a rest of up to a second.
 */
export class Care {
  readonly suspect: RunSuspect;
  /** Records still to be applied with care. */
  left: number;
  readonly #step: number;
  readonly #rest: (ms: number) => Promise<unknown>;

  /** `lost`: this attempt follows the loss of a worker, not merely a fault that was told. `rest` is for tests. */
  constructor(before: RunSuspect | null, lost: boolean, pages: number, batchSize: number, rest: (ms: number) => Promise<unknown> = pause) {
    this.#rest = rest;
    this.suspect = afterLoss(before, lost, pages);
    const isNarrowing = this.suspect.among.length > 0 || Object.keys(this.suspect.named).length > 0;
    this.left = lost || isNarrowing ? setsAtOnce * batchSize : 0;
    this.#step = this.left <= fewRecords ? 1 : Math.max(step, Math.ceil(this.left / mostSteps));
  }

  /** The records that are to go aside without being mapped. */
  refusals(): ReadonlyMap<string, DeadLetterProblem> | undefined {
    const { guilty } = this.suspect;
    return guilty.length === 0 ? undefined : new Map(guilty.map((key) => [key, poison]));
  }

  /** Whether the next loss of this step would set its record aside. */
  decidesOn(some: readonly Incoming[]): boolean {
    const [one] = some;
    return some.length === 1 && one !== undefined && this.#suspects().has(one.key);
  }

  /** These go alone, and the next loss decides: so much is known of them already. `size`: of the batch that they stand in. */
  suspectAlone(keys: readonly string[], size: number): void {
    const { guilty, named } = this.suspect;
    for (const key of keys) if (!guilty.includes(key)) named[key] = lossesOfOne - 1;
    this.left = Math.max(this.left, size);
  }

  /** What comes before a step that decides. */
  async rest(): Promise<void> {
    await this.#rest(Math.min(restMostMs, Math.max(restLeastMs, restAllMs / this.#suspects().size)));
  }

  #suspects(): Set<string> {
    return new Set([...this.suspect.among, ...Object.keys(this.suspect.named)]);
  }

  /** The records in steps; suspects stand alone. */
  *steps(incoming: readonly Incoming[]): Generator<Incoming[]> {
    const alone = this.#suspects();
    let next: Incoming[] = [];
    for (const one of incoming) {
      if (alone.has(one.key)) yield [one];
      else if (next.push(one) >= this.#step) {
        yield next;
        next = [];
      }
    }
    if (next.length > 0) yield next;
  }
}

/** Of a record that is set aside because it kills its process. */
export const poisonCode = 'record.poison';

const poison: DeadLetterProblem = {
  code: poisonCode, message: 'the process that maps this record dies, or stops answering: it was tried among others, and then alone',
  suggestion: 'Look at the raw record and at the expressions of the mapping: something takes up all memory, or never ends. It is tried once more by itself, and again when the mapping or a plugin has changed; or by tds dead-letters retry with its number.',
};

/** What a lost worker proves about the step that it was at. */
export function afterLoss(before: RunSuspect | null, lost: boolean, pages: number): RunSuspect {
  const suspect: RunSuspect = before ? { ...before, named: { ...before.named }, guilty: [...before.guilty] } : { at: [], among: [], named: {}, guilty: [], pages };
  const { at } = suspect;
  suspect.at = []; // a fault that was told proves nothing
  const [key] = at;
  if (!lost || key === undefined) return suspect;
  if (at.length > 1) return { ...suspect, among: at };
  const times = (Object.hasOwn(suspect.named, key) ? suspect.named[key] ?? 0 : 0) + (suspect.among.includes(key) ? 1 : 0) + 1;
  if (times < lossesOfOne) return { ...suspect, among: [], named: { ...suspect.named, [key]: times } };
  return { ...suspect, among: [], named: {}, guilty: [...suspect.guilty, key] };
}

/** A step that writes what was not there gets on with the work; one that only repeats what was applied before does not, or a poisoned job would never end. */
function noteProgress(context: CareContext, { also }: Batch): NonNullable<Batch['also']> {
  return async (session, part, prepared) => {
    await also?.(session, part, prepared);
    if (!writesNothing(prepared)) await context.fence(session, true);
  };
}

/** Applies a batch, in small steps where the run has to be careful. */
export async function applyCarefully(context: CareContext, given: Batch): Promise<RunCounts> {
  const { care, database } = context;
  if (!care) return applyBatch(context, given);
  const refuse = care.refusals();
  const batch: Batch = refuse ? { ...given, refuse } : given;
  if (care.left <= 0) return applyBatch(context, batch);
  const note = (): Promise<void> => ('note' in context ? context.note(care.suspect) : database.transaction(async (session) => {
    await context.fence(session, false);
    await noteSuspect(session, context.run.id, care.suspect);
  }));
  const noteAt = async (some: readonly Incoming[]): Promise<void> => {
    care.suspect.at = some.map(({ key }) => key);
    await note();
  };
  const counts = noCounts();
  for (const some of care.steps(batch.incoming)) {
    const decides = care.decidesOn(some);
    if (decides) {
      if (care.suspect.at.length > 0) await noteAt([]);
      await care.rest();
    }
    await noteAt(some);
    const { withoutKey: _withoutKey, closing: _closing, counted: _counted, ...part } = batch;
    // the position belongs to the whole batch: a worker that is lost half-way begins it again, and what was applied is unchanged by then
    addCounts(counts, await applyBatch(context, { ...part, incoming: some, fence: (session) => context.fence(session, false), also: noteProgress(context, batch), ...(given.run ? { run: { ...given.run, position: undefined, pages: 0 } } : {}) }));
    care.left -= some.length;
    if (some.length === 1) care.suspect.named = Object.fromEntries(Object.entries(care.suspect.named).filter(([key]) => key !== some[0]?.key));
    if (decides) await noteAt([]);
  }
  if (care.left <= 0) Object.assign(care.suspect, { among: [], named: {} });
  await noteAt([]);
  addCounts(counts, await applyBatch(context, { ...batch, incoming: [] }));
  return counts;
}
