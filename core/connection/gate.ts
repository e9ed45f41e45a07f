/** Callers that wait until a condition holds, looked at again whenever something may have changed. */
export class Gate {
  readonly #waiting = new Map<() => void, number>();
  readonly #onWait: () => void;

  /** `onWait` is told of each caller that waits, also of one that was woken, looked, and has to wait on: for a moment it was not among them. */
  constructor(onWait: () => void) {
    this.#onWait = onWait;
  }

  /** Resolves with what `take` answers when `opens()` is true. Nothing runs between the two, so that the next one sees what was taken. Rejects with the signal's reason. */
  async pass<T>(opens: () => boolean, take: () => T, priority: number, signal?: AbortSignal): Promise<T> {
    while (!opens()) {
      signal?.throwIfAborted();
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#waiting.delete(wake);
          signal?.removeEventListener('abort', wake);
          resolve();
        };
        this.#waiting.set(wake, priority);
        signal?.addEventListener('abort', wake, { once: true });
        this.#onWait();
      });
    }
    return take();
  }

  /** Lets all who wait look again, lower priorities first. */
  wake(): void {
    for (const [wake] of [...this.#waiting].sort(([, one], [, other]) => one - other)) wake();
  }

  get size(): number {
    return this.#waiting.size;
  }
}
