/** The addresses, how they are set up at the service, and a message to oneself. */
import { OperationError } from '../operations/errors.ts';
import type { Registration, WebhookOperations } from '../operations/webhooks.ts';
import { parseJson } from '../connection/index.ts';
import { isRecord, type DatabaseAccess, type JsonObject, type WebhookEvent, type WebhookRule } from '../sdk/index.ts';
import { wholeOf } from '../pipeline/stored.ts';
import { sampleRecord } from '../store/records.ts';
import type { Hearing } from './hearing.ts';

/** The path of an address. */
export function pathOf({ entity }: Pick<Hearing, 'entity'>, event: WebhookEvent): string {
  return `/webhooks/${entity.connectionId}/${entity.id}/${event}`;
}

function rulesOf(hearing: Hearing, base: string): WebhookRule[] {
  return hearing.events.map((event) => ({ entity: hearing.entity.id, stream: hearing.entity.stream.name, event, url: `${base.replace(/\/$/, '')}${pathOf(hearing, event)}` }));
}

export function urlsOf(hearings: ReadonlyMap<string, Hearing>, base: string): ReturnType<WebhookOperations['urls']> {
  return [...hearings.values()].flatMap((hearing) => rulesOf(hearing, base).map((rule) => (
    { rule, connection: hearing.entity.connectionId, steps: hearing.webhook.steps(rule), canRegister: hearing.webhook.register !== undefined })));
}

/** Asks the plugin once per connection and secret, with all its rules; what no plugin can make is answered with its steps. */
export async function registerRules(hearings: ReadonlyMap<string, Hearing>, base: string, entities: readonly string[], signal: AbortSignal): Promise<Registration> {
  for (const id of entities) hearingOf(hearings, id);
  const chosen = [...hearings.values()].filter(({ entity }) => entities.length === 0 || entities.includes(entity.id));
  const done: Registration = { connections: [], byHand: [] };
  for (const group of Map.groupBy(chosen, ({ entity, secrets }) => JSON.stringify([entity.connectionId, secrets[0]])).values()) {
    const [{ entity: { connectionId: connection }, webhook, secrets: [secret = ''] }] = group as [Hearing, ...Hearing[]];
    const rules = group.flatMap((hearing) => rulesOf(hearing, base));
    if (webhook.register) done.connections.push({ connection, rules: await webhook.register({ rules, secret, signal }) });
    else done.byHand.push(...rules.map((rule) => ({ rule, connection, steps: webhook.steps(rule) })));
  }
  return done;
}

/** Answers the hearing of an entity. @throws OperationError `webhook.unknown` */
export function hearingOf(hearings: ReadonlyMap<string, Hearing>, id: string): Hearing {
  const hearing = hearings.get(id);
  if (hearing) return hearing;
  throw new OperationError('webhook.unknown', `the entity "${id}" takes no messages`, { suggestion: hearings.size === 0 ? 'Give its connection a secret: connections.<id>.webhooks.secret.' : `These do: ${[...hearings.keys()].join(', ')}.` });
}

/** A signed message about a record as it is stored: it changes nothing. */
export async function composeMessage(hearings: ReadonlyMap<string, Hearing>, database: DatabaseAccess, { entity: id, event, key }: { entity: string; event: WebhookEvent; key?: string }): Promise<{ path: string; headers: Record<string, string>; body: string }> {
  const hearing = hearingOf(hearings, id);
  const { entity, webhook, secrets } = hearing;
  const stored = await database.transaction((session) => sampleRecord(session, entity.id, key));
  if (!stored) throw new OperationError('operation.unknown_record', key === undefined ? `"${id}" has no record yet, so there is nothing to send` : `"${id}" has no living record "${key}"`, { suggestion: `Bring some over first: tds sync ${id}` });
  const record: JsonObject = wholeOf(stored);
  const body = JSON.stringify(webhook.write({ stream: entity.stream.name, options: entity.options, event, record }));
  if (!isRecord(parseJson(body))) throw new TypeError('the plugin wrote a message that is no object');
  const signature = webhook.sign({ parameters: [], body: Buffer.from(body) }, secrets[0] ?? '');
  return { path: pathOf(hearing, event), headers: { 'Content-Type': 'application/json', [webhook.signatureHeader]: signature }, body };
}
