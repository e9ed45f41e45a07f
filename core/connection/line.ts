/**
 * Calls that wait, the more urgent ones first. bottleneck keeps their order: it is handed a turn for each call that may go, and takes some
 * milliseconds for each.
 */
import Bottleneck from 'bottleneck';
import { closedError } from './errors.ts';

export interface LineDeps {
  /** Whoever waits is refused. */
  closing: AbortSignal;
  /** Whether a call may go now, with the turn that it has been given back before. */
  mayGo: () => boolean;
  /** Somebody came, or left without going: turns may have to be handed out. */
  onChange: () => void;
}

/** What is least urgent. */
const last = 9;

export class Line {
  readonly #deps: LineDeps;
  /** Its reservoir holds the turns that were handed out and not yet taken. */
  readonly #queue = new Bottleneck({ reservoir: 0 });
  readonly #byPriority = Array.from({ length: last + 1 }, () => 0);
  #length = 0;
  #turns = 0;

  constructor(deps: LineDeps) {
    this.#deps = deps;
  }

  /** Calls in it, those given up included. */
  get length(): number {
    return this.#length;
  }

  /** Turns on their way to calls. */
  get turns(): number {
    return this.#turns;
  }

  /** The priority of the most urgent one; 9 when nobody waits. */
  get first(): number {
    const first = this.#byPriority.findIndex((count) => count > 0);
    return first < 0 ? last : first;
  }

  /** So many calls may go, at most. */
  handOut(most: number): void {
    const more = Math.min(most, this.#length - this.#turns);
    if (more <= 0) return;
    this.#turns += more;
    this.#queue.incrementReservoir(more).catch(() => {});
  }

  /** Resolves with what `take` answers when its turn has come; nothing runs between the two. @throws the signal's reason; RetryLaterError `connection.closed` */
  wait<T>(take: () => T, priority: number, signal: AbortSignal | undefined): Promise<T> {
    const { closing, mayGo, onChange } = this.#deps;
    return new Promise((resolve, reject) => {
      let gone = false;
      const stop = (): void => {
        gone = true;
        reject((signal?.aborted === true ? signal.reason : closedError()) as Error);
      };
      signal?.addEventListener('abort', stop, { once: true });
      closing.addEventListener('abort', stop, { once: true });
      const enter = (): void => {
        this.#count(priority, 1);
        this.#queue.schedule({ priority }, turn).catch(reject);
        onChange();
      };
      const turn = async (): Promise<void> => {
        this.#count(priority, -1);
        this.#turns--;
        // A pause began, or the part ended, while the turn was on its way: it is handed out anew.
        if (!gone && !mayGo()) return enter();
        signal?.removeEventListener('abort', stop);
        closing.removeEventListener('abort', stop);
        if (gone) onChange();
        else resolve(take());
      };
      enter();
    });
  }

  close(): void {
    this.#queue.stop({ dropWaitingJobs: true, dropErrorMessage: 'closed' }).catch(() => {});
  }

  #count(priority: number, by: number): void {
    this.#length += by;
    this.#byPriority[priority] = (this.#byPriority[priority] ?? 0) + by;
  }
}
