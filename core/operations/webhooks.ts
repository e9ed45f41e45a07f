/** What people, programs and services can ask about webhooks. Done by `core/webhook`. */
import type { FieldChange } from '../pipeline/story.ts';
import type { RegisteredRule, WebhookEvent, WebhookRule } from '../sdk/index.ts';
import type { Page } from '../store/cursor.ts';
import type { LostChange, LostFilter } from '../store/webhook-gaps.ts';
import type { InboxFilter, InboxMessage, InboxMessageDetail, UnreadableMessage } from '../store/webhook-queries.ts';

/** Where a message was sent. */
export interface WebhookAddress { connection: string; entity: string; event: string }

/** A message that is being read. Whoever has one says how many bytes have come, and leaves when it is answered. */
export interface WebhookEntry {
  /** Bytes of a message at most. */
  readonly maxBody: number;
  /** @throws OperationError `webhook.overload` when so much can't be held */
  took(bytes: number): void;
  /** Has itself told when its memory is wanted by others, since it is slow. */
  onCut(cut: (error: Error) => void): void;
  /** Counts that the message was not taken, where whoever reads it found out why. */
  refused(reason: 'too_large' | 'broken_off'): void;
  /** Idempotent. */
  leave(): void;
}

/** A message as HTTP brought it. */
export interface ArrivedMessage extends WebhookAddress {
  query: string;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  body: Buffer;
}

/** Which messages are meant; at least one member, or `all`. */
export interface ReplayChoice { filter: InboxFilter; all?: boolean; /** So many at most, the oldest first. */ most?: number }

/** What a replay would make of a record, or of a message. */
export interface ReplayDifference {
  /** The message that would decide. */
  id: string; entity: string; key: string | null; event: WebhookEvent;
  /** `ask`: the source would be asked, so nothing can be said now. */
  would: 'new' | 'change' | 'delete' | 'nothing' | 'stale' | 'drop' | 'refuse' | 'ask';
  /** Columns that would change; of a row that was never written, all. */
  changes: FieldChange[];
  problem?: { code: string; field?: string; message: string };
}

export interface ReplayPlan { messages: number; counts: Partial<Record<ReplayDifference['would'], number>>; differences: ReplayDifference[]; /** True where there are more than are listed. */ cut: boolean }

/** The messages of one entity, of the last 24 hours unless it says otherwise. */
export interface WebhookStats {
  entity: string; connection: string; apply: string;
  /** By outcome, and `duplicate`, `late`, `lost`; and of this process why messages were not taken. */
  counts: Record<string, number>;
  waiting: number;
  /** Of the one that waits longest. */
  oldestSeconds: number | null;
  firstAt: Date | null; lastAt: Date | null;
  /** ms from arrival to applied, of the last thousand. */
  latency: { p50: number; p99: number } | null;
  /** The share of changes that no message told of, 0 to 1; null before the first message. */
  lossRate: number | null;
  /** What the pause between two reads is multiplied with. */
  pollingFactor: number;
}

/** What was made at the services, and what a person has to make. */
export interface Registration { connections: { connection: string; rules: RegisteredRule[] }[]; byHand: { rule: WebhookRule; connection: string; steps: readonly string[] }[] }

export interface WebhookOperations {
  /** Begins to take a message, before its body is read. @throws OperationError `webhook.unknown`, `webhook.overload` */
  enter(address: WebhookAddress): WebhookEntry;
  /** Resolves when the message is saved together with its wake-up. @throws OperationError `webhook.signature`, `webhook.not_json`, `webhook.overload`; what the database throws */
  accept(message: ArrivedMessage): Promise<void>;
  list(filter: InboxFilter & Page): Promise<InboxMessage[]>;
  /** @throws OperationError `operation.unknown_message` */
  show(id: string): Promise<InboxMessageDetail>;
  stats(): Promise<WebhookStats[]>;
  /** Signed messages that were no JSON, the newest first; the last 200 are kept, and the first 16 kB of each. */
  unreadable(limit: number): Promise<UnreadableMessage[]>;
  /** Changes that no message told of, the newest first. */
  lost(filter: LostFilter): Promise<LostChange[]>;
  /** What a replay would change; writes nothing, calls nobody. @throws OperationError `operation.no_message_choice` */
  planReplay(choice: ReplayChoice): Promise<ReplayPlan>;
  /** Puts messages back to be applied by the mapping as it is now. Answers how many. @throws OperationError `operation.no_message_choice` */
  replay(choice: ReplayChoice): Promise<number>;
  /** Every address, with the steps to set it up. */
  urls(base: string): { rule: WebhookRule; connection: string; steps: readonly string[]; canRegister: boolean }[];
  /** Makes the rules at the services that have a way, of these entities or of all; the others are answered with their steps. @throws OperationError `webhook.unknown`; what the plugin throws */
  register(base: string, entities: readonly string[], signal: AbortSignal): Promise<Registration>;
  /** A signed message about a record that is stored, ready to be sent to oneself. @throws OperationError `webhook.unknown`, `operation.unknown_record` */
  compose(request: { entity: string; event: WebhookEvent; key?: string }): Promise<{ path: string; headers: Record<string, string>; body: string }>;
  /** What the pause between two reads of an entity is multiplied with: 1 when all is well, less while messages are lost. */
  pollingFactor(entity: string): Promise<number>;
}
