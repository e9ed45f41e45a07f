/** Messages of services about their changes: taken, kept, applied, looked at. Put together for `main.ts`. */
import type { Config } from '../../schemas/index.ts';
import type { Events } from '../monitor/events.ts';
import type { WebhookMetrics } from '../monitor/metrics/index.ts';
import { OperationError } from '../operations/errors.ts';
import type { WebhookOperations } from '../operations/webhooks.ts';
import type { Entity } from '../pipeline/entity.ts';
import type { TaskHandler } from '../queue/types.ts';
import type { Clock, JsonObject, Logger, SqlSession } from '../sdk/index.ts';
import type { Database } from '../store/session.ts';
import { addWebhookCounts, insertMessages, keepUnreadable } from '../store/webhook-inbox.ts';
import { listLost } from '../store/webhook-gaps.ts';
import { entitiesThatWait, listMessages, listUnreadable, readMessageRow } from '../store/webhook-queries.ts';
import { drainTask, webhookTaskName } from './drain.ts';
import { lookForGaps, pollingFactor, type GapDeps } from './gaps.ts';
import type { Hearing } from './hearing.ts';
import { InboxWriter } from './inbox-writer.ts';
import { Receiver } from './receive.ts';
import { planReplay, replayMessages } from './replay.ts';
import { composeMessage, registerRules, urlsOf } from './setup.ts';
import { readStats } from './stats.ts';

export { webhookTaskName } from './drain.ts';
export { hearingIn, hearingsOf, takesMessages, type Hearing } from './hearing.ts';

export interface WebhooksDeps {
  policies: Config['policies'];
  hearings: ReadonlyMap<string, Hearing>;
  database: Database;
  clock: Clock;
  log: Logger;
  events: Events;
  stopping: () => boolean;
  withCalls: <T>(entity: string, work: () => Promise<T>) => Promise<T>;
  /** Adds the wake-up of an entity in the caller's transaction, once while one waits. */
  wake: (session: SqlSession, entity: string, at?: Date) => Promise<void>;
  /** Told of records that messages speak of: whoever keeps something of them forgets it. */
  told?: (entity: Entity, keys: readonly string[]) => void;
  /** Counts what is taken, refused and applied. */
  metrics?: Pick<WebhookMetrics, 'accepted' | 'refused' | 'applied'> | undefined;
}

/** The webhooks of one process. */
export interface Webhooks {
  operations: WebhookOperations;
  /** Applies what waits for the entity of its payload. */
  task: TaskHandler<{ entity: string }>;
  /** Wakes what waits, and looks for gaps now and then. */
  start(): Promise<void>;
  /** Hands what a job that lost its worker was at to another one: which message may be to blame is noted, see `drain.ts`. False for other jobs. */
  handOver(session: SqlSession, job: { task: string; payload: JsonObject }): Promise<boolean>;
  /** Has the messages of an entity applied that wait, in the caller's transaction. */
  wake(session: SqlSession, entity: string): Promise<void>;
  /** Looks for gaps now. */
  look(): Promise<void>;
  /** Idempotent; safe before `start`. */
  stop(): Promise<void>;
}

/** How often counts are saved and gaps are looked for. */
const lookEveryMs = 15_000;

/** Makes the webhooks; nothing happens before `start` but what is asked for. */
export function createWebhooks(deps: WebhooksDeps): Webhooks {
  const { policies, hearings, database, clock, log, events, wake, metrics } = deps;
  const now = (): Date => clock.now();
  const gaps: GapDeps = { database, events, now, alertAt: policies.webhooks.lossAlert };
  const refusals = new Map<string, number>();
  const writer = new InboxWriter({
    maxWaiting: policies.webhooks.maxWaiting, maxBytes: policies.webhooks.maxMemory,
    save: (messages) => database.transaction(async (session) => {
      await insertMessages(session, messages);
      // in one order, so that two processes that wake the same ones can't wait on each other
      for (const entity of [...new Set(messages.map((message) => message.entity))].sort()) await wake(session, entity);
    }),
  });
  const receiver = new Receiver({
    hearings, writer, now, maxBytes: policies.webhooks.maxMemory,
    onRefused(entity, reason) {
      refusals.set(`${entity}\n${reason}`, (refusals.get(`${entity}\n${reason}`) ?? 0) + 1);
      metrics?.refused(entity, reason, now());
    },
    onAccepted: metrics?.accepted,
    keepUnreadable: (message) => database.transaction((session) => keepUnreadable(session, message)),
  });
  const saveCounts = async (): Promise<void> => {
    // taken away first: whoever saves at the same time must not save the same ones
    const taken = [...refusals].sort(([one], [other]) => (one < other ? -1 : 1));
    refusals.clear();
    try {
      await database.transaction((session) => addWebhookCounts(session, now(), taken.map(([name, count]) => ({ entity: name.split('\n')[0] ?? '', name: name.split('\n')[1] ?? '', count }))));
    } catch (error) {
      for (const [name, count] of taken) refusals.set(name, (refusals.get(name) ?? 0) + count);
      throw error;
    }
  };
  const look = async (): Promise<void> => {
    await saveCounts();
    await lookForGaps(gaps);
  };
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> = Promise.resolve();
  const replay = { hearings, database, wake };
  return {
    task: drainTask({ ...deps, onApplied: metrics?.applied }),
    operations: {
      enter: (address) => receiver.enter(address),
      accept: (message) => receiver.accept(message),
      list: (filter) => listMessages(database.reads, filter),
      async show(id) {
        const message = await readMessageRow(database.reads, id);
        if (!message) throw new OperationError('operation.unknown_message', `there is no message ${JSON.stringify(id)}`, { suggestion: 'See the list: tds webhooks' });
        return message;
      },
      async stats() {
        await saveCounts();
        return readStats({ database, hearings, now, alertAt: policies.webhooks.lossAlert });
      },
      unreadable: (limit) => database.transaction((session) => listUnreadable(session, limit)),
      lost: (filter) => listLost(database.reads, filter),
      planReplay: (choice) => planReplay(replay, choice),
      replay: (choice) => replayMessages(replay, choice),
      urls: (base) => urlsOf(hearings, base),
      register: (base, entities, signal) => registerRules(hearings, base, entities, signal),
      compose: (request) => composeMessage(hearings, database, request),
      pollingFactor: (entity) => pollingFactor(gaps, entity),
    },
    look, wake: (session, entity) => wake(session, entity),
    async handOver(session, { task, payload: { entity } }) {
      if (task !== webhookTaskName || typeof entity !== 'string') return false;
      await wake(session, entity);
      return true;
    },
    async start() {
      if (hearings.size === 0) return;
      // Messages whose job became a dead letter, or was cancelled, have nobody else who wakes them.
      await database.transaction(async (session) => {
        for (const entity of await entitiesThatWait(session)) if (hearings.has(entity)) await wake(session, entity);
      });
      timer = setInterval(() => {
        looking = look().catch((error: unknown) => log.warn('gaps in the messages could not be looked for', { error }));
      }, lookEveryMs);
    },
    async stop() {
      clearInterval(timer);
      await looking;
      if (refusals.size > 0) await saveCounts().catch(() => undefined);
    },
  };
}
