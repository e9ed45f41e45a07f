/** Messages once more, by the mapping as it is now; and what that would change. */
import { prepareBatch } from '../pipeline/batch.ts';
import type { Incoming, IncomingRecord } from '../pipeline/decide.ts';
import { changesOf } from '../pipeline/story.ts';
import { previewRecords, type PreviewedRecord } from '../pipeline/preview.ts';
import { OperationError } from '../operations/errors.ts';
import type { ReplayChoice, ReplayDifference, ReplayPlan } from '../operations/webhooks.ts';
import type { DatabaseAccess, SqlSession } from '../sdk/index.ts';
import { readHeads, type RecordHead } from '../store/records.ts';
import { messagesToTry, putBack, type InboxMessageDetail } from '../store/webhook-queries.ts';
import { divide, readAll, type ReadMessage } from './apply-set.ts';
import type { Hearing } from './hearing.ts';

export interface ReplayDeps { hearings: ReadonlyMap<string, Hearing>; database: DatabaseAccess; wake: (session: SqlSession, entity: string) => Promise<void> }

const setSize = 500;
const mostListed = 200;
const mostChanges = 50;

/** Nothing is done about everything by an oversight. */
function demandChoice({ filter, all }: ReplayChoice): void {
  if (all || Object.values(filter).some((value) => value !== undefined)) return;
  throw new OperationError('operation.no_message_choice', 'it is not said which messages are meant', { suggestion: 'Name one, give a filter, or say that all are meant.' });
}

/** Lets messages wait again whose entity takes some. Of several about a record the newest decides, as ever. */
export async function replayMessages({ hearings, database, wake }: ReplayDeps, choice: ReplayChoice): Promise<number> {
  demandChoice(choice);
  return database.transaction(async (session) => {
    const back = await putBack(session, choice.filter, choice.most, [...hearings.keys()]);
    for (const entity of back.keys()) await wake(session, entity);
    return [...back.values()].reduce((sum, count) => sum + count, 0);
  });
}

/** The mapping and the checks really run; nothing is written, and no source is asked. */
export async function planReplay({ hearings, database }: ReplayDeps, choice: ReplayChoice): Promise<ReplayPlan> {
  demandChoice(choice);
  const plan: ReplayPlan = { messages: 0, counts: {}, differences: [], cut: false };
  let after = '0';
  for (;;) {
    const limit = Math.min(setSize, (choice.most ?? Number.POSITIVE_INFINITY) - plan.messages);
    const rows = limit <= 0 ? [] : await database.transaction((session) => messagesToTry(session, choice.filter, { after, limit }));
    const last = rows.at(-1);
    if (!last) return plan;
    after = last.id;
    plan.messages += rows.length;
    for (const [entity, group] of Map.groupBy(rows, (row) => row.entity)) {
      const hearing = hearings.get(entity);
      const found = hearing ? await database.transaction((session) => differencesOf(session, hearing, group)) : group.map((row) => ({ ...about(row), would: 'nothing' as const, changes: [], problem: { code: 'webhook.unknown', message: 'the entity takes no messages now' } }));
      for (const difference of found) {
        plan.counts[difference.would] = (plan.counts[difference.would] ?? 0) + 1;
        if (difference.would === 'nothing' && !difference.problem) continue;
        if (plan.differences.length < mostListed) plan.differences.push(difference);
        else plan.cut = true;
      }
    }
  }
}

function about({ id, entity, key, event }: InboxMessageDetail): Pick<ReplayDifference, 'id' | 'entity' | 'key' | 'event'> {
  return { id, entity, key, event };
}

async function differencesOf(session: SqlSession, hearing: Hearing, messagesToTell: readonly InboxMessageDetail[]): Promise<ReplayDifference[]> {
  const { entity } = hearing;
  const messages = readAll(hearing, messagesToTell.map((row) => ({ ...row, receivedAtText: '', again: true })));
  const keys = messages.map(({ told }) => told.key).filter((key) => key !== null);
  const heads = await readHeads(session, entity.id, keys);
  const { direct, ask } = divide(hearing, messages, heads);
  const prepared = await prepareBatch(entity, session, direct);
  const rows = new Map((await previewRecords(entity, session, direct.filter((one): one is IncomingRecord => one.form !== 'gone'))).map((one) => [one.key, one]));
  const refused = new Map(prepared.letters.map(({ key, problems }) => [key, problems[0]]));
  const written = new Set([...prepared.inserts, ...prepared.replaces, ...prepared.remaps].map(({ key }) => key));
  const deciding = new Set<Incoming>(direct);
  return messages.map((message, at): ReplayDifference => {
    const { told, incoming } = message;
    const row = about(messagesToTell[at] as InboxMessageDetail);
    const nothing = { ...row, changes: [] };
    if (told.fault) return { ...nothing, would: 'refuse', problem: told.fault };
    if (told.foreign) return { ...nothing, would: 'drop' };
    if (told.key !== null && ask.has(told.key)) return { ...nothing, would: 'ask' };
    if (!incoming || !deciding.has(incoming)) return { ...nothing, would: 'stale' };
    const problem = refused.get(incoming.key);
    if (problem) return { ...nothing, would: 'refuse', problem: { code: problem.code, message: problem.message, ...(problem.field === undefined ? {} : { field: problem.field }) } };
    if (prepared.dropped.includes(incoming.key)) return { ...nothing, would: 'drop' };
    if (prepared.stale.includes(incoming.key)) return { ...nothing, would: 'stale' };
    if (!written.has(incoming.key)) return { ...nothing, would: 'nothing' };
    return { ...row, ...changeOf(message, heads.get(incoming.key), rows.get(incoming.key)) };
  });
}

/** The columns that would be different. A row that stands refused was never written. */
function changeOf({ incoming }: ReadMessage, stored: RecordHead | undefined, mapped: PreviewedRecord | undefined): Pick<ReplayDifference, 'would' | 'changes'> {
  if (incoming?.form === 'gone') return { would: 'delete', changes: [] };
  const changes = stored?.refused ? changesOf({}, mapped?.row ?? {}) : mapped?.fields ?? [];
  return { would: stored ? 'change' : 'new', changes: changes.slice(0, mostChanges) };
}
