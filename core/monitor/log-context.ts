/** What every log line within some work says besides: which job, run, entity and connection it is about. Nobody has to hand a logger through for it. */
import { AsyncLocalStorage } from 'node:async_hooks';

export interface LogContext { job?: string; task?: string; run?: string; entity?: string; connection?: string }

const contexts = new AsyncLocalStorage<LogContext>();

/** Runs `work` so that each line that is logged inside, however deep, has these fields, and those of the work around it. What a line says itself wins. */
export function withLogContext<T>(context: LogContext, work: () => T): T {
  return contexts.run({ ...contexts.getStore(), ...context }, work);
}

/** The fields around the caller. */
export function logContext(): Readonly<LogContext> | undefined {
  return contexts.getStore();
}
