import { addCounts, noCounts, noteSuspect, type RunCounts, type RunSuspect } from '../store/runs.ts';
import { applyBatch, type Batch } from './apply.ts';
import type { DeadLetterProblem } from '../store/dead-letters.ts';
import type { RunContext } from './run-context.ts';

/** Losses on one record alone after which it is set aside. With the one that made the run careful these are three tries. */
const lossesOfOne = 2;
/** Sets that were on their way at once when a worker was lost: one collected, one being mapped, one being written. */
const setsAtOnce = 3;

/**
 * How a run goes on after it lost a worker. What the worker was at is not known, so the records up to where it can have
 * come are applied one by one, each noted before. A record that is found in the note again is what kills the workers. A run
 * that has lost no worker knows nothing of this.
 */
export class Care {
  readonly suspect: RunSuspect;
  /** Records still to be applied one by one. */
  left: number;

  /** `lost`: this attempt follows the loss of a worker, not merely a fault that was told. */
  constructor(before: RunSuspect | null, lost: boolean, pages: number, batchSize: number) {
    this.suspect = afterLoss(before, lost, pages);
    this.left = lost ? setsAtOnce * batchSize : 0;
  }

  /** The records that are to go aside without being mapped. */
  refusals(): ReadonlyMap<string, DeadLetterProblem> | undefined {
    const { guilty } = this.suspect;
    return guilty.length === 0 ? undefined : new Map(guilty.map((key) => [key, poison]));
  }
}

const poison: DeadLetterProblem = {
  code: 'record.poison', message: 'the process that maps this record dies, or stops answering; it was tried three times',
  suggestion: 'Look at the raw record and at the expressions of the mapping: something takes up all memory, or never ends. Then: tds dead-letters retry.',
};

/** What a lost worker proves: the record that it had alone is named once more. */
export function afterLoss(before: RunSuspect | null, lost: boolean, pages: number): RunSuspect {
  const suspect: RunSuspect = before ? { ...before, named: { ...before.named }, guilty: [...before.guilty] } : { at: null, named: {}, guilty: [], pages };
  const key = suspect.at;
  suspect.at = null; // a fault that was told proves nothing about the record
  if (!lost || key === null) return suspect;
  const times = (Object.hasOwn(suspect.named, key) ? suspect.named[key] ?? 0 : 0) + 1;
  if (times >= lossesOfOne) {
    suspect.guilty.push(key);
    suspect.named = {};
  } else suspect.named = { ...suspect.named, [key]: times };
  return suspect;
}

/** Applies a batch, record by record where the run has to be careful. */
export async function applyCarefully(context: RunContext, given: Batch): Promise<RunCounts> {
  const { care, database, run } = context;
  if (!care) return applyBatch(context, given);
  const refuse = care.refusals();
  const batch: Batch = refuse ? { ...given, refuse } : given;
  if (care.left <= 0 || !given.run) return applyBatch(context, batch);
  const counts = noCounts();
  for (const one of batch.incoming) {
    care.suspect.at = one.key;
    await database.transaction((session) => noteSuspect(session, run.id, care.suspect));
    const { withoutKey: _withoutKey, closing: _closing, counted: _counted, ...alone } = batch;
    // the position belongs to the whole batch: a worker that is lost half-way begins it again, and what was applied is unchanged by then
    addCounts(counts, await applyBatch(context, { ...alone, incoming: [one], run: { ...given.run, position: undefined, pages: 0 } }));
    care.left -= 1;
  }
  care.suspect.at = null;
  await database.transaction((session) => noteSuspect(session, run.id, care.suspect));
  addCounts(counts, await applyBatch(context, { ...batch, incoming: [] }));
  return counts;
}
