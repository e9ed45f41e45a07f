/** Applies one set of messages: those that speak for themselves together, then those that the source is asked about. */
import { parseJson } from '../connection/index.ts';
import { newestOfEach } from '../pipeline/batch.ts';
import type { Care } from '../pipeline/careful.ts';
import type { Incoming } from '../pipeline/decide.ts';
import type { SqlSession } from '../sdk/index.ts';
import { readHeads } from '../store/records.ts';
import type { RunSuspect } from '../store/runs.ts';
import { putOff, type Waiting } from '../store/webhook-inbox.ts';
import { applyAsked } from './ask-source.ts';
import { commitMessages, unusable } from './commit-set.ts';
import type { DrainDeps } from './drain.ts';
import type { Hearing } from './hearing.ts';
import { heldDeletions } from './hold-deletions.ts';
import { mustAsk } from './judge.ts';
import { incomingOfMessage, readMessage, type Told } from './message.ts';

export interface SetContext extends Omit<DrainDeps, 'hearings'> {
  hearing: Hearing;
  care: Care | undefined;
  note: (suspect: RunSuspect) => Promise<void>;
  fence: (session: SqlSession, progress?: boolean) => Promise<void>;
  signal: AbortSignal;
  /** ms of the clock at which others are to have their turn. */
  ends: number;
  /** A person has paused the connection to the source: nobody is asked before then. */
  restsUntil?: Date | undefined;
}

/** A message that was read. */
export interface ReadMessage { row: Waiting; told: Told; incoming: Incoming | undefined }

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
  const all = divide(hearing, messages, heads);
  const held = await heldDeletions(context, messages, all.direct, heads);
  const free = messages.filter((message) => !held.has(message));
  const { direct, ask } = held.size === 0 ? all : divide(hearing, free, heads);
  const asked = free.filter(({ told }) => told.key !== null && ask.has(told.key));
  const isAsked = new Set(asked);
  const own = messages.filter((message) => !isAsked.has(message));
  if (own.length > 0) await commitMessages(context, own, direct, 'payload', unusable(own, held));
  if (asked.length === 0) return;
  if (!context.restsUntil) return applyAsked(context, asked);
  const { restsUntil } = context;
  await database.transaction((session) => putOff(session, asked.map(({ row }) => row), { until: restsUntil, code: 'webhook.rests', counted: false }));
}
