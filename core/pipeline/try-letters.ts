import type { DatabaseAccess } from '../sdk/index.ts';
import { lettersToRetry, type LetterFilter, type LetterToRetry } from '../store/dead-letter-queries.ts';
import { fingerprintOf } from '../store/dead-letters.ts';
import { prepareBatch, type PreparedBatch } from './batch.ts';
import type { Entity } from './entity.ts';
import { gather, type LetterSet } from './retry.ts';

/** A fault of the letters that were looked at, before and after. */
export interface TriedFault { fingerprint: string; code: string; tried: number; pass: number }

/** What a retry would come to now. */
export interface DryRun {
  tried: number;
  /** Would be applied. */
  pass: number;
  refused: number;
  /** Left out by a check that says drop. */
  dropped: number;
  /** Need no retry: a newer version was applied, or the record is gone. */
  overtaken: number;
  /** Messages that would go back into the inbox; what would become of them `tds webhooks replay --dry-run` tells. */
  inbox: number;
  faults: TriedFault[];
  /** What is wrong with those that would not pass, the most frequent first. */
  still: { fingerprint: string; code: string; field: string | null; count: number; example: { key: string | null; message: string } }[];
}

const setSize = 500;
const mostFaults = 20;

/**
 * What a retry of these letters would come to: the present mapping and checks really run, and nothing is written. What the
 * table itself would refuse is only known by writing.
 */
export async function tryLetters(entity: Entity, database: DatabaseAccess, filter: LetterFilter, range: { upTo: string; most?: number }): Promise<DryRun> {
  const faults = new Map<string, TriedFault>();
  const still = new Map<string, DryRun['still'][number]>();
  const sum: Omit<DryRun, 'faults' | 'still'> = { tried: 0, pass: 0, refused: 0, dropped: 0, overtaken: 0, inbox: 0 };
  let after = '0';
  for (;;) {
    const limit = Math.min(setSize, (range.most ?? Number.POSITIVE_INFINITY) - sum.tried);
    const tried = limit <= 0 ? undefined : await trySet(entity, database, filter, { after, upTo: range.upTo, limit });
    if (!tried) break;
    const { letters, set, prepared } = tried;
    after = letters.at(-1)?.id ?? after;
    sum.tried += letters.length;
    const fates = fatesOf(letters, set, prepared);
    for (const letter of letters) {
      const fate = fates.get(letter.id) ?? 'pass';
      sum[fate] += 1;
      const fault = faults.get(letter.fingerprint) ?? { fingerprint: letter.fingerprint, code: letter.code, tried: 0, pass: 0 };
      faults.set(letter.fingerprint, { ...fault, tried: fault.tried + 1, pass: fault.pass + (fate === 'pass' ? 1 : 0) });
    }
    for (const { key, problems } of [...prepared.letters, ...set.withoutKey]) {
      const fingerprint = fingerprintOf(entity.id, problems);
      const [first] = problems;
      const known = still.get(fingerprint) ?? { fingerprint, code: first?.code ?? '', field: first?.field ?? null, count: 0, example: { key, message: first?.message ?? '' } };
      still.set(fingerprint, { ...known, count: known.count + 1 });
    }
  }
  return { ...sum, faults: [...faults.values()], still: [...still.values()].sort((a, b) => b.count - a.count).slice(0, mostFaults) };
}

interface TriedSet { letters: LetterToRetry[]; set: LetterSet; prepared: PreparedBatch }

function trySet(entity: Entity, database: DatabaseAccess, filter: LetterFilter, range: { after: string; upTo: string; limit: number }): Promise<TriedSet | undefined> {
  return database.transaction(async (session) => {
    const letters = await lettersToRetry(session, { ...filter, entity: entity.id }, range);
    if (letters.length === 0) return undefined;
    const set = await gather(entity, session, letters);
    return { letters, set, prepared: await prepareBatch(entity, session, set.incoming) };
  });
}

type Fate = 'refused' | 'dropped' | 'overtaken' | 'inbox';

/** What would become of each letter; those that are not named pass. */
function fatesOf(letters: readonly LetterToRetry[], set: LetterSet, prepared: PreparedBatch): Map<string, Fate> {
  const fates = new Map<string, Fate>();
  const refused = new Set(prepared.letters.map(({ key }) => key));
  const dropped = new Set(prepared.dropped);
  const overtaken = new Set(set.overtaken.map(({ id }) => id));
  const withoutKey = new Set(set.withoutKey.map(({ raw }) => raw));
  const inbox = new Set(set.messages.map(({ letter }) => letter));
  for (const { id, key, raw, message } of letters) {
    if (inbox.has(id)) fates.set(id, 'inbox');
    else if (message !== null) fates.set(id, 'refused');
    else if (overtaken.has(id)) fates.set(id, 'overtaken');
    else if (key === null ? withoutKey.has(raw) || refused.has(set.keyed.find((one) => one.id === id)?.key ?? null) : refused.has(key)) fates.set(id, 'refused');
    else if (key !== null && dropped.has(key)) fates.set(id, 'dropped');
  }
  return fates;
}
