/** Messages once more, by the mapping as it is now; and what that would change. */
import { prepareBatch } from '../pipeline/batch.ts';
import type { Incoming } from '../pipeline/decide.ts';
import { changesOf } from '../pipeline/story.ts';
import { wholeOf } from '../pipeline/stored.ts';
import { OperationError } from '../operations/errors.ts';
import type { ReplayChoice, ReplayDifference, ReplayPlan } from '../operations/webhooks.ts';
import type { DatabaseAccess, JsonObject, SqlSession } from '../sdk/index.ts';
import { readHeads, storedUnder, type RecordBodies, type RecordHead } from '../store/records.ts';
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

/** Lets messages wait again. Of several about a record the newest decides, as ever. */
export async function replayMessages({ database, wake }: ReplayDeps, choice: ReplayChoice): Promise<number> {
  demandChoice(choice);
  return database.transaction(async (session) => {
    const back = await putBack(session, choice.filter, choice.most);
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

async function differencesOf(session: SqlSession, hearing: Hearing, rows: readonly InboxMessageDetail[]): Promise<ReplayDifference[]> {
  const { entity } = hearing;
  const messages = readAll(hearing, rows.map((row) => ({ ...row, receivedAtText: '', again: true })));
  const keys = messages.map(({ told }) => told.key).filter((key) => key !== null);
  const heads = await readHeads(session, entity.id, keys);
  const stored = await storedUnder(session, entity.id, keys);
  const { direct, ask } = divide(hearing, messages, heads);
  const prepared = await prepareBatch(entity, session, direct);
  const refused = new Map(prepared.letters.map(({ key, problems }) => [key, problems[0]]));
  const written = new Set([...prepared.inserts, ...prepared.replaces, ...prepared.remaps].map(({ key }) => key));
  const deciding = new Set<Incoming>(direct);
  return messages.map((message, at): ReplayDifference => {
    const { told, incoming } = message;
    const row = about(rows[at] as InboxMessageDetail);
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
    return { ...row, ...changeOf(message, stored.get(incoming.key)) };
  });
}

/** What would be different in the record. A row that is written again from the same record has no changes of the record's own. */
function changeOf({ told, incoming }: ReadMessage, stored: (RecordHead & RecordBodies) | undefined): Pick<ReplayDifference, 'would' | 'changes'> {
  if (incoming?.form === 'gone') return { would: 'delete', changes: [] };
  const before: JsonObject = stored ? wholeOf(stored) : {};
  const changes = told.record && stored ? changesOf(before, { ...before, ...told.record }).slice(0, mostChanges) : [];
  return { would: stored ? 'change' : 'new', changes };
}
