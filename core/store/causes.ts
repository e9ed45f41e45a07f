/** An error in the chain of those that led to one another. */
export interface ErrorCause { name: string; code?: string; message: string }

const deepest = 8;
const longest = 1_000;

/** The errors behind an error, the nearest first. Without the stacks, which are the log's. `redact` takes secrets out. */
export function causesOf(error: unknown, redact: (text: string) => string = (text) => text): ErrorCause[] {
  const causes: ErrorCause[] = [];
  let cause = (error as { cause?: unknown } | null | undefined)?.cause;
  while (cause !== undefined && cause !== null && causes.length < deepest) {
    const { name, code, message } = cause as { name?: unknown; code?: unknown; message?: unknown };
    const text = redact(typeof message === 'string' ? message : String(cause)).replaceAll('\0', '\uFFFD');
    causes.push({ name: typeof name === 'string' ? name : 'Error', ...(typeof code === 'string' ? { code } : {}), message: text.slice(0, longest).toWellFormed() });
    cause = (cause as { cause?: unknown }).cause;
  }
  return causes;
}
