/** Saves messages in groups: those that arrive within a few milliseconds share one transaction, and each is answered when it is committed. */
import { databaseErrorKind } from '../store/errors.ts';
import type { InboxWrite } from '../store/webhook-inbox.ts';

export interface InboxWriterOptions {
  /** Saves messages and wakes whoever applies them, in one transaction. */
  save(messages: readonly InboxWrite[]): Promise<void>;
  /** Messages and bytes held at most. */
  maxWaiting: number;
  maxBytes: number;
}

/** ms that a group waits for others to join: little beside the commit that it saves them. */
const lingerMs = 4;
/** One is written while the next one collects and another one waits for the disk. */
const groupsAtOnce = 2;
const groupSize = 400;

interface Held { message: InboxWrite; bytes: number; resolve(): void; reject(error: unknown): void }

export class InboxWriter {
  readonly #options: InboxWriterOptions;
  #held: Held[] = [];
  #count = 0;
  #bytes = 0;
  #writing = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: InboxWriterOptions) {
    this.#options = options;
  }

  /** Whether a message of this size would be taken now. */
  hasRoom(bytes: number): boolean {
    return this.#count < this.#options.maxWaiting && (this.#count === 0 || this.#bytes + bytes <= this.#options.maxBytes);
  }

  get waiting(): number {
    return this.#count;
  }

  /** Resolves when the message is committed. Rejects with what the database says; then it may be sent again. */
  add(message: InboxWrite, bytes: number): Promise<void> {
    this.#count += 1;
    this.#bytes += bytes;
    return new Promise((resolve, reject) => {
      this.#held.push({ message, bytes, resolve, reject });
      this.#plan();
    });
  }

  #plan(): void {
    if (this.#timer || this.#writing >= groupsAtOnce || this.#held.length === 0) return;
    if (this.#held.length >= groupSize) return this.#write();
    this.#timer = setTimeout(() => this.#write(), lingerMs);
  }

  #write(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const group = this.#held.splice(0, groupSize);
    if (group.length === 0) return;
    this.#writing += 1;
    void this.#save(group).finally(() => {
      this.#writing -= 1;
      this.#plan();
    });
    this.#plan();
  }

  async #save(group: readonly Held[]): Promise<void> {
    try {
      await this.#options.save(group.map(({ message }) => message));
      for (const held of group) this.#release(held).resolve();
    } catch (error) {
      // One message that the database can't hold must not take the others along.
      if (group.length > 1 && databaseErrorKind(error) !== 'unavailable') for (const held of group) await this.#save([held]);
      else for (const held of group) this.#release(held).reject(error);
    }
  }

  #release(held: Held): Held {
    this.#count -= 1;
    this.#bytes -= held.bytes;
    return held;
  }
}
