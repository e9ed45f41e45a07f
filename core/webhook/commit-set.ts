/** Writes what a set of messages comes to: rows, outcomes and dead letters in one transaction. */
import type { Batch } from '../pipeline/apply.ts';
import type { PreparedBatch } from '../pipeline/batch.ts';
import { applyCarefully } from '../pipeline/careful.ts';
import type { Incoming } from '../pipeline/decide.ts';
import type { AppliedSet } from '../monitor/metrics/index.ts';
import type { SqlSession } from '../sdk/index.ts';
import { resolveMessages, type DeadLetterWrite } from '../store/dead-letters.ts';
import { endMessages, type InboxEnd, type InboxOutcome, type Waiting } from '../store/webhook-inbox.ts';
import type { ReadMessage, SetContext } from './apply-set.ts';

/** How a message ended, and what there is to know of it for its dead letter. */
type Ending = InboxEnd & Pick<Waiting, 'key' | 'again'>;

const tooMany = { code: 'webhook.deletes_held' as const, message: 'the message says that the record is gone; with it more of the rows would go within an hour than deletes.maxShare allows, and the source can not be asked' };

/** Messages that can't be applied as they are. */
export function unusable(messages: readonly ReadMessage[], held: ReadonlySet<ReadMessage>): Map<Waiting, DeadLetterWrite> {
  const letters = new Map<Waiting, DeadLetterWrite>();
  for (const message of messages) {
    const { row, told, incoming } = message;
    const fault = held.has(message) ? tooMany : told.fault;
    const noRecord = fault ?? (!told.foreign && incoming === undefined ? { code: 'webhook.unreadable' as const, message: 'the message brings no record, and the source can\'t be asked for one' } : undefined);
    if (noRecord) letters.set(row, letterOf(row, told.key, noRecord.code, noRecord.message));
  }
  return letters;
}

export function letterOf(row: Waiting, key: string | null, code: string, message: string): DeadLetterWrite {
  return { key, raw: row.body, message: row.id, problems: [{ code, message, suggestion: `Look at the message: tds webhooks show ${row.id}` }] };
}

/** One transaction for the rows, the outcomes of the messages, and their dead letters. */
export async function commitMessages(context: SetContext, messages: readonly ReadMessage[], incoming: readonly Incoming[], how: 'payload' | 'refetch', letters: ReadonlyMap<Waiting, DeadLetterWrite>): Promise<void> {
  const { hearing: { entity }, clock, fence } = context;
  const byKey = Map.groupBy(messages.filter(({ row, told }) => told.key !== null && !letters.has(row)), ({ told }) => told.key as string);
  const others = messages.filter(({ row, told }) => letters.has(row) || told.foreign);
  const also: Batch['also'] = async (session, part, prepared) => {
    const fates = fatesOf(prepared);
    const ends = part.incoming.flatMap((one) => (byKey.get(one.key) ?? []).map((message) => endOf(message, one, fates(one), how)));
    // what needs no record belongs to the part that carries the letters
    if (part.withoutKey) for (const { row, told } of others) ends.push({ ...endRow(row), outcome: told.foreign ? 'dropped' : 'refused', how: null, code: told.foreign ? 'webhook.foreign' : letters.get(row)?.problems[0]?.code });
    const doubled = new Set(await endMessages(session, entity.id, ends, clock.now()));
    await closeLetters(session, entity.id, ends, part, how);
    // by the message: a transaction that lost a race is done again
    for (const { id, outcome } of ends) ended.set(id, { outcome, doubled: doubled.has(id) });
  };
  const ended = new Map<string, { outcome: InboxOutcome; doubled: boolean }>();
  await applyCarefully(context, { entity, via: 'webhook', incoming, withoutKey: [...letters.values()], also, fence });
  context.onApplied?.(countedOf(entity.id, messages, ended, clock.now()));
}

/** Only a replay can have a letter. What the source was asked for says all that a message about the same record could have said. */
async function closeLetters(session: SqlSession, entity: string, ends: readonly Ending[], { incoming }: Batch, how: 'payload' | 'refetch'): Promise<void> {
  const well = ends.filter(({ outcome }) => outcome !== 'refused');
  const wellKeys = new Set(well.map(({ key }) => key));
  await resolveMessages(session, entity, { messages: well.filter(({ again }) => again).map(({ id }) => id), keys: how === 'payload' ? [] : incoming.map(({ key }) => key).filter((key) => wellKeys.has(key)) });
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
function endOf({ row, incoming }: ReadMessage, applied: Incoming, fate: { outcome: InboxOutcome; code?: string | undefined }, how: 'payload' | 'refetch'): Ending {
  if (how === 'payload' && incoming !== applied) {
    const isSame = incoming !== undefined && incoming.form !== 'gone' && applied.form !== 'gone' && incoming.hash === applied.hash;
    return { ...endRow(row), outcome: isSame || (incoming?.form === 'gone' && applied.form === 'gone') ? 'unchanged' : 'stale', how };
  }
  // a rule for changes may have been given the address for deletions
  const code = row.event === 'deleted' && applied.form !== 'gone' ? fate.code ?? 'webhook.not_gone' : fate.code;
  return { ...endRow(row), ...fate, code, how };
}

function endRow({ id, receivedAtText, hash, key, again }: Waiting): Pick<Ending, 'id' | 'receivedAtText' | 'hash' | 'key' | 'again'> {
  return { id, receivedAtText, hash, key, again };
}
