/** Access tokens: one per name for all jobs and nodes, fetched by one caller at a time. */
import type { TimerClock } from '../monitor/clock.ts';
import { AccessDeniedError, RateLimitedError, RetryLaterError, isTdsError, type Token, type TokenStore } from '../sdk/index.ts';
import { cureOf } from './codes.ts';
import { callContext } from './context.ts';

/** A token is renewed this long before its end. */
const renewBefore = 60_000;
/** Zoho locks the account at 10 tokens in 10 minutes; two are left for other programs. */
export const refreshWindowMs = 600_000;
const defaultMostRefreshes = 8;
/** A refresh that takes longer is given up, so that its lock comes free. */
const refreshTimeout = 120_000;

/** A sign-in that was refused for good is asked again no sooner than this, in case the service was wrong … */
const denialRest = 15 * 60_000;
/** … and no sooner than this when a person asks, by `tds check`. */
const denialRestOfChecks = 30_000;

/** The service refuses to give tokens: a person has to renew the sign-in. */
export interface Denial { at: Date; code: string; message: string; cure?: string }

/** One token's row, while this caller alone may change it. */
export interface TokenSlot {
  read(): Promise<Token | undefined>;
  /** When tokens were asked for, those within the last ten minutes at least. */
  refreshes(): Promise<Date[]>;
  /** Notes that a token is asked for now. Must hold even when this process dies right after. */
  noteRefresh(at: Date): Promise<void>;
  /** Also ends a denial. */
  write(token: Token): Promise<void>;
  denial(): Promise<Denial | undefined>;
  noteDenial(denial: Denial): Promise<void>;
}

/** Where tokens are kept. */
export interface TokenKeeper {
  /** Runs `work` while no other caller, in no process, has the slot of this name. */
  withSlot<T>(name: string, work: (slot: TokenSlot) => Promise<T>): Promise<T>;
  /** Removes the token if it is this one. */
  remove(name: string, value: string): Promise<void>;
  /** The last denial that stands, of any name. */
  denial(): Promise<Denial | undefined>;
}

export interface TokenDeps {
  keeper: TokenKeeper;
  clock: TimerClock;
  /** Told of each token, so that no log shows it. */
  onToken?: (value: string) => void;
  /** Called around each refresh, to keep what it does from repeating calls by itself. */
  around?: (refresh: () => Promise<Token>) => Promise<Token>;
  /** Told once when the service refuses the sign-in, until it gives a token again. */
  onDenied?: (denial: Denial) => void;
  /** Takes secrets out of a text before it is kept. */
  redact?: (text: string) => string;
  /** Refreshes in ten minutes at most. Default 8. */
  mostRefreshes?: number;
}

/** The store of a connection, which may also renew ahead of time. */
export interface RenewingTokenStore extends TokenStore {
  /** Runs `work`, which is to use the tokens; those that end within `ms` are renewed by that, each once. Answers the errors of the renewals. Never throws for them. */
  renewing(ms: number, work: () => Promise<unknown>): Promise<unknown[]>;
  /** Set while the service refuses the sign-in, whichever node found out. */
  denial(): Promise<Denial | undefined>;
}

export function createTokenStore(deps: TokenDeps): RenewingTokenStore {
  const { keeper, clock, onToken = () => {}, around = (refresh) => refresh() } = deps;
  const mostRefreshes = deps.mostRefreshes ?? defaultMostRefreshes;
  const held = new Map<string, Token>();
  const underWay = new Map<string, Promise<Token>>();
  /** The last token that was refused, in case the store can't be told. */
  const rejected = new Map<string, string>();

  /** While tokens are renewed ahead of time: how long before their end, and which have had their turn. */
  let ahead: { ms: number; done: Set<string>; errors: unknown[] } | undefined;

  const marginOf = (name: string): number => (ahead && !ahead.done.has(name) ? Math.max(ahead.ms, renewBefore) : renewBefore);
  const isGood = (name: string, token: Token | undefined): token is Token =>
    token !== undefined && token.expiresAt.getTime() - clock.now().getTime() > marginOf(name) && rejected.get(name) !== token.value;

  async function obtain(name: string, refresh: () => Promise<Token>): Promise<Token> {
    return keeper.withSlot(name, async (slot) => {
      const stored = await slot.read();
      if (isGood(name, stored)) return keep(name, stored);
      const now = clock.now();
      const denial = await slot.denial();
      const rest = callContext().purpose === 'check' ? denialRestOfChecks : denialRest;
      if (denial && denial.at.getTime() + rest > now.getTime()) throw deniedBefore(denial);
      const recent = (await slot.refreshes()).filter((at) => at.getTime() > now.getTime() - refreshWindowMs).sort((a, b) => a.getTime() - b.getTime());
      const first = recent.at(-mostRefreshes);
      if (first) throw tooMany(recent.length, first.getTime() + refreshWindowMs - now.getTime());
      await slot.noteRefresh(now);
      // Once: a token that lives shorter than that is not to be renewed with every call.
      ahead?.done.add(name);
      const token = await inTime(clock, around(refresh)).catch(async (error: unknown) => {
        if (isDenied(error)) await noteDenial(slot, denial === undefined, error);
        throw error;
      });
      onToken(token.value);
      await slot.write(token);
      return keep(name, token);
    });
  }

  async function noteDenial(slot: TokenSlot, isNew: boolean, { code, message, suggestion }: AccessDeniedError): Promise<void> {
    const { redact = (text) => text } = deps;
    const denial = { at: clock.now(), code, message: redact(message), ...(suggestion === undefined ? {} : { cure: redact(suggestion) }) };
    await slot.noteDenial(denial);
    if (isNew) deps.onDenied?.(denial);
  }

  function keep(name: string, token: Token): Token {
    onToken(token.value);
    held.set(name, token);
    return token;
  }

  return {
    async get(name, refresh) {
      for (;;) {
        const token = held.get(name);
        if (isGood(name, token)) return token;
        const others = underWay.get(name);
        if (!others) {
          const own = obtain(name, refresh).finally(() => underWay.delete(name));
          if (ahead) own.catch((error: unknown) => ahead?.errors.push(error));
          underWay.set(name, own);
          return own;
        }
        try {
          return await others;
        } catch (error) {
          // An error of the service is everyone's; that another caller was cancelled is not.
          if (isTdsError(error)) throw error;
        }
      }
    },
    async reject(name, value) {
      rejected.set(name, value);
      if (held.get(name)?.value === value) held.delete(name);
      await keeper.remove(name, value);
    },
    async renewing(ms, work) {
      const mine = (ahead = { ms, done: new Set<string>(), errors: [] as unknown[] });
      try {
        await work();
      } catch (error) {
        mine.errors.push(error);
      } finally {
        if (ahead === mine) ahead = undefined;
      }
      return mine.errors;
    },
    denial: () => keeper.denial(),
  };
}

function isDenied(error: unknown): error is AccessDeniedError {
  return error instanceof AccessDeniedError || (isTdsError(error) && error.name === 'AccessDeniedError');
}

/** What the service said, without asking it again. */
function deniedBefore({ at, code, message, cure }: Denial): AccessDeniedError {
  return new AccessDeniedError(code, message, { ...(cure === undefined ? {} : { suggestion: cure }), details: { refusedAt: at.toISOString() } });
}

function tooMany(count: number, retryAfterMs: number): RateLimitedError {
  return new RateLimitedError('token.too_many_refreshes', `${count} access tokens were asked for in ten minutes.`, {
    scope: 'minute', retryAfterMs, suggestion: cureOf('token.too_many_refreshes'),
  });
}

function inTime(clock: TimerClock, work: Promise<Token>): Promise<Token> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(refreshTimeout, () => reject(new RetryLaterError('token.refresh_timeout', `No new access token after ${refreshTimeout / 1000} s.`, { suggestion: cureOf('token.refresh_timeout') })));
    work.then(resolve, reject).finally(cancel);
  });
}

/** A keeper in memory; several stores may share it, as nodes share a database. */
export function memoryTokenKeeper(): TokenKeeper {
  const rows = new Map<string, { token: Token | undefined; denial: Denial | undefined; refreshes: Date[]; tail: Promise<unknown> }>();
  const rowOf = (name: string): NonNullable<ReturnType<typeof rows.get>> => {
    let row = rows.get(name);
    if (!row) rows.set(name, (row = { token: undefined, denial: undefined, refreshes: [], tail: Promise.resolve() }));
    return row;
  };
  return {
    withSlot(name, work) {
      const row = rowOf(name);
      const result = row.tail.then(() =>
        work({
          read: async () => row.token,
          refreshes: async () => row.refreshes,
          noteRefresh: async (at) => void row.refreshes.push(at),
          async write(token) {
            row.token = token;
            row.denial = undefined;
          },
          denial: async () => row.denial,
          noteDenial: async (denial) => void (row.denial = denial),
        }),
      );
      row.tail = result.catch(() => {});
      return result;
    },
    async remove(name, value) {
      const row = rowOf(name);
      if (row.token?.value === value) row.token = undefined;
    },
    denial: async () => [...rows.values()].find(({ denial }) => denial)?.denial,
  };
}
