/** Takes messages: the address is known, the signature is right, it is JSON; then it is saved. */
import { isUtf8 } from 'node:buffer';
import { hash, timingSafeEqual } from 'node:crypto';
import { parseJson } from '../connection/index.ts';
import { OperationError, type OperationCode } from '../operations/errors.ts';
import type { ArrivedMessage, WebhookAddress, WebhookEntry } from '../operations/webhooks.ts';
import type { JsonValue, WebhookEvent, WebhookRequest } from '../sdk/index.ts';
import type { InboxWrite } from '../store/webhook-inbox.ts';
import type { Hearing } from './hearing.ts';
import type { InboxWriter } from './inbox-writer.ts';
import { readMessage } from './message.ts';
import { Readers } from './readers.ts';
import { Turn } from './turn.ts';

export interface ReceiverOptions {
  hearings: ReadonlyMap<string, Hearing>;
  writer: InboxWriter;
  now: () => Date;
  /** Bytes of messages that are being read, at most. */
  maxBytes: number;
  /** Told why a message was not taken. Entity: empty where it is none of ours. */
  onRefused: (entity: string, reason: string) => void;
  /** Told of one that was, and in how many seconds from its last byte to its commit. */
  onAccepted?: ((entity: string, seconds: number) => void) | undefined;
  /** Keeps the beginning of a signed message that is no JSON. */
  keepUnreadable: (message: { receivedAt: Date; connection: string; entity: string; event: string; body: Buffer }) => Promise<void>;
}

const headerLimit = 500;
/** ms of a turn of the event loop after which the messages that still come up in it are sent away, where many wait already. */
const longestTurnMs = 100;

export class Receiver {
  readonly #options: ReceiverOptions;
  readonly #readers: Readers;
  readonly #turn = new Turn();

  constructor(options: ReceiverOptions) {
    this.#options = options;
    this.#readers = new Readers(options.maxBytes, () => performance.now());
  }

  enter(address: WebhookAddress): WebhookEntry {
    const { entity, maxBody } = this.#hearing(address);
    const readers = this.#readers;
    const { writer } = this.#options;
    // a machine that is slow with a few is no reason to send them away
    const isLate = this.#turn.lasted() > longestTurnMs && writer.isBusy;
    const reader = !isLate && writer.hasRoom(0) ? readers.begin() : undefined;
    if (!reader) throw this.#refusal('webhook.overload', entity.id);
    return {
      maxBody,
      took: (bytes) => {
        if (!readers.took(reader, bytes)) throw this.#refusal('webhook.overload', entity.id);
      },
      onCut: (cut) => { reader.cut = () => cut(this.#refusal('webhook.overload', entity.id)); },
      refused: (reason) => this.#options.onRefused(entity.id, reason),
      leave: () => readers.end(reader),
    };
  }

  async accept(message: ArrivedMessage): Promise<void> {
    const begin = performance.now();
    const { onAccepted, onRefused } = this.#options;
    const hearing = this.#hearing(message);
    const entity = hearing.entity.id;
    const receivedAt = this.#options.now();
    this.#verify(hearing, message);
    // what is signed of a form are its parameters, and other text has the same ones
    const text = isForm(message.headers) ? undefined : textOf(message.body);
    const body = text === undefined ? undefined : jsonOf(text);
    if (text === undefined || body === undefined) {
      await this.#options.keepUnreadable({ receivedAt, connection: message.connection, entity, event: message.event, body: message.body });
      throw this.#refusal('webhook.not_json', entity);
    }
    const bytes = message.body.length;
    if (!this.#options.writer.hasRoom(bytes)) throw this.#refusal('webhook.overload', entity);
    try {
      await this.#options.writer.add(writeOf(hearing, message, { receivedAt, text, body }), bytes);
    } catch (error) {
      onRefused(entity, 'failed');
      throw error;
    }
    onAccepted?.(entity, (performance.now() - begin) / 1000);
  }

  #hearing({ connection, entity, event }: WebhookAddress): Hearing {
    const hearing = this.#options.hearings.get(entity);
    if (hearing && hearing.entity.connectionId === connection && hearing.events.includes(event as WebhookEvent)) return hearing;
    this.#options.onRefused('', 'unknown');
    throw new OperationError('webhook.unknown', 'There is nobody here who takes such messages.', { suggestion: 'tds webhooks urls lists the addresses.' });
  }

  /** All secrets are tried, each comparison takes the same time whatever it is given. */
  #verify({ webhook, secrets, entity }: Hearing, message: ArrivedMessage): void {
    const given = message.headers[webhook.signatureHeader];
    const signature = digestOf(typeof given === 'string' ? given.trim() : '');
    const request = requestOf(message);
    let genuine = false;
    for (const secret of secrets) genuine = timingSafeEqual(digestOf(webhook.sign(request, secret)), signature) || genuine;
    if (!genuine || given === undefined || given === '') throw this.#refusal('webhook.signature', entity.id);
  }

  #refusal(code: OperationCode, entity: string): OperationError {
    this.#options.onRefused(entity, code.replace('webhook.', ''));
    return new OperationError(code, words[code] ?? 'The message was not taken.');
  }
}

const words: Partial<Record<OperationCode, string>> = {
  'webhook.signature': 'The message is not signed as it should be.', 'webhook.not_json': 'The message is no JSON.', 'webhook.overload': 'Too many messages wait to be saved.',
};

/** Of equal length whatever it is of, as the comparison wants it. */
function digestOf(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}

/** A form is parameters; it has no body of its own. */
function requestOf({ query, headers, body }: ArrivedMessage): WebhookRequest {
  const form = isForm(headers);
  const parameters = query === '' && !form ? [] : [...new URLSearchParams(query), ...(form ? new URLSearchParams(body.toString('utf8')) : [])];
  return { parameters, body: form ? Buffer.alloc(0) : body };
}

function isForm(headers: ArrivedMessage['headers']): boolean {
  return String(headers['content-type'] ?? '').trimStart().toLowerCase().startsWith('application/x-www-form-urlencoded');
}

/** The body as text; undefined where it is no UTF-8, or holds what PostgreSQL can't. */
function textOf(body: Buffer): string | undefined {
  return body.length > 0 && isUtf8(body) ? body.toString('utf8') : undefined;
}

function jsonOf(text: string): JsonValue | undefined {
  try {
    return parseJson(text);
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return undefined;
    throw error;
  }
}

function writeOf(hearing: Hearing, message: ArrivedMessage, { receivedAt, text, body }: { receivedAt: Date; text: string; body: JsonValue }): InboxWrite {
  const { webhook, entity } = hearing;
  const event = message.event as WebhookEvent;
  const { key, modifiedAt } = readMessage(hearing, event, body);
  const headers: Record<string, string> = {};
  for (const name of ['content-type', 'user-agent', ...(webhook.keepHeaders ?? [])]) {
    const value = message.headers[name];
    if (value !== undefined && name !== webhook.signatureHeader) headers[name] = String(value).slice(0, headerLimit).toWellFormed().replaceAll('\0', '');
  }
  return { receivedAt, connection: message.connection, entity: entity.id, event, key, modifiedAt, hash: hash('sha256', `${event}\n${text}`, 'base64url').slice(0, 22), headers, body: text };
}
