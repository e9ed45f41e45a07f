/** Messages that don't say enough: their source is asked, a few records at a time, and what it answers is applied. */
import { askDetails, detailsTogether, type Asked } from '../pipeline/details.ts';
import { verdictOn } from '../queue/index.ts';
import { isTdsError } from '../sdk/index.ts';
import { putOff } from '../store/webhook-inbox.ts';
import type { ReadMessage, SetContext } from './apply-set.ts';
import { commitMessages, letterOf } from './commit-set.ts';

/** Times that a record is asked for before its messages are set aside. */
const mostTries = 8;
const firstPauseMs = 2000;
const longestPauseMs = 600_000;
/** A source that lets nobody in is asked this seldom, and for so long messages wait for the person who mends that. */
const deniedPauseMs = 600_000;
const deniedMostMs = 86_400_000;
/** ms for questions, however long the messages took that needed none. */
const leastMs = 1000;

/** What a failure says: of the records that were asked for, and of all others. */
interface Verdict {
  /** The records were tried in vain. */
  counts: boolean;
  /** They need no other try. */
  ends: boolean;
  /** Nobody gets an answer before then. */
  hold?: { until: Date; isDenied: boolean };
}

interface Unanswered extends Verdict { code: string; message: string }

/**
 * Asks the source about the records of these messages, and applies its answers. Who was asked for in vain waits, and is set aside when that
 * was too often; who was not asked for has not been tried. Leaves when the time is up.
 */
export async function applyAsked(context: SetContext, messages: readonly ReadMessage[]): Promise<void> {
  const { hearing: { entity }, clock, database } = context;
  const byKey = Map.groupBy(messages, ({ told }) => told.key as string);
  const keys = [...byKey.keys()];
  const ends = Math.max(context.ends, clock.now().getTime() + leastMs);
  const hasTime = (): boolean => !context.stopping() && clock.now().getTime() < ends;
  const size = detailsTogether(entity);
  for (let start = 0; start < keys.length && hasTime(); start += size) {
    const held = await askSome(context, keys.slice(start, start + size), byKey, hasTime);
    if (!held) continue;
    const rest = [...held.keys, ...keys.slice(start + size)].flatMap((key) => byKey.get(key) ?? []);
    await database.transaction((session) => putOff(session, rest.map(({ row }) => row), { ...held, counted: false }));
    return;
  }
}

/** One round of questions, and what came of it saved. Answers who has to wait without having been tried, where nobody gets an answer now. */
async function askSome(context: SetContext, keys: readonly string[], byKey: ReadonlyMap<string, readonly ReadMessage[]>, hasTime: () => boolean): Promise<{ keys: string[]; until: Date; code: string } | undefined> {
  const { hearing: { entity }, signal, clock, database } = context;
  const messagesOf = (some: readonly string[]): ReadMessage[] => some.flatMap((key) => byKey.get(key) ?? []);
  // of those that were asked for together in vain one may be to blame
  const alone = new Set(keys.filter((key) => byKey.get(key)?.some(({ row }) => row.attempts > 0)));
  const asked = await context.withCalls(entity.id, () => askDetails({ entity, signal }, keys, { alone, hasTime, goesOn: (error, answered) => verdictOf(error, answered, clock.now()).hold === undefined }));
  signal.throwIfAborted();
  const now = clock.now();
  const unanswered = unansweredOf(keys, asked, now);
  const whyOf = ({ told }: ReadMessage): Unanswered => unanswered.get(told.key as string) as Unanswered;
  const left = messagesOf([...unanswered.keys()]);
  const given = left.filter((message) => isGivenUp(message, whyOf(message), now));
  const tried = left.filter((message) => whyOf(message).counts && !given.includes(message));
  const letters = new Map(given.map((message) => [message.row, letterOf(message.row, message.told.key, whyOf(message).code, whyOf(message).message)]));
  const answered = messagesOf([...new Set(asked.incoming.map(({ key }) => key))]);
  const again = new Set(answered.filter(({ row }) => row.again).map(({ told }) => told.key));
  const records = asked.incoming.map((one) => (again.has(one.key) ? { ...one, again: true } : one));
  if (answered.length + given.length > 0) await commitMessages(context, [...answered, ...given], records, 'refetch', letters);
  for (const [code, group] of Map.groupBy(tried, (message) => whyOf(message).code)) {
    await database.transaction((session) => putOff(session, group.map(({ row }) => row), { until: pauseOf(now, group), code, counted: true }));
  }
  const holding = [...unanswered.values()].find(({ hold }) => hold);
  const untried = [...unanswered].filter(([key, { counts }]) => !counts && messagesOf([key]).some((message) => !given.includes(message))).map(([key]) => key);
  return holding?.hold && { keys: [...untried, ...asked.unasked], until: holding.hold.until, code: holding.code };
}

function unansweredOf(keys: readonly string[], { incoming, failures, unasked }: Asked, now: Date): Map<string, Unanswered> {
  const settled = new Set([...incoming.map(({ key }) => key), ...unasked]);
  const unanswered = new Map<string, Unanswered>();
  for (const { keys: wanted, error } of failures) {
    const verdict = verdictOf(error, incoming.length, now);
    const why = { ...verdict, ends: verdict.ends && wanted.length === 1, code: isTdsError(error) ? error.code : 'webhook.unanswered', message: (error as Error).message };
    for (const key of wanted) if (!settled.has(key)) unanswered.set(key, why);
  }
  for (const key of keys) if (!settled.has(key) && !unanswered.has(key)) unanswered.set(key, { counts: true, ends: false, code: 'webhook.unanswered', message: 'the source gave no answer about the record' });
  return unanswered;
}

const denials = new Set(['AccessDeniedError', 'StreamUnavailableError']);

/** A failure beside answers is the record's own. One without any is the source's: it says nothing against the records that were not asked for. */
function verdictOf(error: unknown, answered: number, now: Date): Verdict {
  const verdict = verdictOn(error, now);
  const after = (ms: number): Date => new Date(now.getTime() + ms);
  if (verdict.kind === 'postpone') return { counts: false, ends: false, hold: { until: verdict.until, isDenied: false } };
  if (isTdsError(error) && denials.has(error.name)) return answered > 0 ? { counts: true, ends: false } : { counts: false, ends: false, hold: { until: after(deniedPauseMs), isDenied: true } };
  if (verdict.kind === 'fail') return { counts: true, ends: true };
  return { counts: true, ends: false, ...(answered > 0 ? {} : { hold: { until: after(firstPauseMs), isDenied: false } }) };
}

function isGivenUp({ row }: ReadMessage, { counts, ends, hold }: Unanswered, now: Date): boolean {
  if (ends) return true;
  if (counts) return row.attempts + 1 >= mostTries;
  return hold?.isDenied === true && now.getTime() - row.receivedAt.getTime() > deniedMostMs;
}

function pauseOf(now: Date, waits: readonly ReadMessage[]): Date {
  const tries = Math.min(...waits.map(({ row }) => row.attempts));
  return new Date(now.getTime() + Math.min(longestPauseMs, firstPauseMs * 2 ** tries));
}
