/**
 * Connections that were told to come later. Many of them at once that come again without a pause would keep the event loop at hearing and
 * refusing for seconds, while nothing that was taken gets saved. So each of them rests until its turn comes: some in each turn of the loop,
 * the longest resting first, so many that a turn stays short. Where they are few that is at once.
 *
 * Of new connections Node takes one in each turn, whatever number waits. While some come, all others rest after each answer and turns are kept as short
 * as can be: a thousand who came at once would else be heard for the first time after a thousand long turns.
 */
import type { Socket } from 'node:net';

/** Connections that are heard again in a turn, and the ms that a turn should not exceed. */
const fewest = 100;
const most = 500;
const turnMs = 30;
/** Those that are heard again in a turn in which a new connection came. */
const besideNew = 5;

type Resting = Pick<Socket, 'pause' | 'resume' | 'destroyed'>;

export class HeldBack {
  readonly #resting = new Set<Resting>();
  readonly #atEnd: (action: () => void) => void;
  readonly #now: () => number;
  #planned = false;
  /** Turns in which new ones are thought to come still. */
  #news = 0;
  #perTurn = most;

  /** @param atEnd calls when the loop has heard all that was there. @param now ms of a clock that only goes forward */
  constructor(atEnd: (action: () => void) => void = setImmediate, now: () => number = () => performance.now()) {
    this.#atEnd = atEnd;
    this.#now = now;
  }

  /** Hears no more of a connection until its turn. Called when its request was read to the end and answered: before, Node reads on by itself. */
  add(socket: Resting): void {
    if (socket.destroyed) return;
    socket.pause();
    this.#resting.add(socket);
    this.#plan();
  }

  /** A new connection came in this turn. */
  came(): void {
    this.#news = 2;
  }

  /** Whether there may be more new connections. */
  get areComing(): boolean {
    return this.#news > 0;
  }

  #plan(): void {
    if (this.#planned || this.#resting.size === 0) return;
    this.#planned = true;
    const begin = this.#now();
    this.#atEnd(() => {
      this.#planned = false;
      if (!this.areComing) this.#perTurn = this.#now() - begin > turnMs ? Math.max(fewest, this.#perTurn / 2) : Math.min(most, this.#perTurn * 1.2);
      const heard = this.areComing ? besideNew : Math.round(this.#perTurn);
      this.#news = Math.max(0, this.#news - 1);
      for (const socket of this.#resting.values().take(heard)) {
        this.#resting.delete(socket);
        if (!socket.destroyed) socket.resume();
      }
      this.#plan();
    });
  }
}
