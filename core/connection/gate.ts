/** Callers that wait until a condition holds, looked at again whenever something may have changed. */
export class Gate {
  readonly #waiting = new Map<() => void, number>();

  /** Resolves when `opens()` is true; the caller goes on at once, so what it takes is seen by the next one. Rejects with the signal's reason. */
  async pass(opens: () => boolean, priority: number, signal?: AbortSignal): Promise<void> {
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
      });
    }
  }

  /** Lets all who wait look again, lower priorities first. */
  wake(): void {
    for (const [wake] of [...this.#waiting].sort(([, one], [, other]) => one - other)) wake();
  }

  get size(): number {
    return this.#waiting.size;
  }
}
