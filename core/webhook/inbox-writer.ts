/** Saves messages in groups: those that arrive within a few milliseconds share one transaction, and each is answered when it is committed. */
import { databaseErrorKind } from '../store/errors.ts';
import type { InboxWrite } from '../store/webhook-inbox.ts';

export interface InboxWriterOptions {
  /** Saves messages and wakes whoever applies them, in one transaction. */
  save(messages: readonly InboxWrite[]): Promise<void>;
  /** Messages and bytes held at most. */
  maxWaiting: number;
  maxBytes: number;
  /** ms of a clock that only goes forward. Default: the machine's. */
  now?: () => number;
}

/** ms that a group waits for others to join: little beside the commit that it saves them. */
const lingerMs = 4;
/** One is written while the next one collects and another one waits for the disk. */
const groupsAtOnce = 2;
const groupSize = 400;
/** ms from a message to its commit that are well. When it takes longer, fewer may wait, until it does not. */
const wellMs = 150;
/** So few messages are never too many: they wait for as long as a slow commit takes. */
const few = 50;
const fewer = 0.7;
const more = 5;

interface Held { message: InboxWrite; bytes: number; since: number; resolve(): void; reject(error: unknown): void }

export class InboxWriter {
  readonly #options: InboxWriterOptions;
  readonly #now: () => number;
  #held: Held[] = [];
  #count = 0;
  #bytes = 0;
  #writing = 0;
  /** Messages that may wait just now. */
  #limit: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: InboxWriterOptions) {
    this.#options = options;
    this.#limit = options.maxWaiting;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Whether a message of this size would be taken now: there is memory for it, and it would be saved soon. */
  hasRoom(bytes: number): boolean {
    return this.#count < this.#limit && (this.#count === 0 || this.#bytes + bytes <= this.#options.maxBytes);
  }

  /** Whether more than a few wait. */
  get isBusy(): boolean {
    return this.#count >= few;
  }

  get waiting(): number {
    return this.#count;
  }

  /** Resolves when the message is committed. Rejects with what the database says; then it may be sent again. */
  add(message: InboxWrite, bytes: number): Promise<void> {
    this.#count += 1;
    this.#bytes += bytes;
    return new Promise((resolve, reject) => {
      this.#held.push({ message, bytes, since: this.#now(), resolve, reject });
      this.#plan();
    });
  }

  /**
   * How many may wait follows from how long the last ones did, whatever it is that holds them up: a disk, a database, an event loop that
   * has too much to do. So what is taken is saved soon, and the rest is sent away at once.
   */
  #learn(tookMs: number, groupLength: number): void {
    const { maxWaiting } = this.#options;
    const waited = this.#count + groupLength;
    if (tookMs > wellMs) this.#limit = Math.min(maxWaiting, Math.max(few, Math.min(this.#limit, waited) * fewer));
    else this.#limit = Math.min(maxWaiting, waited < this.#limit / 2 ? this.#limit * 2 : this.#limit + more);
  }

  #plan(): void {
    const [first] = this.#held;
    if (first === undefined || this.#writing >= groupsAtOnce) return;
    // a loop that is busy with other messages does not come to its timers
    if (this.#held.length >= groupSize || this.#now() - first.since >= lingerMs) return this.#write();
    this.#timer ??= setTimeout(() => this.#write(), lingerMs);
  }

  #write(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const group = this.#held.splice(0, groupSize);
    if (group.length === 0) return;
    this.#writing += 1;
    void this.#save(group).finally(() => {
      this.#writing -= 1;
      this.#learn(this.#now() - (group[0]?.since ?? 0), group.length);
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
