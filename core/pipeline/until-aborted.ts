/**
 * What a plugin promised, or the signal's reason as soon as it aborts: a plugin that hangs without a look at its signal keeps nobody
 * else waiting. What it answers after that is let go.
 */
export async function untilAborted<T>(promised: Promise<T>, signal: AbortSignal): Promise<T> {
  promised.catch(() => undefined);
  signal.throwIfAborted();
  let leave: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    leave = () => reject(signal.reason as Error);
    signal.addEventListener('abort', leave, { once: true });
  });
  try {
    return await Promise.race([promised, aborted]);
  } finally {
    if (leave) signal.removeEventListener('abort', leave);
  }
}
