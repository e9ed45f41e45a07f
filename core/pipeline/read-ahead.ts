/** A source of values that is asked ahead of its reader. */
export interface ReadAhead<T> {
  /** The next value, or undefined at the end. Throws what the source threw, after all values that came before it. */
  next(): Promise<T | undefined>;
  /** Whether a value lies ready, so that `next` would not wait. */
  ready(): boolean;
  /** Stops asking and lets the source clean up. */
  close(): Promise<void>;
}

/** Reads up to `limit` values ahead, so that reading and writing go side by side while memory stays bounded. */
export function readAhead<T>(source: AsyncIterable<T>, limit: number): ReadAhead<T> {
  const iterator = source[Symbol.asyncIterator]();
  const values: T[] = [];
  let failure: { error: unknown } | undefined;
  const state = { ended: false };
  let wakeReader: (() => void) | undefined;
  let wakeSource: (() => void) | undefined;

  const pump = (async () => {
    try {
      while (!state.ended) {
        const step = await iterator.next();
        if (step.done) break;
        values.push(step.value);
        wakeReader?.();
        while (values.length > limit && !state.ended) await new Promise<void>((resolve) => { wakeSource = resolve; });
      }
    } catch (error) {
      failure = { error };
    }
    state.ended = true;
    wakeReader?.();
  })();

  return {
    async next() {
      while (values.length === 0) {
        if (failure) throw failure.error;
        if (state.ended) return undefined;
        await new Promise<void>((resolve) => { wakeReader = resolve; });
      }
      const value = values.shift();
      wakeSource?.();
      return value;
    },
    ready: () => values.length > 0 || state.ended,
    async close() {
      state.ended = true;
      wakeSource?.();
      await iterator.return?.().catch(() => undefined);
      await pump;
    },
  };
}
