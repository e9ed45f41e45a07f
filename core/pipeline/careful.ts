import type { DeadLetterProblem } from '../store/dead-letters.ts';
import { addCounts, noCounts, noteSuspect, type RunCounts, type RunSuspect } from '../store/runs.ts';
import { applyBatch, type Batch } from './apply.ts';
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
 * How a run goes on after it lost a worker. What the worker was at is not known, so the records up to where it can have come
 * are applied in small steps, or one by one where they are few, each step noted before. When the worker is lost again, the
 * note says in which step; its records go one by one, and the one that is found alone in the note after that, or twice, is set
 * aside: the third try. A run that has lost no worker knows nothing of this.
 */
export class Care {
  readonly suspect: RunSuspect;
  /** Records still to be applied with care. */
  left: number;
  readonly #step: number;

  /** `lost`: this attempt follows the loss of a worker, not merely a fault that was told. */
  constructor(before: RunSuspect | null, lost: boolean, pages: number, batchSize: number) {
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

  /** The records in steps; suspects stand alone. */
  *steps(incoming: readonly Incoming[]): Generator<Incoming[]> {
    const alone = new Set([...this.suspect.among, ...Object.keys(this.suspect.named)]);
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

const poison: DeadLetterProblem = {
  code: 'record.poison', message: 'the process that maps this record dies, or stops answering: it was tried among others, and then alone',
  suggestion: 'Look at the raw record and at the expressions of the mapping: something takes up all memory, or never ends. When it is mended: tds dead-letters retry with its number.',
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

/** Applies a batch, in small steps where the run has to be careful. */
export async function applyCarefully(context: CareContext, given: Batch): Promise<RunCounts> {
  const { care, database } = context;
  if (!care) return applyBatch(context, given);
  const refuse = care.refusals();
  const batch: Batch = refuse ? { ...given, refuse } : given;
  if (care.left <= 0) return applyBatch(context, batch);
  const note = (): Promise<void> => ('note' in context ? context.note(care.suspect) : database.transaction((session) => noteSuspect(session, context.run.id, care.suspect)));
  const counts = noCounts();
  for (const some of care.steps(batch.incoming)) {
    care.suspect.at = some.map(({ key }) => key);
    await note();
    const { withoutKey: _withoutKey, closing: _closing, counted: _counted, ...part } = batch;
    // the position belongs to the whole batch: a worker that is lost half-way begins it again, and what was applied is unchanged by then
    addCounts(counts, await applyBatch(context, { ...part, incoming: some, fence: (session) => context.fence(session, false), ...(given.run ? { run: { ...given.run, position: undefined, pages: 0 } } : {}) }));
    care.left -= some.length;
    if (some.length === 1) care.suspect.named = Object.fromEntries(Object.entries(care.suspect.named).filter(([key]) => key !== some[0]?.key));
  }
  if (care.left <= 0) Object.assign(care.suspect, { among: [], named: {} });
  care.suspect.at = [];
  await note();
  addCounts(counts, await applyBatch(context, { ...batch, incoming: [] }));
  return counts;
}
