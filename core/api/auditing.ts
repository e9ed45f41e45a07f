import type { Context, Middleware } from 'koa';
import type { AuditOperations } from '../operations/audit.ts';
import type { JsonObject, Logger } from '../sdk/index.ts';
import { addressOf } from './address.ts';
import { nobody, type Caller } from './caller.ts';
import { problemOf } from './problem.ts';
import type { Route } from './route.ts';

/** What is learnt about a request on its way, for the audit. */
export interface Notes {
  caller: Caller; route?: Route; target: Record<string, unknown>;
  /** A page of another origin asks, which the config lets in. */
  crossOrigin?: boolean;
}

/** The notes of a request; made when they are first asked for. */
export function notesOf(context: Context): Notes {
  return ((context.state as { notes?: Notes }).notes ??= { caller: nobody(addressOf(context)), target: {} });
}

/** These say that somebody was kept out. */
const refusals = new Set([401, 403, 421, 429]);

/**
 * Writes down each act, with how it ended, before it is answered, and each refusal. An act that can't be written down is not told
 * as done. `mayNote` bounds how many refusals of one address are written.
 */
export function auditing({ audit, log, mayNote }: { audit: AuditOperations; log: Logger; mayNote: (address: string) => boolean }): Middleware {
  return async (context, next) => {
    const note = (outcome: 'done' | 'failed' | 'refused', status: number, code: string | null): Promise<void> => {
      const { caller, route, target } = notesOf(context);
      const action = `${context.method} ${route?.path ?? context.path}`;
      return audit.note({ source: 'api', actor: caller.name, kind: caller.kind, tokenId: caller.tokenId, address: caller.address, action, target: target as JsonObject, outcome, status, code });
    };
    try {
      await next();
    } catch (error) {
      const { status, code } = problemOf(error).problem;
      const refused = refusals.has(status);
      if (refused ? mayNote(addressOf(context)) : isAct(context)) {
        await note(refused ? 'refused' : 'failed', status, code).catch((reason: unknown) => log.error('the audit could not be written', { error: reason }));
      }
      throw error;
    }
    if (isAct(context)) await note('done', context.status, null);
  };
}

/** What changes something, and reached a route that does. */
function isAct(context: Context): boolean {
  const { route } = notesOf(context);
  return route !== undefined && route.method !== 'GET';
}
