import { isRecord, type SqlSession } from '../sdk/index.ts';
import { parseJson } from '../connection/json-lossless.ts';
import { lettersToRetry, type LetterToRetry } from '../store/dead-letter-queries.ts';
import { storedUnder } from '../store/records.ts';
import { readRun, type Run } from '../store/runs.ts';
import { keptMessages, putBack } from '../store/webhook-queries.ts';
import type { Batch } from './apply.ts';
import { applyCarefully, Care, poisonCode } from './careful.ts';
import type { Incoming } from './decide.ts';
import type { Entity } from './entity.ts';
import { contentHash, receive, type Received } from './incoming.ts';
import type { RunContext, RunOutcome } from './run-context.ts';
import { incomingOf } from './stored.ts';

/** A set of dead letters made ready for the corridor. */
export interface LetterSet {
  incoming: Incoming[];
  withoutKey: Received['withoutKey'];
  /** Letters that need no mapping to be closed, with the reason. */
  overtaken: { id: string; reason: string }[];
  /** Letters whose record has a key now; its own letter takes over where it is refused again. */
  keyed: { id: string; key: string; reason: string }[];
  /** Messages that go back into the inbox. What becomes of them there closes their letters, or does not. */
  messages: { letter: string; message: string }[];
}

/** How a retry ended. */
export interface RetryResult { tried: number; mended: number; refused: number; dropped: number }

/** Runs the present mapping over dead letters, in sets whose position is saved with them (promises 1, 3 and 5). */
export async function retryLetters(context: RunContext): Promise<RunOutcome> {
  const { entity, run, database, signal } = context;
  const { upTo = '0', most = Number.POSITIVE_INFINITY, ...filter } = run.options.letters ?? {};
  let after = typeof run.position === 'string' ? run.position : '0';
  let tried = run.read;
  let care = context.care;
  let back = 0;
  for (;;) {
    signal.throwIfAborted();
    if (context.stopping()) return { more: true };
    const limit = Math.min(entity.config.batchSize, most - tried);
    const letters = limit <= 0 ? [] : await database.transaction((session) => lettersToRetry(session, { ...filter, entity: entity.id }, { after, upTo, limit }));
    const last = letters.at(-1);
    if (!last) return { reason: wording(resultOf(await endedRun(context)), back) };
    const set = await database.transaction((session) => gather(entity, session, letters));
    const messages = set.messages.map(({ message }) => message);
    after = last.id;
    tried += letters.length;
    const batch: Batch = {
      entity, via: 'replay', incoming: set.incoming, withoutKey: set.withoutKey, closing: [...set.overtaken, ...set.keyed], fence: context.fence,
      run: { id: run.id, partOf: run.partOf, position: after, pages: 1, noteSeen: false }, counted: { read: messages.length },
      async also(session, part) {
        if (!part.withoutKey || messages.length === 0) return;
        await putBack(session, { ids: messages }, undefined);
        await context.wakeMessages(session);
      },
    };
    const suspects = new Set(letters.filter(({ code }) => code === poisonCode).map(({ key }) => key));
    // they were found to kill their process once already, so this costs one process each at most
    if (suspects.size > 0) (care ??= new Care(null, false, run.pages, entity.config.batchSize)).suspectAlone(set.incoming.map(({ key }) => key).filter((key) => suspects.has(key)), set.incoming.length);
    context.onProgress(await applyCarefully(care ? { ...context, care } : context, batch));
    back += messages.length;
  }
}

/**
 * The records behind these letters. What is stored now counts, not what the letter holds: it may be newer. Reads only.
 */
export async function gather(entity: Entity, session: SqlSession, letters: readonly LetterToRetry[]): Promise<LetterSet> {
  const keys = letters.map(({ key }) => key).filter((key) => key !== null);
  const stored = await storedUnder(session, entity.id, keys);
  const set: LetterSet = { incoming: [], withoutKey: [], overtaken: [], keyed: [], messages: [] };
  const kept = await keptMessages(session, letters.map(({ message }) => message).filter((message) => message !== null));
  for (const letter of letters) {
    if (letter.message !== null) {
      if (kept.has(letter.message)) set.messages.push({ letter: letter.id, message: letter.message });
      else set.withoutKey.push({ key: letter.key, raw: letter.raw, message: letter.message, problems: [{ code: letter.code, message: 'its message is kept no longer, so that there is nothing to try again', suggestion: `Read the entity: tds sync ${entity.id} --mode full. Then discard it.` }] });
      continue;
    }
    const record = letter.key === null ? undefined : stored.get(letter.key);
    // of that version: when the record has come back meanwhile, that has settled the letter
    if (record?.deletedAt && record.refused) set.incoming.push({ form: 'gone', key: record.key, version: record.version, observedAt: record.deletedAt, again: true });
    else if (record?.deletedAt) set.overtaken.push({ id: letter.id, reason: 'the record is gone at the source' });
    else if (record && !record.refused) set.overtaken.push({ id: letter.id, reason: 'a newer version of the record was applied' });
    else {
      const incoming = record && incomingOf(record);
      if (incoming) set.incoming.push({ ...incoming, again: true });
      else receiveAgain(entity, letter, set);
    }
  }
  return set;
}

/** A letter without a stored record, such as one that had no key: it comes in as it came the first time. */
function receiveAgain(entity: Entity, letter: LetterToRetry, set: LetterSet): void {
  const record = letter.raw === null ? undefined : parseJson(letter.raw);
  if (letter.raw === null || !isRecord(record)) {
    set.withoutKey.push({ key: null, raw: null, problems: [{ code: letter.code, message: 'the raw record could not be kept, so that there is nothing to try again', suggestion: 'Discard it.' }] });
    return;
  }
  const { records: [known], withoutKey } = receive(entity, [record], { form: 'list', observedAt: letter.at, proof: false });
  // as it was kept, digit by digit: this text is what the letter is known by
  for (const one of withoutKey) set.withoutKey.push({ ...one, raw: letter.raw });
  if (!known) return;
  set.incoming.push({ ...known, text: letter.raw, hash: contentHash(letter.raw), again: true });
  if (letter.key === null) set.keyed.push({ id: letter.id, key: known.key, reason: `its record has the key ${known.key} now` });
}

async function endedRun({ database, run }: RunContext): Promise<Run> {
  return await database.transaction((session) => readRun(session, run.id)) ?? run;
}

/** What a retry has done so far, out of the counts of its run. */
export function resultOf(run: Pick<Run, 'read' | 'new' | 'changed' | 'deleted' | 'refused' | 'dropped' | 'unchanged' | 'stale'>): RetryResult {
  return { tried: run.read, mended: run.new + run.changed + run.deleted, refused: run.refused, dropped: run.dropped };
}

function wording({ mended, refused, dropped }: RetryResult, back: number): string {
  return [`${mended} mended`, `${refused} still refused`, ...(dropped > 0 ? [`${dropped} dropped by a check`] : []), ...(back > 0 ? [`${back} put back into the inbox: tds webhooks`] : [])].join(', ');
}
