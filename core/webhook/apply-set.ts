/** Applies one set of messages: those that speak for themselves together, then those that the source is asked about. */
import { parseJson } from '../connection/index.ts';
import type { Batch } from '../pipeline/apply.ts';
import { newestOfEach, type PreparedBatch } from '../pipeline/batch.ts';
import { applyCarefully, type Care } from '../pipeline/careful.ts';
import type { Incoming } from '../pipeline/decide.ts';
import { askDetails } from '../pipeline/details.ts';
import type { AppliedSet } from '../monitor/metrics/index.ts';
import { verdictOn } from '../queue/index.ts';
import { isTdsError, type SqlSession } from '../sdk/index.ts';
import type { DeadLetterWrite } from '../store/dead-letters.ts';
import { readHeads } from '../store/records.ts';
import type { RunSuspect } from '../store/runs.ts';
import { endMessages, putOff, type InboxEnd, type InboxOutcome, type Waiting } from '../store/webhook-inbox.ts';
import type { DrainDeps } from './drain.ts';
import type { Hearing } from './hearing.ts';
import { mustAsk } from './judge.ts';
import { incomingOfMessage, readMessage, type Told } from './message.ts';

export interface SetContext extends Omit<DrainDeps, 'hearings'> {
  hearing: Hearing;
  care: Care | undefined;
  note: (suspect: RunSuspect) => Promise<void>;
  fence: (session: SqlSession, progress?: boolean) => Promise<void>;
  signal: AbortSignal;
}

/** A message that was read. */
export interface ReadMessage { row: Waiting; told: Told; incoming: Incoming | undefined }

/** Tries to ask the source about a message before it is set aside. */
const mostTries = 8;
const firstPauseMs = 2000;
const longestPauseMs = 600_000;

/** Reads messages by their plugin. */
export function readAll(hearing: Hearing, rows: readonly Waiting[]): ReadMessage[] {
  return rows.map((row) => {
    const told = readMessage(hearing, row.event, parseJson(row.body));
    return { row, told, incoming: incomingOfMessage(hearing, row.event, told, row.receivedAt, row.again) };
  });
}

/** Of several messages about a record the newest decides; answers those that the source must be asked about apart. */
export function divide(hearing: Hearing, messages: readonly ReadMessage[], heads: Awaited<ReturnType<typeof readHeads>>): { direct: Incoming[]; ask: Set<string> } {
  const ask = new Set<string>();
  const byKey = Map.groupBy(messages.filter(({ told }) => told.key !== null), ({ told }) => told.key as string);
  const direct: Incoming[] = [];
  for (const [key, group] of byKey) {
    const [newest] = newestOfEach(group.map(({ incoming }) => incoming).filter((incoming) => incoming !== undefined));
    const whole = group.find(({ incoming }) => incoming === newest)?.told.whole ?? false;
    // of two edits within one second either may be the last
    const tied = group.some(({ incoming }) => incoming && newest && incoming !== newest && incoming.form !== 'gone' && newest.form !== 'gone' && incoming.modifiedAt?.getTime() === newest.modifiedAt?.getTime() && incoming.hash !== newest.hash);
    if (mustAsk(hearing, { incoming: newest, whole: whole && !(tied && hearing.apply === 'auto') }, heads.get(key))) ask.add(key);
    else if (newest) direct.push(newest);
  }
  return { direct, ask };
}

/** Applies messages. Each of them has an outcome then, or is put off. Throws what the database throws when it is away. */
export async function applySet(context: SetContext, rows: readonly Waiting[]): Promise<void> {
  const { hearing, database } = context;
  const messages = readAll(hearing, rows);
  const keys = [...new Set(messages.map(({ told }) => told.key).filter((key) => key !== null))];
  context.told?.(hearing.entity, keys);
  const heads = await database.transaction((session) => readHeads(session, hearing.entity.id, keys));
  const { direct, ask } = divide(hearing, messages, heads);
  const asked = messages.filter(({ told }) => told.key !== null && ask.has(told.key));
  const own = messages.filter((message) => !asked.includes(message));
  if (own.length > 0) await apply(context, own, direct, 'payload', unusable(own));
  if (asked.length > 0) await applyAsked(context, asked, [...ask]);
}

/** Messages that can't be applied as they are. */
function unusable(messages: readonly ReadMessage[]): Map<Waiting, DeadLetterWrite> {
  const letters = new Map<Waiting, DeadLetterWrite>();
  for (const { row, told } of messages) {
    const { fault } = told;
    const noRecord = fault ?? (!told.foreign && told.key !== null && row.event === 'changed' && !told.record ? { code: 'webhook.unreadable' as const, message: 'the message brings no record, and the source can\'t be asked for one' } : undefined);
    if (noRecord) letters.set(row, letterOf(row, told.key, noRecord.code, noRecord.message));
  }
  return letters;
}

function letterOf(row: Waiting, key: string | null, code: string, message: string): DeadLetterWrite {
  return { key, raw: row.body, problems: [{ code, message, suggestion: `Look at the message: tds webhooks show ${row.id}` }] };
}

/** One transaction for the rows, the outcomes of the messages, and their dead letters. */
async function apply(context: SetContext, messages: readonly ReadMessage[], incoming: readonly Incoming[], how: 'payload' | 'refetch', letters: ReadonlyMap<Waiting, DeadLetterWrite>): Promise<void> {
  const { hearing: { entity }, clock, fence } = context;
  const byKey = Map.groupBy(messages.filter(({ row, told }) => told.key !== null && !letters.has(row)), ({ told }) => told.key as string);
  const others = messages.filter(({ row, told }) => letters.has(row) || told.foreign);
  const also: Batch['also'] = async (session, part, prepared) => {
    const fates = fatesOf(prepared);
    const ends = part.incoming.flatMap((one) => (byKey.get(one.key) ?? []).map((message) => endOf(message, one, fates(one), how)));
    // what needs no record belongs to the part that carries the letters
    if (part.withoutKey) for (const { row, told } of others) ends.push({ ...endRow(row), outcome: told.foreign ? 'dropped' : 'refused', how: null, code: told.foreign ? 'webhook.foreign' : letters.get(row)?.problems[0]?.code });
    const doubled = new Set(await endMessages(session, entity.id, ends, clock.now()));
    // by the message: a transaction that lost a race is done again
    for (const { id, outcome } of ends) ended.set(id, { outcome, doubled: doubled.has(id) });
  };
  const ended = new Map<string, { outcome: InboxOutcome; doubled: boolean }>();
  await applyCarefully(context, { entity, via: 'webhook', incoming, withoutKey: [...letters.values()], also, fence });
  context.onApplied?.(countedOf(entity.id, messages, ended, clock.now()));
}

/** A replay is late by intention: it says nothing about how fast messages are applied. */
function countedOf(entity: string, messages: readonly ReadMessage[], ended: ReadonlyMap<string, { outcome: InboxOutcome; doubled: boolean }>, now: Date): AppliedSet {
  const outcomes: Record<string, number> = {};
  for (const { outcome } of ended.values()) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  const delays = messages.filter(({ row }) => ended.has(row.id) && !row.again).map(({ row }) => Math.max(0, now.getTime() - row.receivedAt.getTime()) / 1000);
  return { entity, outcomes, duplicates: [...ended.values()].filter(({ doubled }) => doubled).length, delays };
}

/** What became of each record of a part. */
function fatesOf(prepared: PreparedBatch): (incoming: Incoming) => { outcome: InboxOutcome; code?: string | undefined } {
  const refused = new Map(prepared.letters.map(({ key, problems }) => [key, problems[0]?.code]));
  const [dropped, stale] = [new Set(prepared.dropped), new Set(prepared.stale)];
  const written = new Set([...prepared.inserts, ...prepared.replaces, ...prepared.remaps].map(({ key }) => key));
  return ({ key, form }) => {
    if (refused.has(key)) return { outcome: 'refused', code: refused.get(key) };
    if (dropped.has(key)) return { outcome: 'dropped' };
    if (stale.has(key)) return { outcome: 'stale' };
    return { outcome: !written.has(key) ? 'unchanged' : form === 'gone' ? 'deleted' : 'applied' };
  };
}

/** A message that another one about the same record has overtaken changed nothing. What the source was asked about is the fate of all. */
function endOf({ row, incoming }: ReadMessage, applied: Incoming, fate: { outcome: InboxOutcome; code?: string | undefined }, how: 'payload' | 'refetch'): InboxEnd {
  if (how === 'payload' && incoming !== applied) {
    const isSame = incoming !== undefined && incoming.form !== 'gone' && applied.form !== 'gone' && incoming.hash === applied.hash;
    return { ...endRow(row), outcome: isSame || (incoming?.form === 'gone' && applied.form === 'gone') ? 'unchanged' : 'stale', how };
  }
  return { ...endRow(row), ...fate, how };
}

function endRow({ id, receivedAtText, hash }: Waiting): Pick<InboxEnd, 'id' | 'receivedAtText' | 'hash'> {
  return { id, receivedAtText, hash };
}

/** Asks the source and applies what it answers. What it does not answer waits, and is set aside when it has waited too often. */
async function applyAsked(context: SetContext, messages: readonly ReadMessage[], keys: readonly string[]): Promise<void> {
  const { hearing: { entity }, signal } = context;
  const { incoming, failure } = await context.withCalls(entity.id, () => askDetails({ entity, signal }, keys));
  const answered = new Set(incoming.map(({ key }) => key));
  const left = messages.filter(({ told }) => !answered.has(told.key as string));
  const again = new Set(messages.filter(({ row }) => row.again).map(({ told }) => told.key));
  const records = incoming.map((one) => (one.form !== 'gone' && again.has(one.key) ? { ...one, again: true } : one));
  const code = isTdsError(failure?.error) ? failure.error.code : 'webhook.unanswered';
  const verdict = failure ? verdictOn(failure.error, context.clock.now()) : { kind: 'retry' as const };
  // a wait that the source asks for says nothing against the message
  const given = verdict.kind === 'postpone' ? [] : left.filter(({ row }) => verdict.kind === 'fail' || row.attempts + 1 >= mostTries);
  const letters = new Map(given.map(({ row, told }) => [row, letterOf(row, told.key, code, failure ? (failure.error as Error).message : 'the source gave no answer about the record')]));
  const done = messages.filter((message) => !left.includes(message) || given.includes(message));
  if (done.length > 0) await apply(context, done, records, 'refetch', letters);
  const waits = left.filter((message) => !given.includes(message));
  if (waits.length > 0) await context.database.transaction((session) => putOff(session, waits.map(({ row }) => row), verdict.kind === 'postpone' ? verdict.until : pauseOf(context, waits), code));
}

function pauseOf({ clock }: SetContext, waits: readonly ReadMessage[]): Date {
  const tries = Math.min(...waits.map(({ row }) => row.attempts));
  return new Date(clock.now().getTime() + Math.min(longestPauseMs, firstPauseMs * 2 ** tries));
}
