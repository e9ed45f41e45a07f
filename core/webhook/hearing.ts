/** Which entities take messages, and by which secrets. */
import type { Config } from '../../schemas/index.ts';
import type { Entity } from '../pipeline/entity.ts';
import type { Connector, Webhook, WebhookEvent } from '../sdk/index.ts';

export const webhookEvents: readonly WebhookEvent[] = ['changed', 'deleted'];

/** One entity that takes messages. */
export interface Hearing {
  entity: Entity;
  webhook: Webhook;
  /** The present one first. Never empty. */
  secrets: readonly string[];
  /** Bytes of a message at most. */
  maxBody: number;
  apply: 'auto' | 'payload' | 'refetch';
  events: readonly WebhookEvent[];
}

const defaultMaxBody = 1_000_000;

/** The secrets of an entity, else of its connection; empty where it takes no messages. */
function secretsOf(config: Config, id: string): string[] {
  const entity = config.entities[id];
  if (!entity?.webhook.enabled) return [];
  const own = entity.webhook.secret ? entity.webhook : config.connections[entity.from.connection]?.webhooks;
  if (!own?.secret) return [];
  return [own.secret, ...(own.previousSecret ? [own.previousSecret] : [])];
}

function eventsOf(config: Config, id: string, webhook: Webhook): WebhookEvent[] {
  const stream = config.entities[id]?.from.stream ?? '';
  return webhookEvents.filter((event) => webhook.supports(stream, event));
}

/** Whether messages of an entity are taken. */
export function takesMessages(config: Config, id: string, connector: Connector | undefined): boolean {
  return connector?.webhook !== undefined && secretsOf(config, id).length > 0 && eventsOf(config, id, connector.webhook).length > 0;
}

/** Entities whose messages may wait: those that are switched on, and don't say that they take none. */
export function hearingIn({ entities }: Config): string[] {
  return Object.entries(entities).filter(([, { enabled, webhook }]) => enabled && webhook.enabled).map(([id]) => id);
}

/** Every entity that takes messages, by its id. */
export function hearingsOf(config: Config, entities: ReadonlyMap<string, Entity>, connectors: ReadonlyMap<string, Connector>): Map<string, Hearing> {
  const hearings = new Map<string, Hearing>();
  for (const entity of entities.values()) {
    const webhook = connectors.get(entity.connectionId)?.webhook;
    if (!webhook || !takesMessages(config, entity.id, connectors.get(entity.connectionId))) continue;
    hearings.set(entity.id, {
      entity, webhook, secrets: secretsOf(config, entity.id), maxBody: config.connections[entity.connectionId]?.webhooks?.maxBody ?? defaultMaxBody,
      apply: entity.config.webhook.apply, events: eventsOf(config, entity.id, webhook),
    });
  }
  return hearings;
}
