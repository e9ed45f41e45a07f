import type { JsonObject, JsonValue } from './json.ts';
import type { SourceRecord } from './source.ts';

/** What a message says happened: the record was made or changed, or it is gone. Each has an address of its own. */
export type WebhookEvent = 'changed' | 'deleted';

/** A message as it arrived over HTTP. */
export interface WebhookRequest {
  /** Parameters of the query, and of the body where it is a form, as they stood. */
  readonly parameters: readonly (readonly [name: string, value: string])[];
  /** The body as it came; empty where it was a form. */
  readonly body: Uint8Array;
}

/** What a message tells. */
export interface WebhookMessage {
  /** The record inside the message; of a deletion its last state, where the message has it. */
  record?: SourceRecord;
  /** The key as {@link joinKey} makes it, where the message brings no record that has it. */
  key?: string;
}

/** One address that somebody is to set up at the service. */
export interface WebhookRule { entity: string; stream: string; event: WebhookEvent; url: string }

/** What a plugin made of one rule. */
export interface RegisteredRule extends WebhookRule { id: string; created: boolean }

/**
 * How a service tells of changes by itself. The host owns the address, the size limit, the comparison of signatures (in constant
 * time, with two secrets while one is being changed) and the inbox; the plugin knows the service's form. Nothing here may do I/O but
 * {@link register}.
 */
export interface Webhook {
  /** The header that carries the signature, in lower case. */
  readonly signatureHeader: string;
  /** Further headers that are worth keeping with a message, in lower case. */
  readonly keepHeaders?: readonly string[];
  /** Whether the service has such a message for a stream. Called at a start, and for `tds webhooks urls`. */
  supports(stream: string, event: WebhookEvent): boolean;
  /**
   * What the signature header of this request has to hold. Called for each message, before anything else is believed of it, and by
   * `tds webhooks send`.
   */
  sign(request: WebhookRequest, secret: string): string;
  /**
   * What a message tells; undefined where it is about a record that does not belong to the stream. Called when it arrives and when it is applied. Throws PermanentError where the body is not of the service's
   * form: the message is then set aside with that error.
   */
  read(message: { stream: string; options: JsonObject; event: WebhookEvent; body: JsonValue }): WebhookMessage | undefined;
  /** The body of a message about a record, for `tds webhooks send`. */
  write(message: { stream: string; options: JsonObject; event: WebhookEvent; record: SourceRecord }): JsonObject;
  /** The steps by which a person sets the rule up at the service, one line each. Never holds the secret. */
  steps(rule: WebhookRule): readonly string[];
  /** Makes the rules by the service's API, or finds them made. Absent where the service has no way. Called when a person asks. */
  register?(request: { rules: readonly WebhookRule[]; secret: string; signal: AbortSignal }): Promise<RegisteredRule[]>;
}
